"""A search over designs: every variant built and checked like any other, and what none beats.

What variants share is designed once: racks and network by system and oversubscription, cooling by
these and its temperature. So a variant costs its power chain, its sums and its checks; a test holds
each against the design of the same factory from scratch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from arkwright.catalog import plant
from arkwright.design.bill import BillLine, bill
from arkwright.design.blueprint import Blueprint, Severity, SitePlan
from arkwright.design.checker import check_network, check_plant
from arkwright.design.climate import weather_of
from arkwright.design.lower import blueprint
from arkwright.design.measures import MEASURES, Measured, measured
from arkwright.design.network import Network, network
from arkwright.design.pareto import front
from arkwright.design.plant_cost import usual_chain
from arkwright.design.power_chain import PowerPlan
from arkwright.design.rules.fault import Fault
from arkwright.design.search_space import (
    COOLING_AXES,
    NETWORK_AXES,
    Axis,
    choices,
    own_number,
    with_choice,
)
from arkwright.design.site_plant import SiteCooling, SiteLoads, powered, site_cooling, site_loads
from arkwright.design.site_power import Beside, beside
from arkwright.design.span import Span
from arkwright.design.whole import Design, assembled, site_design
from arkwright.errors import InputError, Problem
from arkwright.factory import Factory, validate
from arkwright.factory.weather import Weather

Floats = NDArray[np.float64]
USUAL = ("capex_per_gpu", "facility_kw_per_gpu", "bisection_gbit_s_per_gpu", "lost_one", "lost_two")
WORTH = "hbm_tb_s_per_gpu"
"""Beside them where GPUs differ, lest the oldest and cheapest win. A stand-in for what a GPU does:
the catalogue has it for every system, which it has not for FLOPS."""
_STEPS = 1e9


class Variant(Struct, frozen=True, kw_only=True):
    """One combination."""

    number: int
    """From 1, in the order of the axes."""
    choice: dict[str, str]
    reason: str = ""
    """Why it is out; empty: it is feasible."""
    detail: str = ""
    values: dict[str, float]
    """By name of `measures.MEASURES`; what is not known is left out."""
    capex: Span | None = None
    gpu_hour: Span | None = None
    on_front: bool = False
    like: int = 0
    """The first variant on the front whose objectives are as good; 0: it is that one itself."""


class Search(Struct, frozen=True, kw_only=True):
    """All variants of one factory."""

    name: str
    currency: str
    axes: tuple[Axis, ...]
    objectives: tuple[str, ...]
    variants: tuple[Variant, ...]
    own: int = 0
    """Number of the variant that the file itself asks for; 0: it is none of them."""

    @property
    def feasible(self) -> list[Variant]:
        """Those the checker passes and that have every objective."""
        return [variant for variant in self.variants if not variant.reason]

    @property
    def front(self) -> list[Variant]:
        """Feasible ones that none beats, best in the first objective first."""
        first = MEASURES[self.objectives[0]]
        kept = [variant for variant in self.variants if variant.on_front]
        return sorted(kept, key=lambda v: (first.cost(v.values[first.name]), v.number))

    def better(self, number: int) -> Variant | None:
        """The first on the front that beats variant `number`; None: no one does, or it is out.

        Every feasible variant is on the front or beaten by one that is.
        """
        asked, kept = self.variants[number - 1], self.front
        if asked.reason or asked.on_front:
            return None
        costs = _costs([*kept, asked], self.objectives)
        for rows in (_stepped(costs), costs):
            is_worse = (rows[:-1] > rows[-1]).any(axis=1)
            beats = np.flatnonzero(~is_worse & (rows[:-1] < rows[-1]).any(axis=1))
            if len(beats):
                return kept[int(beats[0])]
        return None

    @property
    def reasons(self) -> list[tuple[str, int, str]]:
        """Reason, how many are out for it, and the detail of the first; most first."""
        counts = Counter(v.reason for v in self.variants if v.reason)
        first = {v.reason: v.detail for v in reversed(self.variants) if v.reason}
        return [(reason, count, first[reason]) for reason, count in counts.most_common()]


def search(
    factory: Factory,
    over: Sequence[Axis],
    objectives: Sequence[str] = (),
    weather: Mapping[str, Weather] | None = None,
    *,
    anyway: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Every variant of `factory` over the axes of `search_space.axes`. Pure; in a fixed order.

    `anyway`: what the checker finds puts no variant out, only what cannot be built or has no
    price. `progress` is told how many of how many are done. InputError for an unknown objective.
    """
    wanted = _objectives(objectives, over, factory)
    variants = list(choices(over))
    judge = _Judge(factory, weather or {}, wanted, anyway)
    found = []
    for number, choice in enumerate(variants, start=1):
        found.append(judge.variant(number, choice))
        if progress is not None:
            progress(number, len(variants))
    return Search(
        name=factory.factory,
        currency=factory.money.currency,
        axes=tuple(over),
        objectives=wanted,
        variants=tuple(with_front(found, wanted)),
        own=own_number(factory, over),
    )


def _objectives(named: Sequence[str], over: Sequence[Axis], factory: Factory) -> tuple[str, ...]:
    unknown = [name for name in named if name not in MEASURES]
    if unknown:
        right = f"one of {', '.join(MEASURES)}"
        problems = [Problem("--objectives", n, "nothing is called that", right) for n in unknown]
        raise InputError("the search cannot judge by that", problems)
    if named:
        return tuple(dict.fromkeys(named))
    given = {hall.system for site in factory.sites.values() for hall in site.halls.values()}
    systems = next((set(axis.values) for axis in over if axis.name == "system"), given)
    return (*USUAL, WORTH) if len(systems) > 1 else USUAL


def with_front(found: list[Variant], objectives: tuple[str, ...]) -> list[Variant]:
    """`found` with those marked that no feasible one beats.

    Figures in one step of the catalogue's resolution count as equal, lest a hundredth of a percent
    keep a variant that is worse in everything else. Within a step the exact figures decide.
    """
    places = [at for at, variant in enumerate(found) if not variant.reason]
    exact = _costs([found[at] for at in places], objectives)
    stepped = _stepped(exact)
    groups: dict[tuple[float, ...], list[int]] = {}
    for row, is_kept in enumerate(front(stepped).tolist()):
        if is_kept:
            groups.setdefault(tuple(stepped[row].tolist()), []).append(row)
    for rows in groups.values():
        kept = [row for row, is_kept in zip(rows, front(exact[rows]), strict=True) if is_kept]
        first = found[places[kept[0]]].number
        for row in kept:
            at = places[row]
            like = 0 if found[at].number == first else first
            found[at] = replace(found[at], on_front=True, like=like)
    return found


def _costs(variants: Sequence[Variant], objectives: Sequence[str]) -> Floats:
    """Less is better, shape (variants, objectives)."""
    rows = [[MEASURES[o].cost(variant.values[o]) for o in objectives] for variant in variants]
    return np.array(rows).reshape(-1, len(objectives))


def _stepped(costs: Floats) -> Floats:
    """Each cost as the number of its step: steps grow by the resolution, zero is one of its own."""
    with np.errstate(divide="ignore"):
        steps = np.rint(np.log(np.abs(costs)) / np.log1p(plant.figure("search_resolution")))
    # No figure is so small that its step lies below this.
    return np.asarray(np.sign(costs) * (np.maximum(steps, -_STEPS) + _STEPS + 1))


class _Wired(NamedTuple):
    """What the power chain and the cooling do not change."""

    plan: Blueprint
    network: Network
    bought: tuple[BillLine, ...]
    faults: tuple[Fault, ...]
    plans: dict[str, SitePlan]
    extra: dict[str, Beside]
    loads: dict[str, SiteLoads]


class _Cooled(NamedTuple):
    """What the power chain does not change."""

    sites: dict[str, SiteCooling]
    usual: dict[str, PowerPlan]
    """Filled when first needed."""


class _Judge:
    """Variants in order: what the next one shares with the last is kept, nothing else."""

    def __init__(
        self,
        factory: Factory,
        weather: Mapping[str, Weather],
        objectives: tuple[str, ...],
        anyway: bool,
    ) -> None:
        self.factory = factory
        self.objectives = objectives
        self.anyway = anyway
        self.years = {
            name: weather_of(site.climate, site.country, weather.get(name))
            for name, site in factory.sites.items()
            if site.halls
        }
        self.wired: tuple[object, _Wired | InputError] | None = None
        self.cooled: tuple[object, _Cooled] | None = None

    def variant(self, number: int, choice: dict[str, str]) -> Variant:
        asked = with_choice(self.factory, choice)
        try:
            wired = self._wired(asked, choice)
            cooled = self._cooled(asked, choice, wired)
            built = self._built(asked, wired, cooled)
            found = measured(asked, built, self._usual(asked, built, cooled))
        except InputError as error:
            detail = " ".join(str(error).split())
            return Variant(
                number=number, choice=choice, reason="it cannot be built", detail=detail, values={}
            )
        reason, detail = self._out(asked, built, wired, found)
        return Variant(
            number=number,
            choice=choice,
            reason=reason,
            detail=detail,
            values=found.values,
            capex=found.capex,
            gpu_hour=found.gpu_hour,
        )

    def _out(
        self, asked: Factory, built: Design, wired: _Wired, found: Measured
    ) -> tuple[str, str]:
        """Why the variant is out, in a few words, and the detail; both empty where it is not."""
        if not self.anyway:
            faults = [*check_plant(asked, built), *wired.faults]
            worse = [fault for fault in faults if fault.severity is not Severity.NOTE]
            # What a planner can change at once comes first.
            worse.sort(key=lambda fault: (fault.severity is Severity.ERROR, fault.rule != "L1"))
            if worse:
                fault = worse[0]
                title = _REASONS.get(fault.rule, "the checker finds a fault")
                detail = f"{fault.where}: {fault.text} ({fault.margin}); {fault.fix}"
                return f"{fault.rule}: {title}", detail
        for name in self.objectives:
            if name not in found.values:
                measure = MEASURES[name]
                return f"{measure.title} is not known", measure.missing
        return "", ""

    def _wired(self, asked: Factory, choice: Mapping[str, str]) -> _Wired:
        key = _part(choice, NETWORK_AXES)
        if self.wired is None or self.wired[0] != key:
            made: _Wired | InputError
            try:
                made = _wire(asked, self.years)
            except InputError as error:
                made = error
            self.wired = key, made
        found = self.wired[1]
        if isinstance(found, InputError):
            raise found
        return found

    def _cooled(self, asked: Factory, choice: Mapping[str, str], wired: _Wired) -> _Cooled:
        key = _part(choice, COOLING_AXES)
        if self.cooled is None or self.cooled[0] != key:
            sites = {
                name: site_cooling(
                    name, asked.sites[name], wired.plan, wired.loads[name], self.years[name]
                )
                for name in wired.loads
            }
            self.cooled = key, _Cooled(sites, {})
        return self.cooled[1]

    def _built(self, asked: Factory, wired: _Wired, cooled: _Cooled) -> Design:
        sites = []
        for net in wired.network.sites:
            name, place = net.site, asked.sites[net.site]
            loads, year = wired.loads[name], self.years[name]
            made = powered(name, place, loads, cooled.sites[name], year)
            sites.append(site_design(place, wired.plans[name], net, wired.extra[name], made))
        return assembled(asked, wired.plan, wired.network, tuple(sites), wired.bought)

    def _usual(self, asked: Factory, built: Design, cooled: _Cooled) -> dict[str, PowerPlan]:
        """The usual chain of each site: the same whatever the variant's own chain is."""
        for site in built.sites:
            name = site.plan.name
            if name not in cooled.usual:
                section = asked.sites[name].power
                cooled.usual[name] = usual_chain(section, site.plant.power)
        return cooled.usual


def _wire(asked: Factory, years: Mapping[str, Weather]) -> _Wired:
    problems = validate(asked)
    if problems:
        raise InputError("the factory is not valid", problems)
    plan = blueprint(asked)
    wired = network(asked, plan)
    extra = {net.site: beside(net) for net in wired.sites}
    loads = {name: site_loads(plan, name, found.racks) for name, found in extra.items()}
    bought = bill(plan, wired)
    # The rules of cables and switches look at nothing else, so one design shows them all.
    sites = []
    for net in wired.sites:
        name, place = net.site, asked.sites[net.site]
        cooled = site_cooling(name, place, plan, loads[name], years[name])
        made = powered(name, place, loads[name], cooled, years[name])
        site_plan = next(site for site in plan.sites if site.name == name)
        sites.append(site_design(place, site_plan, net, extra[name], made))
    built = assembled(asked, plan, wired, tuple(sites), bought)
    return _Wired(
        plan=plan,
        network=wired,
        bought=bought,
        faults=check_network(asked, built),
        plans={site.name: site for site in plan.sites},
        extra=extra,
        loads=loads,
    )


def _part(choice: Mapping[str, str], names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in choice.items() if name in names)


_REASONS = {
    "K3": "it has less than was asked for",
    "L1": "the grid connection does not carry it",
    "L2": "a part of the power chain is above its rating",
    "L3": "a busway is above its rating",
    "L4": "a hall or a rack draws more than the file allows",
    "L5": "the floor does not carry a rack",
    "L6": "a rack gives more heat to the air than was ever read",
    "L7": "the storage is too small",
    "L8": "the load swings more than the grid connection bears",
    "L9": "the load ramps faster than the grid connection bears",
    "H2": "the machines do not carry the heat",
    "M1": "it costs more than the budget",
    "R1": "a cooling machine has nothing behind it",
    "R2": "a part of the power chain has nothing behind it",
    "R4": "the storage has nothing behind it",
}
