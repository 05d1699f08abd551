"""Who goes first, as the one integer that the scheduler orders by before the time of submission.

No key changes with time alone, so the queue is never sorted again.
"""

from __future__ import annotations

import math

from arkwright.fleet.lowering import FleetPolicy, Names, duration_ms, priority_of
from arkwright.jobs.spec import JobSpec
from arkwright.units import MS_PER_S, parse_instant


def order_key(
    names: Names, policy: FleetPolicy, spec: JobSpec, project: str, submit_ms: int
) -> int:
    """Higher goes first; jobs of one key go by time of submission, `submit_ms`.

    - `priority`, `fair-share`: the priority. Fair share compares projects before it looks here.
    - `fifo`: nothing, so priorities are left out.
    - `shortest-first`: the expected duration (the time limit, or the policy's default), the
      shortest first; priorities are left out.
    - `age`: all jobs gain priority as they wait, at one pace, so their order never turns: a job
      stands as if it had been submitted `age_per_point_s` earlier for each point of priority.
    - `deadline`: the latest start that meets the deadline if the job lasts as expected, the
      earliest first; a job without one stands as if due `deadline_default_s` after submission.
    """
    if policy.ordering == "fifo":
        return 0
    if policy.ordering == "shortest-first":
        return -duration_ms(spec, policy)
    if policy.ordering == "deadline":
        return duration_ms(spec, policy) - _due_ms(policy, spec, submit_ms)
    points = priority_of(names, spec, project)
    if policy.ordering == "age":
        return points * math.ceil(policy.age_per_point_s * MS_PER_S) - submit_ms
    return points


def _due_ms(policy: FleetPolicy, spec: JobSpec, submit_ms: int) -> int:
    if spec.deadline is not None:
        return parse_instant(spec.deadline)
    return submit_ms + math.ceil(policy.deadline_default_s * MS_PER_S)
