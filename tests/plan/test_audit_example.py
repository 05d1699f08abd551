"""The public programme of the Nscale kind: what the audit finds by itself, and what it leaves.

Nothing in the audit knows this programme: every finding is of a general rule, and turns when the
figures do.
"""

import time
from pathlib import Path

import pytest

from arkwright import factory
from arkwright.errors import InputError
from arkwright.factory.declared_dates import period
from arkwright.factory.declared_spec import DeclaredKind
from arkwright.plan.audit import Weight, audit

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "nscale-programme.yaml"


@pytest.fixture(scope="module")
def text():
    return EXAMPLE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def nscale():
    return audit(factory.load(EXAMPLE))


def one(found, rule, name):
    (finding,) = [f for f in found.findings if f.rule == rule and f.statements[0] == name]
    return finding


def altered(text, before, after, as_of=None):
    assert before in text
    read = factory.loads(text.replace(before, after).encode())
    return audit(read, None if as_of is None else period(as_of).last)


def test_the_first_phase_buys_about_nine_percent_of_the_headline(nscale):
    phase = one(nscale, "A3", "stargate-norway")
    assert phase.weight is Weight.DOUBT
    # 20 MW of the 230 MW are 8.7 %; by what a GPU draws 9.0 to 9.6 %.
    assert phase.figures["share_low"] == pytest.approx(0.09, abs=0.005)
    assert phase.figures["money"] == 1e9
    assert "1.0 B USD buys about 9 %" in phase.text
    assert "100,000" in phase.text


def test_a_first_phase_of_half_the_site_is_not_called_a_ninth(text):
    found = altered(text, "phase: {power: 20 MW", "phase: {power: 150 MW")
    phase = one(found, "A3", "stargate-norway")
    assert phase.weight is Weight.NOTE
    assert phase.figures["share_low"] == pytest.approx(0.67, abs=0.02)


def test_the_contracted_gpus_draw_a_third_of_the_announced_megawatts(nscale):
    gap = one(nscale, "A2", "pipeline")
    assert gap.weight is Weight.DOUBT
    assert gap.figures["gpus_contracted"] == 200_000
    assert gap.figures["power_kw_contracted"] == pytest.approx(0.44e6, rel=0.01)
    assert gap.figures["power_kw_announced"] == pytest.approx(1.3e6)
    assert "200,000 GPUs" in gap.text
    assert "2.2 kW" in gap.text
    assert "about 0.44 GW" in gap.text
    assert "1.3 GW" in gap.text


def test_a_pipeline_that_the_contracts_fill_is_consistent(text):
    found = altered(text, "power: 1.3 GW", "power: 0.45 GW")
    assert one(found, "A2", "pipeline").weight is Weight.CONSISTENT


def test_the_end_of_2026_contradicts_the_stated_megawatts(nscale):
    date = one(nscale, "A9", "stargate-norway")
    assert date.weight is Weight.CONTRADICTION
    assert date.figures["power_kw_phase"] == pytest.approx(20_000)
    assert date.figures["power_kw_needed_high"] == pytest.approx(222_000, rel=0.01)
    for word in ("2026-12-31", "20 MW", "230 MW", "2028", "transformers 120"):
        assert word in date.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("basis: unstated, by: 2026-12-31}", "basis: unstated, by: 2029-12-31}"),
        ("phase: {power: 20 MW", "phase: {power: 225 MW"),
    ],
)
def test_a_later_end_or_a_larger_phase_takes_the_contradiction_away(text, before, after):
    found = altered(text, before, after, "2025-08-01")
    assert not found.of(Weight.CONTRADICTION)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("A1", "loughton"),  # 23,040 at 50 MW: 2.17 kW
        ("A1", "texas"),  # 104,000 at 240 MW: 2.31 kW
        ("A1", "stargate-norway"),  # 100,000 at 230 MW: 2.30 kW
        ("A1", "sines-rubin"),  # 66,000 Rubin at 200 MW: 3.03 kW
        ("A5", "stargate-norway"),  # 50 M USD a MW
        ("A7", "norway-microsoft"),  # 2.72 USD a GPU-hour
        ("A13", "microsoft-200k"),  # 191,640 of about 200,000
    ],
)
def test_consistent_figures_are_not_flagged(nscale, rule, name):
    assert one(nscale, rule, name).weight is Weight.CONSISTENT
    worse = nscale.of(Weight.CONTRADICTION)
    assert not [f for f in worse if f.rule == rule and name in f.statements]


def test_52_000_gpus_fit_the_megawatts_of_narvik(text):
    found = altered(text, "country: NO", "country: NO", "2025-12-31")
    claims = [f for f in found.findings if f.rule == "A14" and "norway-microsoft" in f.statements]
    assert not [f for f in claims if f.weight is not Weight.CONSISTENT]


def test_whole_racks_are_recognised(nscale):
    racks = next(f for f in nscale.of(Weight.CONSISTENT) if f.rule == "A12")
    assert racks.figures["loughton"] == 320
    assert racks.figures["sines"] == 175


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("gpus: 23040, power: 50 MW", "gpus: 46080, power: 50 MW", "loughton"),
        ("gpus: 104000, power: 240 MW", "gpus: 104000, power: 120 MW", "texas"),
        ("gpus: 66000, power: 200 MW", "gpus: 66000, power: 100 MW", "sines-rubin"),
    ],
)
def test_the_same_figures_altered_are_flagged(text, before, after, name):
    assert one(altered(text, before, after), "A1", name).weight is Weight.CONTRADICTION


def test_the_uk_total_is_exactly_its_three_parts_until_one_is_withdrawn(text):
    # 23,040 + 31,000 + 4,600 = 58,640
    then = altered(text, "factory: nscale", "factory: nscale", "2025-10-01")
    assert one(then, "A13", "uk-total").weight is Weight.CONSISTENT
    assert one(then, "A13", "uk-total").figures["gpus_parts"] == 58_640
    now = altered(text, "factory: nscale", "factory: nscale")
    assert one(now, "A13", "uk-total").weight is Weight.NOTE


def test_only_what_had_been_stated_is_known(text):
    read = factory.loads(text.encode())
    then = audit(read, period("2025-08-01").last)
    assert {said.name for said in then.statements} == {"loughton-2025", "stargate-norway"}
    assert not [f for f in then.findings if f.rule in ("A2", "A15")]
    with pytest.raises(InputError, match="2025-01-13"):
        audit(read, period("2024-12-31").last)


def test_six_different_figures_stand_beside_each_other(nscale):
    steps = {step.kind: step for step in nscale.funnel}
    assert steps[DeclaredKind.ANNOUNCED].power_kw == pytest.approx(1.3e6)
    assert steps[DeclaredKind.CONTRACTED].gpus == 296_000  # 200,000 + 30,000 + 66,000
    assert steps[DeclaredKind.ENERGISED].power_kw == pytest.approx(56_000)  # 30 + 26 MW
    # 1.1 + 2.0 B USD and 1.77 B EUR at 1.1665; the SAFE is within the second round.
    assert steps[DeclaredKind.FUNDED].money == pytest.approx(5.165e9, rel=0.001)


def test_every_statement_has_a_source_and_a_day(nscale):
    assert len(nscale.statements) == 29
    assert all(said.source and said.stated >= "2025-01-13" for said in nscale.statements)


def test_a_warm_audit_takes_half_a_second(nscale):
    read = factory.load(EXAMPLE)
    best = min(_seconds(read) for _ in range(3))
    assert best < 0.5


def _seconds(read):
    begin = time.perf_counter()
    audit(read)
    return time.perf_counter() - begin
