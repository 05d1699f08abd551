"""How the power chain of a site hangs together: feeds, blocks, systems, busways, racks.

Transformer, UPS and generator form a block. Blocks back each other up in systems: alone (N), with
one more than the load needs (N+1), in pairs (2N), or four that share what three can carry (4N3R).
A system serves one hall, so that places nest: site, hall, system, pair of busways, rack.
Every rack hangs on two busways, A and B, each able to carry its whole group.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from arkwright.catalog import plant
from arkwright.catalog.plant import PowerPart
from arkwright.design.power_tree import CASES, PowerNode, loads, tree_of
from arkwright.errors import InputError
from arkwright.factory import Power, Redundancy, UpsKind
from arkwright.physics import losses
from arkwright.physics.losses import LOSSLESS, LossCurve

UPS_KINDS = (UpsKind.ONLINE, UpsKind.ECO)
"""Those that stand in the chain."""
BUSWAY = "busway-1600"
"""The largest that is taken where the factory names none."""
SPARES_OF = {
    Redundancy.N: losses.N,
    Redundancy.N_PLUS_1: losses.N_PLUS_1,
    Redundancy.TWO_N: losses.TWO_N,
    Redundancy.FOUR_N_3R: losses.FOUR_N_3R,
}


class RackLoad(Struct, frozen=True, kw_only=True):
    """What a rack draws; basis IT."""

    path: str
    peak_kw: float
    typical_kw: float
    idle_kw: float
    shelves: int = 0
    pdus: int = 0


class _System(NamedTuple):
    """Racks whose blocks back each other up."""

    runs: list[list[RackLoad]]
    """Racks on one pair of busways each."""
    block_kw: float
    """What the fullest block delivers with any one lost, busway losses included."""
    blocks: int


def lay_out(
    site: str,
    racks: Sequence[RackLoad],
    section: Power,
    connection_kw: float | None,
    mechanical_kw: float,
) -> list[PowerNode]:
    """Every part between the utility and `racks`, parents first."""
    busway, usable_kw = busway_of(section, sum(rack.peak_kw for rack in racks))
    systems = [
        (f"{hall}/p{number:02d}", system)
        for hall, mine in _by_hall(racks).items()
        for number, system in enumerate(_systems(mine, section, busway, usable_kw), start=1)
    ]

    def below(tops: tuple[str, ...]) -> list[PowerNode]:
        nodes = []
        for path, system in systems:
            blocks = _blocks(path, system, section, tops)
            nodes += blocks
            nodes += _busways(path, system, section, blocks, busway, usable_kw)
        return [*nodes, *_mechanical(site, mechanical_kw, section.ups.redundancy, tops)]

    # What the site takes below its feeds, losses included, sizes what stands above.
    feeds = _feeds(site, _taken_in_all_kw(below(())), section, connection_kw)
    tops = tuple(node.path for node in feeds if node.kind == "transformer-hv")
    tops = tops or tuple(node.path for node in feeds if node.kind == "utility")
    return [*feeds, *below(tops)]


def busway_of(section: Power, load_kw: float) -> tuple[PowerPart, float]:
    """The busway that is named, else the smallest that carries all racks of a site, at most
    `BUSWAY`; and what it may carry for long [kW]."""
    derating = section.derating if section.derating is not None else plant.figure("derating")
    if section.busway is not None:
        part = plant.power_part(section.busway)
        return part, float(losses.usable_kw(part.rating_kw, derating))
    largest = plant.power_part(BUSWAY)
    sizes = [part for part in _sizes("busway") if part.rating_kw <= largest.rating_kw]
    usable = (part for part in sizes if losses.usable_kw(part.rating_kw, derating) >= load_kw)
    part = next(usable, largest)
    return part, float(losses.usable_kw(part.rating_kw, derating))


def system_of(path: str) -> str:
    """Place of a part of the chain: its system (`site/hall/p01`), `site/mech`, or the site."""
    return "/".join(path.split("/")[:-1][:3])


def _by_hall(racks: Sequence[RackLoad]) -> dict[str, list[RackLoad]]:
    """Racks of each hall in their order; halls by first appearance."""
    found: dict[str, list[RackLoad]] = {}
    for rack in racks:
        found.setdefault(rack.path.rpartition("/")[0], []).append(rack)
    return found


def smallest(kind: str, load_kw: float) -> PowerPart:
    """The smallest part of `kind` that carries `load_kw`, else the largest."""
    sizes = _sizes(kind)
    return next((part for part in sizes if part.rating_kw >= load_kw), sizes[-1])


def _sizes(kind: str) -> list[PowerPart]:
    sizes = [part for part in plant.power_parts().values() if part.kind == kind]
    return sorted(sizes, key=lambda part: part.rating_kw)


def _lineup(kind: UpsKind, block_kw: float) -> tuple[PowerPart, int]:
    """UPS modules for a block: one small one where that carries it, else so many large ones."""
    is_eco = kind is UpsKind.ECO
    sizes = [part for part in _sizes("ups") if part.name.endswith("-eco") is is_eco]
    part = next((part for part in sizes if part.rating_kw >= block_kw), sizes[-1])
    return part, math.ceil(block_kw / part.rating_kw)


def _taken_in_all_kw(nodes: Sequence[PowerNode]) -> float:
    """What the parts without parents take together at peak."""
    tree = tree_of("site", nodes)
    is_root = [not node.parents for node in tree.nodes]
    return float(loads(tree).taken_kw[is_root, 0].sum())


def curve_of(part: PowerPart) -> LossCurve:
    """The loss curve of a catalogue row: from losses in kW, or from efficiency at three loads."""
    if part.no_load_loss_kw is not None and part.load_loss_kw is not None:
        return losses.transformer_curve(part.no_load_loss_kw, part.load_loss_kw, part.rating_kw)
    points = (
        (part.load_low, part.efficiency_low),
        (part.load_mid, part.efficiency_mid),
        (1.0, part.efficiency_full),
    )
    known = [(load, eff) for load, eff in points if load is not None and eff is not None]
    return losses.converter_curve(known) if len(known) == len(points) else LOSSLESS


def _feeds(
    site: str, total_kw: float, section: Power, connection_kw: float | None
) -> list[PowerNode]:
    """The connection, its feeds, and HV/MV transformers beside each other where a site is large."""
    grid = PowerNode(path=f"{site}/grid", kind="grid", rating_kw=connection_kw)
    feeds = [
        PowerNode(
            path=f"{site}/feed-{n}", kind="utility", parents=(grid.path,), rating_kw=connection_kw
        )
        for n in range(1, section.feeds + 1)
    ]
    if total_kw < plant.figure("hv_from_kw"):
        return [grid, *feeds]
    part = smallest("transformer-hv", total_kw)
    count = losses.installed(math.ceil(total_kw / part.rating_kw), losses.N_PLUS_1)
    parents = tuple(feed.path for feed in feeds)
    return [
        grid,
        *feeds,
        *(_node(f"{site}/hv-{n}", part, parents) for n in range(1, count + 1)),
    ]


def _systems(
    racks: Sequence[RackLoad], section: Power, busway: PowerPart, usable_kw: float
) -> list[_System]:
    """Racks in order, in as few systems as carry them, near to equally."""
    largest = max(racks, key=lambda rack: rack.peak_kw, default=None)
    if largest is None:
        return []
    if largest.peak_kw > usable_kw:
        raise InputError(
            f"{largest.path} draws {largest.peak_kw:g} kW, above the {usable_kw:.0f} kW that a "
            "busway may carry; give power: {busway: …} a larger one"
        )
    capacity_kw = plant.figure("block_kw") * _working(section.ups.redundancy)
    biggest = smallest("transformer", math.inf).rating_kw
    total_kw = sum(rack.peak_kw for rack in racks)
    for count in itertools.count(max(1, math.ceil(total_kw / capacity_kw))):
        groups = [group for group in _equal(racks, count) if group]
        if all(sum(rack.peak_kw for rack in group) <= capacity_kw for group in groups):
            systems = [_system(group, section, busway, usable_kw) for group in groups]
            if all(_taken_kw(system.block_kw, section) <= biggest for system in systems):
                return systems
    raise AssertionError("a system of one rack fits")


def _system(
    group: Sequence[RackLoad], section: Power, busway: PowerPart, usable_kw: float
) -> _System:
    redundancy = section.ups.redundancy
    load_kw = sum(rack.peak_kw for rack in group)
    needed = math.ceil(load_kw / plant.figure("block_kw") - 1e-9)
    each_kw = load_kw / needed
    pairs = 6 if redundancy is Redundancy.FOUR_N_3R else 1
    runs = _runs(group, usable_kw, pairs)
    if redundancy is Redundancy.FOUR_N_3R:
        each_kw = _fullest_of_four_kw(runs)
    return _System(
        runs=runs,
        block_kw=each_kw * (1 + sum(curve_of(busway))),
        blocks=losses.installed(needed, SPARES_OF[redundancy]),
    )


def _fullest_of_four_kw(runs: Sequence[Sequence[RackLoad]]) -> float:
    """With one of four blocks lost, what the fullest other carries.

    Racks are not divisible, so pairs differ. Block j has half of each pair it shares with the
    others, and all of the one it shared with the lost block.
    """
    pairs = list(itertools.combinations(range(4), 2))
    shared = dict.fromkeys(pairs, 0.0)
    for number, run in enumerate(runs):
        shared[pairs[number % len(pairs)]] += sum(rack.peak_kw for rack in run)
    return max(
        sum(kw if lost in pair else kw / 2 for pair, kw in shared.items() if block in pair)
        for lost, block in itertools.permutations(range(4), 2)
    )


def _working(redundancy: Redundancy) -> int:
    """Blocks whose load a system of this kind may carry."""
    most = int(plant.figure("system_blocks_max"))
    counts = {Redundancy.N: 1, Redundancy.N_PLUS_1: most - 1, Redundancy.TWO_N: 1}
    return counts.get(redundancy, 3)


def _equal(racks: Sequence[RackLoad], count: int) -> list[list[RackLoad]]:
    """`count` runs of racks whose lengths differ by one at most."""
    edges = [len(racks) * n // count for n in range(count + 1)]
    return [list(racks[a:b]) for a, b in itertools.pairwise(edges)]


def _blocks(path: str, system: _System, section: Power, tops: tuple[str, ...]) -> list[PowerNode]:
    """Transformers and UPS lineups of one system, each as large as it must be with one lost."""
    transformer = smallest("transformer", _taken_kw(system.block_kw, section))
    nodes = []
    for letter in "abcdefgh"[: system.blocks]:
        above = _node(f"{path}/{letter}/transformer", transformer, tops)
        nodes.append(above)
        if section.ups.kind in UPS_KINDS:
            part, modules = _lineup(section.ups.kind, system.block_kw)
            nodes.append(_node(f"{path}/{letter}/ups", part, (above.path,), modules))
    return nodes


def _taken_kw(block_kw: float, section: Power) -> float:
    """What a block's UPS takes to deliver `block_kw`."""
    if section.ups.kind not in UPS_KINDS:
        return block_kw
    part, modules = _lineup(section.ups.kind, block_kw)
    lost_kw = losses.loss_kw(block_kw, modules * part.rating_kw, curve_of(part))
    return block_kw + float(lost_kw)


def _busways(
    path: str,
    system: _System,
    section: Power,
    blocks: Sequence[PowerNode],
    part: PowerPart,
    usable_kw: float,
) -> list[PowerNode]:
    """Pairs of busways and the racks on them."""
    last = "ups" if section.ups.kind in UPS_KINDS else "transformer"
    ends = [node.path for node in blocks if node.kind == last]
    sides = _sides(ends, section.ups.redundancy)
    nodes = []
    for number, run in enumerate(system.runs, start=1):
        side_a, side_b = sides[(number - 1) % len(sides)]
        pair = [
            _node(f"{path}/busway-{number:02d}{letter}", part, above, rating_kw=usable_kw)
            for letter, above in (("a", side_a), ("b", side_b))
        ]
        nodes += pair
        nodes += [_rack(rack, tuple(busway.path for busway in pair)) for rack in run]
    return nodes


def _runs(group: Sequence[RackLoad], usable_kw: float, pairs: int) -> list[list[RackLoad]]:
    """Racks of a system in runs that one busway carries; a multiple of `pairs` evens the blocks."""
    for count in itertools.count(max(1, math.ceil(sum(r.peak_kw for r in group) / usable_kw))):
        if count % pairs and len(group) >= pairs:
            continue
        runs = [run for run in _equal(group, count) if run]
        if all(sum(rack.peak_kw for rack in run) <= usable_kw for run in runs):
            return runs
    raise AssertionError("a run of one rack fits")


def _sides(
    ends: Sequence[str], redundancy: Redundancy
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Which blocks feed side A and side B of a pair of busways; pairs take turns."""
    whole = tuple(ends)
    if redundancy is Redundancy.TWO_N:
        half = len(whole) // 2
        return [(whole[:half], whole[half:])]
    if redundancy is Redundancy.FOUR_N_3R:
        return [((a,), (b,)) for a, b in itertools.combinations(whole, 2)]
    return [(whole, whole)]


def _mechanical(
    site: str, mechanical_kw: float, redundancy: Redundancy, tops: tuple[str, ...]
) -> list[PowerNode]:
    if mechanical_kw <= 0:
        return []
    needed = math.ceil(mechanical_kw / plant.figure("block_kw"))
    part = smallest("transformer", mechanical_kw / needed)
    count = losses.installed(needed, SPARES_OF[redundancy])
    above = [_node(f"{site}/mech/transformer-{n}", part, tops) for n in range(1, count + 1)]
    drawn = (mechanical_kw,) * len(CASES)
    cooling = PowerNode(
        path=f"{site}/mech/cooling",
        kind="cooling",
        parents=tuple(node.path for node in above),
        own_kw=(drawn[0], drawn[1], drawn[2]),
    )
    return [*above, cooling]


def _node(
    path: str,
    part: PowerPart,
    parents: tuple[str, ...],
    count: int = 1,
    rating_kw: float | None = None,
) -> PowerNode:
    """A part, or `count` of them as one lineup. The curve stays that of the full rating."""
    full = part.rating_kw * count
    rating = full if rating_kw is None else rating_kw
    curve = curve_of(part)
    scale = full / rating
    # The same loss in kW at the same load, though the rating is the derated one.
    rescaled = LossCurve(curve.constant * scale, curve.linear, curve.quadratic / scale)
    return PowerNode(
        path=path,
        kind=part.kind,
        parents=parents,
        rating_kw=rating,
        curve=rescaled,
        part=part.name,
    )


def _rack(rack: RackLoad, parents: tuple[str, ...]) -> PowerNode:
    drawn = (rack.peak_kw, rack.typical_kw, rack.idle_kw)
    return PowerNode(path=rack.path, kind="rack", parents=parents, own_kw=drawn)
