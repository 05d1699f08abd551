"""What a user may say of a workload: how to read a trace, or what to generate."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta

from arkwright.factory.section import Section
from arkwright.units import quantity


class ColumnMap(Section, frozen=True, kw_only=True):
    """Which column of a CSV or Parquet file holds what; what is not named is found by name.

    Times are in the unit that the column's name ends in (`_ms`, `_s`, `_min`, `_h`, `_d`), seconds
    without one; GPUs and CPUs are whole unless it ends in `_milli`, memory in `_mib` or `_gb`.
    """

    id: str | None = None
    submit: str | None = None
    run: str | None = None
    start: str | None = None
    end: str | None = None
    wait: str | None = None
    """Between submission and start, where neither start nor end is there."""
    estimate: str | None = None
    gpus: str | None = None
    nodes: str | None = None
    cpus: str | None = None
    memory: str | None = None
    gpu_type: str | None = None
    user: str | None = None
    project: str | None = None
    pool: str | None = None
    workload: str | None = None
    qos: str | None = None
    priority: str | None = None
    outcome: str | None = None


class Limits(Enum):
    """What generated jobs ask for as a time limit."""

    REALISTIC = "realistic"
    """Too much, rounded up to what people write; some run into it and are ended there."""
    EXACT = "exact"
    """The run time itself."""
    NONE = "none"


Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]


class Generator(Section, frozen=True, kw_only=True):
    """A workload to generate; figures left out are the catalogue's (`workload_figures.csv`)."""

    mix: dict[str, Positive] | None = None
    """Shares of the GPU time by mix of the catalogue (`job_classes.csv`); they need not add up."""
    load: Positive | None = None
    """GPU time asked for, over what the fleet's GPUs can give from the first to the last instant
    of submission."""
    jobs: Annotated[int, Meta(ge=1)] | None = None
    """That many, over as long a time as the load asks for; else as many as fill the time."""
    gpus_max: Annotated[int, Meta(ge=1)] | None = None
    """Classes of larger jobs are left out; so are those larger than the fleet."""
    run_stretch: Positive = 1.0
    """Factor on run times."""
    day_swing: Annotated[float, Meta(ge=1)] | None = None
    """The busiest hour's rate of submission over the quietest's; 1 for none."""
    weekend_rate: Positive | None = None
    """A weekend hour's rate over that of another day; 1 for no difference."""
    utc_offset: Annotated[float, quantity("s", ge=None)] = 0.0
    """How far the users' clock is ahead of UTC."""
    limits: Limits = Limits.REALISTIC
    users: Annotated[int, Meta(ge=1)] | None = None
    projects: Annotated[int, Meta(ge=1)] | None = None
    """Users share them evenly, the busiest user in the first."""
    preemptible: Share = 0.0
    """Share of the jobs that could be stopped for others."""
