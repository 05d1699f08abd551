"""Ordered trees of jobs, kernel: who is first, and who is first among the short ones.

A treap whose links are columns of the state. Every queued job is in the tree of its class, ordered
by (-priority, submit_ms, seq, index); every job that holds resources is in the tree of active jobs,
ordered by (estimated end, index). Each knot knows the shortest duration below it, so "the first in
order that is done in time" costs O(log n) and backfill needs no depth limit.

The heap rank of a job is a hash of its index without collisions, hence the shape of a tree depends
on which jobs are in it and not on the way there: rebuilding from the event log gives equal arrays.
"""

from __future__ import annotations

from arkwright.sched.state import State


def insert(state: State, root: int, job: int) -> int:
    """Put the job, whose keys are set, into the tree; returns the root."""
    duration = state.job_duration_ms[job]
    state.job_duration_ms_min[job] = duration
    if root < 0:
        return job
    at = root
    while True:
        if duration < state.job_duration_ms_min[at]:
            state.job_duration_ms_min[at] = duration
        left = before(state, job, at)
        below = state.job_left[at] if left else state.job_right[at]
        if below < 0:
            break
        at = below
    if left:
        state.job_left[at] = job
    else:
        state.job_right[at] = job
    state.job_parent[job] = at
    rank = state.job_rank[job]
    while at >= 0 and state.job_rank[at] < rank:
        _rotate_up(state, job)
        at = state.job_parent[job]
    return job if at < 0 else root


def remove(state: State, root: int, job: int) -> int:
    """Take the job out of the tree; returns the root, -1 when nothing is left."""
    while True:
        left = state.job_left[job]
        right = state.job_right[job]
        if left < 0 and right < 0:
            break
        child = left
        if left < 0 or (right >= 0 and state.job_rank[right] > state.job_rank[left]):
            child = right
        _rotate_up(state, child)
        if root == job:
            root = child
    above = state.job_parent[job]
    state.job_parent[job] = -1
    state.job_duration_ms_min[job] = 0
    if above < 0:
        return -1
    if state.job_left[above] == job:
        state.job_left[above] = -1
    else:
        state.job_right[above] = -1
    while above >= 0 and _refresh(state, above):
        above = state.job_parent[above]
    return root


def first(state: State, root: int) -> int:
    """The first job in order, -1 of an empty tree."""
    at = root
    while at >= 0 and state.job_left[at] >= 0:
        at = state.job_left[at]
    return at


def following(state: State, job: int) -> int:
    """The next job in order, -1 after the last."""
    at = state.job_right[job]
    if at >= 0:
        return first(state, at)
    at = job
    above = state.job_parent[at]
    while above >= 0 and state.job_right[above] == at:
        at = above
        above = state.job_parent[at]
    return int(above)


def first_within(state: State, root: int, duration_ms: int) -> int:
    """The first job in order that lasts no longer than `duration_ms`, -1 when none does."""
    at = root
    if at < 0 or state.job_duration_ms_min[at] > duration_ms:
        return -1
    while True:
        left = state.job_left[at]
        if left >= 0 and state.job_duration_ms_min[left] <= duration_ms:
            at = left
        elif state.job_duration_ms[at] <= duration_ms:
            return int(at)
        else:
            at = state.job_right[at]


def first_after(state: State, root: int, key: int) -> int:
    """The first job in order whose first key is greater than `key`, -1 when none is."""
    at = root
    found = -1
    while at >= 0:
        if state.job_key_first[at] > key:
            found = at
            at = state.job_left[at]
        else:
            at = state.job_right[at]
    return found


def before(state: State, one: int, other: int) -> bool:
    """Whether `one` comes before `other`; equal keys fall back on the index."""
    mine = state.job_key_first[one]
    theirs = state.job_key_first[other]
    if mine != theirs:
        return bool(mine < theirs)
    mine = state.job_key_second[one]
    theirs = state.job_key_second[other]
    if mine != theirs:
        return bool(mine < theirs)
    mine = state.job_key_third[one]
    theirs = state.job_key_third[other]
    if mine != theirs:
        return bool(mine < theirs)
    return one < other


def rank_of(job: int) -> int:
    """A 32-bit hash without collisions below 2^32; every product stays below 2^63."""
    mixed = (job * 2654435761) & 0xFFFFFFFF
    mixed ^= mixed >> 16
    mixed = (mixed * 0x45D9F3B) & 0xFFFFFFFF
    return mixed ^ (mixed >> 15)


def _rotate_up(state: State, job: int) -> None:
    above = state.job_parent[job]
    top = state.job_parent[above]
    if state.job_left[above] == job:
        moved = state.job_right[job]
        state.job_left[above] = moved
        state.job_right[job] = above
    else:
        moved = state.job_left[job]
        state.job_right[above] = moved
        state.job_left[job] = above
    if moved >= 0:
        state.job_parent[moved] = above
    state.job_parent[above] = job
    state.job_parent[job] = top
    if top >= 0:
        if state.job_left[top] == above:
            state.job_left[top] = job
        else:
            state.job_right[top] = job
    state.job_duration_ms_min[job] = state.job_duration_ms_min[above]
    _refresh(state, above)


def _refresh(state: State, job: int) -> bool:
    """Recompute the shortest duration at and below the job; whether it moved."""
    shortest = state.job_duration_ms[job]
    left = state.job_left[job]
    right = state.job_right[job]
    if left >= 0 and state.job_duration_ms_min[left] < shortest:
        shortest = state.job_duration_ms_min[left]
    if right >= 0 and state.job_duration_ms_min[right] < shortest:
        shortest = state.job_duration_ms_min[right]
    moved = bool(shortest != state.job_duration_ms_min[job])
    state.job_duration_ms_min[job] = shortest
    return moved
