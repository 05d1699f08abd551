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
from arkwright.control.deferral import is_deferred
from arkwright.control.depending import with_ids
from arkwright.control.naming import indices_of, named
from arkwright.control.refusals import Conflict, Forbidden, NotFound
from arkwright.control.store import Idempotency, NewEvent
from arkwright.control.tables import IDEMPOTENCY, JOBS
from arkwright.control.users import Identity
from arkwright.errors import InfeasibleError, InputError, Problem
from arkwright.jobs.array import array_shape, task_id, tasks_of
from arkwright.jobs.events import EventKind
from arkwright.jobs.lifecycle import WAITING, State, Trigger, after, allowed
from arkwright.jobs.sense import nonsense
from arkwright.jobs.spec import JobSpec, unsupported

REFUSALS_MAX = 100
"""Refused jobs reported of one request; nobody mends more in one go."""
IDEMPOTENCY_KEY_MAX = 255
JOBS_MAX = 10_000
"""Jobs and tasks of one request: they are accepted in one transaction."""


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
    events: list[NewEvent] = []
    ids: list[str] = []
    for spec, project in _checked(controller, submission):
        ids.append(new_id(controller.clock(), controller.entropy))
        events += _submitted(ids[-1], spec, project, user)
    key = submission.idempotency_key
    idempotency = Idempotency(user, key, digest, tuple(ids)) if key else None
    return Accepted(tuple(events), idempotency, tuple(ids))


def _submitted(job_id: str, spec: JobSpec, project: str, user: str) -> list[NewEvent]:
    """Of a job, or of every task of an array; the tasks share one spec."""
    is_late = is_deferred(spec)
    state = State.HELD if spec.held else State.DEFERRED if is_late else State.QUEUED
    body = {
        "state": state.value,
        "project": project,
        "user": user,
        "spec": msgspec.to_builtins(spec),
    }
    ids = [job_id]
    if spec.array is not None:
        ids = [task_id(job_id, index) for index in array_shape(spec.array).indices]
    actor = f"user:{user}"
    return [NewEvent(EventKind.JOB_SUBMITTED, each, actor, "submitted", {}, body) for each in ids]


def check(controller: Controller, identity: Identity, spec: JobSpec) -> str:
    """The project a job would be accepted for; raises what a submission of it would."""
    return _check(controller, identity, spec)[1]


def cancel(controller: Controller, identity: Identity, reference: str, reason: str) -> str:
    """End a job, a task, an array or some tasks of it: at once what waits, through its engine what
    runs. Returns the new state of the first."""
    cause = f"cancelled by {identity.name}" + (f": {reason}" if reason else "")
    actor = f"user:{identity.name}"

    def end(job: ActiveJob) -> NewEvent:
        if job.state not in WAITING:
            return controller.request_stop(job, cause=cause, actor=actor, is_cancel=True)
        following = after(job.state, Trigger.CANCEL)
        change = {"state": job.state.value}, {"state": following.value}
        return NewEvent(EventKind.JOB_CANCELLED, job.id, actor, cause, *change)

    return _record(controller, [end(job) for job in actives(controller, identity, reference)])


def hold(controller: Controller, identity: Identity, reference: str) -> str:
    """Keep a waiting job, or what waits of an array, from starting."""
    return _move(controller, identity, reference, Trigger.HOLD, EventKind.JOB_HELD)


def release(controller: Controller, identity: Identity, reference: str) -> str:
    """Let a held job, or what is held of an array, start when it can."""
    return _move(controller, identity, reference, Trigger.RELEASE, EventKind.JOB_RELEASED)


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


def actives(controller: Controller, identity: Identity, reference: str) -> list[ActiveJob]:
    """The job, or what is not over of the array, as `active`."""
    found = named(controller.store.read(), identity, reference)
    if not found.is_array:
        return [active(controller, identity, found.id)]
    indices = found.indices or indices_of(controller.store.read(), found.id)
    jobs = [controller.book.jobs.get(task_id(found.id, index)) for index in indices]
    active_ones = [job for job in jobs if job is not None]
    if not active_ones:
        raise Conflict(f"job {reference} is over: none of its tasks is active")
    return active_ones


_PAST = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled"}


def _move(
    controller: Controller, identity: Identity, reference: str, trigger: Trigger, kind: EventKind
) -> str:
    """Hold or release what can be; of one job, or where none can, say why not."""
    jobs = actives(controller, identity, reference)
    able = [job for job in jobs if allowed(job.state, trigger)]
    if not able:
        job = jobs[0]
        raise Conflict(f"job {job.id} is {job.state.value}: it cannot {trigger.value}")
    actor = f"user:{identity.name}"

    def moved(job: ActiveJob) -> NewEvent:
        is_late = trigger is Trigger.RELEASE and is_deferred(job.spec)
        following = after(job.state, Trigger.DEFER if is_late else trigger)
        change = {"state": job.state.value}, {"state": following.value}
        return NewEvent(kind, job.id, actor, trigger.value, *change)

    return _record(controller, [moved(job) for job in able])


def _record(controller: Controller, events: list[NewEvent]) -> str:
    controller.record(events)
    return str(events[0].after["state"])


def _checked(controller: Controller, submission: Submission) -> list[tuple[JobSpec, str]]:
    """Every job with its project, or every refusal of the whole request at once."""
    checked: list[tuple[JobSpec, str]] = []
    refused: list[tuple[int, InputError]] = []
    known: dict[bytes, tuple[JobSpec, str]] = {}
    """Copies of one job are looked at once."""
    for index, spec in enumerate(submission.specs):
        written_so = msgspec.json.encode(spec)
        try:
            found = known.get(written_so) or _check(controller, submission.identity, spec)
        except InputError as error:
            refused.append((index, error))
            if len(refused) >= REFUSALS_MAX:
                break
        else:
            known[written_so] = found
            checked.append(found)
    if refused:
        raise _together(submission.specs, refused)
    if (tasks := sum(map(tasks_of, submission.specs))) > JOBS_MAX:
        raise InputError(
            f"{tasks:,} jobs and tasks of arrays in one request; give at most {JOBS_MAX:,}"
        )
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


def _check(controller: Controller, identity: Identity, spec: JobSpec) -> tuple[JobSpec, str]:
    """The job with ids for the jobs it depends on, and its project; or every problem it has."""
    project = _project(identity, spec)
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
    if not problems and spec.depends_on:
        spec, unknown = with_ids(controller.store.read(), identity, spec)
        problems += [_problem(spec, *each) for each in unknown]
    if problems:
        raise InputError(f"job {spec.name} is refused", problems)
    reason = controller.fleet.refusal(spec, project)
    if reason is not None:
        raise InfeasibleError(
            f"job {spec.name} can never run here: {reason.message}"
            + (f"; {reason.change}" if reason.change else ""),
            reason,
        )
    return spec, project


def _problem(spec: JobSpec, key: str, found: str, right: str) -> Problem:
    return Problem(f"job {spec.name}", key, found, right)


def reason_json(reason: object) -> dict[str, Any] | None:
    """A wait reason as the API gives it."""
    return msgspec.to_builtins(reason) if reason is not None else None
