"""A state in which only the first jobs in order wait: what a decision that must be quick looks at.

Jobs are tried in order, and nothing later in the order bears on an earlier one. So a cycle on a
shortlist starts exactly those of its jobs, on the same nodes, that a cycle on the whole queue
starts; it only stops sooner. A property test says so.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import order
from arkwright.sched.codes import HELD, QUEUED
from arkwright.sched.state import State, copy


def shortlist(state: State, count: int) -> State:
    """An independent copy in whose queue stand the first `count` jobs in order; all others that
    wait are set aside. For one decision: it is not a state that the log leads to."""
    short = copy(state)
    jobs = np.flatnonzero(short.job_state[: int(short.job_count[0])] == QUEUED)
    if len(jobs) <= count:
        return short
    keys = (short.job_key_third, short.job_key_second, short.job_key_first)
    jobs = jobs[np.lexsort((jobs, *(key[jobs] for key in keys)))]
    for column in (short.job_left, short.job_right, short.job_parent):
        column[jobs] = -1
    short.job_duration_ms_min[jobs] = 0
    short.job_state[jobs[count:]] = HELD
    short.class_root[:] = -1
    for job in jobs[:count].tolist():
        cls = int(short.job_class[job])
        short.class_root[cls] = order.insert(short, int(short.class_root[cls]), job)
    short.queued_count[0] = count
    # The classes' memories hold for a part of the queue as for the whole. That nothing could start
    # is a memory of the queue it was found for.
    short.cycle_memo[:] = -1
    return short
