"""The axes of a programme: what the rows of every array stand for, and its quarters."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from arkwright import catalog
from arkwright.errors import InputError
from arkwright.factory import Factory
from arkwright.factory import quarters as calendar
from arkwright.factory.programme_spec import (
    Demand,
    Generation,
    HallKind,
    Loan,
    PowerContract,
    Programme,
    Tranche,
)


class Place(Struct, frozen=True, kw_only=True):
    """One kind of hall at one site; a hall that stands is a kind of its own."""

    site: str
    hall: str
    kind: HallKind | None
    """What may be built; None: it stands, and racks may be replaced in it."""

    @property
    def name(self) -> str:
        """`narvik/h1`."""
        return f"{self.site}/{self.hall}"


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of rack."""

    name: str
    system: str
    offered: Generation | None
    """None: it only stands, nobody offers it."""


class Step(Struct, frozen=True, kw_only=True):
    """One tranche of a site."""

    site: str
    number: int
    """From 1."""
    tranche: Tranche


class Axes(Struct, frozen=True, kw_only=True):
    """Everything in order; see `rollout` for the letters."""

    first: int
    """Number of the first quarter (`factory.quarters`)."""
    quarters: int
    sites: tuple[str, ...]
    countries: tuple[str, ...]
    site_country: tuple[int, ...]
    places: tuple[Place, ...]
    generations: tuple[Kind, ...]
    vendors: tuple[str, ...]
    steps: tuple[Step, ...]
    offers: tuple[tuple[str, PowerContract], ...]
    loans: tuple[tuple[str, Loan], ...]
    demands: tuple[tuple[str, Demand], ...]
    customers: tuple[str, ...]

    def index(self, written: str | None, otherwise: int) -> int:
        """Quarter of a date, 0 the programme's first; it may lie outside."""
        return otherwise if written is None else calendar.number(written) - self.first

    def name(self, quarter: int) -> str:
        """`2027-Q2`."""
        return calendar.name(self.first + quarter)

    def generation(self, name: str) -> int:
        """Its place on the axis."""
        return next(at for at, kind in enumerate(self.generations) if kind.name == name)


def axes(factory: Factory) -> Axes:
    """Those of the programme of `factory`. InputError where it has none that can be planned."""
    programme = programme_of(factory)
    assert programme.start is not None
    assert programme.end is not None
    first = calendar.number(programme.start)
    sites = tuple(programme.sites)
    lands = [factory.sites[site].country or "" for site in sites]
    countries = tuple(dict.fromkeys(lands))
    generations = tuple(_generations(factory, programme))
    demands = tuple(programme.demand.items())
    return Axes(
        first=first,
        quarters=calendar.number(programme.end) - first + 1,
        sites=sites,
        countries=countries,
        site_country=tuple(countries.index(land) for land in lands),
        places=tuple(_places(factory, programme)),
        generations=generations,
        vendors=tuple(dict.fromkeys(vendor(kind.system) for kind in generations)),
        steps=tuple(
            Step(site=site, number=at + 1, tranche=tranche)
            for site, plan in programme.sites.items()
            for at, tranche in enumerate(plan.tranches)
        ),
        offers=tuple(programme.power.contracts.items()),
        loans=tuple(programme.capital.loans.items()),
        demands=demands,
        customers=tuple(dict.fromkeys(demand.customer or name for name, demand in demands)),
    )


def programme_of(factory: Factory) -> Programme:
    """The programme of `factory`; InputError where there is none, or none to plan."""
    programme = factory.programme
    if programme is None or programme.start is None or programme.end is None:
        raise InputError(
            f"factory {factory.factory} has no roll-out to plan; add programme: "
            "{from: 2026-Q4, until: 2031-Q4, sites: {…}, generations: {…}, demand: {…}}"
        )
    return programme


def vendor(system: str) -> str:
    """Who makes the GPUs of a system."""
    return catalog.gpu(catalog.system(system).gpu).vendor


def _places(factory: Factory, programme: Programme) -> Iterator[Place]:
    for site, plan in programme.sites.items():
        for hall in factory.sites[site].halls:
            yield Place(site=site, hall=hall, kind=None)
        for hall, kind in plan.halls.items():
            yield Place(site=site, hall=hall, kind=kind)


def _generations(factory: Factory, programme: Programme) -> Iterator[Kind]:
    """Those offered, then the systems of halls that stand and nobody offers."""
    for name, offered in programme.generations.items():
        yield Kind(name=name, system=offered.system, offered=offered)
    known = {offered.system for offered in programme.generations.values()}
    for site in programme.sites:
        for hall in factory.sites[site].halls.values():
            if hall.system not in known:
                known.add(hall.system)
                yield Kind(name=hall.system, system=hall.system, offered=None)
