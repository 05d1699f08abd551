"""Parts of the cooling plant and the power chain, climates and device ranges, one row per thing."""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import Default, Row, table
from arkwright.errors import InputError


class CoolingPart(Row, frozen=True, kw_only=True):
    """A machine that moves heat: CDU, dry cooler, chiller, air handler, rear door."""

    name: str
    kind: str
    title: str
    capacity_kw: float
    """Heat, at the rating."""
    power_kw: float
    """Fans or pumps at full flow; of a chiller its condenser fans, the compressor apart."""
    approach_k: float
    """Cold outlet above the cold stream that enters; of a chiller, condenser above outside air."""
    flow_min: float
    """Lowest share of full flow its drives hold."""


class WaterClass(Row, frozen=True, kw_only=True):
    """A class of supply temperature (ASHRAE TC 9.9)."""

    name: str
    supply_c_max: float
    supply_c_min: float


class Climate(Row, frozen=True, kw_only=True):
    """A synthetic year for a country, an estimate that a weather file replaces."""

    country: str
    mean_c: float
    season_k: float
    day_k: float
    humidity: float


class PowerPart(Row, frozen=True, kw_only=True):
    """A part of the power chain. Give losses in kW (transformer) or efficiency at three loads."""

    name: str
    kind: str
    title: str
    rating_kw: float
    no_load_loss_kw: float | None = None
    load_loss_kw: float | None = None
    load_low: float | None = None
    efficiency_low: float | None = None
    load_mid: float | None = None
    efficiency_mid: float | None = None
    efficiency_full: float | None = None


class Device(Row, frozen=True, kw_only=True):
    """Watts between which a device can be held (NVIDIA DPS device specifications)."""

    model: str
    watts_min: float
    watts_max: float


class DpsModel(Row, frozen=True, kw_only=True):
    """What NVIDIA DPS calls a node of a system."""

    system: str
    model: str


class Band(Row, frozen=True, kw_only=True):
    """Between what published figures lie: a design outside says why."""

    name: str
    low: float
    high: float
    unit: str = ""


class PowerSmoothing(Row, frozen=True, kw_only=True):
    """How a system holds its own swings."""

    system: str
    storage_j_per_gpu: float | None = None
    """In its power supplies."""
    holds_ramp: bool
    """It can be told how fast its power may rise and fall."""


class WorkPower(Row, frozen=True, kw_only=True):
    """What a node of a system was measured to draw at its inlet, by what it does; not nameplate."""

    system: str
    idle_kw: float
    """In service, with no job."""
    training_kw: float
    """Mean over a whole run, starts and checkpoints included."""
    inference_kw: float | None = None
    """Mean under load; None takes `inference_share` of the way from idle to training."""


class SearchAxis(Row, frozen=True, kw_only=True):
    """What a design search tries where it is given no values."""

    name: str
    values: str
    """Separated by spaces."""


def search_axes() -> Mapping[str, SearchAxis]:
    """Axes of a design search by name; systems are those of the catalogue."""
    return table("search_axes.csv", SearchAxis)


def power_smoothing() -> Mapping[str, PowerSmoothing]:
    """Power smoothing by system; what is not in it has none that was read."""
    return table("power_smoothing.csv", PowerSmoothing)


def work_power() -> Mapping[str, WorkPower]:
    """Measured draw by system; what is not in it was measured by nobody that was read."""
    return table("work_power.csv", WorkPower)


def bands() -> Mapping[str, Band]:
    """Bands of published figures by name."""
    return table("sanity_bands.csv", Band)


def cooling_parts() -> Mapping[str, CoolingPart]:
    """Every cooling machine, in file order."""
    return table("cooling_parts.csv", CoolingPart)


def cooling_part(name: str) -> CoolingPart:
    """The cooling machine called `name`."""
    if name not in cooling_parts():
        raise InputError(f"unknown cooling part {name}; known: {', '.join(cooling_parts())}")
    return cooling_parts()[name]


def power_parts() -> Mapping[str, PowerPart]:
    """Every part of the power chain, in file order."""
    return table("power_parts.csv", PowerPart)


def power_part(name: str) -> PowerPart:
    """The part of the power chain called `name`."""
    if name not in power_parts():
        raise InputError(f"unknown power part {name}; known: {', '.join(power_parts())}")
    return power_parts()[name]


def water_classes() -> Mapping[str, WaterClass]:
    """Supply temperature classes by name."""
    return table("water_classes.csv", WaterClass)


def climates() -> Mapping[str, Climate]:
    """Synthetic years by country; `*` is for every other."""
    return table("climates.csv", Climate)


def devices() -> Mapping[str, Device]:
    """Device ranges by DPS model name."""
    return table("devices.csv", Device)


def dps_models() -> Mapping[str, DpsModel]:
    """DPS model names by system."""
    return table("dps_models.csv", DpsModel)


def figures() -> Mapping[str, Default]:
    """Single figures of heat and power by name."""
    return table("plant.csv", Default)


def figure(name: str) -> float:
    """The value of one figure of heat or power."""
    return figures()[name].value
