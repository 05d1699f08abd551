"""What fails, how often, for how long and how unevenly: frozen, checked, with a source behind it.

`FailureSpec` is complete. `Failures` is what a person writes: a mix of the catalogue and what
differs from it; `failure_spec` makes the one from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta, field

from arkwright.catalog.failures import (
    FailurePattern,
    RepairTime,
    failure_mix,
    failure_patterns,
    repair_times,
)
from arkwright.errors import InputError, Problem
from arkwright.factory.section import Section
from arkwright.twin.streams import Floats
from arkwright.units import MS_PER_S, S_PER_HOUR, Seconds

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Factor: TypeAlias = Annotated[float, Meta(ge=0, le=1e6)]

S_PER_DAY = 24 * S_PER_HOUR
MS_PER_HOUR = MS_PER_S * S_PER_HOUR
MS_PER_DAY = MS_PER_S * S_PER_DAY
_KNOTS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Shares at which the catalogue gives repair times."""


class Part(Enum):
    """What can fail. All nodes that hang on a part go out with it."""

    GPU = "gpu"
    NODE = "node"
    LINK = "link"
    LEAF = "leaf"
    PDU = "pdu"
    CDU = "cdu"
    HALL = "hall"


OF_A_NODE = (Part.GPU, Part.NODE, Part.LINK)
"""Parts that belong to one node."""


class Repair(Section, frozen=True, kw_only=True):
    """Time until back in service by its quantiles: `within[i]` for `shares[i]` of the failures.

    Between two knots the time grows geometrically, which keeps a tail as heavy as the knots say.
    """

    shares: Annotated[tuple[Share, ...], Meta(min_length=2, max_length=1000)]
    """From 0 through 1, ascending."""
    within: Annotated[tuple[Seconds, ...], Meta(min_length=2, max_length=1000)]
    """Above 0, not descending."""

    def __post_init__(self) -> None:
        shares, within = np.array(self.shares), np.array(self.within)
        if len(shares) != len(within):
            raise ValueError(f"{len(shares)} shares need as many times, not {len(within)}")
        if shares[0] != 0 or shares[-1] != 1 or (np.diff(shares) <= 0).any():
            raise ValueError("shares go from 0 through 1 and ascend")
        if not np.isfinite(within).all() or within[0] <= 0 or (np.diff(within) < 0).any():
            raise ValueError("times are above 0 and do not descend")

    def quantile_s(self, share: Floats) -> Floats:
        """Seconds within which `share` (0..1, any shape) of the repairs are done."""
        return np.asarray(np.exp(np.interp(share, self.shares, np.log(self.within))))

    @property
    def mean_h(self) -> float:
        """Mean [h]: over a geometric piece from a to b it is (b - a) / ln(b / a)."""
        low, high = np.array(self.within[:-1]), np.array(self.within[1:])
        same = high <= low * (1 + 1e-12)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(same, low, (high - low) / np.log(high / low))
        return float(mean @ np.diff(self.shares)) / S_PER_HOUR


class Cause(Section, frozen=True, kw_only=True):
    """One way to go out of service."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    part: Part
    per_1000_days: Annotated[float, Meta(ge=0, le=1e6)]
    """Failures per 1,000 days of one such part, the mean over the fleet."""
    repair: Repair


class Lemons(Section, frozen=True, kw_only=True):
    """Nodes whose GPUs, links and hosts fail `factor` times as often as the others'.

    The mean over the fleet stays what the causes say.
    """

    share: Share
    factor: Annotated[float, Meta(ge=1, le=1000)]

    @property
    def weights(self) -> tuple[float, float]:
        """What the rates of an ordinary node and of a lemon are multiplied by."""
        ordinary = 1.0 / (1.0 - self.share + self.share * self.factor)
        return ordinary, ordinary * self.factor


class Bursts(Section, frozen=True, kw_only=True):
    """Failures of nodes that come together: one event in a hall, which hits some of its nodes.

    A burst is of one cause. Each node of the hall is hit with the burst's own probability, drawn
    log-normal with `hit_mean` and `hit_cv`, so a burst grows with the hall.
    """

    share: Share
    """Of the failures of nodes, those that come in bursts."""
    hit_mean: Annotated[float, Meta(gt=0, le=1)]
    hit_cv: Factor
    """Standard deviation over mean."""
    spread: Seconds
    """Mean time from the event until a node is out; exponential."""
    node_gpus: Annotated[int, Meta(ge=1, le=1024)] = 8
    """GPUs of the node that `hit_mean` is told of; others are hit as their rates compare to it."""


class Seasons(Section, frozen=True, kw_only=True):
    """The failure rate of a hall's nodes moves: in each window it has another factor, mean 1.

    Log-normal; windows are counted from the epoch.
    """

    cv: Factor
    """Standard deviation over mean."""
    length: Annotated[Seconds, Meta(gt=0, le=1e9)]


class FailureSpec(Section, frozen=True, kw_only=True):
    """A whole failure model."""

    causes: Annotated[tuple[Cause, ...], Meta(max_length=1000)]
    lemons: Lemons | None = None
    """None: all nodes are alike."""
    bursts: Bursts | None = None
    """None: nodes fail one by one."""
    seasons: Seasons | None = None
    """None: the rate stays."""
    gpu_type_factors: dict[str, Factor] = field(default_factory=dict)
    """Factor on the rates of GPU causes by GPU type; 1 for those not named."""
    warm_up: Annotated[Seconds, Meta(le=1e9)] = 0.0
    """Failures of so long before the start may still be out then; 0: all nodes begin in service."""

    def __post_init__(self) -> None:
        names = [cause.name for cause in self.causes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"causes named twice: {', '.join(twice)}")

    def node_per_1000_days(self, gpus: float, links: float | None = None) -> float:
        """Failures of a node with `gpus` GPUs and `links` links (one per GPU) in 1,000 days."""
        return sum(self.rate_of(cause, gpus, links) for cause in self.causes)

    @staticmethod
    def rate_of(cause: Cause, gpus: float, links: float | None = None) -> float:
        """What `cause` adds to that; 0 for parts that belong to no node."""
        many = {Part.GPU: gpus, Part.NODE: 1.0, Part.LINK: gpus if links is None else links}
        return cause.per_1000_days * many.get(cause.part, 0.0)


class CauseChange(Section, frozen=True, kw_only=True):
    """A cause that differs from the mix's of the same name, or is new; then all is needed."""

    part: Part | None = None
    per_1000_days: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    repair: Repair | None = None


class Failures(Section, frozen=True, kw_only=True):
    """What a person writes about failures. Left out, the catalogue's mix says it."""

    mix: str = "default"
    """Row of the catalogue: default, llama3, rsc1, rsc2, stepfun."""
    factor: Factor = 1.0
    """On every rate."""
    repair_factor: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    """On every time to repair."""
    causes: dict[str, CauseChange] = field(default_factory=dict)
    """By name; a rate of 0 takes a cause out."""
    lemons: Lemons | None = None
    """A share of 0 takes the mix's away; likewise below."""
    bursts: Bursts | None = None
    seasons: Seasons | None = None
    """A cv of 0 takes the mix's away."""
    gpu_type_factors: dict[str, Factor] = field(default_factory=dict)
    warm_up: Annotated[Seconds, Meta(le=1e9)] = 0.0


def failure_spec(asked: Failures | str = "default") -> FailureSpec:
    """The whole model behind `asked`, or behind a mix of the catalogue by its name.

    Raises InputError for an unknown mix, and with every new cause that lacks something.
    """
    asked = Failures(mix=asked) if isinstance(asked, str) else asked
    known = {row.cause: _cause(row.cause, row.part, row.per_1000_days, row.repair)
             for row in failure_mix(asked.mix)}  # fmt: skip
    causes = _changed(known, asked.causes)
    pattern = failure_patterns().get(asked.mix, failure_patterns()["*"])
    lemons = asked.lemons or Lemons(share=pattern.lemon_share, factor=pattern.lemon_factor)
    bursts = asked.bursts or _bursts(pattern)
    length = pattern.season_days * S_PER_DAY
    seasons = asked.seasons or Seasons(cv=pattern.season_cv, length=length)
    return FailureSpec(
        causes=tuple(_scaled(cause, asked) for cause in causes if cause.per_1000_days > 0),
        lemons=lemons if lemons.share > 0 else None,
        bursts=bursts if bursts.share > 0 else None,
        seasons=seasons if seasons.cv > 0 else None,
        gpu_type_factors=asked.gpu_type_factors,
        warm_up=asked.warm_up,
    )


def _cause(name: str, part: str, per_1000_days: float, repair: str) -> Cause:
    return Cause(
        name=name,
        part=Part(part),
        per_1000_days=per_1000_days,
        repair=_repair(repair_times()[repair]),
    )


def _repair(row: RepairTime) -> Repair:
    hours = (
        row.min_h, row.p10_h, row.p25_h, row.p50_h, row.p75_h,
        row.p90_h, row.p95_h, row.p99_h, row.max_h,
    )  # fmt: skip
    return Repair(shares=_KNOTS, within=tuple(value * S_PER_HOUR for value in hours))


def _bursts(row: FailurePattern) -> Bursts:
    return Bursts(
        share=row.burst_share,
        hit_mean=row.burst_hit_mean,
        hit_cv=row.burst_hit_cv,
        spread=row.burst_spread_h * S_PER_HOUR,
    )


def _changed(known: Mapping[str, Cause], changes: Mapping[str, CauseChange]) -> list[Cause]:
    problems = []
    result = dict(known)
    for name, change in changes.items():
        cause = _one(name, known.get(name), change)
        if cause is None:
            right = "give part, per_1000_days and repair, or take one of " + ", ".join(known)
            problems.append(
                Problem("failures", f"causes.{name}", "the mix does not have it", right)
            )
        else:
            result[name] = cause
    if problems:
        raise InputError("the failures cannot be read", problems)
    return list(result.values())


def _one(name: str, base: Cause | None, change: CauseChange) -> Cause | None:
    """The cause once changed; None where it is new and lacks something."""
    part, rate, repair = change.part, change.per_1000_days, change.repair
    if base is not None:
        part, repair = part or base.part, repair or base.repair
        rate = base.per_1000_days if rate is None else rate
    if part is None or rate is None or repair is None:
        return None
    return Cause(name=name, part=part, per_1000_days=rate, repair=repair)


def _scaled(cause: Cause, asked: Failures) -> Cause:
    repair = Repair(
        shares=cause.repair.shares,
        within=tuple(time_s * asked.repair_factor for time_s in cause.repair.within),
    )
    return Cause(
        name=cause.name,
        part=cause.part,
        per_1000_days=cause.per_1000_days * asked.factor,
        repair=repair,
    )
