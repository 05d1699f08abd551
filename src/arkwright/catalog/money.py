"""What a report needs beside the design: money, time and carbon as ranges, and faces of racks."""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import Row, table
from arkwright.errors import CatalogError, InputError


class BuildCost(Row, frozen=True, kw_only=True):
    """Building with mechanical and electrical plant, per kW of IT, in a country; `*` is any."""

    country: str
    price_per_kw_low: float
    price_per_kw_high: float
    currency: str
    year: int


class Figure(Row, frozen=True, kw_only=True):
    """A figure as a range; both ends are equal where one figure was read."""

    name: str
    low: float
    high: float
    unit: str = ""

    @property
    def middle(self) -> float:
        """Half way, for what is stated as one assumption."""
        return (self.low + self.high) / 2


class ExchangeRate(Row, frozen=True, kw_only=True):
    """Units of a currency for one euro."""

    currency: str
    per_euro: float


class CostBand(Row, frozen=True, kw_only=True):
    """A published figure that ours is held against, never calculated with."""

    name: str
    system: str = ""
    """Empty: no one system."""
    measure: str
    """`capex`, `per_gpu_hour` or `opex_beside_energy`."""
    low: float
    high: float
    unit: str


class LeadTime(Row, frozen=True, kw_only=True):
    """How long a step takes."""

    name: str
    title: str
    weeks_low: float
    weeks_high: float
    after: str = ""
    """Steps that must be done before, separated by spaces."""


class GridWait(Row, frozen=True, kw_only=True):
    """How long a new connection waits where no capacity is reserved."""

    country: str
    weeks_low: float
    weeks_high: float


class EmbodiedCarbon(Row, frozen=True, kw_only=True):
    """Carbon of making a system, kg CO2e for each of its GPUs, cradle to gate."""

    system: str
    kg_per_gpu_low: float
    kg_per_gpu_high: float


class RackFace(Row, frozen=True, kw_only=True):
    """What a rack shows from its front."""

    name: str
    """Of the system."""
    order: str
    """From the bottom, `kind:count` separated by spaces; kinds node, shelf, switch, oob."""
    node_u: int
    shelf_u: int
    switch_u: int
    """Of a tray of the scale-up network."""
    oob_u: int


def build_cost(country: str | None) -> BuildCost:
    """The country's own figures, else the widest band that was read."""
    known: Mapping[str, BuildCost] = table("build_costs.csv", BuildCost)
    return known.get(country or "*", known["*"])


def figure(name: str) -> Figure:
    """The figure called `name`."""
    known: Mapping[str, Figure] = table("money_figures.csv", Figure)
    if name not in known:
        raise InputError(f"unknown figure {name}; the catalogue has {', '.join(known)}")
    return known[name]


def exchange_rates() -> Mapping[str, ExchangeRate]:
    """Every rate, by currency."""
    return table("exchange_rates.csv", ExchangeRate)


def cost_bands() -> Mapping[str, CostBand]:
    """Published figures, by name."""
    return table("cost_bands.csv", CostBand)


def lead_times() -> Mapping[str, LeadTime]:
    """Every step by name; each stands after those it waits for."""
    known: Mapping[str, LeadTime] = table("lead_times.csv", LeadTime)
    seen: set[str] = set()
    for row in known.values():
        if set(row.after.split()) - seen:
            raise CatalogError(f"catalogue lead_times.csv: {row.name} waits for a later step")
        seen.add(row.name)
    return known


def grid_wait(country: str | None) -> GridWait | None:
    """The wait for a new connection in `country`, or None where none was read."""
    return table("grid_waits.csv", GridWait).get(country or "")


def longest_grid_wait() -> GridWait:
    """The longest wait that was read, for a country without one."""
    waits: Mapping[str, GridWait] = table("grid_waits.csv", GridWait)
    return max(waits.values(), key=lambda row: row.weeks_high)


def embodied(system: str) -> EmbodiedCarbon | None:
    """Carbon of making `system`, or None where none was read."""
    return table("embodied.csv", EmbodiedCarbon).get(system)


def rack_face(system: str) -> RackFace | None:
    """The front of the system's rack, or None where nobody said what it looks like."""
    return table("rack_faces.csv", RackFace).get(system)


def tables() -> list[tuple[str, Mapping[str, Row]]]:
    """Every table with its title, for the catalogue's page."""
    return [
        ("Cost of building", table("build_costs.csv", BuildCost)),
        ("Figures of money", table("money_figures.csv", Figure)),
        ("Exchange rates", exchange_rates()),
        ("Published costs", cost_bands()),
        ("Lead times", lead_times()),
        ("Waits for a grid connection", table("grid_waits.csv", GridWait)),
        ("Embodied carbon", table("embodied.csv", EmbodiedCarbon)),
        ("Fronts of racks", table("rack_faces.csv", RackFace)),
    ]
