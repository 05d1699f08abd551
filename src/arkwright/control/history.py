"""The attempts that are over, read back from the store: what the fleet learned, what was used."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import select

from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, EVENTS, JOBS, NODES, RESERVATIONS
from arkwright.fleet import ATTEMPTS_MAX, Finished, Fleet, Reservation, Spent
from arkwright.jobs.events import Event, EventKind
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


class StoredPast:
    """`fleet.Past` of all that is in the store. The fleet says how long a job was to last."""

    def __init__(self, reader: Reader, fleet: Fleet, last_ms: int) -> None:
        self._reader = reader
        self._fleet = fleet
        self.last_ms = last_ms

    def finished(self) -> list[Finished]:
        """As `finished_attempts`."""
        return finished_attempts(self._reader, self._fleet)

    def node_states(self) -> dict[str, str]:
        """Every node that was ever found, by path."""
        query = select(NODES.c.path, NODES.c.state).order_by(NODES.c.path)
        return {row.path: row.state for row in self._reader.rows(query)}

    def lost_sites(self) -> dict[str, int]:
        """As the reader gives them."""
        return self._reader.lost_sites()

    def spent_since(self, since_ms: int) -> Iterator[Spent]:
        """Attempts of jobs that go on are among them: their events are not replayed either."""
        query = (
            select(ATTEMPTS.c.start_ms, ATTEMPTS.c.end_ms, ATTEMPTS.c.gpus, JOBS.c.project)
            .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
            .where(ATTEMPTS.c.end_ms > since_ms)
            .order_by(ATTEMPTS.c.start_ms, ATTEMPTS.c.id)
        )
        for row in self._reader.rows(query):
            yield Spent(
                project=row.project, gpus=row.gpus, start_ms=row.start_ms, end_ms=row.end_ms
            )

    def reservations(self, now_ms: int) -> Iterator[Reservation]:
        """Of the table of those made and not withdrawn."""
        coming = select(RESERVATIONS).where(RESERVATIONS.c.until_ms > now_ms)
        for row in self._reader.rows(coming.order_by(RESERVATIONS.c.seq)):
            yield Reservation(
                name=row.name,
                project=row.project,
                nodes=tuple(row.nodes),
                from_ms=row.from_ms,
                until_ms=row.until_ms,
            )

    def events_of_active_jobs(self) -> list[Event]:
        """As the reader gives them."""
        return self._reader.events_of_active_jobs()
