"""R: any one part removed: is everything still fed, cooled and connected?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arkwright.design.blueprint import Severity
from arkwright.design.fabric.build import FabricPlan, Role
from arkwright.design.fabric.schedule import Tier
from arkwright.design.network import SiteNetwork
from arkwright.design.power_tree import loads, removals
from arkwright.design.rules.fault import Fault
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory, Redundancy, Site


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """Rules R1 to R4."""
    yield from check_plant(factory, design)
    yield from check_network(design)


def check_plant(factory: Factory, design: Design) -> Iterator[Fault]:
    """R1 and R2: cooling and power."""
    for site in design.sites:
        asked = factory.sites[site.plan.name]
        yield from _cooling(asked, site)
        yield from _power(asked, site)


def check_network(design: Design) -> Iterator[Fault]:
    """R3 and R4: switches and storage."""
    for site in design.sites:
        for plan in site.network.fabrics:
            if plan.role is Role.COMPUTE:
                yield from _switch(site.network, plan)
        yield from _storage(site)


def _cooling(asked: Site, site: SiteDesign) -> Iterator[Fault]:
    """R1: with any one machine lost, the others carry the loop, unless the file asks for N."""
    if asked.cooling.redundancy is Redundancy.N:
        return
    for plan in site.plant.halls:
        for loop in plan.loops:
            for m in loop.machines:
                left_kw = (m.installed - 1) * m.capacity_kw - m.load_kw
                if left_kw < -1e-6 * m.load_kw:
                    text = f"with one {m.kind} of {m.installed} lost the others do not carry it"
                    yield _alone("R1", f"{plan.path} {loop.name}", f"{left_kw:,.0f} kW", text,
                                 f"install {m.needed + 1}")  # fmt: skip


def _power(asked: Site, site: SiteDesign) -> Iterator[Fault]:
    """R2: with any one part of the chain lost, nothing goes dark and nothing is overloaded.

    Generators stand behind the grid; blocks of N have nothing behind them and are asked so.
    """
    tree = site.plant.power.tree
    removed = removals(tree)
    exempt = {"grid"}
    if asked.power.ups.redundancy is Redundancy.N:
        exempt |= {"transformer", "ups"}
    if asked.power.feeds == 1:
        exempt.add("utility")
    draws = np.array([node.own_kw[0] > 0 for node in tree.nodes])
    # The connection is rule L1's, and each feed is rated as the connection (L2).
    limits = [None if n.kind in ("grid", "utility") else n.rating_kw for n in tree.nodes]
    ratings = np.array([np.inf if limit is None else limit for limit in limits])
    bounds = np.maximum(ratings, loads(tree).delivered_kw[:, 0]) * (1 + 1e-6)
    dark = (draws[:, None] & ~removed.alive).sum(axis=0)
    over_kw = (removed.delivered_kw - bounds[:, None]).max(axis=0)
    for column in np.flatnonzero((dark > 0) | (over_kw > 1e-3)):
        lost = tree.nodes[removed.tried[column]]
        if lost.kind in exempt:
            continue
        if dark[column]:
            text = f"with the {lost.kind} lost, {dark[column]:,} parts go dark"
            margin = f"-{dark[column]:,} parts"
        else:
            worst = tree.nodes[int(np.argmax(removed.delivered_kw[:, column] - bounds))]
            text = f"with the {lost.kind} lost, {worst.path} is above its rating"
            margin = f"-{over_kw[column]:,.1f} kW"
        yield _alone("R2", lost.path, margin, text, "add one beside it, or load it less")


def _switch(net: SiteNetwork, plan: FabricPlan) -> Iterator[Fault]:
    """R3: a node has two leaves, a leaf two spines, a spine two cores."""
    table = net.schedule
    mine = table.fabric == table.fabrics.index(plan.name)
    for tier, above in ((Tier.NODE_LEAF, "leaf"), (Tier.LEAF_SPINE, "spine"),
                        (Tier.SPINE_CORE, "core")):  # fmt: skip
        links = mine & (table.tier == tier)
        pairs = np.unique(np.stack([table.a[links], table.b[links]]), axis=1)
        if not pairs.size:
            continue
        lower, counts = np.unique(pairs[0], return_counts=True)
        alone = lower[counts < 2]
        if len(alone):
            path = table.devices.path[int(alone[0])]
            text = f"with its one {above} of {plan.name} lost, it is cut off"
            fix = "take smaller switches, more planes, or accept it for a site so small"
            fault = _alone("R3", path, f"-{len(alone):,} devices", text, fix)
            yield Fault(rule=fault.rule, severity=Severity.NOTE, where=fault.where,
                        margin=fault.margin, text=fault.text, fix=fault.fix)  # fmt: skip


def _storage(site: SiteDesign) -> Iterator[Fault]:
    """R4: one storage node may fail."""
    for plan in site.network.storage:
        if plan.nodes < 2:
            text = "with its one storage node lost there is no storage"
            yield _alone("R4", site.plan.name, "-1 node", text, "take two")


def _alone(rule: str, where: str, margin: str, text: str, fix: str) -> Fault:
    return Fault(rule=rule, severity=Severity.WARNING, where=where, margin=margin, text=text,
                 fix=fix)  # fmt: skip
