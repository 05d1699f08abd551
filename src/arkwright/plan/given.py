"""What every part of a roll-out is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from arkwright import catalog
from arkwright.catalog import programme as figures
from arkwright.design.span import Span
from arkwright.errors import InputError
from arkwright.factory import Factory
from arkwright.factory.programme_spec import Programme
from arkwright.plan.axes import Axes, Kind, Place
from arkwright.plan.hall_figures import HallFigures
from arkwright.plan.purse import Purse
from arkwright.plan.said import Said


class Given(Struct, frozen=True, kw_only=True, eq=False):
    """The file, its axes, and what was designed."""

    factory: Factory
    programme: Programme
    axes: Axes
    halls: Mapping[tuple[int, int], HallFigures]
    """By place and generation, where the place takes the generation."""
    purse: Purse
    said: Said

    def at_place(self, place: int) -> Iterator[HallFigures]:
        """Of every generation that fits the place."""
        return (held for (p, _), held in self.halls.items() if p == place)

    def at_site(self, site: str) -> Iterator[HallFigures]:
        """Of every place and generation there."""
        places = self.axes.places
        return (held for (p, _), held in self.halls.items() if places[p].site == site)


def racks_standing(factory: Factory, place: Place) -> int:
    """Racks of a hall that stands."""
    hall = factory.sites[place.site].halls[place.hall]
    system = catalog.system(hall.system)
    if hall.racks is not None:
        return hall.racks
    if hall.gpus is not None:
        return -(-hall.gpus // system.gpus_per_rack)
    if hall.nodes is not None:
        return -(-hall.nodes // system.nodes_per_rack)
    return int((hall.power or 0.0) // system.rack_power_kw_max)


def compute_of(kind: Kind) -> tuple[float, str]:
    """H100-equivalents of a GPU of a generation, and their source; InputError: nobody knows."""
    if kind.offered is not None and kind.offered.compute is not None:
        return kind.offered.compute, "factory file"
    gpu = catalog.system(kind.system).gpu
    row = figures.gpu_compute(gpu)
    if row is None:
        raise InputError(
            f"nobody was read who says how {gpu} compares with an H100; "
            f"add programme: {{generations: {{{kind.name}: {{compute: …}}}}}}"
        )
    return row.h100_equivalents, f"dense {row.precision} over an H100's: {row.provenance}"


def rack_cost(given: Given, place: int, generation: int) -> float:
    """M for one rack with its network and storage."""
    held, purse = given.halls[place, generation], given.purse
    kind = given.axes.generations[generation]
    price = kind.offered.price if kind.offered is not None else None
    if price is not None:
        compute = purse.amount(price)
        storage = compute * purse.pick(held.storage_share)
        return compute + storage + purse.picked(held.network_cost)
    if held.rack_cost is None:
        raise InputError(
            f"no price of {kind.system} was read; "
            f"add programme: {{generations: {{{kind.name}: {{price: 4 M USD}}}}}}"
        )
    return purse.picked(held.rack_cost)


def hall_cost(given: Given, place: int) -> float:
    """M for building and plant of one hall: for the dearest generation that fits it."""
    kind = given.axes.places[place].kind
    if kind is None:
        return 0.0
    if kind.cost is not None:
        return given.purse.amount(kind.cost)
    dearest = max((given.purse.picked(h.facility_per_kw) for h in given.at_place(place)), default=0)
    return dearest * kind.power


def grid_cost_per_mw(given: Given) -> float:
    """M for 1 MW of connection, where a tranche names no cost."""
    row = figures.figure("grid_cost")
    text = f"{row.low:g} to {row.high:g} {row.unit}"
    given.said.assume("programme", "cost of a grid connection", text, row.provenance)
    span = given.purse.exchange.convert(Span(row.low, row.high), "USD")
    return given.purse.picked(span) * 1000.0
