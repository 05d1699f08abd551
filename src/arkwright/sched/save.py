"""A state as named arrays without slack, and back: the form in which it is kept in a file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arkwright.errors import InputError
from arkwright.sched.codes import BLOCKED_BY_NOTHING
from arkwright.sched.eviction import Eviction
from arkwright.sched.invariants import check
from arkwright.sched.state import GROWING, MEMO_FIELDS, Ints, State, axis_of, quick_columns, used

DOMAINS_MAX = 1 << 24
"""Domains of one level in a file: far more than any factory has, far less than memory."""


def arrays_of(state: State) -> dict[str, Ints]:
    """What is in use of every column, in the order of `State`; what cycles remember is left out.

    States that are `same` give equal arrays.
    """
    return {name: used(state, name) for name in State._fields if name not in MEMO_FIELDS}


def state_of(arrays: Mapping[str, Ints]) -> State:
    """The state that has these arrays, as copies.

    Raises InputError when they are those of another version, do not fit each other, or are no
    state that events could lead to.
    """
    wanted = {name for name in State._fields if name not in MEMO_FIELDS}
    differing = sorted(wanted ^ set(arrays))
    if differing:
        raise InputError(
            f"the state has other columns than this version's: {', '.join(differing)}; "
            "use the version of Arkwright that saved it"
        )
    columns = {name: np.array(array, np.int64) for name, array in arrays.items()}
    _refuse_unequal(columns)
    n_classes = len(columns["class_nodes"])
    columns["class_blocked_by"] = np.full(n_classes, BLOCKED_BY_NOTHING, np.int64)
    columns["class_blocked_version"] = np.zeros(n_classes, np.int64)
    columns["cycle_memo"] = np.full(5, -1, np.int64)
    columns["claim_asking"] = np.full(1, -1, np.int64)
    columns["moved_count"] = np.zeros(1, np.int64)
    domain = columns["node_domain"]
    if domain.ndim != 2 or (domain.size and not 0 <= domain.min() <= domain.max() < DOMAINS_MAX):
        raise InputError(
            f"column node_domain has shape {domain.shape}; by level and node, indices of "
            f"0..{DOMAINS_MAX - 1} are needed"
        )
    columns |= quick_columns(domain)
    state = State(**columns)
    try:
        broken = check(state)
    except (IndexError, ValueError, RecursionError) as error:
        broken = [f"an index points nowhere ({error})"]
    if broken:
        raise InputError(f"the state breaks what must always hold: {broken[0]}")
    return state


def _refuse_unequal(columns: Mapping[str, Ints]) -> None:
    """Columns that grow are as long as their count says; those of nodes and rows equally long."""
    for name, array in columns.items():
        length = _length(columns, name)
        axis = 0 if name == "node_kind_count" else -1
        found = array.shape[axis] if array.ndim else -1
        # One-element columns (counts, versions) share their prefix with the long ones.
        if length >= 0 and found != length and (axis_of(name) or found != 1):
            raise InputError(f"column {name} has shape {array.shape}; {length} entries are needed")


def _length(columns: Mapping[str, Ints], name: str) -> int:
    """How many entries the column must have; -1 where that follows from nothing."""
    n_nodes, prefix = len(columns["node_state"]), name.split("_", 1)[0]
    own = {"node_gpu_first": n_nodes + 1, "node_largest": 2, "eviction": len(Eviction._fields)}
    if name in own:
        return own[name]
    if prefix in GROWING:
        return int(columns[f"{prefix}_count"].sum())
    n_gpus = int(columns["node_gpu_first"][-1]) if len(columns["node_gpu_first"]) else 0
    return {"node": n_nodes, "row": len(columns["row_limit"]), "gpu": n_gpus}.get(prefix, -1)
