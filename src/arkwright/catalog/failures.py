"""How often parts fail, how long they are out, and how unevenly: published mixes of failures."""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import Default, Row, table
from arkwright.errors import InputError


class FailureRate(Row, frozen=True, kw_only=True):
    """One cause of one mix: so many failures in so many days of one such part."""

    name: str
    mix: str
    cause: str
    part: str
    count: float
    part_days: float
    repair: str
    """Row of the repair times."""

    @property
    def per_1000_days(self) -> float:
        """Failures per 1,000 days of one such part."""
        return 1000.0 * self.count / self.part_days


class RepairTime(Row, frozen=True, kw_only=True):
    """Quantiles [h] of the time out of service, waits for parts and people included."""

    name: str
    min_h: float
    p10_h: float
    p25_h: float
    p50_h: float
    p75_h: float
    p90_h: float
    p95_h: float
    p99_h: float
    max_h: float


class FailurePattern(Row, frozen=True, kw_only=True):
    """How unevenly failures fall on nodes and times; the name is the mix's, `*` for the others."""

    name: str
    lemon_share: float
    lemon_factor: float
    burst_share: float
    burst_hit_mean: float
    burst_hit_cv: float
    burst_spread_h: float
    season_cv: float
    season_days: float


def failure_mix(name: str) -> tuple[FailureRate, ...]:
    """The causes of the mix called `name`, in file order."""
    found = tuple(row for row in failure_rates().values() if row.mix == name)
    if not found:
        known = ", ".join(dict.fromkeys(row.mix for row in failure_rates().values()))
        raise InputError(f"unknown mix of failures {name}; the catalogue has {known}")
    return found


def failure_rates() -> Mapping[str, FailureRate]:
    """Every cause of every mix, in file order."""
    return table("failure_rates.csv", FailureRate)


def repair_times() -> Mapping[str, RepairTime]:
    """Repair times by name."""
    return table("repair_times.csv", RepairTime)


def failure_patterns() -> Mapping[str, FailurePattern]:
    """Patterns by the mix they belong to."""
    return table("failure_patterns.csv", FailurePattern)


def checkpoint_figures() -> Mapping[str, Default]:
    """What a checkpoint is taken to hold and to cost, by name."""
    return table("checkpoint_figures.csv", Default)
