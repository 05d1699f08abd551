"""A recorded log decided anew: at every cycle the same `Fleet`, the same decision, byte for byte.

The log is walked from its first event. Where the live server put its state together from the log
(`cycle_ran` says where) the fleet is rebuilt by the same code; in between it follows every event.
Before the events of a cycle are followed the cycle is decided again, at its time and for as many
jobs as it saw, and both are written in one canonical form: who started on which nodes and GPUs with
what share of them, who claims nodes, who is told to stop for whom. What the log says is followed,
whatever the replay decides, so that a difference is told where it lies and not ever after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from arkwright import sched
from arkwright.errors import ArkwrightError, InputError
from arkwright.fleet.fleet import Decided, Fleet
from arkwright.fleet.log_difference import Difference, Taken, difference
from arkwright.fleet.log_past import LogPast
from arkwright.fleet.rebuild import CLAIM_KINDS, Rebuilt
from arkwright.fleet.snapshot import decision_bytes
from arkwright.jobs.events import Event, EventKind
from arkwright.sched import codes

Log = Callable[[], Iterable[Event]]
"""Gives the log from its first event on; it is asked for twice."""

SINCE: Final = "version 0.1.0 on, whose `cycle_ran` events say where that was (`rebuilt`)"
_MADE_OF: Final = (EventKind.JOB_STARTED, EventKind.JOB_STOPPING, *CLAIM_KINDS)


class LogReplay(Struct, frozen=True, kw_only=True):
    """What came of it."""

    factory: str
    events: int
    cycles: int
    """Decided anew."""
    starts: int
    notices: int
    rebuilds: int
    """How often the live server put its state together from the log."""
    too_old: int
    """Cycles of a version that did not record what a replay needs: followed, not decided."""
    other_scheduler: int
    """Cycles of a scheduler of another version, which may decide otherwise: followed only."""
    sha256_live: str
    sha256: str
    """Of all decisions in their canonical form, as recorded and as decided again."""
    different: int
    """Cycles that were decided otherwise."""
    first: Difference | None

    @property
    def is_same(self) -> bool:
        """Whether every decision is, byte for byte, what it was."""
        return self.sha256 == self.sha256_live and self.different == 0


class _Cycle(Struct, frozen=True, kw_only=True):
    """The body of `cycle_ran`."""

    now_ms: int
    policy_sha256: str
    scheduler: int
    parent: int
    sha256: str
    queue_seen: int | None = None
    events: int | None = None
    rebuilt: Rebuilt | None = None


def replay_log(log: Log, kernels: sched.Kernels = sched.INTERPRETED) -> LogReplay:
    """Decide every cycle of a log again.

    Raises InputError for a log that is not whole, begins late, or has no cycle to decide anew
    though it has cycles.
    """
    rebuilds = {}
    for event in log():
        if event.kind is EventKind.CYCLE_RAN and (made := _cycle(event).rebuilt) is not None:
            rebuilds[made.seq] = made
    walk = _Walk(rebuilds, kernels)
    for event in whole(log()):
        walk.follow(event)
    return walk.result()


def past_of(log: Iterable[Event]) -> LogPast:
    """What a log says at its end. Raises InputError for one that is not whole."""
    past = LogPast()
    for event in whole(log):
        past.follow(event)
    return past


def absent_at_the_end(log: Iterable[Event]) -> tuple[str, ...]:
    """Nodes that were not there when a state was last rebuilt, as far as the log says."""
    absent: tuple[str, ...] = ()
    for event in log:
        if event.kind is EventKind.CYCLE_RAN and (made := _cycle(event).rebuilt) is not None:
            absent = made.absent
    return absent


def whole(log: Iterable[Event]) -> Iterator[Event]:
    """The events, as long as none is missing before them."""
    expected = 1
    for event in log:
        if event.seq != expected:
            raise InputError(
                f"the log goes on with event {event.seq} where event {expected} is due: "
                "give the whole log, as an owner reads it with `arkwright events --after 0 --json`"
            )
        expected += 1
        yield event


class _Walk:
    """The walk along the log."""

    def __init__(self, rebuilds: dict[int, Rebuilt], kernels: sched.Kernels) -> None:
        self._rebuilds = rebuilds
        self._kernels = kernels
        self._past = LogPast()
        self._fleet: Fleet | None = None
        self._lost: tuple[Event, Exception]
        self._has_begun = False
        """Whether a state was rebuilt from what a version recorded that records enough."""
        self._pending: list[Event] = []
        self._live, self._anew = hashlib.sha256(), hashlib.sha256()
        self._counts = dict.fromkeys(
            ("cycles", "starts", "notices", "rebuilds", "too_old", "other_scheduler", "different"),
            0,
        )
        self._first: Difference | None = None
        self._rebuild_at(0)

    def follow(self, event: Event) -> None:
        """The next event. Those a cycle may be made of are held back until it is known."""
        if event.kind in _MADE_OF:
            self._pending.append(event)
            if event.seq in self._rebuilds:
                self._flush()
        elif event.kind is EventKind.CYCLE_RAN:
            self._ran(event)
        else:
            self._flush()
            self._apply(event)

    def result(self) -> LogReplay:
        """At the end of the log."""
        self._flush()
        counts = self._counts
        if not counts["cycles"] and counts["too_old"]:
            raise InputError(
                f"the log's {counts['too_old']} cycles cannot be decided again: they were recorded "
                "by an earlier version of Arkwright, without the factory file or the place at "
                f"which the state was rebuilt; logs can be replayed from {SINCE}"
            )
        if not counts["cycles"] and counts["other_scheduler"]:
            raise InputError(
                f"the log's cycles were decided by another version of the scheduler than this one "
                f"({codes.VERSION}), which may decide differently: use the version that wrote it"
            )
        return LogReplay(
            factory=self._past.factory_name,
            events=self._past.last_seq,
            sha256_live=self._live.hexdigest(),
            sha256=self._anew.hexdigest(),
            first=self._first,
            **counts,
        )

    def _ran(self, event: Event) -> None:
        cycle = _cycle(event)
        if cycle.events is None or not self._has_begun:
            self._counts["too_old"] += 1
            self._has_begun = False
        elif cycle.scheduler != codes.VERSION:
            self._counts["other_scheduler"] += 1
        else:
            place = len(self._pending) - cycle.events
            if place < 0:
                raise InputError(
                    f"event {event.seq}: cycle {event.subject} is said to be made of "
                    f"{cycle.events} events, {len(self._pending)} are there: the log was changed"
                )
            own, self._pending = self._pending[place:], self._pending[:place]
            self._flush()
            self._compare(event, cycle, own)
            self._pending = own
        self._flush()
        self._apply(event)

    def _compare(self, event: Event, cycle: _Cycle, own: list[Event]) -> None:
        if self._fleet is None and self._first is not None:
            # What the log has instead of the first difference cannot be followed further.
            self._counts["different"] += 1
            return
        if self._fleet is None:
            at, why = self._lost
            raise InputError(
                f"event {at.seq} ({at.kind.value} of {at.subject}) cannot have happened after "
                f"those before it, yet cycle {event.subject} was decided then: {why}"
            )
        decided = self._fleet.decisions(cycle.now_ms, self._kernels, cycle.queue_seen)
        live = Taken.of_log(own)
        anew = Taken.of_decided(decided)
        digest = _sha256(decided, cycle, self._fleet.policy_sha256)
        head = f"{cycle.now_ms} {cycle.parent} ".encode()
        self._live.update(head + live.canonical() + cycle.sha256.encode() + b"\n")
        self._anew.update(head + anew.canonical() + digest.encode() + b"\n")
        self._counts["cycles"] += 1
        self._counts["starts"] += len(live.starts)
        self._counts["notices"] += len(live.notices)
        if live.canonical() != anew.canonical() or digest != cycle.sha256:
            self._counts["different"] += 1
            self._first = self._first or difference(
                event,
                own,
                live,
                anew,
                policies=(cycle.policy_sha256, self._fleet.policy_sha256),
            )

    def _flush(self) -> None:
        for event in self._pending:
            self._apply(event)
        self._pending = []

    def _apply(self, event: Event) -> None:
        self._past.follow(event)
        if self._fleet is not None:
            try:
                self._fleet.apply(event)
            except (KeyError, ArkwrightError) as error:
                # Between the last cycle of one server and the first of the next the log may speak
                # of what only the new factory file has; the fleet is rebuilt before it matters.
                self._fleet, self._lost = None, (event, error)
        self._rebuild_at(event.seq)

    def _rebuild_at(self, seq: int) -> None:
        made = self._rebuilds.get(seq)
        if made is None:
            return
        self._has_begun = self._past.has_factory
        if self._has_begun:
            self._fleet = self._past.fleet(made.now_ms, made.absent)
            self._counts["rebuilds"] += 1


def _sha256(decided: Decided, cycle: _Cycle, policy: str) -> str:
    pairs = [(start.job_id, start.placement.nodes) for start in decided.starts]
    body = decision_bytes(
        pairs, decided.notices, now_ms=cycle.now_ms, parent=cycle.parent, policy=policy
    )
    return hashlib.sha256(body).hexdigest()


def _cycle(event: Event) -> _Cycle:
    try:
        return msgspec.convert(event.after, _Cycle)
    except msgspec.ValidationError as error:
        raise InputError(f"event {event.seq}: a cycle that cannot be read: {error}") from None
