"""Jobs that stop for others: what notices are in the log."""

from __future__ import annotations

from arkwright.control.book import ActiveJob
from arkwright.control.store import NewEvent
from arkwright.fleet import Notice, NoticeKind
from arkwright.jobs.events import EventKind
from arkwright.jobs.lifecycle import Trigger, after


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
