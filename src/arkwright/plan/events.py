"""A tree of named events, and the slots that it makes of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from arkwright.factory import Factory, quarters
from arkwright.factory.futures_spec import NEVER, Event, parse_lag
from arkwright.plan.realise import Effect
from arkwright.plan.rollout import Ints, Rollout

START = ""
"""The node before anything is known."""


class Branch(Struct, frozen=True, kw_only=True):
    """A way from the start to a leaf of the tree."""

    name: str
    """Of the leaf."""
    probability: float
    nodes: tuple[str, ...]
    """From START to the leaf."""
    starts: tuple[int, ...]
    """Quarter from which each is known."""


class Slots(Struct, frozen=True, kw_only=True, eq=False):
    """As in `Futures`."""

    path: Ints
    quarter: Ints
    name: tuple[str, ...]


def branches(tree: Mapping[str, Event], first: str) -> list[Branch]:
    """Every way through the tree, in the order of the file; `first` is the first quarter."""
    parents = {event.parent for event in tree.values()}
    found = []
    for name, event in tree.items():
        if name in parents:
            continue
        way = [name]
        probability = event.probability
        while (above := tree[way[-1]].parent) is not None:
            way.append(above)
            probability *= tree[above].probability
        way.reverse()
        starts = [_start(tree[node], first) for node in way]
        found.append(
            Branch(
                name=name,
                probability=probability,
                nodes=(START, *way),
                starts=(0, *starts),
            )
        )
    return found


def slots(ways: Sequence[Branch], names: Sequence[str]) -> Slots:
    """A slot for every node and quarter that it holds in, in the order of quarters."""
    index: dict[tuple[int, str], int] = {}
    path = np.zeros((len(ways), len(names)), dtype=np.int64)
    for t in range(len(names)):
        for w, way in enumerate(ways):
            node = way.nodes[max(i for i, start in enumerate(way.starts) if start <= t)]
            path[w, t] = index.setdefault((t, node), len(index))
    return Slots(
        path=path,
        quarter=np.array([t for t, _ in index], dtype=np.int64),
        name=tuple(f"{node} {names[t]}".strip() for t, node in index),
    )


def effects(factory: Factory, rollout: Rollout, way: Branch) -> list[Effect]:
    """What happens along a way, in order of time."""
    assert factory.programme is not None
    tree = factory.programme.futures.tree
    return [
        _effect(factory, rollout, tree[node], start)
        for node, start in zip(way.nodes[1:], way.starts[1:], strict=True)
    ]


def _start(event: Event, first: str) -> int:
    return 0 if event.from_ is None else quarters.number(event.from_) - quarters.number(first)


def _effect(factory: Factory, rollout: Rollout, event: Event, start: int) -> Effect:
    names, power = rollout.names, rollout.power
    tranche_site = [names.sites[s] for s in power.tranche_site]
    place_site = [names.sites[s] for s in power.place_site]
    generations = names.generations
    return Effect(
        start=start,
        rental=event.rental,
        carbon=event.carbon,
        demand=np.array([event.demand.get(name, 1.0) for name in names.classes]),
        energy=np.array([_energy(factory, event, site) for site in names.sites]),
        tranche=_lags(event.tranches, names.tranches, tranche_site, len(names.quarters)),
        hall=_lags(event.halls, names.places, place_site, len(names.quarters)),
        generation=_lags(event.generations, generations, generations, len(names.quarters)),
        supply=np.array([event.supply.get(name, 1.0) for name in generations]),
    )


def _energy(factory: Factory, event: Event, site: str) -> float:
    """The most particular factor that is given: of the site, its zone, its country."""
    place = factory.sites[site]
    for key in (site, place.grid.zone, place.country):
        if key is not None and key in event.energy:
            return event.energy[key]
    return 1.0


def _lags(
    given: Mapping[str, str], names: Sequence[str], sites: Sequence[str], horizon: int
) -> Ints:
    texts = [given.get(name, given.get(site)) for name, site in zip(names, sites, strict=True)]
    lags = [0 if text is None else parse_lag(text) for text in texts]
    return np.array([horizon if lag == NEVER else lag for lag in lags], dtype=np.int64)
