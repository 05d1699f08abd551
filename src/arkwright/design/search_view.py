"""A search as a planner reads it: the front as a table, every variant as CSV and JSON, a page."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from arkwright.catalog import plant
from arkwright.design import drawing
from arkwright.design.blueprint import Assumption, Finding, Severity
from arkwright.design.drawing import Dot, Panel
from arkwright.design.measures import MEASURES, Measure
from arkwright.design.report import Figure, Report, SiteView, Table, Total
from arkwright.design.search import Search, Variant
from arkwright.design.span import Span

ROWS = 24
"""Of the front in a terminal: more is no longer read."""


class Front(NamedTuple):
    """The front as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...]
    left_out: int
    """Rows that are not shown."""


def front_table(found: Search, most: int | None = None) -> Front:
    """Best in the first objective first. Variants whose objectives are the same share a row.

    At most `most` rows: the best in each objective and the file's own, then evenly along the rest.
    """
    groups = list(_groups(found))
    notes = [_note(found, group) for group in groups]
    kept = _spread([bool(note) for note in notes], most)
    measures = [MEASURES[name] for name in found.objectives]
    titles = tuple(_heading(measure, found.currency) for measure in measures)
    rows = []
    for at in kept:
        first = groups[at][0]
        values = [value_text(first, measure, found.currency) for measure in measures]
        rows.append((f"{first.number}", *_shared(found, groups[at]), *values, notes[at]))
    axes = tuple(axis.name.upper() for axis in found.axes)
    right = ("NO", *titles)
    return Front(("NO", *axes, *titles, "NOTE"), tuple(rows), right, len(groups) - len(kept))


def value_text(variant: Variant, measure: Measure, currency: str) -> str:
    """One figure of a variant with as many digits as it has; money as its range."""
    if measure.name not in variant.values:
        return "-"
    value = variant.values[measure.name]
    if measure.unit == "money":
        return _money(variant, measure).text()
    if measure.unit == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def search_csv(found: Search) -> str:
    """Every variant in order, with every figure that is known; shares are 0..1."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    axes = [axis.name for axis in found.axes]
    ends = ["capex_low", "capex_high", "gpu_hour_low", "gpu_hour_high", "currency"]
    table.writerow(["number", *axes, "state", "reason", "detail", "like", *MEASURES, *ends])
    for variant in found.variants:
        spans = [end for span in (variant.capex, variant.gpu_hour) for end in _ends(span)]
        table.writerow(
            [
                variant.number,
                *(variant.choice[axis] for axis in axes),
                _state(variant),
                variant.reason,
                variant.detail,
                variant.like or "",
                *(_plain(variant.values.get(name)) for name in MEASURES),
                *spans,
                found.currency,
            ]
        )
    return out.getvalue()


def search_document(found: Search) -> dict[str, Any]:
    """Every variant, the numbers of the front, and what put the others out, for JSON."""
    return {
        "factory": found.name,
        "currency": found.currency,
        "axes": {axis.name: list(axis.values) for axis in found.axes},
        "objectives": [
            {"name": m.name, "unit": m.unit, "basis": m.basis, "is_more_better": m.is_more_better}
            for m in (MEASURES[name] for name in found.objectives)
        ],
        "own": found.own or None,
        "feasible": len(found.feasible),
        "front": [variant.number for variant in found.front if not variant.like],
        "reasons": [
            {"reason": reason, "count": count, "first": detail}
            for reason, count, detail in found.reasons
        ],
        "variants": msgspec.to_builtins(found.variants),
    }


def search_page(found: Search) -> Report:
    """A page with the drawing, the whole front, what is out and why, and what was assumed."""
    table = front_table(found)
    front = Table(title="The front", columns=table.columns, rows=table.rows, right=table.right)
    totals = (
        Total(value=f"{len(found.variants):,}", title="variants"),
        Total(value=f"{len(found.feasible):,}", title="feasible", basis="the checker passes them"),
        Total(value=f"{len(table.rows):,}", title="on the front", basis="none of them is beaten"),
    )
    view = SiteView(
        name="front",
        words=own_words(found),
        totals=(),
        figures=(Figure(name="front", svg=search_svg(found), caption=_CAPTION),),
        tables=(front,),
    )
    bases = "; ".join(f"{m.title}: {m.basis}" for m in (MEASURES[n] for n in found.objectives))
    return Report(
        title=f"{found.name}: a search over {', '.join(axis.name for axis in found.axes)}",
        words=f"{bases}. Nothing here was measured.",
        totals=totals,
        sites=(view,),
        findings=tuple(
            Finding(severity=Severity.NOTE, where=f"{count:,} variants", text=f"{why}; {detail}")
            for why, count, detail in found.reasons
        ),
        assumptions=tuple(_assumptions(found)),
    )


def search_svg(found: Search) -> str:
    """The first objective against each of the others."""
    first, *others = (MEASURES[name] for name in found.objectives)
    places = {variant.number: _words(found, variant) for variant in found.feasible}
    panels = []
    for other in others:
        dots = [
            Dot(
                x=_scaled(variant, first),
                y=_scaled(variant, other),
                tip=places[variant.number],
                is_front=variant.on_front,
                is_own=variant.number == found.own,
            )
            for variant in found.feasible
        ]
        titles = [_heading(m, found.currency, "%") for m in (first, other)]
        panels.append(Panel(x_title=titles[0], y_title=titles[1], dots=tuple(dots)))
    return drawing.scatters(f"Designs of {found.name} that the checker passes", panels)


def own_words(found: Search) -> str:
    """How the file as it is compares, in a sentence."""
    if not found.own:
        return "The file as it is is not among the variants."
    own = found.variants[found.own - 1]
    if own.reason:
        return f"The file as it is is variant {own.number}, which is out: {own.reason}."
    better = found.better(own.number)
    if better is None:
        return f"The file as it is is variant {own.number}, on the front."
    changed = [f"{n} {v}" for n, v in better.choice.items() if v != own.choice[n]]
    return (
        f"The file as it is is variant {own.number}; variant {better.number} "
        f"({', '.join(changed)}) is nowhere worse and somewhere better."
    )


def _assumptions(found: Search) -> Iterator[Assumption]:
    """What is tried by default, and what counts as equal."""
    for axis in found.axes:
        row = plant.search_axes().get(axis.name)
        if row is not None and tuple(row.values.split()) == axis.values:
            value = ", ".join(axis.values)
            yield Assumption(where=axis.name, name="tried", value=value, source=row.provenance)
    step = plant.figures()["search_resolution"]
    yield Assumption(
        where="front", name="counts as equal", value=f"{step.value:.0%}", source=step.provenance
    )


_CAPTION = (
    "Each dot is a design. Blue ones none beats in all figures together, so in one panel alone "
    "another may look better. A ring is the file as it is."
)


def _groups(found: Search) -> Iterator[list[Variant]]:
    """The front, variants with the same objectives together."""
    groups: dict[int, list[Variant]] = {}
    for variant in found.front:
        groups.setdefault(variant.like or variant.number, []).append(variant)
    yield from groups.values()


def _shared(found: Search, group: Sequence[Variant]) -> list[str]:
    """By axis the values of a group; those of its first where not every combination is in it."""
    held = [[v for v in axis.values if any(g.choice[axis.name] == v for g in group)]
            for axis in found.axes]  # fmt: skip
    if math.prod(len(values) for values in held) != len(group):
        return [group[0].choice[axis.name] for axis in found.axes]
    return [" ".join(values) for values in held]


def _note(found: Search, group: Sequence[Variant]) -> str:
    """What the row is the best in, and whether it is the file itself."""
    notes = ["the file as it is"] if any(v.number == found.own for v in group) else []
    for name in found.objectives:
        measure = MEASURES[name]
        if len({v.values[name] for v in found.front}) == 1:
            continue
        best = min(found.front, key=lambda v: (measure.cost(v.values[name]), _place(found, v)))
        if (best.like or best.number) == group[0].number:
            notes.append(f"best {measure.title}")
    return ", ".join(notes)


def _place(found: Search, variant: Variant) -> float:
    """Of variants that are equally good in one figure the best in the first one is named."""
    return MEASURES[found.objectives[0]].cost(variant.values[found.objectives[0]])


def _spread(is_fixed: Sequence[bool], most: int | None) -> list[int]:
    """Positions kept, in order: the fixed ones, and evenly as many others as there is room for."""
    others = [at for at, fixed in enumerate(is_fixed) if not fixed]
    if most is None or len(is_fixed) <= most:
        return list(range(len(is_fixed)))
    room = max(0, most - sum(is_fixed))
    picked = {others[number * len(others) // room] for number in range(room)}
    return [at for at, fixed in enumerate(is_fixed) if fixed or at in picked]


def _heading(measure: Measure, currency: str, share: str = "") -> str:
    unit = {"money": currency, "share": share}.get(measure.unit, measure.unit)
    return f"{measure.title}, {unit}" if unit else measure.title


def _money(variant: Variant, measure: Measure) -> Span:
    """The range behind a figure that is the middle of one."""
    span = variant.gpu_hour if measure.name == "gpu_hour" else variant.capex
    middle = variant.values[measure.name]
    if span is None:
        return Span(middle, middle)
    return span.over(variant.values["gpus"]) if measure.name == "capex_per_gpu" else span


def _scaled(variant: Variant, measure: Measure) -> float:
    return variant.values[measure.name] * (100.0 if measure.unit == "share" else 1.0)


def _words(found: Search, variant: Variant) -> str:
    choice = ", ".join(variant.choice.values())
    figures = [
        f"{MEASURES[name].title} {value_text(variant, MEASURES[name], found.currency)}"
        for name in found.objectives
    ]
    return f"{variant.number}: {choice}; {'; '.join(figures)}"


def _state(variant: Variant) -> str:
    if variant.reason:
        return "out"
    return "front" if variant.on_front else "beaten"


def _ends(span: Span | None) -> tuple[str, str]:
    return ("", "") if span is None else (_plain(span.low), _plain(span.high))


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
