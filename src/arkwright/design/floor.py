"""The floor of a site: its racks in rows, metres from the corner of the first hall.

Rows hold a number of racks that the catalogue sets. Two rows with a hot aisle between them are a
pair; between pairs lies a cold aisle. Liquid-cooled racks need whole pairs, for the pipes run
between the two rows, so every hall is laid in pairs. Compute racks fill the rows in order, and the
racks of the leaf switches stand at the end of the racks they serve; central racks (spines, cores,
managers) and storage have pairs of their own in the middle, where the ways are shortest. Adding
racks at the end never renames a rack; central rows may move.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.design.blueprint import Finding, Severity
from arkwright.physics.conductor import three_phase_kw

Floats = NDArray[np.float64]


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
    columns: list[tuple[NDArray[np.int16], NDArray[np.int16], Floats, Floats, Floats]] = []
    plans: list[HallFloor] = []
    origin_m = 0.0
    for hall in halls:
        row, place, rows = _places(hall)
        body = parts.rack_body(hall.system)
        aisle_m = parts.rule("aisle_cold_m").value
        x_m = origin_m + aisle_m + (place - 0.5) * body.width_m
        per_row = int(place.max(initial=0))
        plan = HallFloor(
            path=hall.path,
            rows=rows,
            racks=len(place),
            length_m=per_row * body.width_m + 2 * aisle_m,
            width_m=float(_row_y_m(np.array([rows]), body.depth_m)[0]) + body.depth_m / 2 + aisle_m,
        )
        kinds = [kind for _, kind in (*hall.ordinary, *hall.central)]
        columns.append((row, place, x_m, _row_y_m(row, body.depth_m), _masses(hall, kinds)))
        plans.append(plan)
        origin_m += plan.length_m + parts.rule("hall_gap_m").value
    every = [entry for hall in halls for entry in (*hall.ordinary, *hall.central)]
    counts = [plan.racks for plan in plans]
    joined = [np.concatenate(parts_) for parts_ in zip(*columns, strict=True)] if columns else []
    empty = np.zeros(0)
    row, place, x_m, y_m, mass_kg = joined or [empty.astype(np.int16)] * 2 + [empty] * 3
    return FloorPlan(
        halls=tuple(plans),
        racks=tuple(path for path, _ in every),
        kind=np.array([kind for _, kind in every], dtype=np.int8),
        hall=np.repeat(np.arange(len(plans), dtype=np.int16), counts),
        row=row,
        place=place,
        x_m=x_m,
        y_m=y_m,
        mass_kg=mass_kg,
    )


def limits(plan: FloorPlan, halls: Sequence[HallRacks], power_kw: Floats) -> list[Finding]:
    """Racks too heavy for the floor or too hot for air, and rows beyond one busway.

    `power_kw` [n_racks] is what each rack draws at most; basis IT.
    """
    found: list[Finding] = []
    for index, hall in enumerate(halls):
        mine = plan.hall == index
        found += _floor_load(hall, float(plan.mass_kg[mine].max(initial=0.0)))
        found += _air(hall)
        row_kw = float(np.bincount(plan.row[mine], weights=power_kw[mine]).max(initial=0.0))
        found += _busway(hall, row_kw, float(power_kw[mine].max(initial=0.0)))
    return found


def floor_load_kg_per_m2(mass_kg: float, width_m: float, depth_m: float) -> float:
    """A rack's mass over its footprint and its half of the aisles before and behind it."""
    aisles_m = parts.rule("aisle_cold_m").value + parts.rule("aisle_hot_m").value
    return mass_kg / (width_m * (depth_m + aisles_m / 2))


def busway_kw_max() -> float:
    """What one busway may carry for long."""
    volts, amperes = parts.rule("busway_v").value, parts.rule("busway_a").value
    whole = three_phase_kw(volts, amperes, parts.rule("busway_power_factor").value)
    return float(whole) * parts.rule("busway_load_fraction_max").value


def _places(hall: HallRacks) -> tuple[NDArray[np.int16], NDArray[np.int16], int]:
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


def _row_y_m(row: NDArray[np.integer], depth_m: float) -> Floats:
    """Middle of each row (from 1), from the wall: a cold aisle, a pair of rows, and so on."""
    cold_m, hot_m = parts.rule("aisle_cold_m").value, parts.rule("aisle_hot_m").value
    pair, second = (row - 1) // 2, (row - 1) % 2
    y_m: Floats = cold_m + depth_m / 2 + pair * (2 * depth_m + hot_m + cold_m)
    return y_m + second * (depth_m + hot_m)


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


def _busway(hall: HallRacks, row_kw: float, rack_kw: float) -> list[Finding]:
    limit_kw, rule = busway_kw_max(), parts.rule("busway_a")
    if rack_kw > limit_kw:
        text = f"one rack draws {rack_kw:,.0f} kW and a busway carries {limit_kw:,.0f} kW"
        return [_warning(hall.path, f"{text}; feed it from several", rule)]
    if row_kw <= limit_kw:
        return []
    needed = -(-row_kw // limit_kw)
    text = (
        f"a row draws up to {row_kw:,.0f} kW and a busway carries {limit_kw:,.0f} kW: "
        f"{needed:.0f} busways a row, redundancy aside"
    )
    note = Finding(severity=Severity.NOTE, where=hall.path, text=text, source=rule.provenance)
    return [note]


def _warning(where: str, text: str, rule: catalog.Default) -> Finding:
    return Finding(severity=Severity.WARNING, where=where, text=text, source=rule.provenance)
