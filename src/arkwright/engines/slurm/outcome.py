"""How an attempt ended: Slurm's word, what its script left, and what was asked of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.engines.port import AttemptPhase, Observation
from arkwright.engines.slurm.batch_script import EXIT_STOPPED
from arkwright.engines.slurm.entries import Entry
from arkwright.engines.slurm.folder import ExitRecord
from arkwright.engines.slurm.records import SlurmJob
from arkwright.engines.slurm.states import NODE_LOST, End, end_of

NOT_STARTED = "not started"
TIME_LIMIT = "time limit"
GONE = "unknown attempt: Slurm knows its job no more, and it left no word of how it ended"


def conclude(
    entry: Entry,
    job: SlurmJob | None,
    record: ExitRecord | None,
    failure: tuple[str, int] | None,
    lost: Sequence[str],
    now_ms: int,
) -> Observation:
    """The last observation of an attempt. `job` is None when Slurm has forgotten it, `failure` is
    node and code of the first rank that failed, `lost` are nodes of the gang that Slurm misses;
    nodes are paths."""
    end = _end(entry, job, record, failure, lost)
    is_lost = end.reason == NODE_LOST
    is_bad = end.reason == "exited" and end.exit_code != 0
    return Observation(
        attempt_id=entry.id,
        phase=AttemptPhase.ENDED,
        exit_code=end.exit_code,
        reason=end.reason,
        failed_nodes=(failure[0],) if failure is not None and is_bad and failure[0] else (),
        lost_nodes=tuple(lost) if is_lost else (),
        is_requeued=record is not None and record.asked and not is_lost,
        started_ms=entry.started_ms or None,
        ended_ms=_ended_ms(entry, job, record, now_ms),
    )


def _end(
    entry: Entry,
    job: SlurmJob | None,
    record: ExitRecord | None,
    failure: tuple[str, int] | None,
    lost: Sequence[str],
) -> End:
    told = end_of(job) if job is not None else None
    if entry.given_up and not _ended_well(told):
        return End(None, entry.given_up)
    if told is None and record is None:
        return End(None, _stopped(entry) if entry.stop else GONE)
    is_bad = record.code != 0 if record else told is not None and told.exit_code != 0
    if (told is not None and told.is_lost) or (lost and is_bad and entry.stop is None):
        return End(None, NODE_LOST, is_lost=True)
    by_itself = record.why == "exited" if record is not None else _ended_well(told)
    if entry.stop is not None and not by_itself:
        code = record.code if record is not None else None
        return End(code if code is not None else EXIT_STOPPED, _stopped(entry))
    if record is not None and record.why == TIME_LIMIT:
        return End(record.code, TIME_LIMIT)
    if told is not None and told.reason != "exited":
        return told
    if record is not None and record.why == "stopped":
        return End(record.code, "stopped")
    code = record.code if record is not None else told.exit_code if told is not None else None
    return End(failure[1] if failure is not None and code else code, "exited")


def _stopped(entry: Entry) -> str:
    reason = entry.stop.reason if entry.stop is not None else ""
    return f"stopped: {reason}" if reason else "stopped"


def _ended_well(told: End | None) -> bool:
    return told is not None and told.reason == "exited" and told.exit_code == 0


def _ended_ms(entry: Entry, job: SlurmJob | None, record: ExitRecord | None, now_ms: int) -> int:
    """Its length by the cluster's clock after its start by ours: the clocks may differ by hours."""
    if job is None or not (job.start_s and job.end_s >= job.start_s and entry.started_ms):
        return now_ms
    return min(now_ms, entry.started_ms + (job.end_s - job.start_s) * 1000)
