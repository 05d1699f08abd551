"""What a log has said so far, kept as its events pass: enough to rebuild a fleet at any of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from arkwright.design import engine_nodes
from arkwright.errors import InputError
from arkwright.factory import Factory, loads
from arkwright.fleet.assembly import assemble
from arkwright.fleet.contracts import CONTRACT_KINDS
from arkwright.fleet.experience import ATTEMPTS_MAX, Finished
from arkwright.fleet.fleet import Fleet
from arkwright.fleet.power_book import POWER_KINDS
from arkwright.fleet.rebuild import Spent, rebuild
from arkwright.fleet.reservations import Reservation
from arkwright.jobs.events import Event, EventKind, end_of, job_of
from arkwright.jobs.lifecycle import FINAL, State
from arkwright.jobs.spec import JobSpec


class NodeFound(Struct, frozen=True, kw_only=True):
    """A node as its engine found it, as the log has it."""

    path: str
    gpus: int
    gpu_type: str
    is_virtual: bool
    cpus: float
    memory_mib: int
    pools: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class Submitted(Struct, frozen=True, kw_only=True):
    """A job as it was submitted."""

    spec: JobSpec
    project: str
    user: str
    at_ms: int


class LogPast:
    """A function of the events it followed: the tables of a store, without the store."""

    def __init__(self) -> None:
        self.last_ms = 0
        self.last_seq = 0
        self.factory_name = ""
        self.server_version = ""
        self.jobs: dict[str, Submitted] = {}
        """All that were ever submitted."""
        self._factory_text: str | None = None
        self._factory: tuple[str, Factory] | None = None
        self._found: dict[str, NodeFound] = {}
        self._node_states: dict[str, str] = {}
        self._lost_sites: dict[str, int] = {}
        self._active: dict[str, list[Event]] = {}
        self._started: dict[str, Event] = {}
        self._over: list[tuple[int, str, Spent]] = []
        self._finished: deque[tuple[Submitted, int]] = deque(maxlen=ATTEMPTS_MAX)
        self._reserved: dict[str, tuple[int, dict[str, Any]]] = {}
        self._bounds: list[Event] = []

    def follow(self, event: Event) -> None:
        """The next event of the log."""
        self.last_seq, self.last_ms = event.seq, event.at_ms
        kind, after = event.kind, event.after
        if kind.value.startswith("job_"):
            self._follow_job(event)
        elif kind is EventKind.NODE_ADDED:
            self._found[event.subject] = msgspec.convert(after["facts"], NodeFound)
            self._node_states[event.subject] = after["state"]
        elif kind is EventKind.NODE_STATE_CHANGED:
            self._node_states[event.subject] = after["state"]
        elif kind is EventKind.SITE_UNREACHABLE:
            self._lost_sites[event.subject] = event.at_ms
        elif kind is EventKind.SITE_REACHABLE:
            self._lost_sites.pop(event.subject, None)
        elif kind is EventKind.RESERVATION_MADE:
            self._reserved[event.subject] = event.seq, after
        elif kind is EventKind.RESERVATION_WITHDRAWN:
            self._reserved.pop(event.subject, None)
        elif kind is EventKind.FACTORY_LOADED:
            self.factory_name = event.subject
            self.server_version = after.get("server_version", "")
            self._factory_text = after.get("file")
        elif kind in POWER_KINDS | CONTRACT_KINDS:
            self._bounds.append(event)

    def _follow_job(self, event: Event) -> None:
        job_id = job_of(event) or ""
        if event.kind is EventKind.JOB_SUBMITTED:
            after = event.after
            self.jobs[job_id] = Submitted(
                spec=msgspec.convert(after["spec"], JobSpec),
                project=after["project"],
                user=after["user"],
                at_ms=event.at_ms,
            )
        elif event.kind is EventKind.JOB_STARTED:
            self._started[event.subject] = event
        elif event.kind is EventKind.JOB_ENDED:
            self._end(event, self.jobs[job_id])
        self._active.setdefault(job_id, []).append(event)
        if State(event.after["state"]) in FINAL:
            del self._active[job_id]

    def _end(self, event: Event, job: Submitted) -> None:
        started = self._started.pop(event.subject)
        used = Spent(
            project=job.project,
            gpus=started.after["gpus"],
            start_ms=started.at_ms,
            end_ms=end_of(event),
        )
        self._over.append((used.start_ms, event.subject, used))
        if "evictions" not in event.after:
            self._finished.append((job, used.end_ms - used.start_ms))

    @property
    def has_factory(self) -> bool:
        """Whether the log holds the factory file that was last loaded."""
        return self._factory_text is not None

    @property
    def factory(self) -> Factory:
        """The file that was last loaded."""
        text = self._factory_text
        if text is None:
            raise InputError(
                "the log holds no factory file: it was written by an earlier version of Arkwright"
            )
        if self._factory is None or self._factory[0] != text:
            self._factory = text, loads(text.encode(), f"factory {self.factory_name} of the log")
        return self._factory[1]

    def fleet(self, now_ms: int, absent: Collection[str] = ()) -> Fleet:
        """The fleet that a server which starts here has: every node but those absent."""
        found = [facts for path, facts in self._found.items() if path not in absent]
        fleet = assemble(self.factory, engine_nodes(found))
        for event in self._bounds:
            fleet.apply(event)
        rebuild(fleet, _PastOf(self, fleet), now_ms)
        return fleet

    def ran(self) -> Iterator[tuple[Submitted, int]]:
        """Attempts that are over and did not give way: the job, and how long it ran [ms]."""
        return iter(self._finished)

    def node_states(self) -> dict[str, str]:
        """Every node that was ever found, by path."""
        return dict(sorted(self._node_states.items()))

    def lost_sites(self) -> dict[str, int]:
        """Sites out of reach, and since when [ms]."""
        return dict(self._lost_sites)

    def spent_since(self, since_ms: int) -> Iterator[Spent]:
        """Attempts that were over after this instant, by start, then attempt."""
        return (used for _, _, used in sorted(self._over) if used.end_ms > since_ms)

    def reservations(self, now_ms: int) -> Iterator[Reservation]:
        """Those whose time is not over, as they were made."""
        for name, (_, after) in sorted(self._reserved.items(), key=lambda each: each[1][0]):
            made = msgspec.convert(after | {"name": name}, Reservation)
            if made.until_ms > now_ms:
                yield made

    def events_of_active_jobs(self) -> list[Event]:
        """The whole log of every job that is not over."""
        events = [event for own in self._active.values() for event in own]
        return sorted(events, key=lambda event: event.seq)


class _PastOf:
    """`Past` for one fleet, which says how long a job was expected to last."""

    def __init__(self, log: LogPast, fleet: Fleet) -> None:
        self.last_ms = log.last_ms
        self.node_states = log.node_states
        self.lost_sites = log.lost_sites
        self.spent_since = log.spent_since
        self.reservations = log.reservations
        self.events_of_active_jobs = log.events_of_active_jobs
        self._log, self._fleet = log, fleet

    def finished(self) -> list[Finished]:
        return [
            self._fleet.finished(job.spec, job.project, job.user, ran_ms)
            for job, ran_ms in self._log.ran()
        ]
