"""One cycle as the log has it and as it was decided again, and in words where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from arkwright.fleet.fleet import Decided
from arkwright.fleet.notices import Notice, NoticeKind
from arkwright.jobs.events import Event, EventKind, job_of

_NOT_PLACEMENT = ("state", "attempt")


class Difference(Struct, frozen=True, kw_only=True):
    """The first difference between a log and its replay."""

    seq: int
    """The event of the log that is not what was decided again, or that came instead of it."""
    cycle: str
    """The decision's number."""
    at_ms: int
    words: str


class Taken(Struct, frozen=True):
    """One decision: starts as job and placement, then notices, in their order."""

    starts: list[tuple[str, dict[str, Any]]]
    notices: list[Notice]

    @classmethod
    def of_log(cls, events: Sequence[Event]) -> Taken:
        """From the events that a cycle recorded."""
        starts, notices = [], []
        for event in events:
            job_id = job_of(event) or ""
            if event.kind is EventKind.JOB_STARTED:
                placed = {k: v for k, v in event.after.items() if k not in _NOT_PLACEMENT}
                starts.append((job_id, placed))
            else:
                notices.append(_notice(event, job_id))
        return cls(starts, notices)

    @classmethod
    def of_decided(cls, decided: Decided) -> Taken:
        """From the scheduler."""
        starts = [(start.job_id, msgspec.to_builtins(start.placement)) for start in decided.starts]
        return cls(starts, [_as_recorded(notice) for notice in decided.notices])

    def canonical(self) -> bytes:
        """Equal decisions have equal bytes."""
        return msgspec.json.encode(self, order="sorted")


def _as_recorded(notice: Notice) -> Notice:
    """The log says for whom and why only where a job is told to stop."""
    if notice.kind is NoticeKind.PREEMPT:
        return notice
    return Notice(kind=notice.kind, job_id=notice.job_id, nodes=notice.nodes)


def _notice(event: Event, job_id: str) -> Notice:
    if event.kind is EventKind.JOB_CLAIMED:
        return Notice(kind=NoticeKind.CLAIM, job_id=job_id, nodes=tuple(event.after["nodes"]))
    if event.kind is EventKind.JOB_UNCLAIMED:
        return Notice(kind=NoticeKind.UNCLAIM, job_id=job_id)
    return Notice(
        kind=NoticeKind.PREEMPT,
        job_id=job_id,
        claimant_id=event.after.get("for", ""),
        why=event.after.get("why", ""),
    )


def difference(
    ran: Event, own: Sequence[Event], live: Taken, anew: Taken, policies: tuple[str, str]
) -> Difference:
    """Where the cycle that `ran` records, made of the events `own`, was decided otherwise."""
    lines = [_start_in_words(*start) for start in live.starts]
    lines += [_notice_in_words(notice) for notice in live.notices]
    others = [_start_in_words(*start) for start in anew.starts]
    others += [_notice_in_words(notice) for notice in anew.notices]
    place = next(
        (at for at, (one, other) in enumerate(zip(lines, others, strict=False)) if one != other),
        min(len(lines), len(others)),
    )
    seq = own[place].seq if place < len(own) else ran.seq
    if place < max(len(lines), len(others)):
        said = lines[place] if place < len(lines) else "nothing more"
        found = others[place] if place < len(others) else "nothing more"
        words = f"the log has {said}; decided again it is {found}"
    elif policies[0] != policies[1]:
        words = (
            f"the log's policy has the hash {policies[0]}, that of its factory file is "
            f"{policies[1]}: the file in the log is not the one it was decided under"
        )
    else:
        words = "its starts and notices are the same, its recorded hash is not theirs"
    return Difference(seq=seq, cycle=ran.subject, at_ms=ran.at_ms, words=words)


def _start_in_words(job_id: str, placed: dict[str, Any]) -> str:
    gpus = placed.get("gpu_indexes") or ()
    on_gpus = f" (GPU {', '.join(map(str, gpus))})" if gpus else ""
    given = (
        f"{placed.get('gpus_per_node'):g} GPUs and {placed.get('cpus_per_node'):g} CPUs of each"
        if "gpus_per_node" in placed
        else ""
    )
    return f"job {job_id} started on {', '.join(placed.get('nodes', ()))}{on_gpus}, {given}"


def _notice_in_words(notice: Notice) -> str:
    if notice.kind is NoticeKind.CLAIM:
        return f"nodes {', '.join(notice.nodes)} claimed for job {notice.job_id}"
    if notice.kind is NoticeKind.UNCLAIM:
        return f"the claim of job {notice.job_id} given up"
    why = f" ({notice.why})" if notice.why else ""
    return f"job {notice.job_id} told to stop for job {notice.claimant_id}{why}"
