"""Where switches, servers and appliances stand: asked for by spot, stacked into racks at the end.

A spot is the place beside one scalable unit, the middle of a hall, or its storage. How many racks a
spot needs is known only when everything has been asked for, so paths are given last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.design.floor import RackKind


class Spot(NamedTuple):
    """A place that may take several racks."""

    hall: str
    """Path."""
    kind: RackKind
    unit: int
    """From 1; 0 for the middle of the hall and its storage."""


class Placed(Struct, frozen=True, kw_only=True, eq=False):
    """Everything placed: columns of one length, in the order it was asked for."""

    path: tuple[str, ...]
    rack: tuple[str, ...]
    z_m: NDArray[np.float64]
    racks: dict[Spot, tuple[str, ...]]
    """Paths of the racks of each spot."""


class Yard:
    """What is to be placed, while a site is being built."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.spots: list[Spot] = []
        self.heights_u: list[int] = []
        self.is_switch: list[bool] = []
        self.watts: list[float] = []

    def __len__(self) -> int:
        return len(self.names)

    def place(
        self, name: str, spot: Spot, height_u: int, watts: float, *, is_switch: bool = True
    ) -> int:
        """Ask for a place for one device; returns its number."""
        self.names.append(name)
        self.spots.append(spot)
        self.heights_u.append(height_u)
        self.is_switch.append(is_switch)
        self.watts.append(watts)
        return len(self.names) - 1

    def stacked(self) -> Placed:
        """Devices in their racks, bottom up, in the order they were asked for."""
        usable = int(parts.rule("rack_u_usable").value)
        unit_m = parts.rule("rack_unit_m").value
        members: dict[Spot, list[int]] = {}
        for index, spot in enumerate(self.spots):
            members.setdefault(spot, []).append(index)
        rack = [""] * len(self)
        z_m = np.zeros(len(self))
        racks: dict[Spot, tuple[str, ...]] = {}
        storage: dict[str, int] = {}
        for spot, indices in members.items():
            counts = _stack([self.heights_u[index] for index in indices], usable, spot)
            first = storage.get(spot.hall, 0) if spot.kind is RackKind.STORAGE else 0
            labels = [_label(spot, first + number) for number in range(max(counts)[0] + 1)]
            racks[spot] = tuple(labels)
            for index, (number, bottom_u) in zip(indices, counts, strict=True):
                rack[index] = labels[number]
                z_m[index] = (bottom_u + self.heights_u[index] / 2) * unit_m
        paths = tuple(f"{at}/{name}" for at, name in zip(rack, self.names, strict=True))
        return Placed(path=paths, rack=tuple(rack), z_m=z_m, racks=racks)


def _stack(heights_u: list[int], usable: int, spot: Spot) -> list[tuple[int, int]]:
    """Rack number and lowest unit of each device; the middle is spread over its racks evenly."""
    total = sum(heights_u)
    racks = -(-total // usable)
    if spot.kind is RackKind.CENTRAL:
        racks = max(racks, int(parts.rule("central_racks_min").value))
    share = min(usable, -(-total // racks))
    found: list[tuple[int, int]] = []
    number = filled = 0
    for height in heights_u:
        if filled and (filled + height > usable or (filled >= share and number + 1 < racks)):
            number, filled = number + 1, 0
        found.append((number, filled))
        filled += height
    return found


def _label(spot: Spot, number: int) -> str:
    """`n001`, `n001b` beside unit 1; `c001`, `c002` in the middle; `s001` for storage."""
    if spot.kind is RackKind.NETWORK:
        letter = "" if number == 0 else _letters(number)
        return f"{spot.hall}/n{spot.unit:03d}{letter}"
    prefix = "s" if spot.kind is RackKind.STORAGE else "c"
    return f"{spot.hall}/{prefix}{number + 1:03d}"


def _letters(number: int) -> str:
    """1 is b, 25 is z, 26 is ba."""
    text = ""
    while number:
        number, digit = divmod(number, 26)
        text = chr(ord("a") + digit) + text
    return text
