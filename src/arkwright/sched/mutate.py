"""`apply`: the only way a state changes."""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import claims, codes, transitions
from arkwright.sched.event import Event
from arkwright.sched.state import Shape, State, grown

_VALUES: Final = {
    codes.SUBMIT: 5,
    codes.PRIORITY: 1,
    codes.NODE_STATE: 1,
    codes.ROW_LIMIT: 1,
    codes.ANNOUNCE: 2,
    codes.WITHDRAW: 1,
    codes.RESERVE: 4,
    codes.PERIOD: 1,
    codes.GUARANTEE: 2,
    codes.SPENT: 2,
    codes.PREEMPT: 2,
    codes.SAVED: 1,
    codes.RECALLED: 2,
    codes.PLEDGE: 3,
    codes.UNPLEDGE: 1,
}

_REFUSALS: Final = {
    codes.REFUSED_STATE: "the job's state does not allow it",
    codes.REFUSED_NODE_COUNT: "a gang takes as many nodes as its class, or a size of it, says",
    codes.REFUSED_NODE_INDEX: "there is no node of that index",
    codes.REFUSED_NODE_TWICE: "a gang takes distinct nodes",
    codes.REFUSED_NODE_FULL: "a node has not that much free, or is claimed by another job",
    codes.REFUSED_INDEX: "there is nothing of that index",
    codes.REFUSED_VALUE: "a value is out of range",
    codes.REFUSED_GPU: (
        "only a fraction names its GPUs, one with room on each node, and an aligned gang its "
        "first; rails need the same places"
    ),
    codes.REFUSED_KIND: "no such kind of event",
}


def apply(state: State, event: Event) -> State:
    """Apply one event and return the state, whose arrays are others when they had to grow.

    O(log jobs), plus the nodes of the job for events that take or give back. InternalError when
    the event is illegal in this state; nothing has changed then.
    """
    kind = event.kind
    if kind == codes.START:
        nodes = np.array(event.nodes, np.int64)
        shared = np.array(event.values, np.int64)
        refused = transitions.refuse_start(state, event.subject, nodes, shared)
        if not refused:
            transitions.start(state, event.subject, event.at_ms, nodes, shared)
    elif kind == codes.CLAIM:
        nodes = np.array(event.nodes, np.int64)
        refused = claims.refuse(state, event.subject, nodes)
        if not refused:
            claims.begin(state, event.subject, nodes)
    elif kind == codes.CLASS:
        if len(event.values) != len(Shape._fields):
            raise _refusal(state, event, codes.REFUSED_VALUE)
        state = grown(state, 1, 0, 0)
        refused = transitions.add_class(state, np.array(event.values, np.int64))
    else:
        if len(event.values) != _VALUES.get(kind, 0):
            raise _refusal(state, event, codes.REFUSED_VALUE)
        if kind == codes.SUBMIT:
            state = _with_room_for_job(state, event.subject)
        if kind in (codes.ANNOUNCE, codes.PLEDGE):
            state = grown(state, 0, 0, 0, 1)
        if kind == codes.RESERVE:
            state = grown(state, 0, 0, 0, 0, 1)
        values = np.array(event.values, np.int64)
        refused = transitions.change(state, kind, event.at_ms, event.subject, values)
    if refused:
        raise _refusal(state, event, refused)
    return state


def _with_room_for_job(state: State, cls: int) -> State:
    if not 0 <= cls < state.class_count[0]:
        return state
    slots = state.class_slots[cls]
    if state.job_count[0] < len(state.job_state) and state.slot_count[0] + slots <= len(
        state.slot_node
    ):
        return state
    return grown(state, 0, 1, int(slots))


def _refusal(state: State, event: Event, refused: int) -> InternalError:
    about = ""
    if codes.START <= event.kind <= codes.PRIORITY or codes.PREEMPT <= event.kind <= codes.RECALLED:
        known = 0 <= event.subject < int(state.job_count[0])
        about = f" (job state {int(state.job_state[event.subject])})" if known else ""
    return InternalError(f"scheduler event refused: {_REFUSALS[refused]}: {event}{about}")
