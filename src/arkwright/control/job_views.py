"""Jobs as the API gives them: one, all of an array as one, and lists of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, func, select

from arkwright.control.clock import ID_LENGTH
from arkwright.control.deferral import deferred_for
from arkwright.control.naming import Named, first_task, is_task_of, named, named_job, visible
from arkwright.control.resources import (
    ArrayResource,
    AttemptResource,
    JobResource,
    TaskResource,
    WhyResource,
)
from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, JOBS
from arkwright.control.users import Identity
from arkwright.errors import InputError
from arkwright.jobs.array import array_of, array_shape, index_of, indices_text
from arkwright.jobs.lifecycle import FINAL, PLACED, State
from arkwright.jobs.spec import JobSpec, gpus_of, nodes_of

_FINAL = [state.value for state in FINAL]
_NONE: Mapping[str, int] = {}
_PLACED = [state.value for state in PLACED]


def job_list(
    reader: Reader,
    identity: Identity,
    *,
    is_all: bool,
    after_seq: int,
    limit: int,
    states: Sequence[str] = (),
) -> tuple[list[JobResource], int | None]:
    """Jobs in order of submission after `after_seq`, and where the next page starts."""
    asked = _asked(identity, is_all=is_all, states=states)
    query = select(JOBS).where(JOBS.c.seq > after_seq, *asked)
    rows = reader.rows(query.order_by(JOBS.c.seq).limit(limit + 1))
    page = rows[:limit]
    following = page[-1].seq if len(rows) > limit else None
    placed = _placed(reader, page)
    lost = reader.lost_sites()
    return [_job(row, placed.get(row.id), lost) for row in page], following


def line_list(
    reader: Reader,
    identity: Identity,
    *,
    is_all: bool,
    after_seq: int,
    limit: int,
    states: Sequence[str] = (),
) -> tuple[list[JobResource], int | None]:
    """As `job_list`, with one item for all tasks of an array: where one task is asked for, there
    is the whole array."""
    root = func.substr(JOBS.c.id, 1, ID_LENGTH).label("root")
    first = func.min(JOBS.c.seq).label("seq")
    asked = select(root).where(*_asked(identity, is_all=is_all, states=states))
    groups = reader.rows(
        select(root, first, func.max(JOBS.c.id).label("id"))
        .where(root.in_(asked))
        .group_by(root)
        .having(first > after_seq)
        .order_by(first)
        .limit(limit + 1)
    )
    page = groups[:limit]
    following = page[-1].seq if len(groups) > limit else None
    alone = [group.id for group in page if group.id == group.root]
    jobs = {row.id: row for row in reader.rows(select(JOBS).where(JOBS.c.id.in_(alone)))}
    placed = _placed(reader, list(jobs.values()))
    lost = reader.lost_sites()
    return [
        _job(jobs[group.root], placed.get(group.root), lost)
        if group.root in jobs
        else array_job(reader, group.root)[0]
        for group in page
    ], following


def _asked(identity: Identity, *, is_all: bool, states: Sequence[str]) -> list[ColumnElement[bool]]:
    """Which jobs: those in one of `states`, or without any those that are not over, or all."""
    known = [state.value for state in State]
    unknown = [state for state in states if state not in known]
    if unknown:
        raise InputError(f"state {', '.join(unknown)}: unknown; use {', '.join(known)}")
    if states:
        return [visible(identity), JOBS.c.state.in_(states)]
    return [visible(identity)] if is_all else [visible(identity), JOBS.c.state.not_in(_FINAL)]


def array_job(reader: Reader, array_id: str) -> tuple[JobResource, int]:
    """All tasks of an array as one job, and the number of the last change of any."""
    rows = reader.rows(
        select(
            JOBS.c.state,
            func.count().label("tasks"),
            func.max(JOBS.c.attempt).label("attempt"),
            func.max(JOBS.c.end_ms).label("end_ms"),
            func.max(JOBS.c.changed_seq).label("changed_seq"),
        )
        .where(is_task_of(array_id))
        .group_by(JOBS.c.state)
    )
    counts = {State(row.state): int(row.tasks) for row in rows}
    is_over = all(state in FINAL for state in counts)
    failed = select(JOBS).where(is_task_of(array_id), JOBS.c.state == State.FAILED.value)
    bad = reader.first(failed.order_by(JOBS.c.seq)) if State.FAILED in counts else None
    first = first_task(reader, array_id)
    shown = _job(first, None)
    shape = array_shape(shown.spec["array"])
    resource = msgspec.structs.replace(
        shown,
        id=array_id,
        state=_state_of(counts).value,
        reason=f"task {index_of(bad.id)}: {bad.reason}" if bad is not None else "",
        exit_code=bad.exit_code if bad is not None else 0 if is_over else None,
        attempt=max(row.attempt for row in rows),
        end_ms=max(row.end_ms for row in rows) if is_over else None,
        task=None,
        array=ArrayResource(
            tasks=sum(counts.values()),
            indices=indices_text(shape.indices),
            at_once=shape.at_once,
            states={state.value: counts[state] for state in State if state in counts},
        ),
    )
    return resource, max(row.changed_seq for row in rows)


def _state_of(states: Collection[State]) -> State:
    """Of many tasks: the furthest any is on its way; when all are over, the worst."""
    if any(state in PLACED for state in states):
        return State.RUNNING
    order = (State.QUEUED, State.DEFERRED, State.HELD, State.FAILED, State.CANCELLED)
    return next((state for state in order if state in states), State.SUCCEEDED)


def job(reader: Reader, identity: Identity, reference: str) -> tuple[JobResource, int]:
    """One job with its attempts, and the sequence number of its last change (its ETag)."""
    found = named(reader, identity, reference)
    if found.is_array:
        return array_job(reader, found.id)
    row = named_job(reader, identity, found.id)
    query = select(ATTEMPTS).where(ATTEMPTS.c.job_id == row.id).order_by(ATTEMPTS.c.n)
    attempts = [
        AttemptResource(
            id=a.id,
            n=a.n,
            site=a.site,
            nodes=a.nodes,
            gpus=a.gpus,
            is_virtual=bool(a.is_virtual),
            start_ms=a.start_ms,
            launch_ms=a.launch_ms,
            end_ms=a.end_ms,
            exit_code=a.exit_code,
            reason=a.reason,
        )
        for a in reader.rows(query)
    ]
    placed = attempts[-1] if attempts and row.state in _PLACED else None
    return msgspec.structs.replace(
        _job(row, placed, reader.lost_sites()), attempts=attempts
    ), row.changed_seq


def row_to_explain(reader: Reader, identity: Identity, asked: Named) -> Row[Any]:
    """The job's row; of an array that of the task which tells most about why it waits."""
    if not asked.is_array:
        return named_job(reader, identity, asked.id)
    tasks = select(JOBS).where(is_task_of(asked.id)).order_by(JOBS.c.seq)
    for states in (State.QUEUED,), (State.DEFERRED,), (State.HELD,), PLACED:
        row = reader.first(tasks.where(JOBS.c.state.in_([state.value for state in states])))
        if row is not None:
            return row
    return first_task(reader, asked.id)


def of_array(reader: Reader, array_id: str, found: WhyResource) -> WhyResource:
    """What was found of one task, said of its array."""
    array, _ = array_job(reader, array_id)
    counts = array.array.states if array.array is not None else {}
    words = ", ".join(f"{count} {state}" for state, count in counts.items())
    message = f"{words}; task {index_of(found.job_id)}: {found.reason.message}"
    reason = msgspec.structs.replace(found.reason, message=message)
    return WhyResource(job_id=array_id, state=array.state, reason=reason)


def _placed(reader: Reader, jobs: Sequence[Row[Any]]) -> dict[str, Row[Any]]:
    """The attempts of those jobs that hold nodes, where the spec alone does not tell: of elastic
    jobs, and of all while a site is out of reach."""
    is_any_lost = bool(reader.lost_sites())
    held = [row for row in jobs if row.state in _PLACED]
    ids = [row.id for row in held if is_any_lost or row.spec.get("elastic")]
    if not ids:
        return {}
    query = (
        select(ATTEMPTS.c.job_id, ATTEMPTS.c.nodes, ATTEMPTS.c.gpus, ATTEMPTS.c.site)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(JOBS.c.id.in_(ids), ATTEMPTS.c.n == JOBS.c.attempt)
    )
    return {row.job_id: row for row in reader.rows(query)}


def _job(
    row: Row[Any], placed: Row[Any] | AttemptResource | None, lost: Mapping[str, int] = _NONE
) -> JobResource:
    spec = msgspec.convert(row.spec, JobSpec)
    is_deferred = row.state == State.DEFERRED.value
    return JobResource(
        id=row.id,
        number=row.seq,
        name=row.name,
        project=row.project,
        user=row.user,
        state=row.state,
        reason=", ".join(deferred_for(spec)) if is_deferred else row.reason,
        exit_code=row.exit_code,
        priority=spec.priority,
        nodes=len(placed.nodes) if placed is not None else nodes_of(spec),
        gpus=placed.gpus if placed is not None else gpus_of(spec),
        attempt=row.attempt,
        submit_ms=row.submit_ms,
        end_ms=row.end_ms,
        spec=row.spec,
        task=_task(row.id, row.seq, spec),
        unreachable_since_ms=lost.get(placed.site) if placed is not None else None,
    )


def _task(job_id: str, number: int, spec: JobSpec) -> TaskResource | None:
    array_id = array_of(job_id)
    if array_id is None:
        return None
    index = index_of(job_id)
    place = bisect_left(array_shape(spec.array or "0").indices, index)
    return TaskResource(array_id=array_id, array_number=number - place, index=index)
