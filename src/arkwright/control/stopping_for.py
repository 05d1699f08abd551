"""Jobs that stop for others: what notices are in the log, and which claims still stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from arkwright.control.book import ActiveJob
from arkwright.control.store import NewEvent
from arkwright.fleet import Notice, NoticeKind
from arkwright.jobs.events import Event, EventKind, job_of
from arkwright.jobs.lifecycle import Trigger, after

CLAIM_KINDS: Final = (EventKind.JOB_CLAIMED, EventKind.JOB_UNCLAIMED)
_ENDS_A_CLAIM: Final = (EventKind.JOB_UNCLAIMED, EventKind.JOB_STARTED, EventKind.JOB_HELD)


def noticed(job: ActiveJob, notice: Notice) -> NewEvent:
    """The event that records the notice of `job`."""
    before = {"state": job.state.value}
    if notice.kind is NoticeKind.CLAIM:
        claimed = before | {"nodes": list(notice.nodes)}
        return NewEvent(
            EventKind.JOB_CLAIMED, job.id, "scheduler", "others stop for it", before, claimed
        )
    if notice.kind is NoticeKind.UNCLAIM:
        cause = "who stopped for it is gone, and it cannot start"
        return NewEvent(EventKind.JOB_UNCLAIMED, job.id, "scheduler", cause, before, dict(before))
    verb = "moved" if notice.why == "moved" else "preempted"
    return NewEvent(
        EventKind.JOB_STOPPING,
        job.attempt_id,
        "scheduler",
        f"{verb} for job {notice.claimant_id}",
        before,
        {
            "state": after(job.state, Trigger.STOP).value,
            "is_cancel": False,
            "for": notice.claimant_id,
            "why": notice.why,
        },
    )


def standing(events: Iterable[Event]) -> set[int]:
    """Positions in the log of the claims that nothing ended: of each job at most its last."""
    last: dict[str, int] = {}
    for event in events:
        job_id = job_of(event) or ""
        if event.kind is EventKind.JOB_CLAIMED:
            last[job_id] = event.seq
        elif event.kind in _ENDS_A_CLAIM:
            last.pop(job_id, None)
    return set(last.values())
