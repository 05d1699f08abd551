"""What a record says, counted the obvious way: one millisecond, one node, one job at a time."""

from __future__ import annotations

from arkwright.twin.record import Ending
from arkwright.twin.report import Told

BACK = (Ending.NODE_FAILED, Ending.PREEMPTED, Ending.MOVED)


def held_milli(told: Told, at_ms: int) -> int:
    """Milli-GPU that jobs hold at one instant."""
    attempts = told.record.attempts
    total = 0
    for a in range(len(attempts.job)):
        if attempts.start_ms[a] <= at_ms < attempts.end_ms[a]:
            for p in range(attempts.node_first[a], attempts.node_first[a + 1]):
                total += int(attempts.gpu_milli[p])
    return total


def waiting(told: Told, at_ms: int) -> set[int]:
    """Jobs that wait at one instant."""
    jobs, attempts = told.jobs, told.record.attempts
    found = set()
    for job in range(len(jobs)):
        mine = [a for a in range(len(attempts.job)) if attempts.job[a] == job]
        before = [a for a in mine if attempts.start_ms[a] <= at_ms]
        if jobs.submit_ms[job] > at_ms:
            continue
        outcome = int(jobs.outcome.codes[job])
        if not mine and outcome >= 0 and jobs.outcome.names[outcome] == "cancelled":
            continue
        if not before:
            found.add(job)
            continue
        last = before[-1]
        is_over = attempts.end_ms[last] <= at_ms
        goes_on = last != mine[-1] or attempts.ending[last] in BACK
        if is_over and goes_on:
            found.add(job)
    return found


def busy_share(told: Told, rack: int, from_ms: int, until_ms: int) -> float:
    """Of a rack's GPU-time between two instants, what jobs held."""
    attempts, places = told.record.attempts, told.record.places
    held = 0
    for a in range(len(attempts.job)):
        overlap = min(attempts.end_ms[a], until_ms) - max(attempts.start_ms[a], from_ms)
        if overlap <= 0:
            continue
        for p in range(attempts.node_first[a], attempts.node_first[a + 1]):
            if places.rack[attempts.node[p]] == rack:
                held += int(attempts.gpu_milli[p]) * int(overlap)
    whole = sum(int(g) for g, r in zip(places.gpus, places.rack, strict=True) if r == rack)
    return held / (whole * 1000 * (until_ms - from_ms))
