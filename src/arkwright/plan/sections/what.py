"""What to begin when: the Gantt and the list."""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.design.report import Figure, SiteView, Table
from arkwright.plan.answers.binding import GRID, HALL, RACKS
from arkwright.plan.answers.deals import CONTRACT, LOAN
from arkwright.plan.answers.steps import steps
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import dates, gpus, megawatts, quarter, share
from arkwright.plan.answers.words import step_words
from arkwright.plan.drawing.lanes import Lane, Piece, lanes

_COLOURS = {GRID: "c1", HALL: "c3", RACKS: "c0"}


def section(found: Answers) -> SiteView:
    """What to begin when: the Gantt and the list."""
    names = found.rollout.names.quarters
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    words = "Nothing is begun."
    if found.milestones:
        words = (
            "A bar begins with the decision and is solid until one outcome in ten has it, pale "
            "until nine in ten have it. A tick is the promised quarter."
        )
        figures = (Figure(name="gantt", svg=gantt(found)),)
        tables = (_steps(found, names),)
    if found.deals:
        tables += (_deals(found, names),)
    return SiteView(name="What to build", words=words, totals=(), figures=figures, tables=tables)


def gantt(found: Answers) -> str:
    """Every milestone as a bar, in lanes by site and thing."""
    names = found.rollout.names.quarters
    by_lane: dict[tuple[str, str, str], list[Piece]] = {}
    sizes: dict[tuple[str, str, str], list[float]] = {}
    for one in found.milestones:
        key = (one.site, one.kind, one.name)
        amount = "" if one.kind == GRID else f"{one.amount:,.0f} × "
        chance = "" if one.probability == 1 else f", begun with {share(one.probability)}"
        tip = (
            f"{amount}{one.name}, {megawatts(one.mw)}: begun {names[one.begun]}{chance}, promised "
            f"{quarter(one.promised, names)}, {dates(one.low, one.high, names)}, late with "
            f"{share(one.late)}"
        )
        piece = Piece(
            begun=one.begun, low=one.low, high=one.high, promised=one.promised, tip=tip,
            share=one.probability,
        )  # fmt: skip
        by_lane.setdefault(key, []).append(piece)
        sizes.setdefault(key, []).append(one.amount * one.probability)
    mw = dict.fromkeys(by_lane, 0.0)
    for one in found.milestones:
        mw[(one.site, one.kind, one.name)] += one.mw * one.probability
    rows = [
        Lane(
            group=site,
            title=name.removeprefix(f"{site}/") if kind == HALL else name,
            detail=_detail(kind, sum(sizes[(site, kind, name)]), mw[(site, kind, name)]),
            colour=_COLOURS[kind],
            pieces=tuple(pieces),
        )
        for (site, kind, name), pieces in by_lane.items()
    ]
    kinds = [("c1", "grid"), ("c3", "halls"), ("c0", "racks")]
    return lanes("What is begun, and when it is there", names, rows, kinds)


def _detail(kind: str, amount: float, mw: float) -> str:
    count = "" if kind == GRID else f"{amount:,.0f} {'hall' if kind == HALL else 'rack'}s, "
    return f"{count}{megawatts(mw)}"


def _deals(found: Answers, names: Sequence[str]) -> Table:
    units = {LOAN: f"M {found.rollout.currency}", CONTRACT: "MW"}
    rows = tuple(
        (
            dates(deal.begun, deal.until, names),
            f"{'draw' if deal.kind == LOAN else 'sign'} {deal.name}",
            f"{deal.amount:,.1f}",
            units[deal.kind],
            share(deal.probability),
        )
        for deal in found.deals
    )
    return Table(
        title="Loans and power contracts",
        columns=("When", "What", "Expected", "Unit", "Probability"),
        rows=rows,
        right=("Expected", "Probability"),
        unbroken=("When", "What"),
    )


def _steps(found: Answers, names: Sequence[str]) -> Table:
    rows = []
    for step in steps(found.milestones, names):
        begun = dates(step.begun, step.until, names)
        chance = "" if step.probability == 1 else f" ({share(step.probability)})"
        rows.append(
            (
                begun + chance,
                step.site,
                step_words(step),
                "" if step.kind == GRID else f"{step.amount:,.0f}",
                f"{step.mw:,.1f}",
                gpus(step.gpus) if step.gpus else "",
                quarter(step.promised, names),
                dates(step.low, step.high, names),
                share(step.late),
            )
        )
    columns = (
        *("Begin", "Site", "What", "Count", "MW", "GPUs"),
        *("Promised", "There, P10 to P90", "Late"),
    )
    return Table(
        title="What to begin when; what a site begins of a kind in a year is one line, its dates "
        "are of the last of it",
        columns=columns,
        rows=tuple(rows),
        right=("Count", "MW", "GPUs", "Late"),
        unbroken=("Begin", "What", "There, P10 to P90"),
    )
