"""The page is one file that asks nothing of anybody, and holds the record it was made from."""

from __future__ import annotations

import html
import itertools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from arkwright.errors import InputError, InternalError
from arkwright.twin.report import Power, SitePower, Told, detail, report_html
from arkwright.twin.report.pack import Pack
from arkwright.twin.report.page import SCRIPTS
from twin.report.made import HOUR_MS, large, nothing, places, told
from twin.report.reading import ReadBack

ASSETS = resources.files("arkwright.twin.report") / "assets"


@pytest.fixture(scope="module")
def small() -> tuple[Told, str]:
    run = told()
    return run, report_html([run])


def test_the_page_holds_every_attempt_with_its_times_ending_and_nodes(
    small: tuple[Told, str],
) -> None:
    run, page = small
    read, attempts, start = ReadBack(page), run.record.attempts, run.record.from_ms
    assert read.head["runs"][0]["is_exact"]
    assert (read.column("0.attempt.job") == attempts.job).all()
    assert (read.column("0.attempt.start_ms") + start == attempts.start_ms).all()
    ends = read.column("0.attempt.start_ms") + read.column("0.attempt.run_ms") + start
    assert (ends == attempts.end_ms).all()
    assert (read.column("0.attempt.ending") == attempts.ending).all()
    assert (read.column("0.attempt.lost_ms") == attempts.lost_ms).all()
    assert (read.column("0.attempt.nodes") == np.diff(attempts.node_first)).all()
    assert (read.column("0.attempt.node") == attempts.node).all()
    assert (read.column("0.attempt.gpu_milli") == attempts.gpu_milli).all()


def test_the_page_holds_every_job_outage_and_node(small: tuple[Told, str]) -> None:
    run, page = small
    read, start = ReadBack(page), run.record.from_ms
    assert read.column("0.job.id") == list(run.jobs.ids)
    assert (read.column("0.job.submit_ms") + start == run.jobs.submit_ms).all()
    assert (read.column("0.job.gpus_milli") == run.jobs.gpus_milli).all()
    assert (read.column("0.job.project") == run.jobs.project.codes).all()
    outages = run.record.outages
    assert (read.column("0.outage.node") == outages.node).all()
    assert (read.column("0.outage.from_ms") + start == outages.from_ms).all()
    ends = read.column("0.outage.from_ms") + read.column("0.outage.out_ms") + start
    assert (ends == outages.until_ms).all()
    assert read.column("fleet0.path") == run.record.places.path
    assert (read.column("fleet0.rack") == run.record.places.rack).all()
    assert read.head["fleets"][0]["racks"] == run.record.places.racks


def test_the_page_holds_power_as_it_was_told(small: tuple[Told, str]) -> None:
    run, page = small
    read = ReadBack(page)
    for at, site in enumerate(run.power.sites):
        head = read.head["runs"][0]["power"][at]
        assert head["site"] == site.site
        assert (read.column(f"0.power.{at}.t_ms") + run.record.from_ms == site.t_ms).all()
        for name in head["columns"]:
            assert read.column(f"0.power.{at}.{name}") == pytest.approx(
                getattr(site, name), rel=1e-6
            )


def test_the_same_run_gives_the_same_bytes(small: tuple[Told, str]) -> None:
    run, page = small
    assert report_html([run]) == page


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "action"):
                self.links.append(value or "")


def test_nothing_is_loaded_from_elsewhere_and_the_page_forbids_it(small: tuple[Told, str]) -> None:
    page = small[1]
    assert "default-src 'none'" in page
    elements = _Elements()
    elements.feed(page)
    assert all(link.startswith("#") for link in elements.links)
    shown = re.sub(r'xmlns="[^"]*"', "", page)
    assert "http://" not in shown
    assert "https://" not in shown


def test_every_part_that_a_script_looks_for_is_there_once(small: tuple[Told, str]) -> None:
    elements = _Elements()
    elements.feed(small[1])
    assert len(elements.ids) == len(set(elements.ids))
    scripts = "".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    wanted = set(re.findall(r'(?:getElementById|makeChart|legend)\("([a-z-]+)"', scripts))
    assert wanted <= set(elements.ids)
    assert set(re.findall(r'href="#([a-z]+)"', small[1])) <= set(elements.ids)


def test_names_cannot_break_out_of_the_page() -> None:
    evil = '</script><script>alert("x")</script>'
    run = told(count=40)
    jobs = structs.replace(
        run.jobs,
        ids=np.array([evil] * len(run.jobs), dtype=object),
        project=structs.replace(run.jobs.project, names=(evil,) * 5),
    )
    run = structs.replace(run, name=evil, jobs=jobs, notes=(evil,))
    page = report_html([run], evil)
    elements = _Elements()
    elements.feed(page)
    assert elements.scripts == 3  # data, block, code
    assert "<script>alert" not in page
    assert ReadBack(page).column("0.job.id")[0] == evil
    assert html.escape(evil, quote=True) in page


def test_what_is_not_modelled_is_said_and_not_drawn_as_zero() -> None:
    run = told(with_power=False, fails=0)
    page = report_html([run])
    assert "Power, energy, carbon and cost were not modelled in this run." in page
    assert "Not modelled in this run." in page
    assert "no node was ever out" in page
    assert ReadBack(page).head["runs"][0]["power"] == []
    # IT alone at one site of two: no meter, no losses, and no energy of the whole.
    site = told().power.sites[0]
    part = SitePower(site=site.site, t_ms=site.t_ms, it_w=site.it_w)
    page = report_html([structs.replace(run, power=Power(sites=(part,)))])
    assert ReadBack(page).head["runs"][0]["power"][0]["columns"] == ["it_w"]
    assert "Not modelled: jobs, idle GPUs and nodes, conversion losses, cooling." in page
    assert "0 kWh" not in page


def test_several_runs_share_places_and_are_compared() -> None:
    where = places(2, 1, 4, 3)
    runs = [
        told(name, depth=depth, where=where, load=1.0)
        for name, depth in (("fifo", 0), ("easy", 60))
    ]
    page = report_html(runs, "two policies")
    read = ReadBack(page)
    assert len(read.head["fleets"]) == 1
    assert [run["name"] for run in read.head["runs"]] == ["fifo", "easy"]
    assert "easy waits least" in page
    assert "Runs side by side" in page
    assert (read.column("1.attempt.node") == runs[1].record.attempts.node).all()


def test_a_large_run_carries_its_largest_jobs_whole_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detail, "ATTEMPTS_MAX", 60)
    monkeypatch.setattr(detail, "PAIRS_MAX", 400)
    run = told()
    page = report_html([run])
    read, attempts = ReadBack(page), run.record.attempts
    head = read.head["runs"][0]
    assert not head["is_exact"]
    shown = [list(run.jobs.ids).index(one) for one in read.column("0.job.id")]
    assert 0 < len(read.column("0.attempt.job")) <= 60
    assert len(read.column("0.attempt.node")) <= 400
    # All attempts of a shown job are there, and nobody left out held more than all who are shown.
    keeps = np.isin(attempts.job, shown)
    assert (
        read.column("0.attempt.start_ms") + run.record.from_ms == attempts.start_ms[keeps]
    ).all()
    held = (attempts.end_ms - attempts.start_ms) * run.jobs.gpus_milli[attempts.job]
    total = np.bincount(attempts.job, held, minlength=len(run.jobs))
    left_out = np.setdiff1d(np.arange(len(run.jobs)), shown)
    assert total[shown].min() >= np.sort(total[left_out])[-2]
    assert f"the {len(shown)} jobs with the most GPU-time are in this file" in page
    assert len(read.column("0.heat.node_busy")) == len(run.record.places.path) * head["node_bins"]


def test_lines_of_a_long_run_are_binned_by_the_hour() -> None:
    run = large(30_000, 128, 300)
    head = ReadBack(report_html([run])).head["runs"][0]
    assert head["line_width_ms"] == dict.fromkeys(
        ("held", "out", "queue", "queue_gpus"), HOUR_MS
    ) | {"out": 0}


def test_a_cap_is_binned_to_its_lowest_and_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arkwright.twin.report.embed.STEPS_MAX", 24)
    run = told()
    site = run.power.sites[0]
    cap = np.full(len(site.t_ms), np.inf)
    cap[[3, 4]] = 5e5, 4e5
    one = structs.replace(site, cap_w=cap)
    read = ReadBack(report_html([structs.replace(run, power=Power(sites=(one,)))]))
    value = read.column("0.power.0.cap_w")
    # 48 hours in 24 bins of two: hours 3 and 4 lie in bins 1 and 2.
    assert (value[1], value[2]) == (5e5, 4e5)
    assert np.isnan(np.delete(value, [1, 2])).all()


def test_a_run_in_which_nothing_happens_has_a_page_too() -> None:
    run = nothing()
    page = report_html([run])
    assert "No job was submitted." in page
    assert ReadBack(page).column("0.attempt.job").tolist() == []


def test_runs_that_cannot_be_told_apart_or_do_not_fit_are_refused() -> None:
    run = told(count=40)
    with pytest.raises(InputError, match="no run to tell of"):
        report_html([])
    with pytest.raises(
        InputError, match="greedy: 2 runs; every run of a report needs its own name"
    ):
        report_html([run, run])
    short = structs.replace(run.jobs, gpus_milli=run.jobs.gpus_milli[:-1])
    far = structs.replace(run.power.sites[0], site="atlantis")
    broken = structs.replace(run, jobs=short, power=Power(sites=(far,)))
    with pytest.raises(InternalError, match=r"(?s)gpus_milli has 39 entries where 40.*atlantis"):
        report_html([broken])


columns = st.lists(st.integers(-(2**47), 2**47), max_size=30)


@settings(max_examples=80, deadline=None)
@given(columns, st.booleans())
def test_integers_come_back_as_they_went(values: list[int], is_rising: bool) -> None:
    pack = Pack()
    pack.ints("before", np.array([1, 2, 300]))
    pack.ints("x", np.array(values, dtype=np.int64), is_rising=is_rising)
    head = json.dumps({"columns": pack.columns})
    page = (
        f'<script type="application/json" id="head">{head}</script>'
        f'<script type="text/plain" id="block">{pack.base64()}</script>'
    )
    assert ReadBack(page).column("x").tolist() == values


def test_scripts_are_sound_and_their_functions_short() -> None:
    for name in SCRIPTS:
        text = (ASSETS / name).read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, name
        assert max(map(len, text.splitlines())) <= 120, name
        for body in re.findall(r"^(?:async )?function .*?^}", text, re.DOTALL | re.MULTILINE):
            assert body.count("\n") <= 60, body.splitlines()[0]
    assert sorted(SCRIPTS) == sorted(p.name for p in ASSETS.iterdir() if p.name.endswith(".js"))


def test_the_pages_own_script_reads_what_python_wrote(
    small: tuple[Told, str], tmp_path: Path
) -> None:
    read = ReadBack(small[1])
    names = ["0.attempt.start_ms", "0.attempt.node", "0.heat.rack_busy", "0.outage.node"]
    asked = f"{json.dumps(names)}.map((name) => Array.from(column(name)))"
    found = _asked_of_the_script(small[1], asked, tmp_path)
    for name, values in zip(names, found, strict=True):
        assert values == read.column(name).tolist(), name


def test_the_replay_shows_who_holds_what_at_any_time(
    small: tuple[Told, str], tmp_path: Path
) -> None:
    run, page = small
    record = run.record
    instants = [int(t) for t in np.linspace(0, record.until_ms - record.from_ms, 9)]
    asked = (
        f"{instants}.map((t) => {{ const s = stateAt(run, t); return "
        "[s.running, Array.from(s.held), Array.from(s.out, (o) => o >= 0)]; })"
    )
    attempts, outages = record.attempts, record.outages
    pair = np.repeat(np.arange(len(attempts.job)), np.diff(attempts.node_first))
    for t, (running, held, out) in zip(
        instants, _asked_of_the_script(page, asked, tmp_path), strict=True
    ):
        at = record.from_ms + t
        live = (attempts.start_ms <= at) & (at < attempts.end_ms)
        assert running == live.sum()
        wanted = np.bincount(
            attempts.node, attempts.gpu_milli * live[pair], len(record.places.path)
        )
        assert held == wanted.tolist()
        gone = outages.node[(outages.from_ms <= at) & (at < outages.until_ms)]
        assert np.flatnonzero(out).tolist() == sorted(gone.tolist())


def test_jobs_that_share_a_node_are_stacked_and_never_overlap(
    small: tuple[Told, str], tmp_path: Path
) -> None:
    run, page = small
    attempts, gpus = run.record.attempts, run.record.places.gpus
    pieces = dict(_asked_of_the_script(page, "[...run.pieces]", tmp_path))
    pair = np.repeat(np.arange(len(attempts.job)), np.diff(attempts.node_first))
    parts = np.flatnonzero(attempts.gpu_milli < 1000 * gpus[attempts.node])
    assert sorted(pieces) == parts.tolist()
    assert len(parts) > 50
    for p in parts:
        assert sum(high - low for low, high in pieces[p]) == attempts.gpu_milli[p]
        assert all(0 <= low < high <= 8000 for low, high in pieces[p])
    for p, q in itertools.combinations(parts, 2):
        if (
            attempts.node[p] == attempts.node[q]
            and attempts.start_ms[pair[p]] < attempts.end_ms[pair[q]]
            and attempts.start_ms[pair[q]] < attempts.end_ms[pair[p]]
        ):
            for (low, high), (other_low, other_high) in itertools.product(pieces[p], pieces[q]):
                assert high <= other_low or other_high <= low


def _asked_of_the_script(page: str, expression: str, folder: Path) -> Any:
    """What the page's own script answers, with `column` and `run` at hand."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js here to run the page's script")
    scripts = ("unpack.js", "format.js", "run.js")
    code = "".join((ASSETS / name).read_text(encoding="utf-8") for name in scripts)
    main = folder / "ask.js"
    main.write_text(
        f"{code}\nconst texts = {json.dumps(_texts(page))};\n"
        "globalThis.document = { getElementById: (id) => ({ textContent: texts[id] }) };\n"
        "unpacked().then(({ head, column }) => { const run = buildRun(head, column, 0);\n"
        f"console.log(JSON.stringify({expression})); }});\n",
        encoding="utf-8",
    )
    done = subprocess.run([node, str(main)], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def _texts(page: str) -> dict[str, str]:
    return {
        name: re.findall(rf'id="{name}">(.*?)</script>', page, re.DOTALL)[0]
        for name in ("head", "block")
    }


@pytest.mark.slow
def test_a_year_of_a_million_jobs_is_written_in_ten_megabytes() -> None:
    run = large(1_000_000, 12_800, 365, hours=8.5)
    page = report_html([run])
    assert len(page) < 10e6
    assert len(ReadBack(page).column("0.attempt.job")) > 50_000


@pytest.mark.slow
def test_a_browser_opens_the_page_and_shows_the_clock(
    small: tuple[Told, str], tmp_path: Path
) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here to open the page")
    file = tmp_path / "report.html"
    file.write_text(small[1], encoding="utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    # The browser's virtual time does not wait for the page to unpack its data, which a busy machine
    # can take longer over: then the same page is opened again.
    for _ in range(6):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        if re.search(r'<output id="clock"[^>]*>2027-03-0\d \d\d:\d\d', done.stdout):
            break
    else:
        pytest.fail("the page never showed its clock")
    assert "GPUs out of service" in done.stdout
    assert "Point at a job" in done.stdout
