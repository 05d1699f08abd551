"""What generated workloads are made of: classes of jobs, and the figures of how they arrive."""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import table
from arkwright.catalog.rows import Default, Row
from arkwright.errors import InputError


class JobClass(Row, frozen=True, kw_only=True):
    """Jobs of one size within a mix: how many of its jobs they are, and how long they run."""

    name: str
    mix: str
    workload: str = ""
    gpus: int
    share: float
    """Of the mix's jobs; the shares of a mix need not add up to 1."""
    run_s_median: float
    run_sigma: float
    """Of the logarithm of the run time."""
    run_s_min: float
    run_s_max: float
    completed: float = 1.0
    failed: float = 0.0
    cancelled: float = 0.0
    """Shares of the class's jobs by outcome; they need not add up to 1."""


class RoundLimit(Row, frozen=True, kw_only=True):
    """A time limit that users like to ask for."""

    name: str
    limit_s: float


def job_classes(mix: str) -> tuple[JobClass, ...]:
    """The classes of a mix, in file order; InputError where there is none of that name."""
    found = tuple(row for row in _classes().values() if row.mix == mix)
    if not found:
        raise InputError(f"unknown mix of jobs {mix}; the catalogue has {', '.join(mixes())}")
    return found


def mixes() -> tuple[str, ...]:
    """Names of the mixes."""
    return tuple(dict.fromkeys(row.mix for row in _classes().values()))


def workload_figure(name: str) -> float:
    """The figure called `name`."""
    return _figures()[name].value


def round_limits_s() -> tuple[float, ...]:
    """Limits that users like to ask for, shortest first."""
    return tuple(sorted(row.limit_s for row in _limits().values()))


def tables() -> list[tuple[str, Mapping[str, Row]]]:
    """For the catalogue's page."""
    return [
        ("Classes of generated jobs", _classes()),
        ("Figures of generated workloads", _figures()),
        ("Time limits that users ask for", _limits()),
    ]


def _classes() -> Mapping[str, JobClass]:
    return table("job_classes.csv", JobClass)


def _figures() -> Mapping[str, Default]:
    return table("workload_figures.csv", Default)


def _limits() -> Mapping[str, RoundLimit]:
    return table("round_limits.csv", RoundLimit)
