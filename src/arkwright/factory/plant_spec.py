"""Sections of the factory file for heat and power: climate, cooling, the power chain."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta

from arkwright.factory.section import Section
from arkwright.units import Celsius, Fraction, quantity


class Redundancy(Enum):
    """What may be lost without losing the load."""

    N = "N"
    """Nothing."""
    N_PLUS_1 = "N+1"
    """Any one part: one more than the load needs."""
    TWO_N = "2N"
    """One of two whole sides."""
    FOUR_N_3R = "4N3R"
    """One of four blocks that share what three can carry."""


class Climate(Section, frozen=True, kw_only=True):
    """The air outside, hour by hour. Give a weather file, or the figures of a synthetic year."""

    weather: str | None = None
    """A file of hours, EPW or CSV (time, dry_bulb_c, rh), relative to this one."""
    place: str | None = None
    """Which rows, where the file has a column `site`."""
    year: Annotated[int, Meta(ge=1900, le=2200)] | None = None
    """Which year, where a CSV has several."""
    utc_offset: Annotated[float, quantity("s", ge=None)] | None = None
    """Added to the times of a CSV before years are told apart, for example -5 h."""
    mean: Celsius | None = None
    """Of a synthetic year; none takes the catalogue's estimate for the country."""
    season: Celsius | None = None
    """Half the span from the coldest to the warmest day of a synthetic year."""
    day: Celsius | None = None
    """Half the span from the coldest to the warmest hour of a day of a synthetic year."""


class CoolingKind(Enum):
    """How heat leaves the racks."""

    DIRECT_LIQUID = "direct-liquid"
    """Coolant to the chips; what it does not take goes to air."""
    REAR_DOOR = "rear-door"
    AIR = "air"


class Chillers(Enum):
    """Whether compressors may help."""

    AUTO = "auto"
    """As many as the climate needs; none where it needs none."""
    NONE = "none"


class Cooling(Section, frozen=True, kw_only=True):
    """The cooling plant of a site."""

    kind: CoolingKind | None = None
    """None takes what the systems need: liquid where they have it, air elsewhere."""
    supply: Annotated[
        str,
        Meta(
            pattern=r"^\s*(W(17|27|32|40|45)|[0-9.]+\s*(°C|degC|C))\s*$",
            description="a class of water (ASHRAE) or a temperature",
            examples=["W45", "32 °C"],
        ),
    ] = "W45"
    """What the racks are given, warmest: coolant of direct liquid."""
    redundancy: Redundancy = Redundancy.N_PLUS_1
    chillers: Chillers = Chillers.AUTO
    adiabatic: bool = False
    """Wetted pads before the dry coolers on warm days."""
    heat_reuse: Fraction = 0.0
    """Share of the liquid heat that somebody takes."""


class UpsKind(Enum):
    """How the load is kept up while generators start."""

    ONLINE = "online"
    """Double conversion."""
    ECO = "eco"
    """Bypass until the grid is disturbed."""
    BBU = "bbu"
    """Batteries in the racks; no UPS in the chain."""


class Ups(Section, frozen=True, kw_only=True):
    """Uninterruptible power."""

    kind: UpsKind = UpsKind.ONLINE
    redundancy: Redundancy = Redundancy.N_PLUS_1
    """Of a block: its transformer, UPS modules and generator together."""


class Power(Section, frozen=True, kw_only=True):
    """The power chain of a site, from its feeds to the racks."""

    feeds: Annotated[int, Meta(ge=1, le=8)] = 2
    """Utility feeds, each able to carry the whole site."""
    ups: Ups = Ups()
    generators: bool = True
    busway: str | None = None
    """Catalogue name; none takes the default."""
    derating: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Share of a busway's rating that may be loaded; none takes the catalogue's."""
