"""The attempts that are over, read back from the store for the fleet to learn from."""

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
