"""The floor of a site: its racks in rows, metres from the corner of the first hall.

Rows hold a number of racks that the catalogue sets. Two rows with a hot aisle between them are a
pair; between pairs lies a cold aisle. Liquid-cooled racks need whole pairs, for the pipes run
between the two rows, so every hall is laid in pairs. Compute racks fill the rows in order, and the
racks of the leaf switches stand at the end of the racks they serve; central racks (spines, cores,
managers) and storage have pairs of their own in the middle, where the ways are shortest. Many rows
are laid in blocks side by side, so that a hall is about square. Adding racks at the end never
renames a rack, but may move one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.catalog.plant import PowerPart
from arkwright.design.blueprint import Finding, Severity
from arkwright.design.power_layout import busway_of
from arkwright.factory import Power

Floats = NDArray[np.float64]
Shorts = NDArray[np.int16]


class RackKind(IntEnum):
    """What stands in a rack."""

    COMPUTE = 0
    NETWORK = 1
    """Leaf switches and what belongs to their nodes."""
    CENTRAL = 2
    """Spines, cores, managers, servers."""
    STORAGE = 3


class HallRacks(Struct, frozen=True, kw_only=True):
    """The racks of one hall, as they are to stand."""

    path: str
    system: str
    ordinary: tuple[tuple[str, RackKind], ...]
    """Compute and network racks by path, in the order of their places."""
    central: tuple[tuple[str, RackKind], ...]


class HallFloor(Struct, frozen=True, kw_only=True):
    """One hall in metres."""

    path: str
    rows: int
    racks: int
    length_m: float
    """Along the rows."""
    width_m: float

    @property
    def area_m2(self) -> float:
        """Aisles included."""
        return self.length_m * self.width_m


class FloorPlan(Struct, frozen=True, kw_only=True, eq=False):
    """Every rack of a site: columns of one length [n_racks]."""

    halls: tuple[HallFloor, ...]
    racks: tuple[str, ...]
    """Paths; hall by hall, ordinary racks, then central ones."""
    kind: NDArray[np.int8]
    """`RackKind`."""
    hall: NDArray[np.int16]
    row: NDArray[np.int16]
    """From 1, in its hall."""
    place: NDArray[np.int16]
    """From 1, in its row."""
    x_m: Floats
    """Along the rows; of the rack's centre."""
    y_m: Floats
    mass_kg: Floats


def floor(halls: Sequence[HallRacks]) -> FloorPlan:
    """`halls` beside each other along x. The same racks always stand in the same places."""
    laid: list[_Laid] = []
    origin_m = 0.0
    for hall in halls:
        laid.append(_lay(hall, origin_m))
        origin_m += laid[-1].plan.length_m + parts.rule("hall_gap_m").value
    every = [entry for hall in halls for entry in (*hall.ordinary, *hall.central)]
    plans = tuple(hall.plan for hall in laid)
    return FloorPlan(
        halls=plans,
        racks=tuple(path for path, _ in every),
        kind=np.array([kind for _, kind in every], dtype=np.int8),
        hall=np.repeat(np.arange(len(plans), dtype=np.int16), [plan.racks for plan in plans]),
        row=np.concatenate([hall.row for hall in laid]),
        place=np.concatenate([hall.place for hall in laid]),
        x_m=np.concatenate([hall.x_m for hall in laid]),
        y_m=np.concatenate([hall.y_m for hall in laid]),
        mass_kg=np.concatenate([hall.mass_kg for hall in laid]),
    )


def limits(
    plan: FloorPlan, halls: Sequence[HallRacks], power_kw: Floats, section: Power
) -> list[Finding]:
    """Racks too heavy for the floor or too hot for air, and rows beyond one busway of `section`.

    `power_kw` [n_racks] is what each rack draws at most; basis IT.
    """
    found: list[Finding] = []
    for index, hall in enumerate(halls):
        mine = plan.hall == index
        found += _floor_load(hall, float(plan.mass_kg[mine].max(initial=0.0)))
        found += _air(hall)
        row_kw = float(np.bincount(plan.row[mine], weights=power_kw[mine]).max(initial=0.0))
        rack_kw = float(power_kw[mine].max(initial=0.0))
        found += _busway(hall, row_kw, rack_kw, float(power_kw.sum()), section)
    return found


def floor_load_kg_per_m2(mass_kg: float, width_m: float, depth_m: float) -> float:
    """A rack's mass over its footprint and its half of the aisles before and behind it."""
    aisles_m = parts.rule("aisle_cold_m").value + parts.rule("aisle_hot_m").value
    return mass_kg / (width_m * (depth_m + aisles_m / 2))


class _Laid(Struct, frozen=True, kw_only=True, eq=False):
    plan: HallFloor
    row: Shorts
    place: Shorts
    x_m: Floats
    y_m: Floats
    mass_kg: Floats


def _lay(hall: HallRacks, origin_m: float) -> _Laid:
    """One hall, its left wall at `origin_m`."""
    body, aisle_m = parts.rack_body(hall.system), parts.rule("aisle_cold_m").value
    row, place, rows = _places(hall)
    blocks = _blocks(rows, int(place.max()) * body.width_m, body.depth_m)
    # Whole pairs in every block.
    block_rows = 2 * -(-rows // (2 * blocks))
    block, block_row = (row - 1) // block_rows, (row - 1) % block_rows + 1
    block_m = int(place.max()) * body.width_m + aisle_m
    last_m = float(_row_y_m(np.array([min(rows, block_rows)]), body.depth_m)[0])
    plan = HallFloor(
        path=hall.path,
        rows=rows,
        racks=len(place),
        length_m=blocks * block_m + aisle_m,
        width_m=last_m + body.depth_m / 2 + aisle_m,
    )
    x_m: Floats = origin_m + aisle_m + block * block_m + (place - 0.5) * body.width_m
    kinds = [kind for _, kind in (*hall.ordinary, *hall.central)]
    return _Laid(
        plan=plan,
        row=row,
        place=place,
        x_m=x_m,
        y_m=_row_y_m(block_row, body.depth_m),
        mass_kg=_masses(hall, kinds),
    )


def _places(hall: HallRacks) -> tuple[Shorts, Shorts, int]:
    """Row and place of each rack, and the rows of the hall (always whole pairs)."""
    per_row = int(parts.rule("racks_per_row").value)
    ordinary = np.arange(len(hall.ordinary))
    central = np.arange(len(hall.central))
    rows = 2 * -(-len(ordinary) // (2 * per_row))
    central_rows = 2 * -(-len(central) // (2 * per_row))
    before = 2 * (rows // 4)
    row = ordinary // per_row
    row = row + np.where(row >= before, central_rows, 0)
    all_rows = np.concatenate([row, before + central // per_row]) + 1
    place = np.concatenate([ordinary % per_row, central % per_row]) + 1
    return all_rows.astype(np.int16), place.astype(np.int16), rows + central_rows


def _blocks(rows: int, row_m: float, depth_m: float) -> int:
    """Blocks of rows side by side that make the hall about square; odd, so one is the middle."""
    aisles_m = parts.rule("aisle_cold_m").value + parts.rule("aisle_hot_m").value
    ratio = math.sqrt(rows * (depth_m + aisles_m / 2) / row_m)
    return 2 * math.floor(ratio / 2) + 1


def _row_y_m(row: NDArray[np.signedinteger], depth_m: float) -> Floats:
    """Middle of each row (from 1), from the wall: a cold aisle, a pair of rows, and so on."""
    cold_m, hot_m = parts.rule("aisle_cold_m").value, parts.rule("aisle_hot_m").value
    pair, second = (row - 1) // 2, (row - 1) % 2
    first_m = cold_m + depth_m / 2
    y_m: Floats = first_m + pair * (2 * depth_m + hot_m + cold_m) + second * (depth_m + hot_m)
    return y_m


def _masses(hall: HallRacks, kinds: Sequence[RackKind]) -> Floats:
    names = {RackKind.COMPUTE: hall.system, RackKind.STORAGE: "storage"}
    by_kind = [parts.rack_body(names.get(kind, "network")).mass_kg for kind in RackKind]
    return np.array(by_kind)[np.array(kinds, dtype=np.int8)]


def _floor_load(hall: HallRacks, mass_kg: float) -> list[Finding]:
    body, rule = parts.rack_body(hall.system), parts.rule("floor_kg_per_m2_max")
    load = floor_load_kg_per_m2(mass_kg, body.width_m, body.depth_m)
    if load <= rule.value:
        return []
    text = f"a rack of {mass_kg:,.0f} kg puts {load:,.0f} kg/m2 on a floor for {rule.value:,.0f}"
    return [_warning(hall.path, f"{text}; widen the aisles or strengthen the floor", rule)]


def _air(hall: HallRacks) -> list[Finding]:
    system, rule = catalog.system(hall.system), parts.rule("rack_air_kw_max")
    if system.liquid_fraction is None:
        return []
    air_kw = system.rack_power_kw_max * (1 - system.liquid_fraction)
    if air_kw <= rule.value:
        return []
    text = f"a rack gives {air_kw:.1f} kW to the air; the densest read takes {rule.value:g} kW"
    return [_warning(hall.path, f"{text}; put fewer systems in a rack", rule)]


def _busway(
    hall: HallRacks, row_kw: float, rack_kw: float, site_kw: float, section: Power
) -> list[Finding]:
    part, limit_kw = busway_of(section, site_kw)
    if rack_kw > limit_kw:
        text = f"one rack draws {rack_kw:,.0f} kW and a busway carries {limit_kw:,.0f} kW"
        return [_warning(hall.path, f"{text}; feed it from several", part)]
    if row_kw <= limit_kw:
        return []
    needed = -(-row_kw // limit_kw)
    text = (
        f"a row draws up to {row_kw:,.0f} kW and a busway carries {limit_kw:,.0f} kW: "
        f"{needed:.0f} busways a row, redundancy aside"
    )
    note = Finding(severity=Severity.NOTE, where=hall.path, text=text, source=part.provenance)
    return [note]


def _warning(where: str, text: str, rule: catalog.Default | PowerPart) -> Finding:
    return Finding(severity=Severity.WARNING, where=where, text=text, source=rule.provenance)
