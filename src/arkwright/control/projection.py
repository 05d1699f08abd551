"""From one event to the rows that change: the tables are a function of the event log.

`project` is called inside the transaction that appends the event, so log and tables never disagree.
Replaying a log through it rebuilds the same tables; a test says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from arkwright.control.tables import ATTEMPTS, JOBS, LOST_SITES, META, NODES, RESERVATIONS, USERS
from arkwright.jobs.events import Event, EventKind, end_of, job_of
from arkwright.jobs.lifecycle import FINAL, State


def project(connection: Connection, event: Event) -> None:
    """Write what `event` changes. Kinds that change no table (`cycle_ran`) have no entry."""
    change = _CHANGES.get(event.kind)
    if change is not None:
        change(connection, event)


def project_all(connection: Connection, events: Sequence[Event]) -> None:
    """The same for events in log order; many of a kind in one go, as when an array comes."""
    for kind, run in groupby(events, key=lambda event: event.kind):
        same = list(run)
        if len(same) > 1 and kind in _MANY:
            _MANY[kind](connection, same)
            continue
        for event in same:
            project(connection, event)


def _job_submitted(connection: Connection, event: Event) -> None:
    _jobs_submitted(connection, [event])


def _jobs_submitted(connection: Connection, events: Sequence[Event]) -> None:
    connection.execute(insert(JOBS), [_job_row(event) for event in events])


def _job_row(event: Event) -> dict[str, Any]:
    after = event.after
    return {
        "id": event.subject,
        "seq": event.seq,
        "name": after["spec"]["name"],
        "project": after["project"],
        "user": after["user"],
        "state": after["state"],
        "reason": "",
        "attempt": 0,
        "failures": 0,
        "submit_ms": event.at_ms,
        "spec": after["spec"],
        "changed_seq": event.seq,
    }


def _job_changed(connection: Connection, event: Event) -> None:
    _jobs_changed(connection, [event])


def _jobs_changed(connection: Connection, events: Sequence[Event]) -> None:
    """Held, released or cancelled while they waited: only state, and end, change. Each job is
    among the events once."""
    final = [event for event in events if State(event.after["state"]) in FINAL]
    active = [event for event in events if State(event.after["state"]) not in FINAL]
    change = update(JOBS).where(JOBS.c.id == bindparam("job"))
    if active:
        values: dict[str, Any] = {
            "state": bindparam("new_state"),
            "changed_seq": bindparam("new_seq"),
        }
        connection.execute(change.values(**values), [_new_state(event) for event in active])
    if final:
        values = {
            "state": bindparam("new_state"),
            "changed_seq": bindparam("new_seq"),
            "end_ms": bindparam("new_end_ms"),
            "reason": bindparam("new_reason"),
        }
        ends = [
            _new_state(event) | {"new_end_ms": event.at_ms, "new_reason": event.cause}
            for event in final
        ]
        connection.execute(change.values(**values), ends)


def _new_state(event: Event) -> dict[str, Any]:
    state = event.after["state"]
    return {"job": event.subject, "new_state": state, "new_seq": event.seq}


def _job_started(connection: Connection, event: Event) -> None:
    after = event.after
    connection.execute(
        insert(ATTEMPTS).values(
            id=event.subject,
            job_id=job_of(event),
            n=after["attempt"],
            site=after["site"],
            nodes=after["nodes"],
            is_virtual=int(after["is_virtual"]),
            gpus=after["gpus"],
            start_ms=event.at_ms,
        )
    )
    _set_job(connection, event, attempt=after["attempt"], reason="")


def _job_launched(connection: Connection, event: Event) -> None:
    _set_attempt(connection, event, launch_ms=event.at_ms)
    _set_job(connection, event)


def _job_stopping(connection: Connection, event: Event) -> None:
    _set_attempt(connection, event, stop_reason=event.cause)
    _set_job(connection, event, reason=event.cause)


def _job_ended(connection: Connection, event: Event) -> None:
    after = event.after
    end_ms = end_of(event)
    _set_attempt(connection, event, end_ms=end_ms, exit_code=after["exit_code"], reason=event.cause)
    is_final = State(after["state"]) in FINAL
    _set_job(
        connection,
        event,
        reason=event.cause,
        exit_code=after["exit_code"],
        failures=after["failures"],
        end_ms=end_ms if is_final else None,
    )


def _set_attempt(connection: Connection, event: Event, **values: Any) -> None:
    connection.execute(update(ATTEMPTS).where(ATTEMPTS.c.id == event.subject).values(**values))


def _set_job(connection: Connection, event: Event, **values: Any) -> None:
    values |= {"state": event.after["state"], "changed_seq": event.seq}
    connection.execute(update(JOBS).where(JOBS.c.id == job_of(event)).values(**values))


def _node_added(connection: Connection, event: Event) -> None:
    connection.execute(delete(NODES).where(NODES.c.path == event.subject))
    connection.execute(
        insert(NODES).values(
            path=event.subject,
            state=event.after["state"],
            reason=event.after["reason"],
            changed_ms=event.at_ms,
            facts=event.after["facts"],
        )
    )


def _node_changed(connection: Connection, event: Event) -> None:
    connection.execute(
        update(NODES)
        .where(NODES.c.path == event.subject)
        .values(state=event.after["state"], reason=event.cause, changed_ms=event.at_ms)
    )


def _user_added(connection: Connection, event: Event) -> None:
    connection.execute(delete(USERS).where(USERS.c.name == event.subject))
    connection.execute(
        insert(USERS).values(
            name=event.subject,
            role=event.after["role"],
            project=event.after["project"],
            token_hash=event.after["token_hash"],
            created_ms=event.at_ms,
        )
    )


def _reservation_made(connection: Connection, event: Event) -> None:
    _reservation_withdrawn(connection, event)
    connection.execute(
        insert(RESERVATIONS).values(
            name=event.subject,
            seq=event.seq,
            project=event.after["project"],
            nodes=event.after["nodes"],
            from_ms=event.after["from_ms"],
            until_ms=event.after["until_ms"],
        )
    )


def _reservation_withdrawn(connection: Connection, event: Event) -> None:
    connection.execute(delete(RESERVATIONS).where(RESERVATIONS.c.name == event.subject))


def _factory_loaded(connection: Connection, event: Event) -> None:
    for key in ("factory", "factory_sha256"):
        connection.execute(delete(META).where(META.c.key == key))
    connection.execute(insert(META).values(key="factory", value=event.subject))
    connection.execute(insert(META).values(key="factory_sha256", value=event.after["sha256"]))


def _site_changed(connection: Connection, event: Event) -> None:
    """One row holds every site that is out of reach, and since when."""
    is_row = META.c.key == LOST_SITES
    text = connection.execute(select(META.c.value).where(is_row)).scalar()
    lost: dict[str, int] = msgspec.json.decode(text) if text else {}
    lost.pop(event.subject, None)
    if not event.after["is_reachable"]:
        lost[event.subject] = event.at_ms
    connection.execute(delete(META).where(is_row))
    connection.execute(
        insert(META).values(key=LOST_SITES, value=msgspec.json.encode(lost).decode())
    )


_CHANGES: Mapping[EventKind, Callable[[Connection, Event], None]] = {
    EventKind.SITE_UNREACHABLE: _site_changed,
    EventKind.SITE_REACHABLE: _site_changed,
    EventKind.FACTORY_LOADED: _factory_loaded,
    EventKind.NODE_ADDED: _node_added,
    EventKind.NODE_STATE_CHANGED: _node_changed,
    EventKind.USER_ADDED: _user_added,
    EventKind.RESERVATION_MADE: _reservation_made,
    EventKind.RESERVATION_WITHDRAWN: _reservation_withdrawn,
    EventKind.JOB_SUBMITTED: _job_submitted,
    EventKind.JOB_HELD: _job_changed,
    EventKind.JOB_RELEASED: _job_changed,
    EventKind.JOB_CANCELLED: _job_changed,
    EventKind.JOB_CLAIMED: _job_changed,
    EventKind.JOB_UNCLAIMED: _job_changed,
    EventKind.JOB_STARTED: _job_started,
    EventKind.JOB_LAUNCHED: _job_launched,
    EventKind.JOB_STOPPING: _job_stopping,
    EventKind.JOB_ENDED: _job_ended,
}
_MANY: Mapping[EventKind, Callable[[Connection, Sequence[Event]], None]] = {
    EventKind.JOB_SUBMITTED: _jobs_submitted,
    EventKind.JOB_HELD: _jobs_changed,
    EventKind.JOB_RELEASED: _jobs_changed,
    EventKind.JOB_CANCELLED: _jobs_changed,
}
