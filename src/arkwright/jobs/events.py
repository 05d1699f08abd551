"""Events: the only thing that flows back. One order, append-only, each with actor and cause."""

from __future__ import annotations

from enum import Enum
from typing import Any

from msgspec import Struct

SCHEMA_VERSION = 1


class EventKind(Enum):
    """Everything that can happen, in the words the log uses."""

    FACTORY_LOADED = "factory_loaded"
    """A server came with another factory file; `after` holds it."""
    NODE_ADDED = "node_added"
    NODE_STATE_CHANGED = "node_state_changed"
    SITE_UNREACHABLE = "site_unreachable"
    """Its engine does not answer: nothing new starts there, and what runs goes on unseen."""
    SITE_REACHABLE = "site_reachable"
    USER_ADDED = "user_added"
    JOB_SUBMITTED = "job_submitted"
    JOB_HELD = "job_held"
    JOB_RELEASED = "job_released"
    """Somebody let it go, or what it was deferred for has come: see the state in `after`."""
    JOB_CLAIMED = "job_claimed"
    """Others stop for this waiting job: until it starts, no other may on the nodes in `after`."""
    JOB_UNCLAIMED = "job_unclaimed"
    """Those who stopped for it are gone and it still cannot start: its nodes are open again."""
    JOB_STARTED = "job_started"
    """The scheduler placed it: `after` names attempt and nodes. Starts the receipt's clock."""
    JOB_LAUNCHED = "job_launched"
    """Every rank of the attempt is running."""
    JOB_STOPPING = "job_stopping"
    """Told to stop; for another job's claim when `after` has `for` and `why`."""
    JOB_CAPPED = "job_capped"
    """Its GPUs may draw at most `watts_per_gpu`, with their share of the node; none lifts a cap."""
    JOB_ENDED = "job_ended"
    """The attempt's last process is gone: `after` has the following state and the measurements."""
    JOB_CANCELLED = "job_cancelled"
    """A job that held nothing was cancelled."""
    POWER_LIMIT_SET = "power_limit_set"
    """An operator set the limit of a place; it stands in for the file's until withdrawn."""
    POWER_LIMIT_ANNOUNCED = "power_limit_announced"
    """A limit from `from_ms` on, until `until_ms` where that is given."""
    POWER_LIMIT_REACHED = "power_limit_reached"
    """The time of an announced limit came, or its end: another limit is in force."""
    POWER_LIMIT_WITHDRAWN = "power_limit_withdrawn"
    """What was announced for `from_ms`, or all that was set and announced, holds no more."""
    BUDGET_PERIOD_BEGAN = "budget_period_began"
    """Of a project: `after` has when the period starts and ends."""
    RESERVATION_MADE = "reservation_made"
    """Nodes are kept for a project, or for nobody: `after` names them, from when and until when."""
    RESERVATION_WITHDRAWN = "reservation_withdrawn"
    CONTRACT_MADE = "contract_made"
    """GPUs are bought for a project: `after` has how many, from when and until when."""
    CONTRACT_REACHED = "contract_reached"
    """The time of a contract came, or its end: the subject is guaranteed another amount."""
    CONTRACT_WITHDRAWN = "contract_withdrawn"
    CYCLE_RAN = "cycle_ran"
    """A decision was recorded: now, policy hash, scheduler version, parent, decision hash; of how
    many events before it; the first after a state was rebuilt says where in the log that was."""


class Event(Struct, frozen=True, kw_only=True):
    """One change of state. `before` and `after` hold only what changed."""

    seq: int
    """Position in the log, from 1, without gaps."""
    at_ms: int
    """Milliseconds since the Unix epoch, UTC; never less than the event before it."""
    kind: EventKind
    subject: str
    """Job id, attempt id, node path, place of the power tree, organisation or project, name of a
    site, a user, a reservation, a contract or the factory."""
    actor: str
    """`user:<name>`, `scheduler`, `engine:<site>` or `server`."""
    cause: str
    """Why, in a few words or a code: `submitted`, `node lost`, `time limit`, …"""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    schema_version: int = SCHEMA_VERSION


def end_of(event: Event) -> int:
    """When the attempt of a `job_ended` event was over [ms]: as its engine saw it, which may be
    long before a server came back to record it; never after the record."""
    ended_ms = event.after.get("ended_ms")
    return event.at_ms if ended_ms is None else min(int(ended_ms), event.at_ms)


def job_of(event: Event) -> str | None:
    """The job an event is about: its subject, or the part of an attempt id before the dot."""
    return event.subject.partition(".")[0] if event.kind.value.startswith("job_") else None
