"""Fair share, kernel: whose jobs go first by what each project has used, over its share.

Usage is GPU time that decays by half in one common half-life, so the order of two projects does not
change with time alone. Instead of shrinking what is stored as time passes, later use counts more: a
use at time t is multiplied by 2^((t - reference) / half-life), between powers of two by a table of
65 steps and linear between those (within 2 parts in 100,000). Once a half-life has passed since the
reference, everything is halved and the reference moves: all in integers, by events alone.

A job's expected GPU time counts when it starts, at the weight of that instant; when it ends it is
corrected to what was used, at the same weight. Rows are compared from the top of the tree down, at
the level where the ways part.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import order
from arkwright.sched.codes import NONE
from arkwright.sched.state import Ints, State

# Places in `State.fair`.
HALF_LIFE_MS: Final = 0
REFERENCE_MS: Final = 1

# 2^16 times 2^(i/64), rounded.
WEIGHT_STEPS: Final = 64
WEIGHT_BITS: Final = 16
LOW_BITS: Final = 0xFFFF
WEIGHTS: Final = (
    65536,
    66250,
    66971,
    67700,
    68438,
    69183,
    69936,
    70698,
    71468,
    72246,
    73032,
    73828,
    74632,
    75444,
    76266,
    77096,
    77936,
    78785,
    79642,
    80510,
    81386,
    82273,
    83169,
    84074,
    84990,
    85915,
    86851,
    87796,
    88752,
    89719,
    90696,
    91684,
    92682,
    93691,
    94711,
    95743,
    96785,
    97839,
    98905,
    99982,
    101070,
    102171,
    103283,
    104408,
    105545,
    106694,
    107856,
    109031,
    110218,
    111418,
    112631,
    113858,
    115098,
    116351,
    117618,
    118899,
    120194,
    121502,
    122825,
    124163,
    125515,
    126882,
    128263,
    129660,
    131072,
)


def first_of(state: State, jobs: Ints) -> int:
    """The first in order of a list of jobs, in which -1 stands for none; -1 of an empty list.

    By fair share of the projects where the policy says so, then by the keys of the jobs.
    """
    best = -1
    for place in range(len(jobs)):
        job = jobs[place]
        if job >= 0 and (best < 0 or goes_before(state, job, best)):
            best = job
    return int(best)


def goes_before(state: State, job: int, other: int) -> bool:
    """Whether the job comes before the other."""
    if state.fair[HALF_LIFE_MS] > 0:
        row, other_row = (
            state.class_row[state.job_class[job]],
            state.class_row[state.job_class[other]],
        )
        compared = side(state, row, other_row)
        if compared != 0:
            return bool(compared < 0)
    return order.before(state, job, other)


def side(state: State, one: int, other: int) -> int:
    """-1 when jobs of row `one` go before those of `other`, 1 after, 0 when they are the same.

    A row of -1 stands above all others and has used nothing.
    """
    if one == other:
        return 0
    mine, theirs = one, other
    mine_below, theirs_below = NONE, NONE
    depth, other_depth = _depth(state, one), _depth(state, other)
    while depth > other_depth:
        mine_below = mine
        mine = state.row_parent[mine]
        depth -= 1
    while other_depth > depth:
        theirs_below = theirs
        theirs = state.row_parent[theirs]
        other_depth -= 1
    while mine != theirs:
        mine_below = mine
        theirs_below = theirs
        mine = state.row_parent[mine]
        theirs = state.row_parent[theirs]
    if mine_below == NONE:
        return -_below_first(state, theirs_below, mine)
    if theirs_below == NONE:
        return _below_first(state, mine_below, theirs)
    compared = _compare(
        state.row_usage[mine_below],
        state.row_share[mine_below],
        state.row_usage[theirs_below],
        state.row_share[theirs_below],
    )
    if compared != 0:
        return compared
    return -1 if mine_below < theirs_below else 1


def charge(state: State, row: int, gpu_ms: int, at_ms: int) -> None:
    """Jobs of the row use so much at that time; less than 0 corrects what was said before."""
    half_life_ms = state.fair[HALF_LIFE_MS]
    if half_life_ms == 0 or row < 0:
        return
    _move_reference(state, at_ms)
    amount = weighted(abs(gpu_ms), at_ms - state.fair[REFERENCE_MS], half_life_ms)
    if gpu_ms < 0:
        amount = -amount
    state.row_usage_own[row] = max(state.row_usage_own[row] + amount, 0)
    while row >= 0:
        state.row_usage[row] = max(state.row_usage[row] + amount, 0)
        row = state.row_parent[row]


def decayed(state: State, row: int, at_ms: int) -> int:
    """What is left of the row's usage at `at_ms`, no earlier than the last use [GPU-ms]."""
    return _scaled_back(state, int(state.row_usage[row]), at_ms)


def weighted(gpu_ms: int, after_ms: int, half_life_ms: int) -> int:
    """`gpu_ms` times 2^(after / half-life), rounded down; `after_ms` is below a half-life."""
    halves = after_ms // half_life_ms
    within = (after_ms % half_life_ms) * WEIGHT_STEPS
    step = within // half_life_ms
    rest = within % half_life_ms
    weight = WEIGHTS[step] + (WEIGHTS[step + 1] - WEIGHTS[step]) * rest // half_life_ms
    high = (gpu_ms >> WEIGHT_BITS) * weight
    low = ((gpu_ms & LOW_BITS) * weight) >> WEIGHT_BITS
    return int((high + low) >> min(-halves, 62))


def _move_reference(state: State, at_ms: int) -> None:
    halves = (at_ms - state.fair[REFERENCE_MS]) // state.fair[HALF_LIFE_MS]
    if halves <= 0:
        return
    state.fair[REFERENCE_MS] += halves * state.fair[HALF_LIFE_MS]
    _halve(state.row_usage, min(halves, 62))
    _halve(state.row_usage_own, min(halves, 62))


def _halve(usage: Ints, times: int) -> None:
    for row in range(len(usage)):
        usage[row] >>= times


def _depth(state: State, row: int) -> int:
    depth = 0
    while row >= 0:
        row = state.row_parent[row]
        depth += 1
    return depth


def _below_first(state: State, below: int, row: int) -> int:
    """-1 when the jobs under `below` go before those of its parent `row` itself, else 1."""
    own, share = 0, 1
    if row >= 0:
        own, share = state.row_usage_own[row], state.row_share_own[row]
    compared = _compare(state.row_usage[below], state.row_share[below], own, share)
    return -1 if compared < 0 else 1


def _compare(usage: int, share: int, other_usage: int, other_share: int) -> int:
    """The sign of usage/share - other_usage/other_share, without rounding."""
    whole = usage // share
    other_whole = other_usage // other_share
    if whole == other_whole:
        whole = (usage % share) * other_share
        other_whole = (other_usage % other_share) * share
    if whole == other_whole:
        return 0
    return -1 if whole < other_whole else 1


def _scaled_back(state: State, usage: int, at_ms: int) -> int:
    half_life_ms = int(state.fair[HALF_LIFE_MS])
    if half_life_ms == 0:
        return 0
    unit = weighted(1 << 40, (at_ms - int(state.fair[REFERENCE_MS])) % half_life_ms, half_life_ms)
    halves = max((at_ms - int(state.fair[REFERENCE_MS])) // half_life_ms, 0)
    return ((usage << 40) // unit) >> min(halves, 62)
