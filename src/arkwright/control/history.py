"""The attempts that are over, read back from the store: what the fleet learned, what was used."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, EVENTS, JOBS
from arkwright.fleet import ATTEMPTS_MAX, Finished, Fleet
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import JobSpec


def finished_attempts(reader: Reader, fleet: Fleet) -> list[Finished]:
    """The newest attempts that are over, oldest first: what a fleet that saw them end knows.

    Attempts that gave their place to another job teach nothing and are left out.
    """
    query = (
        select(ATTEMPTS.c.start_ms, ATTEMPTS.c.end_ms, JOBS.c.project, JOBS.c.user, JOBS.c.spec)
        .join(ATTEMPTS, ATTEMPTS.c.id == EVENTS.c.subject)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(EVENTS.c.kind == EventKind.JOB_ENDED.value)
        .where(EVENTS.c.after["evictions"].as_integer().is_(None))
        .order_by(EVENTS.c.seq.desc())
        .limit(ATTEMPTS_MAX)
    )
    return [
        fleet.finished(
            msgspec.convert(row.spec, JobSpec), row.project, row.user, row.end_ms - row.start_ms
        )
        for row in reversed(reader.rows(query))
    ]


def count_past_use(reader: Reader, fleet: Fleet, now_ms: int) -> None:
    """Give a fleet that was just reset the budgets' periods and what attempts that are over used.

    Attempts of jobs that go on are among them: their events are not replayed either.
    """
    since_ms = fleet.recall_periods(now_ms)
    if since_ms is None:
        return
    query = (
        select(ATTEMPTS.c.start_ms, ATTEMPTS.c.end_ms, ATTEMPTS.c.gpus, JOBS.c.project)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(ATTEMPTS.c.end_ms > since_ms)
        .order_by(ATTEMPTS.c.start_ms, ATTEMPTS.c.id)
    )
    for row in reader.rows(query):
        fleet.count_use(row.project, row.gpus, row.start_ms, row.end_ms)
