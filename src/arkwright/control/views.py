"""From rows and live state to what the API gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, false, select, true

from arkwright.control.controller import Controller
from arkwright.control.intake import Conflict, Forbidden, NotFound
from arkwright.control.resources import (
    AttemptResource,
    EventResource,
    JobResource,
    NodeResource,
    WhyResource,
)
from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, JOBS, NODES
from arkwright.control.users import Identity
from arkwright.errors import InputError
from arkwright.fleet import Fleet, QuotaUse, Runner, Scene, WaitReason
from arkwright.fleet import why as why_of
from arkwright.jobs.events import Event
from arkwright.jobs.lifecycle import FINAL, PLACED, WAITING, State
from arkwright.jobs.spec import JobSpec, gpus_of, nodes_of

_FINAL = [state.value for state in FINAL]
_PLACED = [state.value for state in PLACED]
PAGE_MAX = 1000
NUMBER_DIGITS_MAX = 18
"""More do not fit the column that holds a job's number."""


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
    query = select(JOBS).where(JOBS.c.seq > after_seq, _visible(identity))
    if states:
        _check_states(states)
        query = query.where(JOBS.c.state.in_(states))
    elif not is_all:
        query = query.where(JOBS.c.state.not_in(_FINAL))
    rows = reader.rows(query.order_by(JOBS.c.seq).limit(limit + 1))
    page = rows[:limit]
    following = page[-1].seq if len(rows) > limit else None
    placed = _placed(reader, page)
    return [_job(row, placed.get(row.id)) for row in page], following


def job(reader: Reader, identity: Identity, reference: str) -> tuple[JobResource, int]:
    """One job with its attempts, and the sequence number of its last change (its ETag)."""
    row = find_job(reader, identity, reference)
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
    return msgspec.structs.replace(_job(row, placed), attempts=attempts), row.changed_seq


def find_job(reader: Reader, identity: Identity, reference: str) -> Row[Any]:
    """The job with this id or number, the only one whose id ends so, or the newest of this name.

    Raises NotFound for what is not there or not the user's to see, Conflict when several ids fit.
    """
    visible = select(JOBS).where(_visible(identity))
    row = reader.first(visible.where(JOBS.c.id == reference))
    if row is None and reference.isdecimal() and len(reference) <= NUMBER_DIGITS_MAX:
        row = reader.first(visible.where(JOBS.c.seq == int(reference)))
    if row is None and len(reference) >= 4:
        ending = visible.where(JOBS.c.id.endswith(reference, autoescape=True))
        fitting = reader.rows(ending.limit(2))
        if len(fitting) > 1:
            raise Conflict(f"job {reference}: several ids end so; give more of it")
        row = fitting[0] if fitting else None
    if row is None:
        row = reader.first(visible.where(JOBS.c.name == reference).order_by(JOBS.c.seq.desc()))
    if row is None:
        raise NotFound(f"job {reference}: not found; see `arkwright ps --all`")
    return row


def why_now(controller: Controller, row: Row[Any]) -> WhyResource | None:
    """Why a job is where it is; None for one that waits or stops for another, of which the
    scheduler must be asked.

    Runs on the loop's thread.
    """
    active = controller.book.jobs.get(row.id)
    state = active.state if active is not None else State(row.state)
    if state in WAITING or (active is not None and active.told):
        return None
    if state in PLACED and active is not None:
        where = ", ".join(active.nodes)
        reason = WaitReason(code="active", message=f"it is {state.value} on {where}", change="")
    else:
        reason = WaitReason(
            code="done", message=f"it is over ({state.value}): {row.reason}", change=""
        )
    return WhyResource(job_id=row.id, state=state.value, reason=reason)


def why_waiting(
    scene: Scene, state: State, row: Row[Any], identity: Identity, run: Runner
) -> WhyResource:
    """Why a job waits, or for whom it stops, asked of the scheduler on a copy. On any thread."""
    reason = _discreet(scene, identity, why_of(scene, row.id, run))
    return WhyResource(job_id=row.id, state=state.value, reason=reason)


_WORDS_FOR: Final = {"reserved-window": ("for", "from"), "contract-ahead": ("of", "begins")}
"""Reasons that name a project, and the words that stand around its name."""


def _discreet(scene: Scene, identity: Identity, reason: WaitReason) -> WaitReason:
    """The reason without the job or the project that is not this user's to know."""
    if reason.code in _WORDS_FOR and "row" in reason.numbers:
        owner = scene.names.quotas.rows[reason.numbers["row"]].label
        if not identity.may_see(owner):
            numbers = {name: value for name, value in reason.numbers.items() if name != "row"}
            before, after = _WORDS_FOR[reason.code]
            words = f"{before} {owner} {after}"
            message = reason.message.replace(words, words.replace(owner, "another project"))
            return msgspec.structs.replace(reason, message=message, numbers=numbers)
    if "job" not in reason.numbers:
        return reason
    other = reason.numbers["job"]
    if identity.may_see(scene.groups[other][0]):
        return reason
    numbers = {name: value for name, value in reason.numbers.items() if name != "job"}
    message = reason.message.replace(scene.job_ids[other], "a job of another project")
    return msgspec.structs.replace(reason, message=message, numbers=numbers)


def node_list(reader: Reader, fleet: Fleet, identity: Identity) -> list[NodeResource]:
    """Every node with its state, what is free, and who of those the user may see holds the rest.

    Runs on the loop's thread.
    """
    rows = {row.path: row for row in reader.rows(select(NODES))}
    holders: dict[str, list[str]] = {}
    query = (
        select(ATTEMPTS.c.job_id, ATTEMPTS.c.nodes)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(JOBS.c.state.in_(_PLACED), ATTEMPTS.c.n == JOBS.c.attempt, _visible(identity))
    )
    for row in reader.rows(query.order_by(JOBS.c.seq)):
        for path in row.nodes:
            holders.setdefault(path, []).append(row.job_id)
    return [
        NodeResource(
            path=node.path,
            site=node.site,
            state=fleet.node_state(node.path),
            reason=rows[node.path].reason if node.path in rows else "",
            gpus=node.gpus,
            gpus_free=fleet.gpus_free(node.path),
            gpu_type=node.gpu_type,
            is_virtual=node.is_virtual,
            cpus=node.cpus,
            memory_mib=node.memory_mib,
            jobs=holders.get(node.path, []),
        )
        for node in fleet.nodes
    ]


def quota_list(controller: Controller, identity: Identity) -> list[QuotaUse]:
    """The quotas of what the user may see: for a member its own tree, and what is above it.

    Runs on the loop's thread.
    """
    now_ms = max(controller.clock(), controller.store.last_ms)
    return [
        use
        for use in controller.fleet.quotas(now_ms)
        if identity.is_owner or (use.project and _concerns(identity, use.project))
    ]


def events(
    reader: Reader, identity: Identity, *, after_seq: int, job_id: str | None, limit: int
) -> list[EventResource]:
    """The log after `after_seq`; a member reads only the log of one of its own jobs."""
    may_read_events(identity, job_id)
    return [event(item) for item in reader.events(after_seq=after_seq, job_id=job_id, limit=limit)]


def may_read_events(identity: Identity, job_id: str | None) -> None:
    """Raises Forbidden for a member who asks for the log of everything."""
    if job_id is None and not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: name a job to read its events")


def event(item: Event) -> EventResource:
    """One event, without the parts that are nobody's business: token hashes."""
    after = {key: value for key, value in item.after.items() if key != "token_hash"}
    return EventResource(
        seq=item.seq,
        at_ms=item.at_ms,
        kind=item.kind.value,
        subject=item.subject,
        actor=item.actor,
        cause=item.cause,
        before=item.before,
        after=after,
        schema_version=item.schema_version,
    )


def _placed(reader: Reader, jobs: Sequence[Row[Any]]) -> dict[str, Row[Any]]:
    """The attempts of those elastic jobs that hold nodes: how many is not in their spec."""
    ids = [row.id for row in jobs if row.state in _PLACED and row.spec.get("elastic")]
    if not ids:
        return {}
    query = (
        select(ATTEMPTS.c.job_id, ATTEMPTS.c.nodes, ATTEMPTS.c.gpus)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(JOBS.c.id.in_(ids), ATTEMPTS.c.n == JOBS.c.attempt)
    )
    return {row.job_id: row for row in reader.rows(query)}


def _job(row: Row[Any], placed: Row[Any] | AttemptResource | None) -> JobResource:
    spec = msgspec.convert(row.spec, JobSpec)
    return JobResource(
        id=row.id,
        number=row.seq,
        name=row.name,
        project=row.project,
        user=row.user,
        state=row.state,
        reason=row.reason,
        exit_code=row.exit_code,
        priority=spec.priority,
        nodes=len(placed.nodes) if placed is not None else nodes_of(spec),
        gpus=placed.gpus if placed is not None else gpus_of(spec),
        attempt=row.attempt,
        submit_ms=row.submit_ms,
        end_ms=row.end_ms,
        spec=row.spec,
    )


def _concerns(identity: Identity, path: str) -> bool:
    """Whether a project is the member's, below it, or above it: what binds its jobs."""
    above = identity.project is not None and f"{identity.project}/".startswith(f"{path}/")
    return identity.may_see(path) or above


def _visible(identity: Identity) -> ColumnElement[bool]:
    """`Identity.may_see` as a condition on the jobs' table."""
    if identity.is_owner:
        return true()
    if identity.project is None:
        return false()
    within = JOBS.c.project.startswith(f"{identity.project}/", autoescape=True)
    return (JOBS.c.project == identity.project) | within


def _check_states(states: Sequence[str]) -> None:
    known = [state.value for state in State]
    unknown = [state for state in states if state not in known]
    if unknown:
        raise InputError(f"state {', '.join(unknown)}: unknown; use {', '.join(known)}")
