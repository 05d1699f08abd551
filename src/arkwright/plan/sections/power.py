"""Power at each site."""

from __future__ import annotations

from arkwright.design.report import Figure, SiteView
from arkwright.plan.answers.whole import Answers
from arkwright.plan.drawing.fan import Line, fan


def section(found: Answers) -> SiteView:
    """Power at each site."""
    names = found.rollout.names.quarters
    figures = tuple(
        Figure(
            name=f"power-{site.site}",
            svg=fan(
                f"{site.site}, {site.country}",
                names,
                [
                    Line(title="energised", band=site.energised, colour="c1"),
                    Line(title="ready", band=site.ready, colour="c5"),
                    Line(title="installed", band=site.installed, colour="c0"),
                    Line(title="utilised", band=site.utilised, colour="c4"),
                ],
                "MW at the grid",
            ),
            is_half=True,
        )
        for site in found.sites
    )
    words = "Megawatts at the grid, racks at their maximum: the mean, and from P10 to P90."
    return SiteView(name="Power", words=words, totals=(), figures=figures, tables=())
