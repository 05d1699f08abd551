"""When a promise comes true: a distribution of dates, and what it rests on.

Two views, mixed with stated weights because nobody outside knows how much had been done when a
statement was made:

- **from inside**: lead times from the first day that anything of it was stated. Each step of
  `design.timeline` is lognormal with its quoted ends as P10 and P90, independent of the others, and
  waits for those before it; a site then fills at a rate that is lognormal between the rates read.
- **from outside**: the promise with the usual overrun. A share of projects is late (uniform between
  the shares read); those are later by an exponential part of their promised time whose mean gives
  the mean overrun that was read; the others come within the promised period.

Once a promise is older, draws before the day of the audit are dropped: it has not come by then.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import audit as held
from arkwright.design.timeline import Step, timeline
from arkwright.factory.declared_dates import Span as Days

Floats = NDArray[np.float64]
DRAWS = 4096
_DAYS_PER_WEEK = 7.0
_DAYS_PER_MONTH = 365.25 / 12
_DAYS_PER_QUARTER = 92
_NORMAL_P90 = 1.2815515655446004
_DRAWS_MIN = 40
"""Fewer left after the day of the audit say nothing."""
MILESTONES = ("energised", "first", "all")
_STANDS = ("design", "grid", "large-transformer", "transformer", "building", "plant", "energise")


class Case(Struct, frozen=True, kw_only=True):
    """A promise, with what decides how long it takes."""

    name: str
    stated_day: int
    begun_day: int
    """Lead times count from here: the first day that anything of it was stated."""
    country: str | None
    facility_kw: float
    """Of what was promised; large ones need large transformers."""
    gpus: int | None
    milestone: str
    """Which of `MILESTONES` the promise is about; `supply` is of a machine and knows no site."""
    promised: Days
    is_grid_reserved: bool = True
    is_energised: bool = False
    """A building with power stands."""


class Band(NamedTuple):
    """Days since 1970-01-01."""

    p10: float
    p50: float
    p90: float


class Odds(Struct, frozen=True, kw_only=True):
    """What a promise is worth."""

    on_time: float
    """Probability that what was promised comes by the last promised day, if it comes at all."""
    by_then: dict[str, float]
    """The same for each milestone by that day; nothing when nothing can be said."""
    bands: dict[str, Band]
    """By milestone; empty when the promise is so long overdue that nothing can be said."""
    quickest_day: int
    """Of the promised milestone, with every lead time at its quick end from the statement on."""
    critical: str
    """Steps that decide the quickest day, with their weeks."""
    longest: str
    """The longest of them."""
    critical_sources: tuple[str, ...]
    needs: Needs | None
    """None for `supply`."""
    rests_on: tuple[str, ...]


class Needs(Struct, frozen=True, kw_only=True):
    """What it would take, as days since 1970-01-01, at median lead times."""

    start_by: float
    """Design and orders of the plant."""
    start_by_quick: float
    """The same at quick ends."""
    power_by: float
    orders_by: float
    """GPUs ordered, and the money for them there."""


class _Inside(NamedTuple):
    """Days from the beginning, a draw a row."""

    energised: Floats
    first: Floats
    all: Floats


def odds(
    case: Case, as_of_day: int | None = None, seed: int = 0, inside_weight: float | None = None
) -> Odds:
    """Odds of `case` as of a day (None: the day it was stated). The same seed, the same odds.

    `inside_weight` in place of the catalogue's: 0 is the view from outside alone, 1 lead times.
    """
    rng = _stream(case.name, seed)
    rates = _known(case.stated_day if as_of_day is None else as_of_day)
    outside = _outside(case, rates, rng)
    if case.milestone == "supply":
        left = outside if as_of_day is None else outside[outside >= as_of_day]
        return Odds(
            on_time=_share(left <= case.promised.last),
            by_then={},
            bands={"supply": _band(left)} if left.size else {},
            quickest_day=case.promised.first,
            critical="",
            longest="",
            critical_sources=(),
            needs=None,
            rests_on=_outside_sources(rates),
        )
    steps = _steps(case)
    quick = _quickest(case, steps)
    inside = _inside(case, steps, rng)
    length = getattr(inside, case.milestone)
    weight = held.audit_figure("inside_weight").middle if inside_weight is None else inside_weight
    is_inside = rng.random(DRAWS) < weight
    reached = np.where(is_inside, case.begun_day + length, outside)
    kept = reached >= (case.stated_day if as_of_day is None else as_of_day)
    bands, by_then = {}, {}
    if kept.sum() >= _DRAWS_MIN:
        for name in MILESTONES:
            # From outside the promised one is known; the others stand as far from it as inside.
            days = reached - (length - getattr(inside, name))
            bands[name] = _band(np.maximum(days, case.begun_day)[kept])
            by_then[name] = _share(days[kept] <= case.promised.last)
    return Odds(
        on_time=by_then.get(case.milestone, 0.0),
        by_then=by_then,
        bands=bands,
        quickest_day=round(case.begun_day + quick.days),
        critical=quick.words,
        longest=quick.longest,
        critical_sources=quick.sources,
        needs=_needs(case, steps, inside),
        rests_on=(*_outside_sources(rates), *dict.fromkeys(step.source for step in steps)),
    )


def built_share() -> tuple[float, float, tuple[str, ...]]:
    """Share of announcements that are built as said, both ends, and whose figures they are."""
    rows = [row for row in held.base_rates().values() if row.measure == "built_share"]
    sources = tuple(row.provenance for row in rows)
    return min(row.low for row in rows), max(row.high for row in rows), sources


def _stream(name: str, seed: int) -> np.random.Generator:
    """One stream a statement, so that one more does not change the others."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64)))


def _known(day: int) -> list[held.BaseRate]:
    """Rates that could be known on `day`; the earliest where none could."""
    year = int(str(np.datetime64(day, "D"))[:4])
    rows = [r for r in held.base_rates().values() if r.measure in ("late_share", "overrun_mean")]
    known = [row for row in rows if row.known_from <= year]
    first = min(row.known_from for row in rows)
    return known or [row for row in rows if row.known_from == first]


def _outside(case: Case, rates: list[held.BaseRate], rng: np.random.Generator) -> Floats:
    late = [row for row in rates if row.measure == "late_share"]
    overrun = next(row for row in rates if row.measure == "overrun_mean")
    low, high = min(row.low for row in late), max(row.high for row in late)
    # The mean overrun is over all projects of the share that was read with it.
    mean = (overrun.low + overrun.high) / 2 / max(row.high for row in late)
    is_late = rng.random(DRAWS) < rng.uniform(low, high, DRAWS)
    length = max(case.promised.last - case.stated_day, 1)
    after = case.promised.last + rng.exponential(mean, DRAWS) * length
    first = max(case.promised.first, case.promised.last - _DAYS_PER_QUARTER, case.stated_day)
    first = min(first, case.promised.last)
    return np.where(is_late, after, rng.uniform(first, case.promised.last, DRAWS))


def _outside_sources(rates: list[held.BaseRate]) -> tuple[str, ...]:
    return tuple(row.provenance for row in rates)


def _steps(case: Case) -> tuple[Step, ...]:
    """Steps of the site that are still to be done."""
    plan = timeline(
        case.name,
        case.country,
        case.facility_kw,
        case.begun_day,
        is_grid_reserved=case.is_grid_reserved,
    )
    if not case.is_energised:
        return plan.steps
    return tuple(step for step in plan.steps if step.name not in _STANDS)


def _inside(case: Case, steps: tuple[Step, ...], rng: np.random.Generator) -> _Inside:
    ends: dict[str, Floats] = {}
    zero = np.zeros(DRAWS)
    for step in steps:
        before = [ends.get(name, zero) for name in step.after]
        begin = np.max(before, axis=0) if before else zero
        ends[step.name] = begin + _lognormal(*_weeks(step), rng) * _DAYS_PER_WEEK
    first = ends["first-racks"]
    filling = zero
    if case.gpus:
        pace = held.audit_figure("gpus_per_month")
        filling = case.gpus / _lognormal(pace.low, pace.high, rng) * _DAYS_PER_MONTH
    return _Inside(energised=ends.get("energise", zero), first=first, all=first + filling)


class _Quick(NamedTuple):
    days: float
    words: str
    longest: str
    sources: tuple[str, ...]


def _quickest(case: Case, steps: tuple[Step, ...]) -> _Quick:
    """Days to the promised milestone with every step at its quick end, and what decides them."""
    by_name = {step.name: step for step in steps}
    ends: dict[str, float] = {}
    longest: dict[str, str] = {}
    for step in steps:
        before = {name: ends[name] for name in step.after if name in ends}
        longest[step.name] = max(before, key=lambda name: before[name], default="")
        ends[step.name] = max(before.values(), default=0.0) + _weeks(step)[0] * _DAYS_PER_WEEK
    name = "energise" if case.milestone == "energised" else "first-racks"
    days = ends.get(name, 0.0)
    words: list[str] = []
    sources: list[str] = []
    longest_step = (0.0, "")
    while name in by_name:
        step = by_name[name]
        title, weeks = step.title.lower().replace("gpu", "GPU"), _weeks(step)[0]
        words.insert(0, f"{title} {weeks:.0f}")
        longest_step = max(longest_step, (weeks, f"{title} alone {weeks:.0f} weeks"))
        sources.insert(0, step.source)
        name = longest[name]
    if case.gpus and case.milestone == "all":
        pace = held.audit_figure("gpus_per_month")
        filling = case.gpus / pace.high * _DAYS_PER_MONTH
        days += filling
        words.append(f"filling {filling / _DAYS_PER_WEEK:.0f}")
        sources.append(pace.provenance)
    return _Quick(
        days, f"{' + '.join(words)} weeks", longest_step[1], tuple(dict.fromkeys(sources))
    )


def _needs(case: Case, steps: tuple[Step, ...], inside: _Inside) -> Needs:
    due = float(case.promised.last)
    length = getattr(inside, case.milestone)
    first_to_due = length - inside.first
    last = next(step for step in steps if step.name == "first-racks")
    burn_in = _middle(last) * _DAYS_PER_WEEK
    delivery = next((_middle(step) for step in steps if step.name == "gpus"), 0.0) * _DAYS_PER_WEEK
    power_by = due if case.milestone == "energised" else due - np.median(first_to_due) - burn_in
    return Needs(
        start_by=due - float(np.median(length)),
        start_by_quick=due - _quickest(case, steps).days,
        power_by=float(power_by),
        orders_by=float(power_by) - delivery,
    )


def _weeks(step: Step) -> tuple[float, float]:
    """Quick and slow end of the step itself."""
    return step.end.low - step.start.low, step.end.high - step.start.high


def _middle(step: Step) -> float:
    low, high = _weeks(step)
    return float(np.sqrt(low * high))


def _lognormal(low: float, high: float, rng: np.random.Generator) -> Floats:
    """Draws with `low` and `high` as P10 and P90; one value where they are equal."""
    middle = (np.log(low) + np.log(high)) / 2
    spread = (np.log(high) - np.log(low)) / 2 / _NORMAL_P90
    drawn: Floats = np.exp(middle + spread * rng.standard_normal(DRAWS))
    return drawn


def _band(days: Floats) -> Band:
    p10, p50, p90 = np.quantile(days, (0.1, 0.5, 0.9))
    return Band(float(p10), float(p50), float(p90))


def _share(is_true: NDArray[np.bool_]) -> float:
    return float(is_true.mean()) if is_true.size else 0.0
