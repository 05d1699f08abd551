"""Gangs of different nodes, kernel: a chain of classes, one for each group, that are one job.

A job of such a gang queues in the class of its first group; `class_more` leads to the next. Its
nodes stand group after group in one list. Groups take whole GPUs or none. The gang counts once in
quotas, budgets and fair share, with the GPUs of all its groups, on the row of the first; in a quota
of one GPU type count the groups that name it.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched.codes import BIG, NONE
from arkwright.sched.state import Ints, State

WHOLE_MILLI: Final = 1000
"""One GPU."""


def asked(state: State, cls: int) -> bool:
    """Whether the class has groups after it."""
    return bool(state.class_more[cls] >= 0)


def group_at(state: State, cls: int, place: int) -> int:
    """The class of the group to which node number `place` of such a gang belongs."""
    while state.class_more[cls] >= 0 and place >= state.class_nodes[cls]:
        place -= state.class_nodes[cls]
        cls = state.class_more[cls]
    return int(cls)


def may_begin(state: State, values: Ints) -> bool:
    """Whether a class with these fields of a `Shape` may have the groups that it names.

    All are of one quota row, take whole GPUs, and have no form of their own but a level; two quotas
    of a GPU type among them are the same or have no row in common.
    """
    more = values[18]
    if more < NONE or more >= state.class_count[0]:
        return False
    if values[17] >= 0 and state.class_more[values[17]] >= 0:
        return False
    if more < 0:
        return True
    if values[17] >= 0 or state.class_larger[more] >= 0 or state.class_row[more] != values[9]:
        return False
    if values[13] != 0 or values[15] >= 0 or values[16] != 0 or values[1] % WHOLE_MILLI != 0:
        return False
    if state.class_segment[more] != 0 or state.class_spread_level[more] >= 0:
        return False
    if state.class_rails[more] != 0 or state.class_gpu_milli[more] % WHOLE_MILLI != 0:
        return False
    gpu_milli, watts = values[0] * values[1], values[0] * values[10]
    group = more
    while group >= 0:
        theirs = state.class_type_row[group]
        if theirs != values[12] and share_a_row(state, theirs, values[12]):
            return False
        if share_a_row(state, theirs, values[9]):
            return False
        gpu_milli += state.class_nodes[group] * state.class_gpu_milli[group]
        watts += state.class_nodes[group] * state.class_watts[group]
        if gpu_milli > BIG or watts > BIG:
            return False
        group = state.class_more[group]
    return bool(values[0] + state.class_gang_nodes[more] < BIG)


def gpu_milli(state: State, cls: int) -> int:
    """The GPUs of the whole gang [milli-GPU]."""
    total = 0
    while cls >= 0:
        total += state.class_nodes[cls] * state.class_gpu_milli[cls]
        cls = state.class_more[cls]
    return int(total)


def type_milli(state: State, cls: int, group: int) -> int:
    """What the gang `cls` counts for in the quota of a GPU type of its `group` [milli-GPU].

    That of all groups with this quota, told for the first of them alone; 0 for the others.
    """
    row = state.class_type_row[group]
    while cls != group:
        if state.class_type_row[cls] == row:
            return 0
        cls = state.class_more[cls]
    total = 0
    while cls >= 0:
        if state.class_type_row[cls] == row:
            total += state.class_nodes[cls] * state.class_gpu_milli[cls]
        cls = state.class_more[cls]
    return int(total)


def share_a_row(state: State, one: int, other: int) -> bool:
    """Whether some row is at or above both: a job counts once in each."""
    if one < 0 or other < 0:
        return False
    while state.row_parent[one] >= 0:
        one = state.row_parent[one]
    while state.row_parent[other] >= 0:
        other = state.row_parent[other]
    return bool(one == other)
