"""What hangs on what in a designed factory: leaf groups, busways or PDUs, CDUs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from arkwright.design.blueprint import LEVELS
from arkwright.design.fabric.build import Role
from arkwright.design.whole import Design, SiteDesign
from arkwright.jobs.spec import Level
from arkwright.twin.failures.places import Group, Topology
from arkwright.twin.failures.spec import Part
from arkwright.twin.record import Places


def topology_of(design: Design, places: Places) -> Topology:
    """The groups of `design` for the nodes of `places`, which are found by their paths.

    - A leaf group has the leaves of its compute fabric, all of them needed.
    - A rack hangs on the parts that its cords come from; with two cords one may be out.
    - The CDUs that a hall needs share its nodes in order. A hall with more than it needs has one
      that stands in for whichever is out.

    Halls need no group. Nodes that the design does not have hang on none.
    """
    return Topology((*_leaves(design, places), *_feeds(design, places), *_cdus(design, places)))


def group_of(part: Part, names: Sequence[str | None], parts: int = 1, spare: int = 0) -> Group:
    """The group in which node i hangs on `names[i]`; None on nothing."""
    path = list(dict.fromkeys(name for name in names if name is not None))
    index: dict[str | None, int] = {name: place for place, name in enumerate(path)}
    of_node = np.array([index.get(name, -1) for name in names], np.int64)
    return Group(part, path, of_node, parts, spare)


def _leaves(design: Design, places: Places) -> Iterable[Group]:
    level = LEVELS.index(Level.LEAF)
    leaf = {node.path: node.domains[level] for node in design.blueprint.nodes}
    system = {node.path: (node.site, node.system) for node in design.blueprint.nodes}
    for site in design.sites:
        for fabric in site.network.fabrics:
            if fabric.role is Role.COMPUTE and fabric.size is not None:
                here = (site.plan.name, fabric.system)
                names = [leaf[p] if system.get(p) == here else None for p in places.path]
                found = group_of(Part.LEAF, names)
                if found.path:
                    yield found._replace(parts=max(1, fabric.size.leaf // len(found.path)))


def _feeds(design: Design, places: Places) -> Iterable[Group]:
    parents = {part.path: part.parents for site in design.sites
               for part in site.plant.power.tree.nodes if part.kind == "rack"}  # fmt: skip
    of_rack = [parents.get(places.racks[rack], ()) for rack in places.rack]
    for cords in sorted({len(above) for above in of_rack if above}):
        names = ["+".join(above) if len(above) == cords else None for above in of_rack]
        yield group_of(Part.PDU, names, parts=cords, spare=cords - 1)


def _cdus(design: Design, places: Places) -> Iterable[Group]:
    for has_spare in (False, True):
        names: list[str | None] = [None] * len(places.path)
        for site in design.sites:
            _cdus_of(site, has_spare, places, names)
        if any(name is not None for name in names):
            parts = 2 if has_spare else 1
            yield group_of(Part.CDU, names, parts=parts, spare=parts - 1)


def _cdus_of(site: SiteDesign, has_spare: bool, places: Places, names: list[str | None]) -> None:
    for hall in site.plant.halls:
        cdus = next((m for loop in hall.loops for m in loop.machines if m.kind == "cdu"), None)
        if cdus is None or (cdus.installed > cdus.needed) is not has_spare:
            continue
        if hall.path not in places.halls:
            continue
        here = np.flatnonzero(places.hall == places.halls.index(hall.path))
        for number, node in enumerate(here.tolist()):
            names[node] = f"{hall.path}/cdu-{number * cdus.needed // len(here) + 1:03d}"
