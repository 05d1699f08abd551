"""*The* lifecycle: which state a job may go to, and by what. No other file compares states freely.

`TRANSITIONS` is the only place that says what may follow what. The store, the loop, the ledger and
the documentation's diagram (`diagram`) all read it. A trigger that is not in the table for a state
raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from arkwright.errors import InternalError


class State(Enum):
    """Where a job is in its life."""

    HELD = "held"
    DEFERRED = "deferred"
    """Waits for something else than room: other jobs, a time, or its turn in its array."""
    QUEUED = "queued"
    STARTING = "starting"
    """Decided and recorded; its processes are being launched. Holds its resources."""
    RUNNING = "running"
    STOPPING = "stopping"
    """Told to stop, not yet ended. Holds its resources until its last process is gone."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Trigger(Enum):
    """What moves a job from one state to the next."""

    HOLD = "hold"
    RELEASE = "release"
    DEFER = "defer"
    """Released, and what it has to wait for is not there yet."""
    ADMIT = "admit"
    """What it was deferred for has come."""
    START = "start"
    LAUNCHED = "launched"
    CANCEL = "cancel"
    """The user (or the time limit) wants it ended."""
    STOP = "stop"
    """A part of the gang failed or was lost: the rest is stopped, for a gang is whole or absent."""
    SUCCEED = "succeed"
    """The attempt's last process is gone and every rank returned 0."""
    FAIL = "fail"
    """The attempt is gone, not successfully, and the job's retry policy is spent."""
    RETRY = "retry"
    """The attempt is gone, not successfully, and may be tried again."""
    RETURN = "return"
    """The attempt is gone because it gave its place to another job: no retry is spent."""
    END_CANCELLED = "end_cancelled"
    """The attempt is gone because its user had it cancelled."""


S, T = State, Trigger

TRANSITIONS: Mapping[tuple[State, Trigger], State] = {
    (S.HELD, T.RELEASE): S.QUEUED,
    (S.HELD, T.DEFER): S.DEFERRED,
    (S.HELD, T.CANCEL): S.CANCELLED,
    (S.DEFERRED, T.ADMIT): S.QUEUED,
    (S.DEFERRED, T.HOLD): S.HELD,
    (S.DEFERRED, T.CANCEL): S.CANCELLED,
    (S.QUEUED, T.HOLD): S.HELD,
    (S.QUEUED, T.CANCEL): S.CANCELLED,
    (S.QUEUED, T.START): S.STARTING,
    (S.STARTING, T.LAUNCHED): S.RUNNING,
    (S.STARTING, T.CANCEL): S.STOPPING,
    (S.STARTING, T.STOP): S.STOPPING,
    (S.STARTING, T.SUCCEED): S.SUCCEEDED,
    (S.STARTING, T.FAIL): S.FAILED,
    (S.STARTING, T.RETRY): S.QUEUED,
    (S.RUNNING, T.CANCEL): S.STOPPING,
    (S.RUNNING, T.STOP): S.STOPPING,
    (S.RUNNING, T.SUCCEED): S.SUCCEEDED,
    (S.RUNNING, T.FAIL): S.FAILED,
    (S.RUNNING, T.RETRY): S.QUEUED,
    (S.STOPPING, T.CANCEL): S.STOPPING,
    (S.STOPPING, T.STOP): S.STOPPING,
    (S.STOPPING, T.SUCCEED): S.SUCCEEDED,
    (S.STOPPING, T.FAIL): S.FAILED,
    (S.STOPPING, T.RETRY): S.QUEUED,
    (S.STOPPING, T.RETURN): S.QUEUED,
    (S.STOPPING, T.END_CANCELLED): S.CANCELLED,
}

FINAL = (S.SUCCEEDED, S.FAILED, S.CANCELLED)
"""States nothing leaves."""
WAITING = (S.HELD, S.DEFERRED, S.QUEUED)
"""States in which a job holds nothing."""
PLACED = (S.STARTING, S.RUNNING, S.STOPPING)
"""States in which a job holds its nodes."""


def after(state: State, trigger: Trigger) -> State:
    """The state that follows; raises InternalError where the table has no such line."""
    following = TRANSITIONS.get((state, trigger))
    if following is None:
        raise InternalError(f"a {state.value} job cannot {trigger.value}")
    return following


def allowed(state: State, trigger: Trigger) -> bool:
    """Whether the table has a line for `trigger` in `state`."""
    return (state, trigger) in TRANSITIONS


def diagram() -> str:
    """The table as a Mermaid state diagram, in table order: the documentation's figure."""
    lines = ["stateDiagram-v2", "    [*] --> queued: submit", "    [*] --> held: submit held"]
    lines += ["    [*] --> deferred: submit deferred"]
    lines += [
        f"    {state.value} --> {following.value}: {trigger.value}"
        for (state, trigger), following in TRANSITIONS.items()
    ]
    return "\n".join([*lines, *(f"    {state.value} --> [*]" for state in FINAL)])
