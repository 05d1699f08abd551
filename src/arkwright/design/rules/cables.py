"""C: every cable has two ends, a port of its own at each, and a length that can be bought."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.design.fabric.build import FabricPlan, Role
from arkwright.design.fabric.schedule import TIER_NAMES, Schedule, Tier
from arkwright.design.network import SiteNetwork
from arkwright.design.rules.fault import Fault, contradiction, unequal
from arkwright.design.site_power import fabric_of
from arkwright.design.whole import Design
from arkwright.factory import Factory

_PORTS_MAX = 4096
"""More than any device has: makes one number of a device and its port."""


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """Rules C1 to C8."""
    for site in design.sites:
        net = site.network
        broken = list(_ends(net))
        yield from broken
        if not broken:
            yield from _ports(net)
            yield from _lengths(net)
            yield from _tiers(net)
            yield from _switches(net)
            yield from _managed(net)
            yield from _even(net)


def _ends(net: SiteNetwork) -> Iterator[Fault]:
    """C1: both ends are devices, and two different ones; the upper end is a switch."""
    table, every = net.schedule, len(net.schedule.devices.path)
    outside = (table.a < 0) | (table.a >= every) | (table.b < 0) | (table.b >= every)
    loops = table.a == table.b
    for wrong, text in ((outside, "ends on nothing"), (loops, "ends where it begins")):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            where = f"{net.site}: cable {first + 1}"
            yield contradiction("C1", where, f"the cable {text}", f"{int(wrong.sum()):+d} cables")
    if outside.any():
        return
    loose = ~table.devices.is_switch[table.b]
    if loose.any():
        first = int(np.flatnonzero(loose)[0])
        path = table.devices.path[int(table.b[first])]
        text = "a cable's upper end is no switch"
        yield contradiction("C1", path, text, f"{int(loose.sum()):+d} cables")


def _ports(net: SiteNetwork) -> Iterator[Fault]:
    """C2: no port has two cables. C3: no port is beyond those the switch has."""
    table = net.schedule
    for plan in net.fabrics:
        mine = table.fabric == table.fabrics.index(plan.name)
        ends = np.concatenate([table.a[mine], table.b[mine]]).astype(np.int64)
        port = np.concatenate([table.a_port[mine], table.b_port[mine]]).astype(np.int64)
        keys, uses = np.unique(ends * _PORTS_MAX + port, return_counts=True)
        twice = keys[uses > 1]
        if len(twice):
            path = table.devices.path[int(twice[0] // _PORTS_MAX)]
            text = f"port {int(twice[0] % _PORTS_MAX) + 1} of fabric {plan.name} has two cables"
            yield contradiction("C2", path, text, f"-{len(twice)} ports")
        ports = _radix(plan)
        beyond = table.devices.is_switch[ends] & _is_of(table, ends, plan) & (port >= ports)
        if beyond.any():
            at = int(np.flatnonzero(beyond)[0])
            path = table.devices.path[int(ends[at])]
            text = f"port {int(port[at]) + 1} is used and the switch has {ports}"
            yield contradiction("C3", path, text, f"{ports - int(port[at]) - 1} ports")


def _is_of(table: Schedule, ends: NDArray[np.int64], plan: FabricPlan) -> NDArray[np.bool_]:
    """Whether each end is a switch of the fabric itself: the upper end of one of its cables."""
    own = np.zeros(len(table.devices.path), dtype=bool)
    mine = table.fabric == table.fabrics.index(plan.name)
    own[table.b[mine]] = True
    return np.asarray(own[ends])


def _radix(plan: FabricPlan) -> int:
    part = parts.switch(plan.switch)
    return part.ports * int(part.port_gbit_s // plan.port_gbit_s)


def _lengths(net: SiteNetwork) -> Iterator[Fault]:
    """C4: a cable reaches from rack to rack, and is no longer than its kind may be."""
    table, plan = net.schedule, net.floor
    rack_a, rack_b = table.devices.rack[table.a], table.devices.rack[table.b]
    straight = np.hypot(plan.x_m[rack_a] - plan.x_m[rack_b], plan.y_m[rack_a] - plan.y_m[rack_b])
    reach = np.array([parts.cable_part(name).reach_m for name in table.parts])
    most = reach[table.part] if len(table) else np.zeros(0)
    for wrong, text in (
        (table.length_m < straight - 1e-3, "is shorter than the way between its racks"),
        (table.length_m > most + 1e-3, "is longer than its kind reaches"),
    ):
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            where = f"{net.site}: cable {at + 1}"
            gap = float(min(table.length_m[at] - straight[at], most[at] - table.length_m[at]))
            yield contradiction("C4", where, f"the cable of {table.length_m[at]:g} m {text}",
                                f"{gap:.1f} m")  # fmt: skip


def _tiers(net: SiteNetwork) -> Iterator[Fault]:
    """C5: the cables of each tier are those the fabric's size says, and each NIC has its own."""
    table = net.schedule
    for plan in net.fabrics:
        if plan.size is None or plan.ask is None:
            continue
        mine = table.fabric == table.fabrics.index(plan.name)
        cables = plan.size.cables
        counts = {
            Tier.NODE_LEAF: cables.node_leaf,
            Tier.LEAF_SPINE: cables.leaf_spine,
            Tier.SPINE_CORE: cables.spine_core,
        }
        for tier, stated in counts.items():
            found = int((mine & (table.tier == tier)).sum())
            if found != stated * plan.size.planes:
                where = f"{net.site}: {plan.name} {TIER_NAMES[tier]}"
                yield unequal("C5", where, "cables", stated * plan.size.planes, found)
        if plan.role is Role.COMPUTE:
            each = plan.ask.nics_per_node * plan.ask.planes
            node = table.a[mine & (table.tier == Tier.NODE_LEAF) & (table.a < net.nodes)]
            uses = np.bincount(node, minlength=net.nodes)
            wrong = np.flatnonzero((uses != each) & (uses > 0))
            if len(wrong):
                path = table.devices.path[int(wrong[0])]
                yield unequal("C5", path, "cables to leaves", each, int(uses[wrong[0]]))


def _switches(net: SiteNetwork) -> Iterator[Fault]:
    """C6: the switches that are counted are those that stand in racks."""
    table = net.schedule
    counts = {plan.name: 0 for plan in net.fabrics}
    managed = next((p.name for p in net.fabrics if p.role is Role.OUT_OF_BAND), None)
    for device in np.flatnonzero(table.devices.is_switch).tolist():
        name = table.devices.path[device].rpartition("/")[2]
        try:
            counts[fabric_of(name, counts)] += 1
        except KeyError:
            # In the racks of the nodes: out-of-band, of the first such fabric or its system's.
            own = _of_rack(net, table.devices.path[device]) or managed
            if own is not None:
                counts[own] += 1
    for plan in net.fabrics:
        if counts[plan.name] != plan.switches:
            where = f"{net.site}: {plan.name}"
            yield unequal("C6", where, "switches", plan.switches, counts[plan.name])


def _of_rack(net: SiteNetwork, path: str) -> str | None:
    hall = "/".join(path.split("/", 2)[:2])
    system = next((h.system for h in net.halls if h.path == hall), None)
    fits = (p.name for p in net.fabrics if p.role is Role.OUT_OF_BAND and p.system == system)
    return next(fits, None)


def _managed(net: SiteNetwork) -> Iterator[Fault]:
    """C7: every node can be reached out of band."""
    table = net.schedule
    reached = np.zeros(len(table.devices.path), dtype=bool)
    reached[table.a[table.tier == Tier.MANAGEMENT]] = True
    lost = np.flatnonzero(~reached[: net.nodes])
    if len(lost):
        path = table.devices.path[int(lost[0])]
        yield contradiction("C7", path, "the node has no management port", f"-{len(lost)} nodes")


def _even(net: SiteNetwork) -> Iterator[Fault]:
    """C8: a switch has as many cables to each switch of the tier above that it reaches."""
    table = net.schedule
    for plan in net.fabrics:
        mine = table.fabric == table.fabrics.index(plan.name)
        for tier in (Tier.LEAF_SPINE, Tier.SPINE_CORE):
            links = mine & (table.tier == tier)
            keys = table.a[links].astype(np.int64) * len(table.devices.path) + table.b[links]
            pairs, cables = np.unique(keys, return_counts=True)
            if len(pairs) and cables.min() < cables.max():
                device = int(pairs[int(np.argmin(cables))]) // len(table.devices.path)
                text = f"fabric {plan.name}: its cables to the tier above are not even"
                margin = f"{cables.min()} to {cables.max()} cables"
                yield contradiction("C8", table.devices.path[device], text, margin)
