"""States of jobs and nodes in Slurm's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_STATES: Final = {
    "queued": ("PD", "PENDING"),
    "held": ("PD", "PENDING"),
    "deferred": ("PD", "PENDING"),
    "starting": ("CF", "CONFIGURING"),
    "running": ("R", "RUNNING"),
    "stopping": ("CG", "COMPLETING"),
    "succeeded": ("CD", "COMPLETED"),
    "failed": ("F", "FAILED"),
    "cancelled": ("CA", "CANCELLED"),
}
ACTIVE: Final = ("PD", "CF", "R", "CG")
ALL: Final = dict(_STATES.values()) | {
    "TO": "TIMEOUT", "NF": "NODE_FAIL", "S": "SUSPENDED",
}  # fmt: skip


def job_state(job: Mapping[str, Any]) -> tuple[str, str]:
    """The short and the long name."""
    if job["state"] == "failed" and job["reason"].startswith("time limit"):
        return "TO", "TIMEOUT"
    if job["state"] == "failed" and job["reason"].startswith("node lost"):
        return "NF", "NODE_FAIL"
    return _STATES.get(job["state"], ("F", "FAILED"))


def wanted_states(text: str) -> set[str]:
    """Short names of states given by either name. Raises ValueError for another word."""
    found = set()
    for word in filter(None, text.upper().split(",")):
        if word == "ALL":
            return set(ALL)
        short = word if word in ALL else next((s for s, long in ALL.items() if long == word), "")
        if not short:
            raise ValueError(f"{word} is no state of a job; use {', '.join(ALL)}")
        found.add(short)
    return found


def node_state(node: Mapping[str, Any]) -> tuple[str, str]:
    """The short and the long name, as sinfo shows them."""
    is_busy = bool(node["jobs"])
    if node["state"] == "down":
        return "down", "down"
    if node["state"] == "draining":
        return ("drng", "draining") if is_busy else ("drain", "drained")
    if not is_busy:
        return "idle", "idle"
    is_full = node["gpus"] > 0 and node["gpus_free"] <= 0
    return ("alloc", "allocated") if is_full else ("mix", "mixed")
