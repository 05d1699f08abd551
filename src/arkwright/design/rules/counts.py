"""K: racks, nodes and GPUs counted again; racks on the floor; the bill against what is there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arkwright import catalog
from arkwright.catalog import parts, plant
from arkwright.design.floor import RackKind
from arkwright.design.rules.fault import Fault, contradiction, unequal
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """Rules K1 to K5."""
    yield from _paths(design)
    for site in design.sites:
        yield from _halls(design, site)
        yield from _asked(factory, site)
        yield from _floor(design, site)
        yield from _bill(design, site)


def _paths(design: Design) -> Iterator[Fault]:
    """K1: no rack and no node is there twice."""
    for what, paths in (
        ("rack", [rack.path for rack in design.blueprint.racks]),
        ("node", [node.path for node in design.blueprint.nodes]),
    ):
        if len(set(paths)) < len(paths):
            double = next(path for path in paths if paths.count(path) > 1)
            count = len(paths) - len(set(paths))
            yield contradiction("K1", double, f"the {what} is there more than once", f"{count:+d}")


def _halls(design: Design, site: SiteDesign) -> Iterator[Fault]:
    """K2: a hall's nodes, racks, GPUs and kilowatts are those of its racks."""
    racks = [rack for rack in design.blueprint.racks if rack.site == site.plan.name]
    for hall in site.plan.halls:
        mine, system = [r for r in racks if r.hall == hall.name], catalog.system(hall.system)
        nodes = sum(rack.nodes for rack in mine)
        for what, found, right in (
            ("racks", hall.racks, len(mine)),
            ("nodes", hall.nodes, nodes),
            ("GPUs", hall.gpus, nodes * system.gpus_per_node),
            ("kW of racks", hall.it_power_kw_max, sum(rack.power_kw_max for rack in mine)),
            ("kW by the maker", hall.it_power_kw_max, nodes * system.node_power_kw_max),
        ):
            if abs(found - right) > 1e-6 * max(1, right):
                yield unequal("K2", hall.path, what, found, right)
        for rack in mine:
            if rack.nodes > system.nodes_per_rack:
                text = f"{rack.nodes} nodes where {system.nodes_per_rack} fit"
                yield contradiction("K2", rack.path, text, f"{system.nodes_per_rack - rack.nodes}")


def _asked(factory: Factory, site: SiteDesign) -> Iterator[Fault]:
    """K3: no less is built than the file asks for, and less than one rack more."""
    for hall in site.plan.halls:
        asked, system = factory.sites[site.plan.name].halls[hall.name], catalog.system(hall.system)
        over = None
        if asked.gpus is not None:
            over = hall.gpus - asked.gpus
        elif asked.nodes is not None:
            over = (hall.nodes - asked.nodes) * system.gpus_per_rack
        elif asked.racks is not None:
            over = (hall.racks - asked.racks) * system.gpus_per_rack
        if over is not None and not 0 <= over < system.gpus_per_rack:
            yield contradiction("K3", hall.path, "another number is built than asked", f"{over:+d}")


def _floor(design: Design, site: SiteDesign) -> Iterator[Fault]:
    """K4: every rack stands once, inside its hall, and not in another."""
    plan = site.network.floor
    standing = set(plan.racks)
    for rack in design.blueprint.racks:
        if rack.site == site.plan.name and rack.path not in standing:
            yield contradiction("K4", rack.path, "the rack stands nowhere", "-1")
    if len(standing) < len(plan.racks):
        count = len(plan.racks) - len(standing)
        yield contradiction("K4", site.plan.name, "racks stand twice", f"{count:+d}")
    for number, hall in enumerate(plan.halls):
        mine = plan.hall == number
        place = np.round(np.stack([plan.x_m[mine], plan.y_m[mine]]), 3)
        doubles = int(mine.sum()) - np.unique(place, axis=1).shape[1]
        if doubles:
            yield contradiction("K4", hall.path, "racks stand in one place", f"-{doubles}")
        bodies = [parts.rack_body(h.system) for h in site.plan.halls if h.path == hall.path]
        needed = sum(b.width_m * b.depth_m for b in bodies) * int(mine.sum())
        span_x, span_y = (float(np.ptp(axis)) if mine.any() else 0.0 for axis in place)
        left = min(hall.length_m - span_x, hall.width_m - span_y, hall.area_m2 - needed)
        if left < 0:
            yield contradiction("K4", hall.path, "its racks do not fit in it", f"{left:.2f} m")


def _bill(design: Design, site: SiteDesign) -> Iterator[Fault]:
    """K5: what is bought is what stands, is plugged in, feeds and cools."""
    bought: dict[tuple[str, str], int] = {}
    for line in design.bill:
        if line.site == site.plan.name:
            key = (line.group, line.item)
            bought[key] = bought.get(key, 0) + line.count
    for key, there in _there(site).items():
        if bought.get(key, 0) != there:
            where = f"{site.plan.name}: {': '.join(key)}"
            yield unequal("K5", where, "on the bill", bought.get(key, 0), there)


def _there(site: SiteDesign) -> dict[tuple[str, str], int]:
    """What a site has, by group and item of the bill."""
    found: dict[tuple[str, str], int] = {}

    def add(group: str, item: str, count: int) -> None:
        found[group, item] = found.get((group, item), 0) + count

    for kind in RackKind:
        standing = int((site.network.floor.kind == kind).sum())
        add("racks", f"{kind.name.lower()} racks", standing)
    for fabric in site.network.fabrics:
        add(fabric.name, f"{parts.switch(fabric.switch).title} switches", fabric.switches)
    for storage in site.network.storage:
        add("storage", parts.storage_product(storage.product).title, storage.nodes)
    for node in site.plant.power.tree.nodes:
        if node.part:
            part = plant.power_part(node.part)
            # A lineup of UPS is several modules.
            lineup = round((node.rating_kw or 0.0) / part.rating_kw) if part.kind == "ups" else 1
            add("power chain", part.title, lineup)
    for hall in site.plant.halls:
        for loop in hall.loops:
            for m in loop.machines:
                add("cooling", plant.cooling_part(m.part).title, m.installed)
    return found
