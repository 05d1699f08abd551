"""The parts of the page that need no script: sentences, figures, tables and small charts, and the
frames that the scripts draw into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from arkwright.design.drawing.svg import COLOURS, clean
from arkwright.twin.record import Ending
from arkwright.twin.report.detail import Detail
from arkwright.twin.report.figures import Figures
from arkwright.twin.report.panels import share_bar, spark_panels, wait_panels
from arkwright.twin.report.tally import Tally
from arkwright.twin.report.told import Told
from arkwright.twin.report.wording import energy, hours, mass, number, share
from arkwright.twin.report.words import Said, comparison, doubts, method, sentences

_UNIT = re.compile(r"(?<=\d) (?=(?:%|[kMGT]?Wh?|h|min|s|t|kg|m³|days|GPUs|jobs|EUR)(?!\w))")
"""The blank between a number and its unit: a line does not break there."""


class Shown(Struct, frozen=True, eq=False):
    """One run, with all that was counted of it."""

    told: Told
    tally: Tally
    figures: Figures
    detail: Detail


def sections(runs: Sequence[Shown], title: str) -> str:
    """The body of the page."""
    parts = [_top(runs, title), '<main id="main">', _summary(runs)]
    if len(runs) > 1:
        parts.append(_comparison(runs))
    parts += [_time(), _replay(runs), _waits(runs), _progress(runs), _energy(runs), _notes(runs)]
    return "\n".join([*parts, "</main>", _transport()])


def _top(runs: Sequence[Shown], title: str) -> str:
    links = ("summary", "time", "replay", "waits", "progress", "energy", "notes")
    words = {"time": "through time", "progress": "goodput and failures"}
    nav = "".join(f'<a href="#{link}">{words.get(link, link)}</a>' for link in links)
    options = "".join(
        f'<option value="{at}">{clean(run.told.name)}</option>' for at, run in enumerate(runs)
    )
    hidden = "" if len(runs) > 1 else " hidden"
    return (
        f'<header><div class="in"><strong>{clean(title)}</strong><nav>{nav}</nav>'
        f'<label class="choose"{hidden}>run <select id="run">{options}</select></label>'
        '<button id="theme" type="button" title="light, dark, or as the system has it">theme: '
        "system</button></div></header>"
    )


def _summary(runs: Sequence[Shown]) -> str:
    parts = ['<section id="summary">']
    if len(runs) > 1:
        told = [run.told for run in runs]
        said = comparison(told, [run.figures for run in runs])
        alike = (Said("The runs are alike in waits, use and energy."),)
        parts.append(_headline(said or alike, 0))
    for at, run in enumerate(runs):
        hidden = " hidden" if at else ""
        said = sentences(run.told, run.figures)
        heading = f"<h2>{clean(run.told.name)}</h2>" if len(runs) > 1 else ""
        parts.append(
            f'<div class="of-run" data-run="{at}"{hidden}>{heading}'
            f"{_headline(said, run.told.record.from_ms)}{_boxes(run)}</div>"
        )
    return "\n".join([*parts, "</section>"])


def _headline(said: Sequence[Said], from_ms: int) -> str:
    lines = []
    for text, at_ms in said:
        line = _UNIT.sub("\u00a0", clean(text))
        if at_ms is not None:
            line += f' <button type="button" data-at="{at_ms - from_ms}">show</button>'
        lines.append(f"<li>{line}</li>")
    return f'<ul class="said">{"".join(lines)}</ul>'


def _boxes(run: Shown) -> str:
    found, power = run.figures, run.figures.energy
    progress = found.progress
    meter, carbon, cost = power.meter_kwh, power.carbon_kg, power.cost
    boxes = [
        ("GPU-time busy", share(progress.utilisation),
         f"of {number(progress.offered_gpu_h)} GPU-h"),
        ("mean wait", hours(found.mean_wait_h), "of jobs that started"),
        ("95 % waited at most", hours(found.classes[-1].p95_h), "of all jobs"),
        ("goodput", share(progress.goodput), "of held GPU-time, not lost to interruptions"),
        ("out of service", share(progress.out_gpu_h / progress.offered_gpu_h), "of GPU-time"),
        ("energy", energy(meter) if meter else "not modelled",
         f"PUE {power.pue:.3f}" if power.pue else "at the sites' meters"),
        ("carbon", mass(carbon) if carbon is not None else "not modelled", "CO2e, location-based"),
        ("energy cost", f"{number(cost)} {run.told.power.currency}" if cost is not None
         else "not modelled", "grid price times energy"),
    ]  # fmt: skip
    cells = "".join(
        f"<div><span>{clean(name)}</span><b>{clean(value)}</b><span>{clean(basis)}</span></div>"
        for name, value, basis in boxes
    )
    return f'<div class="totals">{cells}</div>'


def _comparison(runs: Sequence[Shown]) -> str:
    tells = [run.told for run in runs]
    rows = spark_panels(tells, [run.tally for run in runs])
    grids = "".join(
        f'<h3>{clean(what)}</h3><div class="grid">{"".join(panels)}</div>' for what, panels in rows
    )
    return (
        '<section id="compare"><h2>Runs side by side</h2><div class="beside">'
        f"{_comparison_table(runs)}<div>{grids}</div></div>"
        '<p class="soft">Every panel of a row has the same height scale; each run its own time.</p>'
        "</section>"
    )


def _comparison_table(runs: Sequence[Shown]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("GPU-time busy", [share(r.figures.progress.utilisation) for r in runs]),
        ("jobs started", [f"{r.figures.started:,}" for r in runs]),
        ("still waiting at the end", [f"{r.figures.waiting:,}" for r in runs]),
        ("mean wait of those started", [hours(r.figures.mean_wait_h) for r in runs]),
        ("median wait", [hours(r.figures.classes[-1].p50_h) for r in runs]),
        ("95 % waited at most", [hours(r.figures.classes[-1].p95_h) for r in runs]),
        ("goodput", [share(r.figures.progress.goodput) for r in runs]),
        ("attempts interrupted", [f"{r.figures.progress.interruptions:,}" for r in runs]),
        ("energy at the meter", [_told(r.figures.energy.meter_kwh, energy) for r in runs]),
        ("carbon", [_told(r.figures.energy.carbon_kg, mass) for r in runs]),
        ("water", [_told(r.figures.energy.water_m3, lambda v: f"{number(v)} m³") for r in runs]),
        ("energy cost", [_told(r.figures.energy.cost, number) + f" {r.told.power.currency}"
                         if r.figures.energy.cost is not None else "not modelled" for r in runs]),
    ]  # fmt: skip
    return _table(["", *(run.told.name for run in runs)], [[name, *cells] for name, cells in rows])


def _told(value: float | None, say: Callable[[float], str]) -> str:
    return "not modelled" if value is None else say(value)


def _time() -> str:
    return """<section id="time"><h2>Through time</h2>
<noscript><p>The pictures of this section and the replay need JavaScript; the sentences, tables and
small charts do not.</p></noscript>
<div class="tools" role="toolbar" aria-label="time window">
<button type="button" data-do="closer" title="zoom in (+)">+</button>
<button type="button" data-do="wider" title="zoom out (−)">−</button>
<button type="button" data-do="earlier" title="earlier (Shift ←)">←</button>
<button type="button" data-do="later" title="later (Shift →)">→</button>
<button type="button" data-do="whole" title="the whole run (0)">whole run</button>
<span id="window" class="soft"></span></div>
<p class="soft hint">Drag to move, double click or pinch to zoom, Ctrl and wheel too. All charts and
the replay share one clock: click to set it.</p>
<h3 id="power-title">Power at the sites' meters</h3><p id="power-none" class="soft" hidden></p>
<div class="chart"><canvas id="power" tabindex="0" aria-label="power over time"></canvas></div>
<div id="power-legend" class="legend"></div>
<h3>GPUs and queue, all sites</h3>
<div class="chart"><canvas id="use" tabindex="0" aria-label="GPUs busy and jobs waiting"></canvas>
</div><div id="use-legend" class="legend"></div>
<h3 id="around-title">Price, carbon, weather</h3>
<div class="chart"><canvas id="around" tabindex="0" aria-label="price, carbon and weather"></canvas>
</div><div id="around-legend" class="legend"></div>
<h3>Racks <span class="soft" id="heat-scope"></span></h3>
<div class="chart"><canvas id="heat" tabindex="0" aria-label="share of every rack that was busy">
</canvas></div><div id="heat-legend" class="legend"></div>
<h3>Jobs on nodes <span class="soft" id="gantt-scope"></span></h3>
<div class="chart"><canvas id="gantt" tabindex="0" aria-label="jobs on nodes over time"></canvas>
</div><div id="gantt-legend" class="legend"></div></section>"""


def _replay(runs: Sequence[Shown]) -> str:
    partly = "".join(
        _of_run(at, f'<p class="hint">{clean(method(run.told, run.detail))}</p>')
        for at, run in enumerate(runs)
        if not run.detail.is_exact
    )
    return f"""<section id="replay"><h2>Replay</h2>{partly}
<p id="now" class="soft" aria-live="off"></p>
<nav id="crumbs" aria-label="part of the fleet"></nav>
<div class="stage"><div class="chart"><canvas id="fleet" tabindex="0"
aria-label="the fleet at this time; arrow keys choose, Enter opens, Escape goes up"></canvas></div>
<aside id="side"><form id="find"><label>job <input id="find-id" autocomplete="off"
placeholder="id, then Enter"></label></form><div id="job" class="job"></div></aside></div>
<div id="fleet-legend" class="legend"></div>
<p class="soft hint">Keys: space plays, ← → step, + − 0 zoom, Escape lets a job go and goes up a
level. Hover a job anywhere to see it everywhere; click to keep it.</p></section>"""


def _transport() -> str:
    """At the lower edge of the window wherever one reads: the clock belongs to every picture."""
    return """<footer role="toolbar" aria-label="replay"><div class="in">
<button type="button" id="play" title="play or pause (space)">▶ play</button>
<button type="button" data-do="back" title="one step back (←)">‹</button>
<button type="button" data-do="on" title="one step on (→)">›</button>
<input type="range" id="scrub" min="0" max="10000" value="0" step="1" aria-label="time of the run">
<output id="clock" for="scrub"></output><label>speed <select id="speed"></select></label>
</div></footer>"""


def _waits(runs: Sequence[Shown]) -> str:
    names = [run.told.name for run in runs]
    panels = "".join(wait_panels(names, [run.figures for run in runs]))
    legend = _run_legend(names) if len(runs) > 1 else ""
    tables = "".join(_of_run(at, _wait_table(run.figures)) for at, run in enumerate(runs))
    return (
        '<section id="waits"><h2>Waits by size of job</h2>'
        '<p class="soft">Share of jobs that had started by the time waited; the scale is '
        "logarithmic. A job that never started counts as one that waits for ever, so a line may end"
        f' below 100 %.</p>{legend}<div class="grid">{panels}</div>{tables}</section>'
    )


def _run_legend(names: Sequence[str]) -> str:
    chips = "".join(
        f'<span><i style="background:var(--{COLOURS[at % len(COLOURS)]})"></i>{clean(name)}</span>'
        for at, name in enumerate(names)
    )
    return f'<div class="legend">{chips}</div>'


def _wait_table(found: Figures) -> str:
    rows = [
        [one.title, f"{one.count:,}", f"{one.never:,}", hours(one.mean_h), hours(one.p50_h),
         hours(one.p95_h)]
        for one in found.classes
    ]  # fmt: skip
    head = ["Size", "Jobs", "Never started", "Mean of started", "Median", "95 % at most"]
    return _table(head, rows)


def _progress(runs: Sequence[Shown]) -> str:
    parts = ['<section id="progress"><h2>Goodput and failures</h2>']
    for at, run in enumerate(runs):
        found = run.figures.progress
        bar = share_bar(
            "Where all GPU-time went",
            (
                ("kept: lasting progress", "c1", found.kept_gpu_h),
                ("in vain: failed, cancelled, out of time", "c2", found.in_vain_gpu_h),
                ("lost to interruptions, done again", "c4", found.lost_gpu_h),
                ("idle", "c5", found.idle_gpu_h),
                ("out of service", "c3", found.out_gpu_h),
            ),
            "GPU-h",
        )
        endings = [
            [ending.name.lower().replace("_", " "), f"{found.endings[ending]:,}"]
            for ending in Ending
            if found.endings[ending]
        ]
        causes = [
            [cause.name, f"{cause.failures:,}", f"{cause.nodes:,}", number(cause.gpu_h)]
            for cause in found.causes
        ]
        failed = (
            _table(["Failed", "Failures", "Nodes out", "GPU-h out"], causes)
            if causes
            else '<p class="soft">No node was out: nothing failed, or failures were not modelled.'
            "</p>"
        )
        ended = _table(["Attempts ended", "Count"], endings)
        body = f'<div class="grid wide"><div>{bar}</div><div>{failed}</div><div>{ended}</div></div>'
        parts.append(_of_run(at, body))
    return "\n".join([*parts, "</section>"])


def _energy(runs: Sequence[Shown]) -> str:
    parts = ['<section id="energy"><h2>Energy, carbon, water, cost</h2>']
    for at, run in enumerate(runs):
        if not run.told.power.sites:
            parts.append(_of_run(at, '<p class="soft">Not modelled in this run.</p>'))
            continue
        power = run.figures.energy
        named = (
            ("jobs", "c0", power.jobs_kwh),
            ("idle GPUs and nodes", "c5", power.idle_kwh),
            ("conversion losses", "c2", power.loss_kwh),
            ("cooling", "c1", power.cooling_kwh),
        )
        modelled = [(words, kind, kwh) for words, kind, kwh in named if kwh is not None]
        bar = share_bar("Where the energy went", modelled, "kWh") if modelled else ""
        missing = [words for words, _, kwh in named if kwh is None]
        if missing:
            bar += f'<p class="soft">Not modelled: {", ".join(missing)}.</p>'
        parts.append(
            _of_run(at, f'<div class="beside"><div class="bar">{bar}</div>{_site_table(run)}</div>')
        )
    return "\n".join([*parts, "</section>"])


def _site_table(run: Shown) -> str:
    currency = run.told.power.currency
    rows = [
        [site.site, *(_told(value, energy) for value in
         (site.jobs_kwh, site.idle_kwh, site.loss_kwh, site.cooling_kwh)),
         _told(site.carbon_kg, mass), _told(site.water_m3, lambda v: f"{number(v)} m³"),
         _told(site.cost, lambda v: f"{number(v)} {currency}")]
        for site in run.told.power.sites
    ]  # fmt: skip
    head = ["Site", "Jobs", "Idle", "Losses", "Cooling", "CO2e", "Water", "Energy cost"]
    return _table(head, rows)


def _notes(runs: Sequence[Shown]) -> str:
    parts = ['<section id="notes"><h2>How this was made</h2>']
    for run in runs:
        told = run.told
        said = [method(told, run.detail), *doubts(told), *told.notes]
        if told.record.decisions:
            said.append(f"Decisions, SHA-256: {told.record.decisions}")
        name = f"<h3>{clean(told.name)}</h3>" if len(runs) > 1 else ""
        parts.append(name + "".join(f"<p>{clean(text)}</p>" for text in said))
    parts.append(
        '<p class="soft">Waiting is from submission, or from an attempt\'s end that puts the job '
        "back, until its next start. Busy is held by a job, whatever it does there. In vain is "
        "what attempts held that failed, were cancelled or ran out of time. This page is one file; "
        "it loads nothing and sends nothing.</p></section>"
    )
    return "\n".join(parts)


def _of_run(at: int, body: str) -> str:
    return f'<div class="of-run" data-run="{at}"{" hidden" if at else ""}>{body}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kinds = ["", *([' class="n"'] * (len(head) - 1))]
    top = "".join(f"<th{kind}>{clean(text)}</th>" for text, kind in zip(head, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{clean(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><tr>{top}</tr>{body}</table></div>'
