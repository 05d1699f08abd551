"""What a designed chain carries: of each system and pair of busways, and through the connection.

A system of blocks carries what its blocks deliver with any one of them lost, its racks in
proportion to their maximum; a pair of busways what one of the two may carry. The layout is read
from the tree, so that it is not known twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from arkwright.design.power_layout import system_of
from arkwright.design.power_tree import PowerNode, PowerTree, carried
from arkwright.design.whole import SiteDesign
from arkwright.factory import PowerBasis, Site
from arkwright.physics import losses

_STEPS = 65
"""Draws at which the site's demand is worked out; between them it is interpolated, which errs on
the side of more demand since losses grow faster than the load."""


class Capacity(Struct, frozen=True, kw_only=True):
    """A system of blocks or a pair of busways; basis IT, all racks on it."""

    path: str
    capacity_kw: float
    """With any one part lost, where another stands in for it."""
    peak_kw: float
    """What its racks draw at most."""
    racks: tuple[str, ...]
    is_run: bool
    """Whether it is a pair of busways, on which its racks hang directly."""
    basis: str


class _Run(Struct, frozen=True, kw_only=True):
    """Racks on one pair of busways."""

    busways: tuple[PowerNode, ...]
    racks: tuple[str, ...]
    peak_kw: float

    @property
    def path(self) -> str:
        """Of the pair: what its two busways are called before the letter of their side."""
        return self.busways[0].path[:-1]


def chain_capacity(tree: PowerTree) -> Iterator[Capacity]:
    """Every system of `tree` and, after each, its pairs of busways."""
    by_path = {node.path: node for node in tree.nodes}
    systems: dict[str, list[_Run]] = {}
    for run in _runs(tree, by_path):
        systems.setdefault(system_of(run.path), []).append(run)
    for path, runs in systems.items():
        yield _system(path, runs, by_path)
        for run in runs:
            busway_kw = min(_rating_kw(busway) for busway in run.busways)
            yield Capacity(
                path=run.path,
                capacity_kw=busway_kw,
                peak_kw=run.peak_kw,
                racks=run.racks,
                is_run=True,
                basis=f"one of {len(run.busways)} busways, derated",
            )


def connection_rack_kw(site: Site, design: SiteDesign, node_racks: Collection[str]) -> float | None:
    """The most that racks of nodes may draw for the site to stay within its connection [kW IT].

    `node_racks` are their paths; all other racks (network, storage, servers) draw their maximum,
    and cooling what it does in the hour it is sized for; losses are those at each draw. None where
    the connection bounds nothing.
    """
    limit_kw, basis = site.grid.connection, site.grid.basis
    if limit_kw is None or basis is PowerBasis.AI_CAPACITY:
        return None
    chain, rack_kw = design.plant.power, design.power.rack_kw_max
    beside_kw = chain.it_kw[0] - rack_kw
    if basis is PowerBasis.IT:
        return limit_kw - beside_kw
    # What is designed for is one of the draws, so that a site that just fits is not cut.
    draws = np.union1d(np.linspace(0.0, limit_kw, _STEPS), [rack_kw])
    own = np.array([node.own_kw[0] for node in chain.tree.nodes])
    varies = np.array([node.path in node_racks for node in chain.tree.nodes])
    share = np.where(varies[:, None], draws[None, :] / rack_kw, 1.0)
    load = carried(chain.tree, own[:, None] * share)
    is_root = [not node.parents for node in chain.tree.nodes]
    is_high = [node.kind == "transformer-hv" for node in chain.tree.nodes]
    high_kw = load.lost_kw[is_high].sum(axis=0)
    facility_kw = load.taken_kw[is_root].sum(axis=0) - high_kw
    if site.pue is not None:
        facility_kw = (draws + beside_kw) * site.pue
    demand_kw = facility_kw + (high_kw if basis is PowerBasis.GRID else 0.0)
    return float(np.interp(limit_kw, demand_kw, draws, left=0.0))


def _runs(tree: PowerTree, by_path: Mapping[str, PowerNode]) -> Iterator[_Run]:
    """Racks by the busways they hang on."""
    hung: dict[tuple[str, ...], list[PowerNode]] = {}
    for node in tree.nodes:
        if node.kind == "rack":
            hung.setdefault(node.parents, []).append(node)
    for parents, racks in hung.items():
        yield _Run(
            busways=tuple(by_path[path] for path in parents),
            racks=tuple(rack.path for rack in racks),
            peak_kw=sum(rack.own_kw[0] for rack in racks),
        )


def _system(path: str, runs: Sequence[_Run], by_path: Mapping[str, PowerNode]) -> Capacity:
    """What the blocks carry with the worst of them lost, all racks scaled alike."""
    ends = list(dict.fromkeys(end for run in runs for way in run.busways for end in way.parents))
    cases = [set(ends), *(set(ends) - {lost} for lost in ends if _all_fed(runs, lost))]
    most = min(
        _end_kw(by_path[end], by_path) / load_kw
        for alive in cases
        for end, load_kw in _end_loads_kw(runs, alive).items()
    )
    peak_kw = sum(run.peak_kw for run in runs)
    spare = "with any one lost" if len(cases) > 1 else "none in reserve"
    return Capacity(
        path=path,
        capacity_kw=peak_kw * most,
        peak_kw=peak_kw,
        racks=tuple(rack for run in runs for rack in run.racks),
        is_run=False,
        basis=f"{len(ends)} {'block' if len(ends) == 1 else 'blocks'}, {spare}",
    )


def _all_fed(runs: Sequence[_Run], lost: str) -> bool:
    return all(any(set(way.parents) - {lost} for way in run.busways) for run in runs)


def _end_loads_kw(runs: Sequence[_Run], alive: Collection[str]) -> dict[str, float]:
    """What each block's last part delivers when all racks draw their maximum."""
    found: dict[str, float] = {}
    for run in runs:
        fed = [(way, [end for end in way.parents if end in alive]) for way in run.busways]
        fed = [(way, ends) for way, ends in fed if ends]
        for way, ends in fed:
            # Losses as at the full rating: a busway has less.
            share_kw = run.peak_kw / len(fed) * (1 + sum(way.curve))
            for end in ends:
                found[end] = found.get(end, 0.0) + share_kw / len(ends)
    return found


def _end_kw(end: PowerNode, by_path: Mapping[str, PowerNode]) -> float:
    """What a block's last part may deliver: its own rating, or what that above lets it take."""
    most = _rating_kw(end)
    above = by_path[end.parents[0]] if end.kind == "ups" else None
    if above is None:
        return most
    return min(most, losses.delivered_kw_max(_rating_kw(above), _rating_kw(end), end.curve))


def _rating_kw(node: PowerNode) -> float:
    return float("inf") if node.rating_kw is None else node.rating_kw
