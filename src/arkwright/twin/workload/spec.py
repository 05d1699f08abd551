"""What a user may say of a workload: how to read a trace, or what to generate."""

from __future__ import annotations

from arkwright.factory.section import Section


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
