"""The futures section in numbers: every walk, every hazard, and the courses they are around."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct

from arkwright.catalog.outlook import chances, outlook_figure
from arkwright.factory import Factory, quarters
from arkwright.factory.futures_rules import KINDS, cholesky, correlation_matrix, spread_of
from arkwright.factory.futures_spec import (
    DemandWalk,
    EnergyWalk,
    Jumps,
    Spread,
    Walk,
    parse_lag,
)
from arkwright.factory.futures_spec import Futures as Section
from arkwright.factory.programme_spec import DemandKind, Programme
from arkwright.plan import courses
from arkwright.plan.courses import EnergyMeans
from arkwright.plan.futures import Futures
from arkwright.plan.hazards import Hazard, hazard
from arkwright.plan.purse import Purse
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.walks import YEARS_PER_QUARTER, WalkTerms


class Shocks(Struct, frozen=True, kw_only=True):
    """Times of short supply, for each generation by itself."""

    chance: float
    """That one begins in a quarter."""
    lasts: int
    delivered: float
    """Share that comes when it is due; the rest comes `later` quarters after."""
    later: int


class Leaving(Struct, frozen=True, kw_only=True):
    """A withdrawal."""

    hazard: str
    demand: int
    """Index of the class."""
    share: float


class Outlook(Struct, frozen=True, kw_only=True, eq=False):
    """Everything that is drawn, and what it is drawn around. Walks and hazards go by name."""

    walks: Mapping[str, WalkTerms]
    """`rental`, `carbon`, `energy/NO4`, `demand/market`."""
    kinds: Floats
    """(4, 4) lower triangular: common parts of the kinds of walk from independent numbers."""
    alone: Floats
    """(4,) weight of what a walk has for itself."""
    together: float
    """Correlation of the delays at one site."""
    price: Floats
    """(C, T) mean."""
    price_walk: tuple[str | None, ...]
    """(C,)"""
    demand: Floats
    """(C, T) mean."""
    demand_walk: tuple[str | None, ...]
    spot: Floats
    """(S, T) mean."""
    spot_walk: tuple[str, ...]
    fees: Floats
    """(S,)"""
    carbon: Floats
    """(S, T) mean cost of the carbon of a MW drawn for a quarter, M."""
    hazards: Mapping[str, Hazard]
    """`tranche/narvik/1`, `hall/narvik/h1`, `generation/rubin`, `life`,
    `withdrawal/lab/2027-Q2`."""
    site_of: Mapping[str, str]
    """The site whose delays a hazard shares."""
    first: Ints
    """(G,) earliest quarter in which a rack can stand, as promised."""
    life: Ints
    """(G,) quarters that a rack is kept; 0 where the hazard `life` says it."""
    shocks: Shocks
    leaving: tuple[Leaving, ...]

    @property
    def quarters(self) -> int:
        """T."""
        return int(self.price.shape[1])


def outlook(factory: Factory, rollout: Rollout, promised: Futures) -> Outlook:
    """Of a factory with a programme. `rollout` is what `plan.rollout` made of it, `promised` the
    one outcome in which all comes as it was promised: what chance is put around."""
    assert factory.programme is not None
    programme = factory.programme
    section = programme.futures
    purse = Purse(factory.money, programme.costs)
    rental = _terms("rental", section.rental)
    walks = {"rental": rental, "carbon": _terms("carbon", section.carbon_price)}
    asked = [programme.demand[name] for name in rollout.names.classes]
    prices = [
        courses.rental(section.rental, demand, own, rental.reversion, purse)
        for demand, own in zip(asked, promised.price[:, 0], strict=True)
    ]
    demand_walk, growth = _demand_walks(section, programme, rollout, walks)
    spot_walk, energy = _energy(factory, rollout, promised, purse, walks)
    orderable: Bools = np.any(rollout.supply.may_order, axis=0)
    first = _first(orderable, rollout.supply.rack_lead)
    hazards, site_of = _delays(section, rollout, first)
    life = _lives(factory, rollout, first, hazards)
    leaving = _withdrawals(section, rollout, hazards)
    matrix = correlation_matrix(section.correlation)
    lower = cholesky(matrix)
    assert lower is not None
    return Outlook(
        walks=walks,
        kinds=np.array(lower),
        alone=np.sqrt(1.0 - np.diag(np.array(matrix))),
        together=_figure("corr_delays", section.correlation.delays),
        price=np.array(prices).reshape(len(asked), promised.path.shape[1]),
        price_walk=tuple("rental" if courses.is_at_market(demand) else None for demand in asked),
        demand=promised.demand[:, 0] * growth,
        demand_walk=demand_walk,
        spot=energy.spot,
        spot_walk=spot_walk,
        fees=energy.fees,
        carbon=energy.carbon,
        hazards=hazards,
        site_of=site_of,
        first=first,
        life=life,
        shocks=_shocks(section),
        leaving=leaving,
    )


def kind(walk: str) -> int:
    """Index in KINDS of a walk's name."""
    return KINDS.index(walk.partition("/")[0])


def _figure(name: str, given: float | None) -> float:
    return outlook_figure(name).value if given is None else given


def _terms(name: str, walk: Walk) -> WalkTerms:
    jumps = walk.jumps
    if jumps is None:
        jumps = Jumps(
            per_year=outlook_figure(f"{name}_jumps_per_year").value,
            size=outlook_figure("rental_jump_size").value,
            spread=outlook_figure("rental_jump_spread").value,
        )
    half_life = walk.half_life
    years = (
        outlook_figure(f"{name}_half_life_years").value if half_life is None else half_life / 12.0
    )
    return WalkTerms(
        reversion=math.log(2.0) / years,
        volatility=_figure(f"{name}_volatility", walk.volatility),
        jumps_per_year=jumps.per_year,
        jump_mean=math.log1p(jumps.size),
        jump_sd=jumps.spread,
    )


def _demand_walks(
    futures: Section, programme: Programme, rollout: Rollout, walks: dict[str, WalkTerms]
) -> tuple[tuple[str | None, ...], Floats]:
    """(C,) names and (C, T) growth on top; the walks are added.

    What is contracted stands as it is, unless the file says how it wanders.
    """
    years = np.arange(len(rollout.names.quarters)) * YEARS_PER_QUARTER
    named: list[str | None] = []
    growths: list[float] = []
    for name in rollout.names.classes:
        is_bound = programme.demand[name].kind is DemandKind.TAKE_OR_PAY
        other = DemandWalk(growth=0.0, volatility=0.0) if is_bound else futures.demand.get("*")
        own = futures.demand.get(name, other or DemandWalk())
        volatility = _figure("demand_volatility", own.volatility)
        growths.append(_figure("demand_growth", own.growth))
        reversion = 0.0 if own.half_life is None else math.log(2.0) / (own.half_life / 12.0)
        if volatility > 0:
            walks[f"demand/{name}"] = WalkTerms(reversion=reversion, volatility=volatility)
        named.append(f"demand/{name}" if volatility > 0 else None)
    growth: Floats = (1 + np.array(growths).reshape(-1, 1)) ** years
    return tuple(named), growth


def _energy(
    factory: Factory,
    rollout: Rollout,
    promised: Futures,
    purse: Purse,
    walks: dict[str, WalkTerms],
) -> tuple[tuple[str, ...], EnergyMeans]:
    """Walk of each site, and what its energy costs in the mean; the walks are added."""
    assert factory.programme is not None
    given, horizon = factory.programme.futures.energy, len(rollout.names.quarters)
    carbon = courses.carbon_price(factory, walks["carbon"].reversion, purse, horizon)
    names: list[str] = []
    spots: list[Floats] = []
    fees: list[float] = []
    tonnes: list[float] = []
    for s, site in enumerate(rollout.names.sites):
        place = factory.sites[site]
        mine = [key for key in (site, place.grid.zone, place.country) if key]
        key = next((key for key in mine if key in given), None)
        walk = given.get(key if key is not None else "*", EnergyWalk())
        names.append(f"energy/{key or place.grid.zone or place.country or site}")
        walks[names[-1]] = terms = _terms("energy", walk)
        own = promised.spot[s, 0]
        spots.append(courses.spot(walk, own, terms.reversion, purse))
        tonnes.append(courses.tonnes_per_mw(factory, site))
        beside = promised.energy[s, 0, 0] - own[0]
        fees.append(float(beside) - tonnes[-1] * courses.promised_carbon(factory, purse))
    energy = EnergyMeans(
        spot=np.array(spots).reshape(len(names), horizon),
        fees=np.maximum(fees, 0.0),
        carbon=np.array(tonnes)[:, None] * carbon,
    )
    return tuple(names), energy


def _first(may: Bools, lead: Ints) -> Ints:
    """Earliest quarter in which what may be begun is there; the horizon where nothing may be."""
    horizon = may.shape[1]
    begun = np.where(may.any(axis=1), may.argmax(axis=1), horizon)
    result: Ints = np.minimum(begun + lead, horizon)
    return result


def _delays(
    futures: Section, rollout: Rollout, first: Ints
) -> tuple[dict[str, Hazard], dict[str, str]]:
    """Hazards of tranches, halls and generations, and the site of those that have one."""
    delays, power, names = futures.delays, rollout.power, rollout.names
    horizon = len(names.quarters)
    hazards: dict[str, Hazard] = {}
    site_of: dict[str, str] = {}

    def add(kind: str, name: str, due: int, *given: Spread | None) -> None:
        spread = next((each for each in given if each is not None), None)
        hazards[f"{kind}/{name}"] = hazard(due, _spread(spread, kind), horizon)

    tranche_due = _first(power.may_start, power.tranche_lead)
    for k, name in enumerate(names.tranches):
        site = names.sites[power.tranche_site[k]]
        own = delays.sites.get(site)
        add("tranche", name, int(tranche_due[k]), delays.each.get(name),
            own.tranches if own else None, delays.tranches)  # fmt: skip
        site_of[f"tranche/{name}"] = site
    hall_due = _first(power.may_build, power.hall_lead)
    for p, name in enumerate(names.places):
        site = names.sites[power.place_site[p]]
        own = delays.sites.get(site)
        add("hall", name, int(hall_due[p]), delays.each.get(name),
            own.halls if own else None, delays.halls)  # fmt: skip
        site_of[f"hall/{name}"] = site
    ahead = ~np.any(rollout.supply.may_order[:, :, 0], axis=0)
    for g, name in enumerate(names.generations):
        given = delays.each.get(name, delays.generations)
        add("generation", name, int(first[g]), given if ahead[g] else {"0 quarters": 1.0})
    return hazards, site_of


def _spread(given: Spread | None, of: str) -> list[tuple[int, float]]:
    if given is not None:
        return spread_of(given)
    return [(row.quarters, row.probability) for row in chances(of)]


def _lives(factory: Factory, rollout: Rollout, first: Ints, hazards: dict[str, Hazard]) -> Ints:
    """(G,) lives that the file says, 0 where the hazard `life`, which is added, does."""
    assert factory.programme is not None
    offered, lives = factory.programme.generations, factory.programme.futures.lives
    horizon = len(rollout.names.quarters)
    hazards["life"] = hazard(int(first.min(initial=horizon)), _spread(lives, "life"), 10 * horizon)
    years = factory.money.it_life_years
    whole = None if years is None else years * 12.0
    own = [
        offered[name].life if name in offered and offered[name].life is not None else whole
        for name in rollout.names.generations
    ]
    return np.array(
        [0 if lives is not None or months is None else quarters.whole(months) for months in own],
        dtype=np.int64,
    )


def _withdrawals(
    futures: Section, rollout: Rollout, hazards: dict[str, Hazard]
) -> tuple[Leaving, ...]:
    """Each; its hazard is added."""
    return tuple(_each_withdrawal(futures, rollout, hazards))


def _each_withdrawal(
    futures: Section, rollout: Rollout, hazards: dict[str, Hazard]
) -> Iterator[Leaving]:
    horizon = len(rollout.names.quarters)
    number = quarters.number(rollout.names.quarters[0])
    for withdrawal in futures.withdrawals:
        start = quarters.number(withdrawal.from_) - number
        end = start if withdrawal.until is None else quarters.number(withdrawal.until) - number
        name = f"withdrawal/{withdrawal.class_}/{withdrawal.from_}"
        same = sum(key.startswith(name) for key in hazards)
        name = f"{name}/{same + 1}" if same else name
        each = withdrawal.probability / (end - start + 1)
        spread = [(at, each) for at in range(start, end + 1)]
        hazards[name] = hazard(0, [*spread, (-1, 1.0 - withdrawal.probability)], horizon)
        at = rollout.names.classes.index(withdrawal.class_)
        yield Leaving(hazard=name, demand=at, share=withdrawal.share)


def _shocks(futures: Section) -> Shocks:
    given = futures.allocation
    rate = _figure("allocation_shocks_per_year", given.per_year)
    return Shocks(
        chance=-math.expm1(-rate * YEARS_PER_QUARTER),
        lasts=_lag("allocation_shock_quarters", given.lasts),
        delivered=_figure("allocation_shock_delivered", given.delivered),
        later=_lag("allocation_shock_later_quarters", given.later),
    )


def _lag(name: str, text: str | None) -> int:
    return int(outlook_figure(name).value) if text is None else parse_lag(text)
