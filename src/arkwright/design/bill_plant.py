"""The part of the bill that feeds and cools: power chain and cooling machines of a site."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright.catalog import plant
from arkwright.design.bill import BillLine
from arkwright.design.cooling import Machines
from arkwright.design.power_layout import system_of
from arkwright.design.site_plant import SitePlant

_ELSEWHERE = ("shelf", "rack-pdu", "utility")
"""Delivered with racks, counted with them, or nothing to buy."""


def bill_plant(built: SitePlant) -> Iterator[BillLine]:
    """Every part of the chain and every machine of the loops, spares included. None has a price."""
    tree = built.power.tree
    for parts in built.power.parts:
        if parts.kind in _ELSEWHERE:
            continue
        row = plant.power_part(parts.part)
        groups = len({system_of(n.path) for n in tree.nodes if n.part == parts.part})
        how = f"in {groups} systems of the chain" if groups > 1 else "in one system of the chain"
        if parts.kind == "generator":
            how = "behind each transformer, for the most it carries with one part lost"
        yield BillLine(site=built.site, group="power chain", item=row.title, count=parts.installed,
                       how=how, source=row.provenance)  # fmt: skip
    machines: dict[str, list[Machines]] = {}
    for hall in built.halls:
        for loop in hall.loops:
            for machine in loop.machines:
                machines.setdefault(machine.part, []).append(machine)
    for part, found in machines.items():
        cooler = plant.cooling_part(part)
        needed, installed = sum(m.needed for m in found), sum(m.installed for m in found)
        load_kw = sum(m.load_kw for m in found)
        how = f"{load_kw:,.0f} kW by {needed:,}, and {installed - needed:,} for redundancy"
        yield BillLine(site=built.site, group="cooling", item=cooler.title, count=installed,
                       how=how, source=cooler.provenance)  # fmt: skip
