"""The integers of the scheduler: what states, event kinds, reasons and modes are called.

They are plain `Final` integers, not enums, because the kernels compare them with array elements.
Values are part of the event log and of the API of `fleet`: never renumber, only append.
"""

from __future__ import annotations

from typing import Final

# Job states. STARTING, RUNNING and STOPPING hold resources; the others hold none.
HELD: Final = 0
QUEUED: Final = 1
STARTING: Final = 2
RUNNING: Final = 3
STOPPING: Final = 4
DONE: Final = 5

# Node states. Only an UP node takes new work; jobs on a DRAINING node go on.
UP: Final = 0
DRAINING: Final = 1
DOWN: Final = 2

# Event kinds.
CLASS: Final = 1
SUBMIT: Final = 2
START: Final = 3
RUN: Final = 4
STOP: Final = 5
END: Final = 6
REQUEUE: Final = 7
HOLD: Final = 8
RELEASE: Final = 9
PRIORITY: Final = 10
NODE_STATE: Final = 11
ROW_LIMIT: Final = 12
ANNOUNCE: Final = 13
WITHDRAW: Final = 14
PERIOD: Final = 20
GUARANTEE: Final = 21
SPENT: Final = 22
RESERVE: Final = 25
UNRESERVE: Final = 26
PREEMPT: Final = 30
CLAIM: Final = 31
UNCLAIM: Final = 32
SAVED: Final = 33
RECALLED: Final = 34
PLEDGE: Final = 70
UNPLEDGE: Final = 71

# Why a job was told to stop for another (`State.job_told`); 0 is "it was not".
EVICTED: Final = 1
"""It loses its place: nobody has promised it another."""
MOVED: Final = 2
"""What it needs is free elsewhere; only the shape of what is free was wrong."""

# Tiers: how a job may be disturbed, most protected first.
CRITICAL: Final = 0
STANDARD: Final = 1
FLEXIBLE: Final = 2
TIERS: Final = 3

# Backfill modes.
EASY: Final = 0
STRICT: Final = 1
GREEDY: Final = 2
CONSERVATIVE: Final = 3

# Placement policies.
ARKWRIGHT: Final = 0
RANDOM: Final = 1
FIRST_FIT: Final = 2
BEST_FIT: Final = 3
DOT_PRODUCT: Final = 4
GPU_PACKING: Final = 5
GPU_CLUSTERING: Final = 6
FGD: Final = 7

# "Any", "none", "unlimited", by the name of what it stands for.
ANY: Final = -1
NONE: Final = -1
UNLIMITED: Final = -1
ANY_SITE: Final = -1
"""Bitset of allowed sites with every bit set."""
ANY_TYPE: Final = -1
"""Bitset of acceptable GPU types with every bit set."""

# What a capacity row counts.
GPU_MILLI: Final = 0
WATTS: Final = 1
GPU_MS: Final = 2
"""GPU time over a period: the budget of a quota row."""

# What a step of the calendar changes.
LIMIT_STEP: Final = 0
KEPT_STEP: Final = 1

# Amounts, times and durations stay below this, so that sums of two never overflow int64.
BIG: Final = 1 << 60

# What a class is blocked by, besides a row index (>= 0).
BLOCKED_BY_NOTHING: Final = -1
BLOCKED_BY_NODES: Final = -2

# What a transition found wrong; 0 is "done". The kernels cannot raise, `mutate.apply` does.
REFUSED_STATE: Final = 1
REFUSED_NODE_COUNT: Final = 2
REFUSED_NODE_INDEX: Final = 3
REFUSED_NODE_TWICE: Final = 4
REFUSED_NODE_FULL: Final = 5
REFUSED_INDEX: Final = 6
REFUSED_VALUE: Final = 7
REFUSED_KIND: Final = 8
REFUSED_GPU: Final = 9

# Reason codes (`explain`, `never_fits`).
STARTS_NOW: Final = 0
IS_ACTIVE: Final = 1
IS_DONE: Final = 2
IS_HELD: Final = 3
NOT_ENOUGH_FREE: Final = 10
TOPOLOGY: Final = 11
QUOTA: Final = 12
RESERVED_FOR_HEAD: Final = 13
BEHIND_HIGHER_PRIORITY: Final = 14
NODES_DOWN: Final = 15
POWER: Final = 16
LIMIT_AHEAD: Final = 17
CONTRACT_AHEAD: Final = 72
CLAIM_STANDS: Final = 41
CLAIMED: Final = 42
STOPS_FOR: Final = 43
NEVER_NO_SUCH_NODE: Final = 20
NEVER_NODE_TOO_SMALL: Final = 21
NEVER_TOO_MANY_NODES: Final = 22
NEVER_TOPOLOGY: Final = 23
NEVER_QUOTA: Final = 24
NEVER_POWER: Final = 25
BUDGET: Final = 30
NEVER_BUDGET: Final = 31
SEGMENTS: Final = 35
NEVER_SEGMENTS: Final = 36
RAILS: Final = 37
RESERVED_WINDOW: Final = 38

# The smallest change that would start the job (`Reason.change`, its number in `Reason.to`).
WAIT: Final = 0
FEWER_NODES: Final = 1
WEAKER_LEVEL: Final = 2
SHORTER: Final = 3
RELEASE_IT: Final = 4
LESS_PER_NODE: Final = 5
OTHER_NODES: Final = 6
NODES_RETURN: Final = 7
SMALLER_SEGMENT: Final = 23
ANY_RAILS: Final = 24

VERSION: Final = 3
"""Raised whenever the same state and time could lead to another decision: replay depends on it."""
