"""P: kilowatts added up again, from the catalogue and the racks to the grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.design.fabric.schedule import optics
from arkwright.design.power_tree import PowerTree
from arkwright.design.rules.fault import Fault, contradiction, differs, unequal
from arkwright.design.site_power import beside
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory

Floats = NDArray[np.float64]


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """Rules P1 to P6."""
    for site in design.sites:
        yield from _order(site.plant.power.tree)
        yield from _racks(design, site)
        yield from _tree(site)
        yield from _sums(site)
        yield from _network(site)


def demand_kw(tree: PowerTree) -> tuple[Floats, Floats]:
    """What each part delivers and loses at peak, from what stands below it, added up here again."""
    place = {node.path: at for at, node in enumerate(tree.nodes)}
    delivered = np.array([node.own_kw[0] for node in tree.nodes])
    lost = np.zeros(len(tree.nodes))
    for at in reversed(range(len(tree.nodes))):
        node = tree.nodes[at]
        if node.rating_kw:
            share = delivered[at] / node.rating_kw
            constant, linear, quadratic = node.curve
            lost[at] = node.rating_kw * (constant + share * (linear + share * quadratic))
        for parent in node.parents:
            if parent in place:
                delivered[place[parent]] += (delivered[at] + lost[at]) / len(node.parents)
    return delivered, lost


def _order(tree: PowerTree) -> Iterator[Fault]:
    """P1: each part hangs on parts that are there, above it."""
    seen: set[str] = set()
    for node in tree.nodes:
        unknown = [parent for parent in node.parents if parent not in seen]
        if unknown:
            text = f"it hangs on {unknown[0]}, which is not above it"
            yield contradiction("P1", node.path, text, f"-{len(unknown)} feeds")
        if node.own_kw[0] > 0 and not node.parents:
            yield contradiction("P1", node.path, "nothing feeds it", f"-{node.own_kw[0]:g} kW")
        seen.add(node.path)


def _racks(design: Design, site: SiteDesign) -> Iterator[Fault]:
    """P2: every rack is fed, once, with what it draws."""
    fed: dict[str, float] = {}
    for node in site.plant.power.tree.nodes:
        if node.kind == "rack":
            fed[node.path] = fed.get(node.path, 0.0) + node.own_kw[0]
    racks = [rack for rack in design.blueprint.racks if rack.site == site.plan.name]
    drawn = {rack.path: rack.power_kw_max for rack in racks}
    drawn |= {load.path: load.peak_kw for load in beside(site.network).racks}
    for path, kw in drawn.items():
        if differs(fed.get(path, 0.0), kw):
            yield unequal("P2", path, "kW fed", fed.get(path, 0.0), kw)
    for path in fed.keys() - drawn.keys():
        yield contradiction("P2", path, "a rack is fed that is not there", f"+{fed[path]:g} kW")


def _tree(site: SiteDesign) -> Iterator[Fault]:
    """P3: what the feeds deliver is what is drawn and what is lost on the way."""
    chain = site.plant.power
    delivered, lost = demand_kw(chain.tree)
    is_root = np.array([not node.parents for node in chain.tree.nodes])
    own_kw = sum(node.own_kw[0] for node in chain.tree.nodes)
    roots_kw = float((delivered + lost)[is_root].sum())
    stated_kw = sum(kw[0] for kw in chain.losses_kw.values())
    for what, found, right in (
        ("kW from the feeds", chain.input_kw[0], roots_kw),
        ("kW drawn and lost", roots_kw, own_kw + float(lost.sum())),
        ("kW lost in the chain", stated_kw, float(lost.sum())),
        ("kW of racks", chain.it_kw[0], _own(chain.tree, "rack")),
        ("kW of cooling and the rest", site.power.cooling_kw_max + site.power.other_kw_max,
         _own(chain.tree, "cooling")),
    ):  # fmt: skip
        if differs(found, right):
            yield unequal("P3", chain.tree.name, what, found, right)


def _own(tree: PowerTree, kind: str) -> float:
    return sum(node.own_kw[0] for node in tree.nodes if node.kind == kind)


def _sums(site: SiteDesign) -> Iterator[Fault]:
    """P4: the site's figures add up, each on its basis. P5: they are ordered as they must be."""
    power, name = site.power, site.plan.name
    it_kw = power.rack_kw_max + power.network_kw_max + power.storage_kw_max + power.servers_kw_max
    facility_kw = it_kw + power.cooling_kw_max + power.other_kw_max + power.losses_kw_max
    planned_kw = site.plan.facility_power_kw_max or 0.0
    high_kw = power.grid_kw_max - power.facility_kw_max
    if power.pue_is_given:
        facility_kw = power.it_kw_max * power.pue + high_kw
    for what, found, right in (
        ("kW IT, by parts", power.it_kw_max, it_kw),
        ("kW IT, of the site's plan", site.plan.it_power_kw_max or 0.0, it_kw),
        ("kW IT, of the chain", site.plant.power.it_kw[0], it_kw),
        ("kW of the racks", power.rack_kw_max, sum(h.it_power_kw_max for h in site.plan.halls)),
        ("kW grid", power.grid_kw_max, facility_kw),
        ("kW facility, of the site's plan", planned_kw, power.facility_kw_max),
    ):
        if differs(found, right):
            yield unequal("P4", name, what, found, right)
    steps = (power.it_kw_idle, power.it_kw_typical, power.it_kw_max, power.facility_kw_max,
             power.grid_kw_max)  # fmt: skip
    if any(low > high * (1 + 1e-9) for low, high in itertools.pairwise(steps)):
        text = "idle, typical, maximum, facility and grid power are not in this order"
        yield contradiction("P5", name, text, " <= ".join(f"{kw:,.0f}" for kw in steps))


def _network(site: SiteDesign) -> Iterator[Fault]:
    """P6: switches draw what the catalogue says, modules what the cables in them need."""
    net = site.network
    switches = {plan.name: plan for plan in net.fabrics}
    for power in net.power:
        plan = switches[power.fabric]
        watts = parts.switch(plan.switch).power_w_typical
        where = f"{net.site}: {power.fabric}"
        for what, found, right in (
            ("kW of switches", power.switch_kw_typical, plan.switches * watts / 1000),
            ("kW of modules", power.optics.switch_kw, optics(net.schedule, plan.name).switch_kw),
        ):
            if differs(found, right):
                yield unequal("P6", where, what, found, right)
