"""`arkwright plan FILE`: what it prints, writes, compares and refuses."""

import csv
import json
import re
import signal
from pathlib import Path

import pytest

from arkwright import factory
from arkwright.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
QUAY = """\
factory: quay
sites:
  narvik: {country: NO, grid: {connection: 0 MW, zone: NO4}}
money: {currency: USD}
programme:
  from: 2026-Q4
  until: 2028-Q4
  sites:
    narvik:
      tranches: [{power: 8 MW, lead: 3 months, cost: 2 M USD}]
      halls: {h: {power: 4 MW, count: 2, build: 3 months, density: 240 kW, cost: 20 M USD}}
  generations:
    gb300: {system: gb300-nvl72, lead: 1 quarter, price: 4 M USD, allocation: 40}
  capital: {cash: 300 M USD}
  demand:
    market: {compute: 20000, price: 3 USD/GPU-h}
"""
"""Eight MW, two halls, two years: worth building, and solved in a moment."""
FEW = ("--outcomes", "8", "--gap", "0.05")


@pytest.fixture
def quay(tmp_path):
    path = tmp_path / "quay.yaml"
    path.write_text(QUAY)
    return str(path)


@pytest.fixture
def ark(capsys):
    def run(*words):
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_plan_says_what_to_build_when_and_what_it_is_worth(quay, ark):
    code, out, err = ark("plan", quay, *FEW)
    assert (code, err) == (0, "")
    assert out.startswith("quay: 2026-Q4 to 2028-Q4, 8 outcomes; money in M USD\n")
    for words in ("in expectation", "THERE, P10 TO P90", "FUNNEL", "WHAT BINDS THE MOST", "gap "):
        assert words in out
    assert "the checker finds every rule kept in all 8 outcomes" in " ".join(out.split())
    assert max(len(line) for line in out.splitlines()) <= 100


def test_the_same_seed_gives_the_same_plan(quay, ark):
    first, second = (json.loads(ark("plan", quay, *FEW, "--json")[1]) for _ in range(2))
    for body in (first, second):
        body["proof"].pop("seconds")
    assert first == second
    assert (first["api_version"], first["kind"], first["outcomes"]) == ("v1", "plan", 8)
    assert first["breaches"] == []
    other = json.loads(ark("plan", quay, *FEW, "--seed", "5", "--json")[1])
    assert other["npv"] != first["npv"]


def test_a_folder_takes_the_plan_its_page_and_factories_that_can_be_designed(quay, tmp_path, ark):
    code, out, _ = ark("plan", quay, *FEW, "-o", str(tmp_path / "out"))
    assert code == 0
    assert f"wrote {tmp_path / 'out'}" in out
    body = json.loads((tmp_path / "out" / "plan.json").read_text())
    with (tmp_path / "out" / "plan.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["begun"] for row in rows] == [row["begun"] for row in body["milestones"]]
    phases = sorted((tmp_path / "out" / "phases").iterdir())
    assert phases
    last = factory.load(phases[-1])
    assert last.programme is None
    assert ark("design", str(phases[-1]))[0] == 0


def test_the_page_loads_nothing_and_has_every_section(quay, tmp_path, ark):
    page = tmp_path / "plan.html"
    assert ark("plan", quay, *FEW, "--report", str(page))[0] == 0
    text = page.read_text()
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\(", text)
    for title in ("What to build", "Funnel", "Worth", "Power", "What binds", "Risk", "Rules"):
        assert f">{title}</h2>" in text
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text
    assert text.count("<svg") >= 7


def test_a_what_if_is_shown_as_a_difference(quay, ark):
    cheap = "programme.demand.market.price=1.2 USD/GPU-h"
    code, out, err = ark("plan", quay, *FEW, "--whatif", cheap)
    assert (code, err) == (0, "")
    assert out.startswith(f"with {cheap}:\n")
    assert re.search(r"^ +WITHOUT +WITH +DIFFERENCE$", out, re.MULTILINE)
    body = json.loads(ark("plan", quay, *FEW, "--whatif", cheap, "--json")[1])
    assert body["whatif"]["changes"] == [cheap]


def test_what_a_change_forbids_is_not_kept_from_the_plan_before(quay, ark):
    late = "programme.sites.narvik.tranches[0].earliest=2027-Q3"
    code, out, _ = ark("plan", quay, *FEW, "--whatif", late)
    assert code == 0
    assert re.search(r"^grid narvik/1 +2026-Q4, there .* 2027-Q3, there ", out, re.MULTILINE)
    assert "the checker finds every rule kept" in " ".join(out.split())


def test_a_plan_that_breaks_a_rule_is_shown_as_an_error(quay, ark, monkeypatch):
    from arkwright.plan import make
    from arkwright.plan.breach import Breach

    broken = Breach(rule=7, where="gb300", when="2027-Q1", outcome="", found=41.0, allowed=40.0,
                    unit="racks", times=1, words="R7: 41 racks of gb300 are ordered")  # fmt: skip
    monkeypatch.setattr(make, "check", lambda *args, **named: [broken])
    code, out, _ = ark("plan", quay, *FEW)
    assert code == 1
    assert "error: R7: 41 racks of gb300 are ordered" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("programme.until", "write KEY=VALUE"),
        ("programme.sites.narvik.tranches[7].power=8 MW", "there is no [7]: the list has 1"),
        ("programme.capital.cash=much", "--whatif programme.capital.cash=much"),
        ("programme.sites.narvik.tranchs=[]", "tranchs"),
    ],
)
def test_a_what_if_that_is_no_change_is_refused_with_its_words(quay, ark, change, said):
    code, out, err = ark("plan", quay, *FEW, "--whatif", change)
    assert (code, out) == (2, "")
    assert said in err


def test_the_frontier_has_a_line_for_each_weight(quay, ark):
    _, out, _ = ark("plan", quay, *FEW, "--frontier")
    assert len(re.findall(r"^(?:0|0\.25|0\.5|0\.75|1)(?: \(file\))? +\S+", out, re.MULTILINE)) >= 5


def test_rules_that_contradict_each_other_are_named(tmp_path, ark):
    file = tmp_path / "deal.yaml"
    deal = "  supply: {deal: {generation: gb300, racks: 200, by: 2027-Q1}}\n  capital:"
    file.write_text(QUAY.replace("  capital:", deal).replace("300 M USD", "3 B USD"))
    code, out, err = ark("plan", str(file), *FEW)
    assert (code, out) == (2, "")
    assert "its rules contradict each other" in err
    # 40 may be ordered in each of two quarters.
    assert "R7" in err
    assert "R8 wants 200 racks of gb300" in err
    assert max(len(line) for line in err.splitlines()) <= 100


def test_a_file_without_a_programme_is_refused(ark):
    code, _, err = ark("plan", str(EXAMPLES / "fjord.yaml"))
    assert code == 2
    assert "programme" in err


def test_a_time_is_read_with_its_unit(quay, ark):
    code, _, err = ark("plan", quay, "--limit", "soon")
    assert code == 2
    assert "write a time such as 60s or 5min" in err


def test_ctrl_c_gives_the_best_plan_so_far(quay, ark, monkeypatch):
    from arkwright.cli import plan_run

    def told(progress, asked):
        def tell(now):
            signal.raise_signal(signal.SIGINT)
            progress.told(0.5)

        progress.told(0.0)
        return tell

    monkeypatch.setattr(plan_run, "_told", told)
    code, out, _ = ark("plan", quay, *FEW)
    assert code == 130
    assert "interrupted" in out
