"""What may be late, too much or lost."""

from __future__ import annotations

from arkwright.design.report import Figure, SiteView, Table
from arkwright.plan.answers.bands import Band
from arkwright.plan.answers.milestones import Milestone
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import dates, millions, money, quarter, share
from arkwright.plan.drawing.fan import Line, fan

_LATE_MAX = 24
"""Lines of the table of what may be late; the CSV has all."""


def section(found: Answers) -> SiteView:
    """What may be late, too much or lost."""
    names, currency = found.rollout.names.quarters, found.rollout.currency
    late = _likeliest(found)
    late_table = Table(
        title="What may be late" + (f", the likeliest {_LATE_MAX}" if late[_LATE_MAX:] else ""),
        columns=(
            *("Site", "Name", "Begun", "Promised", "There, P10 to P90"),
            *("Late", "Never", "Quarters"),
        ),
        rows=tuple(
            (m.site, m.name, names[m.begun], quarter(m.promised, names),
             dates(m.low, m.high, names), share(m.late), share(m.never), f"{m.quarters_late:.1f}")
            for m in late[:_LATE_MAX]
        ),
        right=("Late", "Never", "Quarters"),
        unbroken=("There, P10 to P90",),
    )  # fmt: skip
    hangs = Table(
        title="What hangs on whom",
        columns=("On", "Compute", "Revenue", "Capex", "Limit", f"Lost with it, M {currency}"),
        rows=tuple(
            (
                f"{d.kind} {d.name}",
                share(d.compute),
                share(d.revenue),
                "" if d.capex is None else share(d.capex),
                "" if d.limit is None else share(d.limit),
                millions(d.lost),
            )
            for d in found.dependences
        ),
        right=("Compute", "Revenue", "Capex", "Limit", f"Lost with it, M {currency}"),
    )
    over = found.overbuild
    lines = [
        Line(title="utilisation", band=_percent(over.by_quarter), colour="c0"),
    ]
    figure = Figure(
        name="utilisation",
        svg=fan("Utilisation of what stands", names, lines, "%"),
        is_half=True,
        caption=f"Overbuilt, below the break-even of {over.least:.0%} over the horizon, with "
        f"{share(over.probability)}; idle racks cost {money(over.regret.mean, currency)} in "
        "expectation."
        if over.least
        else "",
    )
    words = "Losing a vendor: its orders never come and are not paid. Losing a country: no site of "
    words += "it has power, what is spent is spent. Losing a customer: it buys and owes nothing."
    tables = tuple(table for table in (late_table, hangs) if table.rows)
    return SiteView(name="Risk", words=words, totals=(), figures=(figure,), tables=tables)


def _likeliest(found: Answers) -> list[Milestone]:
    """Of each thing at a site the part that is likeliest to be late."""
    worst: dict[tuple[str, str], Milestone] = {}
    for one in found.milestones:
        now = worst.get((one.site, one.name))
        if one.late > 0 and (now is None or one.late > now.late):
            worst[(one.site, one.name)] = one
    return sorted(worst.values(), key=lambda m: (-m.late, -m.mw))


def _percent(band: Band) -> Band:
    return Band(low=band.low * 100, mean=band.mean * 100, high=band.high * 100)
