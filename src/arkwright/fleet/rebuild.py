"""A fleet brought to where its log is, without replaying what is over.

A server that starts, and one that has seen many jobs end, does this. Jobs that are over, and
attempts that are over of jobs that are not, give back all they held, so only what still stands is
followed; of the others it counts what budgets, fair share and forecasts remember. The state that
comes of it is not the one it replaces, byte for byte: whole GPUs of a node, of which the log does
not say which, move up. Whoever wants the same decisions again has to rebuild at the same place of
the log, which is why `cycle_ran` names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from arkwright.fleet.experience import Finished
from arkwright.fleet.fleet import Fleet
from arkwright.fleet.reservations import Reservation
from arkwright.jobs.events import Event, EventKind, job_of

CLAIM_KINDS: Final = (EventKind.JOB_CLAIMED, EventKind.JOB_UNCLAIMED)
_ENDS_A_CLAIM: Final = (EventKind.JOB_UNCLAIMED, EventKind.JOB_STARTED, EventKind.JOB_HELD)


class Rebuilt(Struct, frozen=True, kw_only=True):
    """Where in the log a state was rebuilt: all that is needed to do it once more."""

    seq: int
    """After this event."""
    now_ms: int
    """The clock then: reservations that were over are left out."""
    absent: tuple[str, ...] = ()
    """Nodes the log knows that were not there."""


class Spent(Struct, frozen=True, kw_only=True):
    """What one attempt that is over has used."""

    project: str
    gpus: float
    start_ms: int
    end_ms: int


class Past(Protocol):
    """What a log says up to one event. Read from a store's tables, or from the events."""

    @property
    def last_ms(self) -> int:
        """The time of the event [ms]."""

    def finished(self) -> Sequence[Finished]:
        """The newest attempts that are over, oldest first, but those that gave way to others."""

    def node_states(self) -> Mapping[str, str]:
        """Every node the log knows, by path."""

    def lost_sites(self) -> Mapping[str, int]:
        """Sites out of reach, and since when [ms]."""

    def spent_since(self, since_ms: int) -> Iterable[Spent]:
        """Attempts that were over after this instant, by start, then attempt."""

    def reservations(self, now_ms: int) -> Iterable[Reservation]:
        """Those whose time is not over, as they were made."""

    def events_of_active_jobs(self) -> Sequence[Event]:
        """The whole log of every job that is not over."""


def rebuild(fleet: Fleet, past: Past, now_ms: int) -> Sequence[Event]:
    """Reset the fleet and bring it to where `past` is; gives the events of the active jobs.

    The fleet's power and contract books, which outlive a reset, must have followed the log.
    """
    fleet.reset(past.finished())
    for path, state in past.node_states().items():
        fleet.set_node_state(path, state)
    for site, since in past.lost_sites().items():
        fleet.set_reach(site, since)
    since_ms = fleet.recall_periods(past.last_ms)
    if since_ms is not None:
        for used in past.spent_since(since_ms):
            fleet.count_use(used.project, used.gpus, used.start_ms, used.end_ms)
    for reservation in past.reservations(now_ms):
        fleet.reserve(reservation)
    events = past.events_of_active_jobs()
    _follow(fleet, events)
    fleet.bound_again()
    return events


def _follow(fleet: Fleet, events: Sequence[Event]) -> None:
    over = {event.subject for event in events if event.kind is EventKind.JOB_ENDED}
    claims = standing(events)
    # An attempt that is over gave back all it held, perhaps on nodes that are here no more.
    kept = [each for each in events if each.subject not in over]
    for event in _named_gpus_first(kept):
        if event.kind not in CLAIM_KINDS or event.seq in claims:
            fleet.apply(event)
    for event in events:
        if event.kind is EventKind.JOB_ENDED:
            fleet.recall(event)


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


def _named_gpus_first(events: list[Event]) -> list[Event]:
    """Events of active jobs in an order in which each can be followed without those of the others
    that are over.

    The start of a fraction or an aligned gang names its GPUs, another start takes the first that
    are free: were one replayed without the jobs that held those before it, it could take a GPU that
    is named later.
    """
    started = {
        job_of(event): event.seq
        for event in events
        if event.kind is EventKind.JOB_STARTED and event.after.get("gpu_indexes")
    }

    def turn(event: Event) -> int:
        # Submissions keep their order, because a job's index is its place among them. What comes
        # after a start keeps its place too: who stops for a claim is told so after the claim.
        if event.kind is EventKind.JOB_SUBMITTED:
            return 0
        return 1 if event.seq <= started.get(job_of(event), -1) else 2

    return sorted(events, key=turn) if started else events
