"""A scene: everything a question about the future needs, copied off the live fleet.

It is taken on the thread that owns the fleet, in milliseconds, and answered anywhere else: nothing
in it moves any more. What a question may cost is counted in cycles, not in seconds, so that the
same question of the same scene has the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.fleet.experience import Group, Ints, Lessons, durations
from arkwright.fleet.lowering import FleetPolicy, Names
from arkwright.jobs.spec import JobSpec

Runner: TypeAlias = Callable[..., Any]
"""Runs one pure function of `sched` with its arguments: here, in another process, compiled."""

FAR_MS = 20 * 365 * 86_400_000
"""No forecast looks further than twenty years."""
CYCLE_VISITS = 600
"""What a cycle costs beside its visits to nodes, counted in such visits."""
CLASS_VISITS = 12
"""Walks over all nodes that a cycle makes beside one for each class with waiting jobs."""


class Scene(Struct, frozen=True, kw_only=True):
    """A fleet at one instant. Lists are indexed as the state's jobs are."""

    state: Any
    """`sched.State`, a copy."""
    now_ms: int
    backfill: int
    names: Names
    policy: FleetPolicy
    job_ids: Sequence[str]
    job_index: Mapping[str, int]
    specs: Mapping[str, JobSpec]
    """Of the jobs that are not over."""
    groups: Sequence[Group]
    keys: Sequence[int]
    lessons: Lessons
    later: tuple[sched.Event, ...]
    """What will happen by the calendar: new periods of budgets."""
    lost_sites: Mapping[str, int]
    """Sites out of reach, and since when [ms]."""
    visits: int
    """What one question may cost, in visits to a node: a second's worth of work."""

    @property
    def cycles(self) -> int:
        """The cycles one question may take."""
        classes = len(np.unique(self.state.job_class[self.waiting()]))
        if self.backfill == sched.CONSERVATIVE:
            classes = len(self.waiting())  # a cycle plans each job
        per_cycle = CYCLE_VISITS + len(self.state.node_state) * (classes + CLASS_VISITS)
        return max(60, self.visits // per_cycle)

    def waiting(self) -> Ints:
        """Indices of the queued jobs, ascending."""
        count = int(self.state.job_count[0])
        return np.flatnonzero(self.state.job_state[:count] == sched.QUEUED)

    def lasting(self, path: int | None) -> Ints:
        """How long each job lasts from its start [ms], on a path or, without one, most likely."""
        limit_ms, elapsed_ms = self._limits()
        keys = np.array(self.keys, np.int64)
        return durations(self.lessons, self.groups, keys, limit_ms, elapsed_ms, path)

    def by_limits(self) -> Ints:
        """The same if every job used its whole limit."""
        limit_ms, elapsed_ms = self._limits()
        return np.maximum(limit_ms, elapsed_ms + 1)

    def _limits(self) -> tuple[Ints, Ints]:
        """Each job's limit, and how long it has been running, -1 where it is not."""
        state, count = self.state, int(self.state.job_count[0])
        is_in = state.job_state[:count]
        is_active = (is_in >= sched.STARTING) & (is_in <= sched.STOPPING)
        elapsed_ms = np.maximum(self.now_ms - state.job_start_ms[:count], 0)
        return state.job_duration_ms[:count], np.where(is_active, elapsed_ms, -1)


def in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """The plain runner: interpreted, here and now."""
    return function(*arguments)
