"""A blueprint in a few lines: label, value, basis or source. Text for a table, never printed."""

from __future__ import annotations

from typing import NamedTuple

from arkwright import units
from arkwright.design.blueprint import Blueprint, HallPlan, SitePlan


class Line(NamedTuple):
    """One row of the summary table."""

    label: str
    value: str
    basis: str
    """Basis of a power figure, or source of an assumed value."""


def summary(blueprint: Blueprint) -> list[Line]:
    """Totals, then each site with its halls and power, then what was assumed."""
    lines = [Line("factory", blueprint.name, "")]
    for site in blueprint.sites:
        lines += _site(site)
    lines += [
        Line(f"{a.where}: {a.name}", a.value, f"assumed: {a.source}") for a in blueprint.assumptions
    ]
    return lines


def _site(site: SitePlan) -> list[Line]:
    lines = [Line(f"site {site.name}", site.country or "country not given", "")]
    for hall in site.halls:
        lines += _hall(hall)
    if site.halls:
        lines += [
            Line("  rack power", units.render(site.rack_power_kw_max, "kW"), "IT, racks, maximum"),
            Line(
                "  IT power",
                units.render(site.it_power_kw_max, "kW"),
                "IT, with network, storage and management, maximum",
            ),
            Line(
                "  facility power",
                units.render(site.facility_power_kw_max, "kW"),
                "facility, IT power x PUE, maximum",
            ),
        ]
    if site.connection_kw is not None:
        connection = units.render(site.connection_kw, "kW")
        lines.append(Line("  grid connection", connection, site.connection_basis))
    return lines


def _hall(hall: HallPlan) -> list[Line]:
    asked = f" (asked for {hall.gpus_asked:,})" if hall.gpus_asked not in (None, hall.gpus) else ""
    return [
        Line(
            f"  hall {hall.name}",
            f"{hall.racks:,} {'rack' if hall.racks == 1 else 'racks'} of {hall.system}",
            hall.path,
        ),
        Line("    GPUs", f"{hall.gpus:,}{asked}", ""),
        Line("    nodes", f"{hall.nodes:,}", ""),
        Line("    scale-up domains", f"{hall.scale_up_domains:,}", ""),
        Line("    leaf groups", f"{hall.leaf_groups:,}", "scalable units; one spine a hall"),
    ]
