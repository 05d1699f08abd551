"""The cable schedule: every link of a site with both ends, its length and how it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.catalog.parts import CableEnds, CableKind, CablePart
from arkwright.errors import InputError

Floats = NDArray[np.float64]
_CHUNK = 65_536
"""Rows of a schedule that are turned into text at a time."""


class Tier(IntEnum):
    """Between what a link runs."""

    NODE_LEAF = 0
    LEAF_SPINE = 1
    SPINE_CORE = 2
    MANAGER = 3
    """From a fabric manager to a free port of a leaf."""
    MANAGEMENT = 4
    """From a management port to an out-of-band switch."""


TIER_NAMES = ("node-leaf", "leaf-spine", "spine-core", "manager", "management")


class Devices(Struct, frozen=True, kw_only=True, eq=False):
    """What links end on: columns of one length [n_devices]."""

    path: tuple[str, ...]
    rack: NDArray[np.int32]
    """Index in the floor plan."""
    z_m: Floats
    """Height above the floor."""
    is_switch: NDArray[np.bool_]


class Schedule(Struct, frozen=True, kw_only=True, eq=False):
    """Links of one site: columns of one length [n_links]. Ports count from 0."""

    devices: Devices
    fabrics: tuple[str, ...]
    fabric: NDArray[np.int8]
    tier: NDArray[np.int8]
    """`Tier`."""
    plane: NDArray[np.int8]
    a: NDArray[np.int32]
    """The lower end, an index in `devices`."""
    a_port: NDArray[np.int16]
    b: NDArray[np.int32]
    b_port: NDArray[np.int16]
    length_m: NDArray[np.float32]
    """As sold."""
    parts: tuple[str, ...]
    part: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.a)


class Batch(Struct, frozen=True, kw_only=True, eq=False):
    """Links of one tier of one plane of one fabric, before they have lengths."""

    fabric: str
    tier: Tier
    plane: int
    gbit_s: float
    a: NDArray[np.int32]
    a_port: NDArray[np.int32]
    b: NDArray[np.int32]
    b_port: NDArray[np.int32]


def schedule(batches: Sequence[Batch], devices: Devices, x_m: Floats, y_m: Floats) -> Schedule:
    """`batches` as one table. `x_m`, `y_m` [n_racks] are the racks' centres.

    InputError where a link is longer than any cable of its speed.
    """
    fabrics = tuple(dict.fromkeys(batch.fabric for batch in batches))
    known: list[str] = []
    lengths: list[NDArray[np.float32]] = []
    made: list[NDArray[np.int8]] = []
    for batch in batches:
        way_m = _ways_m(batch, devices, x_m, y_m)
        between = batch.tier in (Tier.LEAF_SPINE, Tier.SPINE_CORE)
        lower = CableEnds.SWITCH if between else CableEnds.NODE
        options = parts.cable_parts(batch.gbit_s, lower)
        index, sold_m = cut(way_m, options)
        known += [option.name for option in options if option.name not in known]
        codes = np.array([known.index(option.name) for option in options], dtype=np.int8)
        made.append(codes[index])
        lengths.append(sold_m.astype(np.float32))
    sizes = [len(batch.a) for batch in batches]

    def repeated(values: Sequence[int]) -> NDArray[np.int8]:
        return np.repeat(np.array(values, dtype=np.int8), sizes)

    def joined(name: str) -> NDArray[np.int32]:
        columns = [getattr(batch, name) for batch in batches]
        return np.concatenate([np.zeros(0, dtype=np.int32), *columns]).astype(np.int32)

    return Schedule(
        devices=devices,
        fabrics=fabrics,
        fabric=repeated([fabrics.index(batch.fabric) for batch in batches]),
        tier=repeated([batch.tier for batch in batches]),
        plane=repeated([batch.plane for batch in batches]),
        a=joined("a"),
        a_port=joined("a_port").astype(np.int16),
        b=joined("b"),
        b_port=joined("b_port").astype(np.int16),
        length_m=np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.float32),
        parts=tuple(known),
        part=np.concatenate(made) if made else np.zeros(0, dtype=np.int8),
    )


def cut(way_m: Floats, options: Sequence[CablePart]) -> tuple[NDArray[np.intp], Floats]:
    """Per way: the first option that reaches, and the shortest of its lengths that does."""
    reaches = np.array([option.reach_m for option in options])
    index = np.searchsorted(reaches, way_m)
    if (index == len(options)).any():
        raise InputError(
            f"a link of {way_m.max():,.0f} m is longer than {options[-1].title} reaches "
            f"({reaches[-1]:,.0f} m); divide the hall, or give its halls fabrics of their own"
        )
    sold_m = np.empty_like(way_m)
    for number, option in enumerate(options):
        mine = index == number
        lengths = np.array(option.lengths)
        sold_m[mine] = lengths[np.searchsorted(lengths, way_m[mine])]
    return index, sold_m


def _ways_m(batch: Batch, devices: Devices, x_m: Floats, y_m: Floats) -> Floats:
    """Up to the trays, along and across them, and down; inside one rack, straight."""
    tray_m = parts.rule("tray_height_m").value
    rack_a, rack_b = devices.rack[batch.a], devices.rack[batch.b]
    z_a, z_b = devices.z_m[batch.a], devices.z_m[batch.b]
    over = np.abs(x_m[rack_a] - x_m[rack_b]) + np.abs(y_m[rack_a] - y_m[rack_b])
    outside = over + (tray_m - z_a) + (tray_m - z_b)
    way = np.where(rack_a == rack_b, np.abs(z_a - z_b), outside)
    slack = 1 + parts.rule("cable_slack_fraction").value
    result: Floats = (way + parts.rule("cable_service_m").value) * slack
    return result


class Optics(Struct, frozen=True, kw_only=True):
    """Modules and what they draw; basis IT."""

    switch_modules: int
    far_modules: int
    """In NICs and appliances; inside what their makers state for them."""
    switch_kw: float
    far_kw: float


def optics(table: Schedule, fabric: str) -> Optics:
    """Modules of the links of `fabric`; active cables have none, but draw power."""
    found = optics_by_part(table, fabric).values()
    return Optics(
        switch_modules=sum(each.switch_modules for each in found),
        far_modules=sum(each.far_modules for each in found),
        switch_kw=sum(each.switch_kw for each in found),
        far_kw=sum(each.far_kw for each in found),
    )


def optics_by_part(table: Schedule, fabric: str) -> dict[str, Optics]:
    """The same by way of making the link, in the order of `table.parts`; unused ones left out."""
    mine = table.fabric == table.fabrics.index(fabric) if fabric in table.fabrics else None
    result: dict[str, Optics] = {}
    for code, name in enumerate(table.parts):
        chosen = np.zeros(len(table), dtype=bool) if mine is None else mine & (table.part == code)
        links = int(chosen.sum())
        if not links:
            continue
        part = parts.cable_part(name)
        lower = table.a[chosen]
        from_switch = table.devices.is_switch[lower]
        uplinks = int(from_switch.sum())
        has_modules = part.kind is CableKind.OPTICS
        ends = [table.b[chosen], lower[from_switch]] if has_modules else []
        result[name] = Optics(
            switch_modules=sum(_modules(end, part.links_per_module) for end in ends),
            far_modules=links - uplinks if has_modules else 0,
            switch_kw=part.power_w_near * (links + uplinks) / 1000,
            far_kw=part.power_w_far * (links - uplinks) / 1000,
        )
    return result


def _modules(ends: NDArray[np.int32], links_per_module: int) -> int:
    return int(-(-np.bincount(ends) // links_per_module).sum()) if len(ends) else 0


HEADER = "fabric,tier,plane,a,a_port,b,b_port,length_m,cable\n"


def schedule_csv(table: Schedule) -> Iterator[str]:
    """The schedule as CSV, in pieces of many lines: `"".join` gives the file. Ports count from 1.

    Paths hold no comma or quote (names are lower-case letters, digits and hyphens).
    """
    yield HEADER
    paths = table.devices.path
    for first in range(0, len(table), _CHUNK):
        rows = slice(first, first + _CHUNK)
        columns = zip(
            table.fabric[rows].tolist(),
            table.tier[rows].tolist(),
            table.plane[rows].tolist(),
            table.a[rows].tolist(),
            table.a_port[rows].tolist(),
            table.b[rows].tolist(),
            table.b_port[rows].tolist(),
            table.length_m[rows].tolist(),
            table.part[rows].tolist(),
            strict=True,
        )
        yield "".join(
            f"{table.fabrics[fabric]},{TIER_NAMES[tier]},{plane + 1},{paths[a]},{a_port + 1},"
            f"{paths[b]},{b_port + 1},{length:g},{table.parts[part]}\n"
            for fabric, tier, plane, a, a_port, b, b_port, length, part in columns
        )
