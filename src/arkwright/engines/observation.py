"""What the parts of an attempt say together: pure, from records to one `Observation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from arkwright.engines.attempt_files import Exit, StopOrder
from arkwright.engines.port import AttemptPhase, Energy, Observation

NODE_LOST = "node lost"


class PartView(NamedTuple):
    """One part as its records show it; None where a record is not there yet."""

    node: str
    running_ms: int | None
    failed_code: int | None
    exit: Exit | None
    cpu_s: float
    energy_j: float | None
    energy_method: str


def summarise(
    attempt_id: str,
    parts: Sequence[PartView],
    stop: StopOrder | None,
    *,
    is_requeued: bool = False,
) -> Observation:
    """One observation of the whole gang, `parts` in gang order."""
    exits = [part.exit for part in parts if part.exit is not None]
    is_ended = len(exits) == len(parts)
    exit_code, reason = _outcome(parts, stop)
    starts = [part.running_ms for part in parts if part.running_ms is not None]
    return Observation(
        attempt_id=attempt_id,
        phase=_phase(parts, stop),
        exit_code=exit_code if is_ended else None,
        reason=reason,
        failed_nodes=tuple(
            part.node
            for part in parts
            if part.failed_code is not None or (part.exit is not None and part.exit["failed"])
        ),
        lost_nodes=tuple(
            part.node for part in parts if part.exit is not None and part.exit["lost"]
        ),
        cpu_s=sum(part.cpu_s for part in parts),
        energy=_energy(parts),
        is_requeued=is_requeued and is_ended,
        started_ms=max(starts) if len(starts) == len(parts) else None,
        ended_ms=max(each["ended_ms"] for each in exits) if is_ended else None,
    )


def _phase(parts: Sequence[PartView], stop: StopOrder | None) -> AttemptPhase:
    if all(part.exit is not None for part in parts):
        return AttemptPhase.ENDED
    is_ending = any(part.exit is not None or part.failed_code is not None for part in parts)
    if stop is not None or is_ending:
        return AttemptPhase.STOPPING
    if all(part.running_ms is not None for part in parts):
        return AttemptPhase.RUNNING
    return AttemptPhase.LAUNCHING


def _outcome(parts: Sequence[PartView], stop: StopOrder | None) -> tuple[int | None, str]:
    """Exit code and reason. A node lost before anyone asked for a stop explains whatever its peers
    then did; otherwise the earliest cause does (ties: gang order)."""
    exits = [part.exit for part in parts if part.exit is not None]
    lost = [each for each in exits if each["lost"]]
    if any(stop is None or each["cause_ms"] <= stop["at_ms"] for each in lost):
        return None, NODE_LOST
    causes = [each for each in exits if not each["lost"] and not _is_plain_success(each)]
    if causes:
        first = min(causes, key=lambda each: each["cause_ms"])
        return first["exit_code"], first["reason"]
    if lost and stop is not None:
        return None, stop_reason(stop)
    if len(exits) == len(parts):
        return 0, "exited"
    if any(part.failed_code is not None for part in parts):
        return None, "exited"
    return None, stop_reason(stop) if stop is not None else ""


def stop_reason(stop: StopOrder) -> str:
    """`stopped`, with the reason that was given for it."""
    return f"stopped: {stop['reason']}" if stop["reason"] else "stopped"


def _is_plain_success(record: Exit) -> bool:
    return record["reason"] == "exited" and record["exit_code"] == 0


def _energy(parts: Sequence[PartView]) -> Energy:
    """The sum, where every part was measured; a sum over some parts would be a wrong figure."""
    methods = {part.energy_method: None for part in parts}
    values = [part.energy_j for part in parts]
    known = [value for value in values if value is not None]
    if len(methods) == 1 and len(known) == len(values):
        return Energy(energy_j=sum(known), method=next(iter(methods)))
    if "cpu-model" in methods or "rapl" in methods:
        return Energy(energy_j=None, method="cpu-model")
    return Energy(energy_j=None, method="none")
