"""Who goes first, as the one integer that the scheduler orders by before the time of submission.

No key changes with time alone, so the queue is never sorted again.
"""

from __future__ import annotations

from arkwright.fleet.lowering import FleetPolicy, Names, duration_ms, priority_of
from arkwright.jobs.spec import JobSpec


def order_key(names: Names, policy: FleetPolicy, spec: JobSpec, project: str) -> int:
    """Higher goes first; jobs of one key go by time of submission.

    `fifo` leaves priorities out; `shortest-first` takes the expected duration (the time limit, or
    the policy's default), the shortest first, and leaves priorities out as well.
    """
    if policy.ordering == "fifo":
        return 0
    if policy.ordering == "shortest-first":
        return -duration_ms(spec, policy)
    return priority_of(names, spec, project)
