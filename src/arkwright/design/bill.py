"""The bill of materials: what to buy, how many, why so many, and what it costs where that is known.

Counts come from the blueprint and its network, never from a table; `how` says the arithmetic.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.catalog.parts import PartPrice
from arkwright.design.blueprint import Blueprint, SitePlan
from arkwright.design.fabric.build import FabricPlan, Role
from arkwright.design.fabric.schedule import TIER_NAMES, Tier, optics_by_part
from arkwright.design.floor import RackKind
from arkwright.design.network import Network, SiteNetwork


class BillLine(Struct, frozen=True, kw_only=True):
    """One part, or one kind of cable."""

    site: str
    group: str
    item: str
    count: int
    how: str
    price_low: float | None = None
    """For one; None where no price was read."""
    price_high: float | None = None
    currency: str = ""
    source: str = ""

    @property
    def cost(self) -> tuple[float, float] | None:
        """Low and high for all of them."""
        if self.price_low is None or self.price_high is None:
            return None
        return self.count * self.price_low, self.count * self.price_high


def bill(plan: Blueprint, network: Network) -> tuple[BillLine, ...]:
    """Everything of every site that has racks, in file order."""
    plans = {site.name: site for site in plan.sites}
    lines: list[BillLine] = []
    for site in network.sites:
        lines += [*_nodes(plans[site.site]), *_racks(site), *_management(site)]
        for fabric in site.fabrics:
            lines += [*_switches(site, fabric), *_cables(site, fabric), *_modules(site, fabric)]
        lines += _storage(site)
    return tuple(line for line in lines if line.count)


def bill_csv(lines: tuple[BillLine, ...]) -> str:
    """The bill as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(BillLine.__struct_fields__)
    for line in lines:
        values = [getattr(line, field) for field in BillLine.__struct_fields__]
        writer.writerow(["" if value is None else value for value in values])
    return text.getvalue()


def total_cost(lines: tuple[BillLine, ...]) -> dict[str, tuple[float, float]]:
    """Per currency the low and high total of the lines that have prices: a part of the whole."""
    totals: dict[str, tuple[float, float]] = {}
    for line in lines:
        if line.cost is not None:
            low, high = totals.get(line.currency, (0.0, 0.0))
            totals[line.currency] = (low + line.cost[0], high + line.cost[1])
    return totals


def _nodes(site: SitePlan) -> Iterator[BillLine]:
    for hall in site.halls:
        system, price = catalog.system(hall.system), parts.part_price(hall.system)
        per_rack = price is not None and price.unit == "rack"
        yield BillLine(
            site=site.name,
            group="nodes",
            item=f"{system.title} racks" if per_rack else f"{system.title} nodes",
            count=hall.racks if per_rack else hall.nodes,
            how=f"{hall.gpus:,} GPUs of hall {hall.name}, {system.gpus_per_node} in a node, "
            f"{system.nodes_per_rack} nodes in a rack",
            price_low=price.price_low if price else None,
            price_high=price.price_high if price else None,
            currency=price.currency if price else "",
            source=price.provenance if price else "",
        )


def _racks(site: SiteNetwork) -> Iterator[BillLine]:
    kinds = np.bincount(site.floor.kind, minlength=len(RackKind))
    why = {
        RackKind.COMPUTE: "whole racks of nodes",
        RackKind.NETWORK: "switches beside each scalable unit",
        RackKind.CENTRAL: "spines, cores, managers and servers",
        RackKind.STORAGE: "storage nodes",
    }
    for kind in RackKind:
        yield _line(site, "racks", f"{kind.name.lower()} racks", int(kinds[kind]), why[kind])
    for hall in site.halls:
        members = [kind for _, kind in (*hall.ordinary, *hall.central)]
        bodies = {
            RackKind.COMPUTE: parts.rack_body(hall.system),
            RackKind.STORAGE: parts.rack_body("storage"),
        }
        for kind in RackKind:
            body, racks = bodies.get(kind, parts.rack_body("network")), members.count(kind)
            how = f"{body.pdus} for each of {racks} {kind.name.lower()} racks of {hall.path}"
            yield _line(site, "power", f"rack PDUs of {kind.name.lower()} racks", body.pdus * racks,
                        how, body.provenance)  # fmt: skip
            how = f"{body.shelves} for each of {racks} racks of {hall.path}, delivered with them"
            yield _line(site, "power", "power shelves", body.shelves * racks, how, body.provenance)
            how = (
                f"{body.switch_trays} for each of {racks} racks of {hall.path}, delivered with them"
            )
            trays = body.switch_trays * racks
            yield _line(site, "scale-up", "scale-up switch trays", trays, how, body.provenance)


def _management(site: SiteNetwork) -> Iterator[BillLine]:
    names = [path.rpartition("/")[2] for path in site.schedule.devices.path]
    managers = sum("-manager-" in name for name in names)
    servers = sum(name.startswith("server-") for name in names)
    each, rule = parts.rule("managers_per_fabric"), parts.rule("management_servers")
    how = f"{each.value:g} for each InfiniBand fabric"
    yield _line(site, "management", "fabric managers", managers, how, each.provenance)
    how = f"{rule.value:g} for each system of the site"
    yield _line(site, "management", "management servers", servers, how, rule.provenance)


def _switches(site: SiteNetwork, fabric: FabricPlan) -> Iterator[BillLine]:
    part, built = parts.switch(fabric.switch), fabric.size
    how = "ports of everything managed, unit by unit"
    if built is not None:
        planes = f" in {built.planes} planes" if built.planes > 1 else ""
        how = f"{built.leaf} leaf + {built.spine} spine + {built.core} core{planes}"
    price = parts.part_price(fabric.switch)
    item = f"{part.title} switches"
    yield _line(site, fabric.name, item, fabric.switches, how, part.provenance, price)


def _cables(site: SiteNetwork, fabric: FabricPlan) -> Iterator[BillLine]:
    """By tier and way of making; a compute cable is as wide as a NIC, all planes together."""
    table = site.schedule
    mine = table.fabric == table.fabrics.index(fabric.name)
    planes = fabric.ask.planes if fabric.ask and fabric.role is Role.COMPUTE else 1
    for tier in Tier:
        for code, name in enumerate(table.parts):
            chosen = mine & (table.tier == tier) & (table.part == code)
            is_node = table.a < site.nodes
            split = {"nodes": chosen & is_node, "others": chosen & ~is_node}
            if tier is not Tier.NODE_LEAF:
                split = {"": chosen}
            for ends, links in split.items():
                count = int(links.sum())
                part = parts.cable_part(name)
                where = f", {ends}" if ends else ""
                how = f"{count:,} links" + (f" over {planes} planes" if planes > 1 else "")
                lengths = table.length_m[links]
                if count:
                    how += f", {lengths.min():g} to {lengths.max():g} m"
                item = f"{TIER_NAMES[tier]} cables{where}: {part.title}"
                price = parts.part_price(name)
                yield _line(site, fabric.name, item, count // planes, how, part.provenance, price)


def _modules(site: SiteNetwork, fabric: FabricPlan) -> Iterator[BillLine]:
    """By way of making the link, for a module of one is not a module of another."""
    for name, found in optics_by_part(site.schedule, fabric.name).items():
        part = parts.cable_part(name)
        ends = (
            ("switch", "switches", found.switch_modules,
             "ends of optical links on switches, by modules of their ports"),
            ("far", "nodes", found.far_modules,
             "one for each optical link; half where a node has twin-port cages"),
        )  # fmt: skip
        for end, where, count, how in ends:
            item = f"modules in {where}: {part.title}"
            price = parts.part_price(f"{name}/{end}")
            yield _line(site, fabric.name, item, count, how, part.provenance, price)


def _storage(site: SiteNetwork) -> Iterator[BillLine]:
    for plan in site.storage:
        product = parts.storage_product(plan.product)
        how = (
            f"{plan.read_gb_s_asked:,.0f} GB/s read and {plan.write_gb_s_asked:,.0f} GB/s written "
            f"({plan.level}); {plan.decided_by} decides"
        )
        yield _line(site, "storage", product.title, plan.nodes, how, plan.source)


def _line(
    site: SiteNetwork,
    group: str,
    item: str,
    count: int,
    how: str,
    source: str = "",
    price: PartPrice | None = None,
) -> BillLine:
    """`source` is of the part; where a price was read, its source follows."""
    if price is None:
        return BillLine(site=site.site, group=group, item=item, count=count, how=how, source=source)
    return BillLine(
        site=site.site,
        group=group,
        item=item,
        count=count,
        how=how,
        price_low=price.price_low,
        price_high=price.price_high,
        currency=price.currency,
        source=f"{source}; price: {price.provenance}",
    )
