"""Who may be told to stop for whom, as a state keeps it: one column, read by kernels by place."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from arkwright.errors import InternalError

# Places in `State.eviction`, the order of the fields of `Eviction`.
ENABLED: Final = 0
PRIORITY_GAP: Final = 1
EVICTIONS_MAX: Final = 2
RUN_MIN_MS: Final = 3
DEFRAGMENT: Final = 4
MOVES_MAX: Final = 5
TRIES: Final = 6
DOMAINS_MAX: Final = 7
CANDIDATES_MAX: Final = 8


TIMES_MAX: Final = 20
"""Bounds how many attempts a run forward must have room for."""
TRIES_MAX: Final = 10_000
_MOST: Final = (1 << 60) - 1


class Eviction(NamedTuple):
    """The policy. Off by default: then no decision differs from one without these rules."""

    enabled: int = 0
    priority_gap: int = 1
    """Within a tier, by how much the priority of the waiting job must be higher."""
    evictions_max: int = 3
    """How often one job may lose its place, at most TIMES_MAX."""
    run_min_ms: int = 0
    """Nobody is told to stop sooner after its start; at the instant of its start never."""
    defragment: int = 0
    """1: jobs may be moved where a gang waits for shape rather than size."""
    moves_max: int = 2
    """How often one job may be moved, at most TIMES_MAX."""
    tries: int = 8
    """Waiting jobs that may look for victims in one cycle."""
    domains_max: int = 64
    """Domains of the required level that one job looks at: those with most room already."""
    candidates_max: int = 1024
    """Jobs considered in one domain, those that go first."""


def eviction_column(eviction: Eviction | None) -> npt.NDArray[np.int64]:
    """The column of `State`. InternalError where a field makes no sense."""
    policy = Eviction() if eviction is None else eviction
    least = Eviction(0, 1, 0, 0, 0, 0, 1, 1, 1)
    most = Eviction(1, _MOST, TIMES_MAX, _MOST, 1, TIMES_MAX, TRIES_MAX, _MOST, _MOST)
    for name, value, lowest, highest in zip(Eviction._fields, policy, least, most, strict=True):
        if not lowest <= value <= highest:
            raise InternalError(f"eviction.{name} is {value}; it must be {lowest}..{highest}")
    return np.array(policy, np.int64)
