"""What Slurm's states mean to those above the port. Pure.

Words: JOB STATE CODES and JOB REASON CODES of the squeue manual, NODE STATE CODES of the sinfo
manual.
"""

from __future__ import annotations

from typing import NamedTuple

from arkwright.engines.port import AttemptPhase
from arkwright.engines.slurm.records import SlurmJob, SlurmNode

NODE_LOST = "node lost"
_FINAL = frozenset(
    [
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "TIMEOUT",
        "REVOKED",
        "LAUNCH_FAILED",
        "RECONFIG_FAIL",
    ]
)
_ENDING = frozenset(["COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "EXPEDITING"])
"""Flags, and states, in which something of a job may be alive."""
_WAITING = frozenset(
    [
        "PENDING",
        "CONFIGURING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "SPECIAL_EXIT",
        "RESV_DEL_HOLD",
    ]
)
_HELD = ("JobHeldAdmin", "JobHeldUser", "held")
_LOST = frozenset(["NODE_FAIL", "BOOT_FAIL"])


def phase_of(states: tuple[str, ...]) -> AttemptPhase:
    """The phase, from state and flags. Never ENDED while Slurm may have a part alive."""
    told = set(states)
    if told & _ENDING:
        return AttemptPhase.STOPPING
    if told & _FINAL:
        return AttemptPhase.ENDED
    if told & _WAITING:
        return AttemptPhase.LAUNCHING
    return (
        AttemptPhase.RUNNING
        if told & {"RUNNING", "SUSPENDED", "RESIZING"}
        else AttemptPhase.LAUNCHING
    )


def is_over(job: SlurmJob) -> bool:
    """Whether Slurm has nothing of it any more."""
    return phase_of(job.states) is AttemptPhase.ENDED


def is_pending(states: tuple[str, ...]) -> bool:
    """Whether Slurm has not begun it."""
    return bool(set(states) & _WAITING) and not set(states) & (_ENDING | _FINAL)


def is_held(job: SlurmJob) -> bool:
    """Whether somebody holds it in Slurm; Arkwright holds nothing there."""
    told = " ".join((*job.states, job.reason, job.detail))
    return any(word in told for word in _HELD) or "REQUEUE_HOLD" in told


def waits_why(job: SlurmJob) -> str:
    """Why it has not begun, in words."""
    if is_held(job):
        return f"held in Slurm ({job.reason or 'held'}); release job {job.id} there"
    if "SUSPENDED" in job.states:
        return f"suspended in Slurm; resume job {job.id} there"
    return f"waiting in Slurm: {job.reason}" if job.reason else "starting in Slurm"


class End(NamedTuple):
    """How a job ended, from Slurm alone."""

    exit_code: int | None
    reason: str
    is_lost: bool = False


def end_of(job: SlurmJob) -> End:
    """How a job that is over ended."""
    state = next((state for state in job.states if state in _FINAL), "")
    code = job.exit_code
    why = ", ".join(dict.fromkeys(filter(None, (job.reason, job.detail))))
    if state in _LOST:
        return End(None, NODE_LOST, is_lost=True)
    if state in ("TIMEOUT", "DEADLINE"):
        return End(code or None, "time limit")
    if state == "OUT_OF_MEMORY":
        return End(code or 137, "memory limit")
    if state == "COMPLETED":
        return End(0 if code is None else code, "exited")
    if state == "FAILED":
        if any(word in why for word in ("Launch", "launch", "BadConstraints", "InactiveLimit")):
            return End(code, f"launch failed: Slurm says {why}")
        return End(code if code else 1, "exited")
    if state == "CANCELLED":
        return End(None, f"cancelled in Slurm, not by Arkwright{f' ({why})' if why else ''}")
    if state == "PREEMPTED":
        return End(None, "preempted in Slurm by a job that is not Arkwright's")
    return End(code, f"ended in Slurm as {state or '+'.join(job.states)}")


_DOWN = frozenset(
    ["DOWN", "ERROR", "UNKNOWN", "FUTURE", "INVALID_REG", "INVAL", "NO_RESPOND", "POWERED_OFF"]
)
_AWAY = frozenset(
    [
        "DRAIN",
        "DRAINED",
        "DRAINING",
        "FAIL",
        "FAILING",
        "FAILED",
        "MAINT",
        "MAINTENANCE",
        "NOT_RESPONDING",
        "BLOCKED",
        "REBOOT_REQUESTED",
        "REBOOT_ISSUED",
        "REBOOT",
        "PERFCTRS",
    ]
)


def condition_of(node: SlurmNode, *, in_reservation: bool) -> tuple[str, str]:
    """`up`, `draining` or `down`, and why, as Slurm has it."""
    told = set(node.states)
    words = "+".join(node.states)
    why = f"{node.reason} ({words} in Slurm)" if node.reason else f"{words} in Slurm"
    if told & _DOWN:
        return "down", why
    if told & _AWAY:
        return "draining", why
    if "RESERVED" in told and not in_reservation:
        return "draining", f"reserved for others in Slurm ({words})"
    return "up", ""


def is_lost(node: SlurmNode) -> bool:
    """Whether what ran there is gone, or soon will be."""
    return bool(set(node.states) & (_DOWN | {"NOT_RESPONDING"}))
