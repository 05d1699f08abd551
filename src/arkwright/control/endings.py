"""How an attempt's end moves its job: succeeded, failed, cancelled, or once more from the queue."""

from __future__ import annotations

import msgspec

from arkwright.control.book import ActiveJob
from arkwright.control.store import NewEvent
from arkwright.engines.port import AttemptPhase, Observation
from arkwright.jobs.events import EventKind
from arkwright.jobs.lifecycle import Trigger, after
from arkwright.jobs.spec import RetryOn

# What engines say of an end (`Observation.reason`); see the port.
EXITED = "exited"
STOPPED = "stopped"
NODE_LOST = "node lost"
TIME_LIMIT = "time limit"
UNKNOWN_ATTEMPT = "unknown attempt"
LAUNCH_FAILED = "launch failed"
NOT_STARTED = "not started"
"""Others were quicker to take a node: nothing ran, and nothing is wrong with the job."""

MOVED = "moved"
"""Why a job stops for another (`ActiveJob.told`) where what it needs is free elsewhere."""

REQUEUED = "the job asked to be queued again"
"""No retry is spent: how often it does so is the script's own affair, as it is in Slurm."""


def broken(observation: Observation) -> str | None:
    """Why the rest of the gang must be stopped, if some part of it failed or vanished."""
    if observation.lost_nodes:
        return f"{NODE_LOST}: {', '.join(observation.lost_nodes)}"
    if observation.failed_nodes:
        code = observation.exit_code
        cause = f"failed on {', '.join(observation.failed_nodes)}"
        return cause if code is None else f"{cause} with exit code {code}"
    return None


def ended(job: ActiveJob, observation: Observation, *, launch_error: str | None) -> NewEvent:
    """The event that records the end, with the state that follows and what was measured."""
    trigger, cause = _verdict(job, observation, launch_error)
    is_free = cause == REQUEUED or (trigger is Trigger.RETRY and cause.startswith(NOT_STARTED))
    is_mishap = trigger in (Trigger.RETRY, Trigger.FAIL) and not is_free
    counts = {}
    if trigger is Trigger.RETURN:
        is_moved = job.told == MOVED
        counts = {"evictions": job.evictions + (not is_moved), "moves": job.moves + is_moved}
    return NewEvent(
        EventKind.JOB_ENDED,
        job.attempt_id,
        f"engine:{job.site}",
        cause,
        {"state": job.state.value},
        {
            "state": after(job.state, trigger).value,
            "exit_code": observation.exit_code,
            "failures": job.failures + int(is_mishap),
            "ended_ms": observation.ended_ms,
            "lost_nodes": list(observation.lost_nodes),
            "failed_nodes": list(observation.failed_nodes),
            "cpu_s": observation.cpu_s,
            "energy_j": observation.energy.energy_j,
            "energy_method": observation.energy.method,
        }
        | counts,
    )


def never_launched(job: ActiveJob) -> NewEvent:
    """The end of an attempt that its engine was never told of; no retry is spent."""
    seen = Observation(attempt_id=job.attempt_id, phase=AttemptPhase.ENDED)
    end = ended(job, seen, launch_error=None)
    kept = {
        "state": after(job.state, Trigger.RETRY).value,
        "failures": job.failures,
        # As of attempts that gave way: how long it was placed says nothing about the job.
        "evictions": job.evictions,
        "moves": job.moves,
    }
    cause = "its site went out of reach before it was launched"
    return msgspec.structs.replace(end, actor="scheduler", cause=cause, after=end.after | kept)


def _verdict(
    job: ActiveJob, observation: Observation, launch_error: str | None
) -> tuple[Trigger, str]:
    """What follows an end, and its cause in words. A job that finished anyway has succeeded."""
    why = observation.reason
    if (wanted := _as_wanted(job, observation)) is not None:
        return wanted
    if launch_error is not None:
        # The engine could not begin: that is the place's fault, not the ranks'.
        return _again(job, RetryOn.NODE_LOST, f"launch failed: {launch_error}")
    if why == TIME_LIMIT:
        return Trigger.FAIL, TIME_LIMIT
    if why.startswith(NOT_STARTED):
        return Trigger.RETRY, why
    # What the whole gang ended with says more than the first sign of it did.
    cause = broken(observation) or job.stop_cause
    if job.stop_cause is not None and job.stop_cause.startswith(NODE_LOST):
        cause = job.stop_cause
    if observation.lost_nodes or (cause or "").startswith(NODE_LOST):
        return _again(job, RetryOn.NODE_LOST, cause or NODE_LOST)
    if why.startswith(UNKNOWN_ATTEMPT):
        told = why.removeprefix(f"{UNKNOWN_ATTEMPT}: ")
        none = "the engine has no record of the attempt"
        return _again(job, RetryOn.NODE_LOST, none if why == UNKNOWN_ATTEMPT else told)
    if why.startswith((NODE_LOST, LAUNCH_FAILED)):
        return _again(job, RetryOn.NODE_LOST, why)
    if why and why != EXITED and not why.startswith(STOPPED):
        cause = why
    return _again(job, RetryOn.FAILURE, cause or f"exit code {observation.exit_code}")


def _as_wanted(job: ActiveJob, observation: Observation) -> tuple[Trigger, str] | None:
    """What follows an end that the job, its user or the scheduler wanted; None for others."""
    why = observation.reason
    is_told = bool(job.told) and why != TIME_LIMIT
    if observation.is_requeued and not job.is_cancelled and not is_told:
        return Trigger.RETRY, REQUEUED
    if observation.exit_code == 0 and why == EXITED:
        return Trigger.SUCCEED, "every rank returned 0"
    if job.is_cancelled:
        return Trigger.END_CANCELLED, job.stop_cause or "cancelled"
    if is_told:
        return Trigger.RETURN, job.stop_cause or f"{job.told} for another job"
    return None


def _again(job: ActiveJob, kind: RetryOn, cause: str) -> tuple[Trigger, str]:
    retry = job.spec.retry
    if kind not in retry.on:
        return Trigger.FAIL, cause
    if job.failures >= retry.limit:
        return Trigger.FAIL, f"{cause}; no retry left of {retry.limit}"
    return Trigger.RETRY, cause
