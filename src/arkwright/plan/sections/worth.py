"""What the plan is worth and what that hangs on."""

from __future__ import annotations

from arkwright.design.report import Figure, SiteView, Table
from arkwright.plan.answers.tornado import moving
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import gpus, millions
from arkwright.plan.drawing.fan import Line, fan
from arkwright.plan.drawing.spreads import Mark, Spot, TwoSided, histogram, points, tornado


def section(found: Answers) -> SiteView:
    """What the plan is worth and what that hangs on."""
    worth, currency, names = found.worth, found.rollout.currency, found.rollout.names.quarters
    unit = f"M {currency}"
    marks = [
        Mark(value=worth.npv.mean, title=f"expected {millions(worth.npv.mean)}"),
        Mark(value=worth.cvar, title=f"CVaR {millions(worth.cvar)}"),
    ]
    figures = [
        Figure(
            name="npv",
            svg=histogram("Worth (NPV) over outcomes", found.outcome.npv, found.futures.probability,
                          marks, unit),
            is_half=True,
        ),
        Figure(
            name="cash",
            svg=fan("Cash at the end of each quarter", names,
                    [Line(title="cash", band=found.flow.cash, colour="c1")], unit),
            is_half=True,
        ),
        Figure(
            name="flow",
            svg=fan("Money in and out in each quarter", names,
                    [Line(title="margin", band=found.flow.margin, colour="c0"),
                     Line(title="paid for building", band=found.flow.spent, colour="c2"),
                     Line(title="debt service", band=found.flow.service, colour="c4")], unit),
            is_half=True,
        ),
    ]  # fmt: skip
    bars = moving(found.tornado)
    if bars:
        sides = [
            TwoSided(title=b.name, lower=b.npv_lower, higher=b.npv_higher, lower_words=b.lower,
                     higher_words=b.higher)
            for b in bars
        ]  # fmt: skip
        svg = tornado("What the expected worth hangs on", sides, worth.npv.mean, unit)
        figures.append(Figure(name="tornado", svg=svg, is_half=True))
    tables = [_tornado_table(found)]
    if len(found.frontier) > 1:
        spots = [
            Spot(x=p.cvar, y=p.npv, title=f"weight {p.risk_weight:g}", is_own=p.is_own)
            for p in found.frontier
        ]
        svg = points("Return against the tail", spots, f"CVaR, {unit}", f"E[NPV], {unit}")
        figures.append(Figure(name="frontier", svg=svg, is_half=True))
        tables.append(_frontier_table(found))
    if found.knowing:
        tables.append(_knowing_table(found))
    return SiteView(
        name="Worth",
        words="The schedule is held as it is; each input is moved alone. Dates move by a quarter.",
        totals=(),
        figures=tuple(figures),
        tables=tuple(tables),
    )


def _tornado_table(found: Answers) -> Table:
    is_again = any(bar.again_lower is not None for bar in found.tornado)
    columns = ["Input", "Lower or sooner", "E[NPV]", "CVaR", "Higher or later", "E[NPV] ", "CVaR "]
    columns += ["Objective, lower", "anew", "Objective, higher", "anew "] if is_again else []
    rows: list[tuple[str, ...]] = []
    for bar in found.tornado:
        row = [
            bar.name, bar.lower, millions(bar.npv_lower), millions(bar.cvar_lower),
            bar.higher, millions(bar.npv_higher), millions(bar.cvar_higher),
        ]  # fmt: skip
        if is_again:
            ends = (
                *(bar.objective_lower, bar.again_lower),
                *(bar.objective_higher, bar.again_higher),
            )
            row += ["" if value is None else millions(value) for value in ends]
        rows.append(tuple(row))
    right = tuple(c for c in columns if c not in ("Input", "Lower or sooner", "Higher or later"))
    return Table(
        title=f"Each input moved alone, M {found.rollout.currency}",
        columns=tuple(columns),
        rows=tuple(rows),
        right=right,
    )


def _knowing_table(found: Answers) -> Table:
    columns = ("What", "Worth", "At least", "At most", "In words")
    rows = tuple(
        (
            one.name,
            "" if one.value is None else millions(one.value),
            millions(one.low),
            "" if one.high is None else millions(one.high),
            one.words,
        )
        for one in found.knowing
    )
    return Table(
        title=f"What knowing and waiting are worth, M {found.rollout.currency}",
        columns=columns,
        rows=rows,
        right=columns[1:4],
    )


def _frontier_table(found: Answers) -> Table:
    columns = ("Risk weight", "E[NPV]", "CVaR", "MW begun", "GPUs at the end", "Gap")
    rows = tuple(
        (
            f"{p.risk_weight:g}" + (" (the file's)" if p.is_own else ""),
            millions(p.npv),
            millions(p.cvar),
            f"{p.mw:,.0f}",
            gpus(p.gpus),
            "" if p.gap is None else f"{p.gap:.1%}",
        )
        for p in found.frontier
    )
    return Table(
        title=f"The best plan for each weight of the risk, M {found.rollout.currency}",
        columns=columns,
        rows=rows,
        right=columns[1:],
    )
