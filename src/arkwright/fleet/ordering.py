"""Who goes first, as the one integer that the scheduler orders by before the time of submission.

No key changes with time alone, so the queue is never sorted again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from arkwright.fleet.lowering import FleetPolicy, Names, duration_ms, priority_of
from arkwright.jobs.spec import JobSpec
from arkwright.sched.state import Ints
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
    lasts_ms = duration_ms(spec, policy)
    due_ms = _due_ms(policy, spec, submit_ms)
    return int(_key(policy, priority_of(names, spec, project), lasts_ms, submit_ms, due_ms))


def order_keys(policy: FleetPolicy, points: Ints, lasts_ms: Ints, submit_ms: Ints) -> Ints:
    """The same for many jobs without a deadline of their own: shapes (n_jobs,).

    `points`: priorities, those of the organisations included; `lasts_ms`: expected durations.
    """
    due_ms = submit_ms + _default_due_ms(policy)
    keys = _key(policy, points, lasts_ms, submit_ms, due_ms)
    return np.broadcast_to(np.asarray(keys, np.int64), submit_ms.shape)


def _key(policy: FleetPolicy, points: Any, lasts_ms: Any, submit_ms: Any, due_ms: Any) -> Any:
    """For one job or for columns of them."""
    if policy.ordering == "fifo":
        return 0
    if policy.ordering == "shortest-first":
        return -lasts_ms
    if policy.ordering == "deadline":
        return lasts_ms - due_ms
    if policy.ordering == "age":
        return points * math.ceil(policy.age_per_point_s * MS_PER_S) - submit_ms
    return points


def _due_ms(policy: FleetPolicy, spec: JobSpec, submit_ms: int) -> int:
    if spec.deadline is not None:
        return parse_instant(spec.deadline)
    return submit_ms + _default_due_ms(policy)


def _default_due_ms(policy: FleetPolicy) -> int:
    return math.ceil(policy.deadline_default_s * MS_PER_S)
