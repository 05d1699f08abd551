"""A factory's programme in numbers: `rollout`, with every assumption that went in.

Watts, counts and costs come from `design` (`hall_figures`), dates from the file or the catalogue's
lead times. A roll-out knows nothing of what may happen; `as_promised` is one outcome in which all
comes as it was promised, and what every other outcome is drawn around.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from arkwright import catalog
from arkwright.design.blueprint import Assumption
from arkwright.factory import Factory
from arkwright.factory.weather import Weather
from arkwright.plan.axes import Axes, Place, axes, programme_of
from arkwright.plan.build_capital import capital
from arkwright.plan.build_market import market
from arkwright.plan.build_power import power
from arkwright.plan.build_supply import lives, supply
from arkwright.plan.central import central
from arkwright.plan.futures import Futures
from arkwright.plan.given import Given
from arkwright.plan.hall_figures import HallFigures, hall_figures
from arkwright.plan.purse import Purse
from arkwright.plan.rollout import Ints, Names, Rollout
from arkwright.plan.said import Said


class Build(Struct, frozen=True, kw_only=True, eq=False):
    """A roll-out and where its numbers come from."""

    rollout: Rollout
    as_promised: Futures
    """One outcome: every date kept, every price on its central path."""
    lives: Ints
    """(G,) quarters from delivery until a rack is written off and gone, as planned."""
    given: Given
    """The file, its axes and what was designed."""
    assumptions: tuple[Assumption, ...]
    """What the file left open, and every figure that was taken, with its source."""


def rollout(factory: Factory, weather: Mapping[str, Weather] | None = None) -> Rollout:
    """The programme of `factory` in numbers. Pure; the same every time.

    `weather` has the years of the sites whose `climate` names a file (`factory.series` reads them).
    InputError where there is no programme, or something in it cannot be designed, priced or
    converted, with what to add.
    """
    return build(factory, weather).rollout


def assumptions(
    factory: Factory, weather: Mapping[str, Weather] | None = None
) -> tuple[Assumption, ...]:
    """Those of `rollout`."""
    return build(factory, weather).assumptions


def build(factory: Factory, weather: Mapping[str, Weather] | None = None) -> Build:
    """The roll-out with all that belongs to it; raises as `rollout`."""
    programme, lines = programme_of(factory), axes(factory)
    given = Given(
        factory=factory,
        programme=programme,
        axes=lines,
        halls=_designed(factory, lines, weather or {}),
        purse=Purse(factory.money, programme.costs),
        said=Said(),
    )
    grid = power(given)
    racks = supply(given, grid)
    made = Rollout(
        name=factory.factory,
        currency=factory.money.currency,
        names=_names(lines),
        power=grid,
        supply=racks,
        capital=capital(given, grid, racks),
        market=market(given),
        risk_weight=given.said.figure("programme", "risk_weight", programme.risk.weight),
        tail=given.said.figure("programme", "tail", programme.risk.tail),
    )
    promised = central(given, made)
    given.said.rates(given.purse.exchange.used, factory.money.currency)
    for (p, g), held in given.halls.items():
        _priced(given, p, g)
        given.said.designed(lines.places[p].site, held.assumptions)
    return Build(
        rollout=made,
        as_promised=promised,
        lives=lives(given),
        given=given,
        assumptions=given.said.all(),
    )


def _designed(
    factory: Factory, lines: Axes, weather: Mapping[str, Weather]
) -> dict[tuple[int, int], HallFigures]:
    """Halls of every place with every generation that they take."""
    return {
        (p, g): hall_figures(factory, place, kind.system, weather.get(place.site))
        for p, place in enumerate(lines.places)
        for g, kind in enumerate(lines.generations)
        if fits(factory, place, kind.system)
    }


def _priced(given: Given, p: int, g: int) -> None:
    """Every part of the cost of a rack and its hall that the file left to the catalogue."""
    place, kind = given.axes.places[p], given.axes.generations[g]
    is_rack_given = kind.offered is None or kind.offered.price is not None
    is_hall_given = place.kind is None or place.kind.cost is not None
    for line in given.halls[p, g].costs:
        if line.group == "energy" or (line.group == "facility" and is_hall_given):
            continue
        if line.group == "compute":
            if not is_rack_given:
                price = line.how.partition(" at ")[2]
                given.said.assume(kind.name, "price of a rack or server", price, line.source)
            continue
        given.said.assume(place.name, f"{line.item} ({kind.name})", line.how, line.source)


def fits(factory: Factory, place: Place, name: str) -> bool:
    """Whether halls of `place` take racks of a system: power, density, and liquid if it needs it.

    A hall that stands takes what is no denser than its racks, and liquid only if they have it.
    """
    system = catalog.system(name)
    if place.kind is None:
        stands = catalog.system(factory.sites[place.site].halls[place.hall].system)
        density, has_liquid = stands.rack_power_kw_max, bool(stands.liquid_fraction)
    else:
        density = min(place.kind.power, place.kind.density or place.kind.power)
        has_liquid = place.kind.liquid
    return system.rack_power_kw_max <= density and (has_liquid or not system.liquid_fraction)


def _names(lines: Axes) -> Names:
    return Names(
        quarters=tuple(lines.name(quarter) for quarter in range(lines.quarters)),
        countries=lines.countries,
        sites=lines.sites,
        places=tuple(place.name for place in lines.places),
        generations=tuple(kind.name for kind in lines.generations),
        systems=tuple(kind.system for kind in lines.generations),
        vendors=lines.vendors,
        tranches=tuple(f"{step.site}/{step.number}" for step in lines.steps),
        offers=tuple(name for name, _ in lines.offers),
        facilities=tuple(name for name, _ in lines.loans),
        classes=tuple(name for name, _ in lines.demands),
        customers=lines.customers,
    )
