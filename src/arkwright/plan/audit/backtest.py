"""The dated record of promises against the odds that would have been given at the time."""

from __future__ import annotations

from msgspec import Struct

from arkwright.catalog import audit as held
from arkwright.factory.declared_dates import Span as Days
from arkwright.factory.declared_dates import period
from arkwright.plan.audit.odds import Band, Case, odds


class Trial(Struct, frozen=True, kw_only=True):
    """One promise of the record."""

    name: str
    title: str
    stated: str
    promised: str
    later: str
    """`reached`, `restated`, `withdrawn` or `open`."""
    later_period: str
    band: Band
    on_time: float
    verdict: str
    """`inside`, `earlier`, `later` than the band; `withdrawn`, `open`."""
    source: str


class Backtest(Struct, frozen=True, kw_only=True):
    """All of them, and the score."""

    trials: tuple[Trial, ...]

    def count(self, *verdicts: str) -> int:
        """How many have one of `verdicts`."""
        return sum(trial.verdict in verdicts for trial in self.trials)

    @property
    def dated(self) -> int:
        """Promises whose later date is known: reached or restated."""
        return self.count("inside", "earlier", "later")


def backtest(inside_weight: float | None = None) -> Backtest:
    """Odds of every row of the record as of the day it was stated, and what came of it.

    A date that is known as a period counts as its last day. What was restated may slip again: the
    promise of today is the earliest it can be. `inside_weight` as in `odds`.
    """
    return Backtest(trials=tuple(_trial(row, inside_weight) for row in held.recorded().values()))


def case_of(row: held.Recorded) -> Case:
    """The promise of one row, with what was known on the day it was stated."""
    return Case(
        name=row.name,
        stated_day=period(row.stated).first,
        begun_day=period(row.stated).first,
        country=row.country,
        facility_kw=row.power_kw or 0.0,
        gpus=row.gpus,
        milestone=row.milestone,
        promised=period(row.promised),
        is_energised=row.progress == "energised",
    )


def _trial(row: held.Recorded, inside_weight: float | None) -> Trial:
    case = case_of(row)
    found = odds(case, inside_weight=inside_weight)
    band = found.bands[case.milestone]
    return Trial(
        name=row.name,
        title=row.title,
        stated=row.stated,
        promised=row.promised,
        later=row.later,
        later_period=row.later_period,
        band=band,
        on_time=found.on_time,
        verdict=_verdict(row, band),
        source=row.provenance,
    )


def _verdict(row: held.Recorded, band: Band) -> str:
    if not row.later_period:
        return row.later
    came: Days = period(row.later_period)
    if came.last < band.p10:
        return "earlier"
    return "later" if came.last > band.p90 else "inside"
