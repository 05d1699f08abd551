"""The power chain of a site: how many parts, what they lose, and what may be lost.

`power_layout` says how parts hang together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright import catalog
from arkwright.catalog import plant
from arkwright.design.blueprint import Finding, Rack, Severity
from arkwright.design.power_layout import RackLoad, lay_out, smallest
from arkwright.design.power_tree import (
    CASES,
    PowerTree,
    Removals,
    carried,
    loads,
    loss_findings,
    over_limit,
    removals,
    tree_of,
)
from arkwright.factory import Power, Redundancy
from arkwright.physics.losses import LOSSLESS

_STEPS = 21
"""Loads at which the chain's losses are worked out; between them they are interpolated."""


class Parts(Struct, frozen=True, kw_only=True):
    """How many of a part are installed."""

    kind: str
    part: str
    installed: int
    rating_kw: float
    """Of one, without derating."""


class PowerPlan(Struct, frozen=True, kw_only=True):
    """The chain of one site."""

    site: str
    tree: PowerTree
    parts: tuple[Parts, ...]
    it_kw: tuple[float, float, float]
    """Racks at peak, typical and idle, in the order of `power_tree.CASES`; basis IT."""
    input_kw: tuple[float, float, float]
    """What the feeds deliver: racks, losses, and cooling where it was given."""
    losses_kw: dict[str, tuple[float, float, float]]
    """By kind of part."""
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """Installed parts of `kind`."""
        return sum(parts.installed for parts in self.parts if parts.kind == kind)


def plan_power(
    site: str,
    racks: Sequence[RackLoad],
    section: Power,
    connection_kw: float | None = None,
    mechanical_kw: float = 0.0,
) -> PowerPlan:
    """The chain that carries `racks` and `mechanical_kw` of cooling; `connection_kw` is on grid.

    Each feed may carry the whole connection. Cooling has transformers of its own and no UPS.
    """
    nodes = lay_out(site, racks, section, connection_kw, mechanical_kw)
    tree = tree_of(site, nodes)
    load, removed = loads(tree), removals(tree)
    roots = [at for at, node in enumerate(tree.nodes) if not node.parents]
    return PowerPlan(
        site=site,
        tree=tree,
        parts=tuple(_parts(tree, racks, section, removed)),
        it_kw=_three(np.array([(r.peak_kw, r.typical_kw, r.idle_kw) for r in racks])),
        input_kw=_three(load.taken_kw[roots]),
        losses_kw=_losses_by_kind(tree),
        findings=tuple(_findings(tree, section, removed)),
    )


def rack_loads(racks: Sequence[Rack]) -> list[RackLoad]:
    """Loads of a blueprint's racks: the catalogue's typical and idle draw, else usual shares."""
    found = []
    for rack in racks:
        system = catalog.system(rack.system)
        idle = system.node_power_kw_idle
        typical = system.rack_power_kw_typical
        filled = rack.nodes / system.nodes_per_rack
        share, least = plant.figure("rack_typical_fraction"), plant.figure("rack_idle_fraction")
        is_shelved = system.name.endswith("nvl72")
        found.append(
            RackLoad(
                path=rack.path,
                peak_kw=rack.power_kw_max,
                typical_kw=rack.power_kw_max * share if typical is None else typical * filled,
                idle_kw=rack.power_kw_max * least if idle is None else idle * rack.nodes,
                shelves=int(plant.figure("nvl72_shelves")) if is_shelved else 0,
                pdus=0 if is_shelved else int(plant.figure("dgx_rack_pdus")),
            )
        )
    return found


def chain_losses_kw(plan: PowerPlan, it_load: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Losses of the chain at the share `it_load` (0..1) of the racks' peak, any shape."""
    steps = np.linspace(0.0, 1.0, _STEPS)
    peak = np.array([node.own_kw[0] for node in plan.tree.nodes])
    varies = np.array([node.kind == "rack" for node in plan.tree.nodes])
    own = peak[:, None] * np.where(varies[:, None], steps[None, :], 1.0)
    lost = carried(plan.tree, own).lost_kw.sum(axis=0)
    return np.asarray(np.interp(it_load, steps, lost))


def _parts(
    tree: PowerTree, racks: Sequence[RackLoad], section: Power, removed: Removals
) -> Iterator[Parts]:
    """Counts by catalogue part; generators carry what transformers do at the worst."""
    counts: dict[str, int] = {}
    for node in tree.nodes:
        if node.part:
            part = plant.power_part(node.part)
            lineup = round((node.rating_kw or 0.0) / part.rating_kw) if part.kind == "ups" else 1
            counts[part.name] = counts.get(part.name, 0) + lineup
    if section.generators:
        worst = removed.worst_kw(tree)
        for at, node in enumerate(tree.nodes):
            if node.kind == "transformer":
                each = smallest("generator", worst[at])
                behind = math.ceil(worst[at] / each.rating_kw)
                counts[each.name] = counts.get(each.name, 0) + behind
    counts["shelf-33"] = sum(rack.shelves for rack in racks)
    for name, count in counts.items():
        if count:
            part = plant.power_part(name)
            yield Parts(kind=part.kind, part=name, installed=count, rating_kw=part.rating_kw)
    pdus = sum(rack.pdus for rack in racks)
    if pdus:
        most = max(rack.peak_kw for rack in racks if rack.pdus)
        yield Parts(kind="rack-pdu", part="", installed=pdus, rating_kw=most)
    yield Parts(kind="utility", part="", installed=section.feeds, rating_kw=0.0)


def _losses_by_kind(tree: PowerTree) -> dict[str, tuple[float, float, float]]:
    lost = loads(tree).lost_kw
    kinds = list(dict.fromkeys(node.kind for node in tree.nodes if node.curve != LOSSLESS))
    return {
        kind: _three(lost[[at for at, node in enumerate(tree.nodes) if node.kind == kind]])
        for kind in kinds
    }


def _findings(tree: PowerTree, section: Power, removed: Removals) -> Iterator[Finding]:
    """Demand above a limit, and what no reserve stands behind; generators stand behind the grid."""
    yield from over_limit(tree)
    kinds = {node.kind for node in tree.nodes} - {"grid"}
    if section.ups.redundancy is Redundancy.N:
        text = "power: redundancy N, so any transformer or UPS that is lost takes its racks along"
        yield Finding(severity=Severity.NOTE, where=tree.name, text=text)
        kinds -= {"transformer", "ups"}
    yield from loss_findings(tree, removed, tuple(kinds))
    if not section.generators:
        text = "power: no generators, so the site goes dark with the grid"
        yield Finding(severity=Severity.NOTE, where=tree.name, text=text)


def _three(rows: NDArray[np.float64]) -> tuple[float, float, float]:
    peak, typical, idle = (float(v) for v in rows.reshape(-1, len(CASES)).sum(axis=0))
    return peak, typical, idle
