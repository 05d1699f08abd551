"""L: nothing carries more than it may: connection, feeds, busways, racks, floor, air, storage."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arkwright import catalog, units
from arkwright.catalog import parts, plant
from arkwright.design.blueprint import Severity
from arkwright.design.floor import RackKind
from arkwright.design.rules.fault import FIGURES, Fault
from arkwright.design.rules.power import demand_kw
from arkwright.design.site_power import beside
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory, PowerBasis, Site


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """Rules L1 to L7."""
    for site in design.sites:
        asked = factory.sites[site.plan.name]
        yield from _connection(asked, site)
        yield from _parts(site)
        yield from _busways(asked, site)
        yield from _halls(asked, site)
        yield from _weight(site)
        yield from _air(site)
        yield from _storage(site)


def _connection(asked: Site, site: SiteDesign) -> Iterator[Fault]:
    """L1: the site's demand, on the basis of its connection."""
    limit_kw, demand = asked.grid.connection, site.power.demand_kw(asked.grid.basis)
    if limit_kw is None or demand is None or asked.grid.basis is PowerBasis.AI_CAPACITY:
        return
    if demand > limit_kw:
        drawn = units.render(demand, "kW", FIGURES)
        text = (
            f"{asked.grid.basis.value} demand of {drawn} at maximum on a connection of "
            f"{units.render(limit_kw, 'kW')}"
        )
        fix = "build fewer racks, ask for more grid, or cap power"
        yield _over("L1", site.plan.name, limit_kw - demand, text, fix)


def _parts(site: SiteDesign) -> Iterator[Fault]:
    """L2: every part of the power chain, at peak; each feed can carry the whole connection."""
    tree = site.plant.power.tree
    delivered, _ = demand_kw(tree)
    connection_kw = next((n.rating_kw for n in tree.nodes if n.kind == "grid"), None)
    for node, kw in zip(tree.nodes, delivered, strict=True):
        if node.rating_kw is None or node.kind == "grid":
            continue
        if node.kind == "utility":
            kw = connection_kw or 0.0
        if kw > node.rating_kw * (1 + 1e-6):
            text = f"the {node.kind} carries {kw:,.0f} kW and may carry {node.rating_kw:,.0f} kW"
            yield _over("L2", node.path, node.rating_kw - kw, text, "feed less from it")


def _busways(asked: Site, site: SiteDesign) -> Iterator[Fault]:
    """L3: no busway is loaded above its derated rating."""
    given = asked.power.derating
    derating = plant.figure("derating") if given is None else given
    for node in site.plant.power.tree.nodes:
        if node.kind != "busway":
            continue
        part = plant.power_part(asked.power.busway or node.part)
        usable_kw = part.rating_kw * derating
        if (node.rating_kw or 0.0) > usable_kw * (1 + 1e-9):
            over = usable_kw - (node.rating_kw or 0.0)
            text = f"the busway is rated above the {usable_kw:,.0f} kW that {part.name} may carry"
            yield _over("L3", node.path, over, text, "hang fewer racks on it")


def _halls(asked: Site, site: SiteDesign) -> Iterator[Fault]:
    """L4: the power that the file allows a hall and a rack."""
    for hall in site.plan.halls:
        limits, system = asked.halls[hall.name], catalog.system(hall.system)
        if limits.power is not None and hall.it_power_kw_max > limits.power * (1 + 1e-9):
            text = f"its racks may draw {hall.it_power_kw_max:,.0f} kW of {limits.power:,.0f} kW"
            fix = "build fewer racks, or let the scheduler cap them, which it will"
            yield _over("L4", hall.path, limits.power - hall.it_power_kw_max, text, fix)
        most = system.rack_power_kw_max
        if limits.rack_power is not None and most > limits.rack_power * (1 + 1e-9):
            text = f"a rack may draw {most:g} kW of {limits.rack_power:g} kW"
            fix = "give racks more power, or let the scheduler cap them, which it will"
            yield _over("L4", hall.path, limits.rack_power - most, text, fix)


def _weight(site: SiteDesign) -> Iterator[Fault]:
    """L5: kilograms on the floor, half of the aisles counted with a rack."""
    rule, plan = parts.rule("floor_kg_per_m2_max"), site.network.floor
    aisles_m = (parts.rule("aisle_cold_m").value + parts.rule("aisle_hot_m").value) / 2
    for number, hall in enumerate(site.network.halls):
        body = parts.rack_body(hall.system)
        heaviest = float(plan.mass_kg[plan.hall == number].max(initial=0.0))
        load = heaviest / (body.width_m * (body.depth_m + aisles_m))
        if load > rule.value:
            text = f"a rack of {heaviest:,.0f} kg puts {load:,.0f} kg/m2 on the floor"
            fix = "widen the aisles or strengthen the floor"
            margin = f"{rule.value - load:,.0f} kg/m2"
            yield Fault(rule="L5", severity=Severity.WARNING, where=hall.path, margin=margin,
                        text=text, fix=fix, source=rule.provenance)  # fmt: skip


def _air(site: SiteDesign) -> Iterator[Fault]:
    """L6: kilowatts that one rack gives to the air; switches at their typical draw."""
    rule = parts.rule("rack_air_kw_max")
    warmest = max(beside(site.network).racks, key=lambda load: load.typical_kw, default=None)
    found = [] if warmest is None else [(warmest.path, warmest.typical_kw)]
    for hall in site.plan.halls:
        system = catalog.system(hall.system)
        if system.liquid_fraction is not None:
            found.append((hall.path, system.rack_power_kw_max * (1 - system.liquid_fraction)))
    for where, kw in found:
        if kw > rule.value:
            text = f"a rack gives {kw:.1f} kW to the air; the densest read takes {rule.value:g} kW"
            yield _over("L6", where, rule.value - kw, text, "put less in a rack", rule.provenance)


def _storage(site: SiteDesign) -> Iterator[Fault]:
    """L7: storage reads, writes and holds what is asked."""
    racks = int((site.network.floor.kind == RackKind.STORAGE).sum())
    for plan in site.network.storage:
        product = parts.storage_product(plan.product)
        for what, asked, each, unit in (
            ("read", plan.read_gb_s_asked, product.read_gb_s, "GB/s"),
            ("write", plan.write_gb_s_asked, product.write_gb_s, "GB/s"),
            ("hold", plan.capacity_tb_asked or 0.0, product.capacity_tb, "TB"),
        ):
            left = plan.nodes * each - asked
            if left < -1e-6 * asked or not racks or not np.isfinite(left):
                text = f"{plan.nodes} of {product.title} cannot {what} {asked:,.0f} {unit}"
                yield Fault(rule="L7", severity=Severity.WARNING, where=site.plan.name,
                            margin=f"{left:,.1f} {unit}", text=text,
                            fix="add storage nodes")  # fmt: skip


def _over(rule: str, where: str, left_kw: float, text: str, fix: str, source: str = "") -> Fault:
    return Fault(rule=rule, severity=Severity.WARNING, where=where,
                 margin=units.render(left_kw, "kW", FIGURES), text=text, fix=fix,
                 source=source)  # fmt: skip
