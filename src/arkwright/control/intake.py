"""What people ask for, checked and turned into events. Nothing here touches an engine.

Each function is called on the loop's thread with the controller as it stands between two rounds. It
returns what to answer, or raises InputError, Forbidden, NotFound or Conflict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import select

from arkwright.control.book import ActiveJob
from arkwright.control.clock import new_id
from arkwright.control.controller import Controller
from arkwright.control.store import Idempotency, NewEvent
from arkwright.control.tables import IDEMPOTENCY, JOBS
from arkwright.control.users import Identity
from arkwright.errors import ArkwrightError, InfeasibleError, InputError, Problem
from arkwright.jobs.events import EventKind
from arkwright.jobs.lifecycle import WAITING, State, Trigger, after, allowed
from arkwright.jobs.sense import nonsense
from arkwright.jobs.spec import JobSpec, unsupported

REFUSALS_MAX = 100
"""Refused jobs reported of one request; nobody mends more in one go."""
IDEMPOTENCY_KEY_MAX = 255


class Forbidden(ArkwrightError):
    """The token's user may not do this."""

    exit_code = 2


class NotFound(ArkwrightError):
    """No such thing, or none that this user may see."""

    exit_code = 2


class Conflict(ArkwrightError):
    """The thing is not in a state in which this can be done."""

    exit_code = 2


class Submission(Struct, frozen=True):
    """Jobs one user submits together: all are accepted, or none."""

    identity: Identity
    specs: tuple[JobSpec, ...]
    idempotency_key: str | None = None


class Accepted(Struct, frozen=True):
    """What a submission brings into the log when it is committed."""

    events: tuple[NewEvent, ...]
    idempotency: Idempotency | None
    job_ids: tuple[str, ...]


def accept(controller: Controller, submission: Submission) -> Accepted:
    """Check a submission and prepare its events. A repeated key answers with the first one's jobs.

    Raises InfeasibleError for a job that could never run in this factory, with the smallest change
    that would let it; InputError for what is malformed or not supported yet.
    """
    digest = hashlib.sha256(msgspec.json.encode(submission.specs)).hexdigest()
    if earlier := _earlier(controller, submission, digest):
        return Accepted((), None, earlier)
    user = submission.identity.name
    actor = f"user:{user}"
    events = []
    for spec, project in _checked(controller, submission):
        job_id = new_id(controller.clock(), controller.entropy)
        state = State.HELD if spec.held else State.QUEUED
        body = {
            "state": state.value,
            "project": project,
            "user": user,
            "spec": msgspec.to_builtins(spec),
        }
        events.append(NewEvent(EventKind.JOB_SUBMITTED, job_id, actor, "submitted", {}, body))
    ids = tuple(event.subject for event in events)
    key = submission.idempotency_key
    idempotency = Idempotency(user, key, digest, ids) if key else None
    return Accepted(tuple(events), idempotency, ids)


def check(controller: Controller, identity: Identity, spec: JobSpec) -> str:
    """The project a job would be accepted for; raises what a submission of it would."""
    project = _project(identity, spec)
    _check(controller, spec, project)
    return project


def cancel(controller: Controller, identity: Identity, job_id: str, reason: str) -> str:
    """End a job: at once when it waits, through its engine when it runs. Returns its new state."""
    job = active(controller, identity, job_id)
    cause = f"cancelled by {identity.name}" + (f": {reason}" if reason else "")
    actor = f"user:{identity.name}"
    if job.state in WAITING:
        following = after(job.state, Trigger.CANCEL)
        change = {"state": job.state.value}, {"state": following.value}
        controller.record([NewEvent(EventKind.JOB_CANCELLED, job_id, actor, cause, *change)])
        return following.value
    event = controller.request_stop(job, cause=cause, actor=actor, is_cancel=True)
    controller.record([event])
    return str(event.after["state"])


def hold(controller: Controller, identity: Identity, job_id: str) -> str:
    """Keep a waiting job from starting."""
    return _move(controller, identity, job_id, Trigger.HOLD, EventKind.JOB_HELD)


def release(controller: Controller, identity: Identity, job_id: str) -> str:
    """Let a held job start when it can."""
    return _move(controller, identity, job_id, Trigger.RELEASE, EventKind.JOB_RELEASED)


def set_node(controller: Controller, identity: Identity, path: str, state: str, reason: str) -> str:
    """Drain a node, or return it to service; its path. Jobs on it go on."""
    if not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: only owners drain and resume nodes")
    path = node_path(controller, path)
    before = controller.fleet.node_state(path)
    if before != state:
        cause = reason or f"asked by {identity.name}"
        controller.record(
            [
                NewEvent(
                    EventKind.NODE_STATE_CHANGED,
                    path,
                    f"user:{identity.name}",
                    cause,
                    {"state": before},
                    {"state": state},
                )
            ]
        )
    return path


def node_path(controller: Controller, reference: str) -> str:
    """The node with this path, or the only one whose path ends so."""
    paths = [node.path for node in controller.fleet.nodes]
    found = [path for path in paths if path == reference or path.endswith(f"/{reference}")]
    if not found:
        raise NotFound(f"node {reference}: not in this factory; see `arkwright nodes`")
    if len(found) > 1:
        raise Conflict(f"node {reference}: {len(found)} paths end so; give more of it")
    return found[0]


def running_attempt(controller: Controller, identity: Identity, job_id: str) -> tuple[str, str]:
    """Site and attempt id of a running job, for commands beside it."""
    job = active(controller, identity, job_id)
    if job.state is not State.RUNNING:
        raise Conflict(f"job {job_id} is {job.state.value}: commands run beside running jobs only")
    return job.site, job.attempt_id


def active(controller: Controller, identity: Identity, job_id: str) -> ActiveJob:
    """The job, if it is not over and the user may act on it."""
    job = controller.book.jobs.get(job_id)
    if job is not None and identity.may_see(job.project):
        return job
    row = controller.store.read().first(
        select(JOBS.c.state, JOBS.c.project).where(JOBS.c.id == job_id)
    )
    if row is None or not identity.may_see(row.project):
        raise NotFound(f"job {job_id}: not found; see `arkwright ps --all`")
    raise Conflict(f"job {job_id} is over: it {_PAST.get(row.state, row.state)}")


_PAST = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled"}


def _move(
    controller: Controller, identity: Identity, job_id: str, trigger: Trigger, kind: EventKind
) -> str:
    job = active(controller, identity, job_id)
    if not allowed(job.state, trigger):
        raise Conflict(f"job {job_id} is {job.state.value}: it cannot {trigger.value}")
    following = after(job.state, trigger)
    change = {"state": job.state.value}, {"state": following.value}
    actor = f"user:{identity.name}"
    controller.record([NewEvent(kind, job_id, actor, trigger.value, *change)])
    return following.value


def _checked(controller: Controller, submission: Submission) -> list[tuple[JobSpec, str]]:
    """Every job with its project, or every refusal of the whole request at once."""
    checked: list[tuple[JobSpec, str]] = []
    refused: list[tuple[int, InputError]] = []
    for index, spec in enumerate(submission.specs):
        try:
            project = _project(submission.identity, spec)
            _check(controller, spec, project)
        except InputError as error:
            refused.append((index, error))
            if len(refused) >= REFUSALS_MAX:
                break
        else:
            checked.append((spec, project))
    if refused:
        raise _together(submission.specs, refused)
    return checked


def _together(specs: Sequence[JobSpec], refused: Sequence[tuple[int, InputError]]) -> InputError:
    """The one error for a request: a job's own where there is one job, else the list of all."""
    first = refused[0][1]
    if len(specs) == 1:
        return first
    reason = getattr(first, "reason", None)
    if all(isinstance(error, InfeasibleError) for _, error in refused):
        lines = [f"  items[{index}]: {error}" for index, error in refused]
        return InfeasibleError("\n".join(["none of the jobs is accepted", *lines]), reason)
    problems: list[Problem] = []
    for index, error in refused:
        own = error.problems or [Problem(f"job {specs[index].name}", "", str(error), "")]
        problems += [one._replace(where=f"items[{index}]: {one.where}") for one in own]
    return InputError("none of the jobs is accepted", problems)


def _earlier(controller: Controller, submission: Submission, digest: str) -> tuple[str, ...] | None:
    if not submission.idempotency_key:
        return None
    if len(submission.idempotency_key) > IDEMPOTENCY_KEY_MAX:
        raise InputError(
            f"Idempotency-Key: it has {len(submission.idempotency_key)} characters; "
            f"give at most {IDEMPOTENCY_KEY_MAX}"
        )
    row = controller.store.read().first(
        select(IDEMPOTENCY).where(
            IDEMPOTENCY.c.user == submission.identity.name,
            IDEMPOTENCY.c.key == submission.idempotency_key,
        )
    )
    if row is None:
        return None
    if row.request_sha256 != digest:
        raise Conflict(
            f"Idempotency-Key {submission.idempotency_key!r} was used for another request; "
            "take a new key for a new request"
        )
    return tuple(row.job_ids)


def _project(identity: Identity, spec: JobSpec) -> str:
    project = spec.project or identity.project
    if project is None:
        raise InputError(f"job {spec.name}: no project given; name one with `project:`")
    if not identity.may_see(project):
        raise Forbidden(f"{identity.name} may not submit to project {project}")
    return project


def _check(controller: Controller, spec: JobSpec, project: str) -> None:
    problems = [_problem(spec, key, found, "") for key, found in unsupported(spec)]
    problems += [_problem(spec, *each) for each in nonsense(spec)]
    if (longest := controller.fleet.time_limit_max_s) and (spec.time_limit or 0) > longest:
        found = f"{spec.time_limit:g} s is more than the policy allows"
        problems.append(_problem(spec, "time_limit", found, f"give at most {longest:g} s"))
    if not controller.fleet.has_project(project):
        known = ", ".join(controller.fleet.project_paths)
        problems.append(
            _problem(spec, "project", f"{project} is not in this factory", f"use one of {known}")
        )
    if problems:
        raise InputError(f"job {spec.name} is refused", problems)
    reason = controller.fleet.refusal(spec, project)
    if reason is not None:
        raise InfeasibleError(
            f"job {spec.name} can never run here: {reason.message}"
            + (f"; {reason.change}" if reason.change else ""),
            reason,
        )


def _problem(spec: JobSpec, key: str, found: str, right: str) -> Problem:
    return Problem(f"job {spec.name}", key, found, right)


def reason_json(reason: object) -> dict[str, Any] | None:
    """A wait reason as the API gives it."""
    return msgspec.to_builtins(reason) if reason is not None else None
