"""From rows and live state to what the API gives."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Row, select

from arkwright.control.controller import Controller
from arkwright.control.naming import visible
from arkwright.control.refusals import Forbidden
from arkwright.control.resources import (
    EventResource,
    NodeResource,
    WhyResource,
)
from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, JOBS, NODES
from arkwright.control.users import Identity
from arkwright.fleet import Fleet, QuotaUse, Runner, Scene, WaitReason
from arkwright.fleet import why as why_of
from arkwright.jobs.events import Event
from arkwright.jobs.lifecycle import FINAL, PLACED, WAITING, State

_FINAL = [state.value for state in FINAL]
_PLACED = [state.value for state in PLACED]
PAGE_MAX = 1000


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
    lost = fleet.lost_sites
    query = (
        select(ATTEMPTS.c.job_id, ATTEMPTS.c.nodes)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(JOBS.c.state.in_(_PLACED), ATTEMPTS.c.n == JOBS.c.attempt, visible(identity))
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
            unreachable_since_ms=lost.get(node.site),
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


def _concerns(identity: Identity, path: str) -> bool:
    """Whether a project is the member's, below it, or above it: what binds its jobs."""
    above = identity.project is not None and f"{identity.project}/".startswith(f"{path}/")
    return identity.may_see(path) or above
