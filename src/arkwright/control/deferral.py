"""Deferred jobs: which may be queued now, which never can be, and what the others wait for.

A job with a begin time, dependencies or an array with `%N` is submitted `deferred`, and for the
scheduler held. This book follows the log beside `Book`, and says after each round whom to admit
(`job_released`) or cancel. What it knows is a function of the log and of the store's tables, so a
server that starts again, at whatever point, comes to the same answer.

`%N` is kept here and not by the scheduler: at most N tasks of the array are queued or placed. The
queue then holds N jobs instead of ten thousand, no rule is added to the decision, and the log shows
by whom and why each task was let go.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import func, select

from arkwright.control.book import ActiveJob, Book
from arkwright.control.naming import is_task_of
from arkwright.control.store import NewEvent, Reader
from arkwright.control.tables import ATTEMPTS, JOBS
from arkwright.jobs.array import at_once, index_of, root_of, task_id
from arkwright.jobs.dependencies import AnyOf, Condition, When, dependencies
from arkwright.jobs.events import Event, EventKind, job_of
from arkwright.jobs.lifecycle import FINAL, PLACED, State, Trigger, after
from arkwright.jobs.spec import JobSpec
from arkwright.units import parse_instant

FACTS_KEPT = 20_000
"""Jobs that are over and that others depended on: what became of them is not asked twice."""
MS_PER_MINUTE = 60_000


def is_deferred(spec: JobSpec) -> bool:
    """Whether a job of this kind waits for something else than room before it is queued."""
    return bool(deferred_for(spec))


def deferred_for(spec: JobSpec) -> list[str]:
    """What such a job may have to wait for, in the codes that `why` uses."""
    found = {
        "dependency": bool(spec.depends_on),
        "begin": spec.begin is not None,
        "array-limit": at_once(spec) is not None,
    }
    return [code for code, is_there in found.items() if is_there]


class Verdict(Enum):
    """What became of a condition."""

    MET = "met"
    WAITS = "waits"
    NEVER = "never"


class Judged(NamedTuple):
    """A condition as it is now."""

    verdict: Verdict
    due_ms: int | None = None
    """When time alone will have met it, where that is known."""


class Fact(Struct, frozen=True, kw_only=True):
    """What became of a job, a task or a whole array."""

    is_over: bool
    is_ok: bool = False
    """Over, and every task succeeded."""
    begun_ms: int | None = None
    """When it, or the last of its tasks, began or was cancelled before it could."""
    words: str = ""


class Deferral:
    """The deferred jobs of a book."""

    def __init__(self, reader: Reader, book: Book) -> None:
        self._reader = reader
        self._book = book
        self._waiting: dict[str, dict[str, None]] = {}
        """By job or array, the deferred jobs or tasks in order of submission."""
        self._unordered: set[str] = set()
        """Those of which some came back: they take their old places when it matters."""
        self._active: dict[str, int] = {}
        """By job or array, how many of it are not over."""
        self._out: dict[str, int] = {}
        """By array with a bound, its tasks that are queued or placed."""
        self._same: dict[tuple[str, str], dict[str, None]] = {}
        """By user and name, the jobs that are not over, in order of submission."""
        self._by_end: dict[str, dict[str, None]] = {}
        self._by_start: dict[str, dict[str, None]] = {}
        """By what is waited for, who waits for its end or for its start."""
        self._timers: list[tuple[int, str]] = []
        self._timed: set[tuple[int, str]] = set()
        """What is in `_timers`: a job that is looked at again asks for the same time again."""
        self._to_look: dict[str, None] = {}
        """Jobs something has happened for since they were last looked at."""
        self._looking: dict[str, None] = {}
        self._facts: dict[str, Fact] = {}

    # --- follow --------------------------------------------------------------------------------

    def follow(self, event: Event, job: ActiveJob | None) -> None:
        """After the book; `job` is the event's, as it was in the book before if it is over now."""
        job_id = job_of(event)
        if job_id is None or job is None:
            return
        was = State(event.before["state"]) if "state" in event.before else None
        now = State(event.after["state"])
        if event.kind is EventKind.JOB_SUBMITTED:
            self._enter(job)
        if was is not now:
            self._move(job, was, now)
        if event.kind is EventKind.JOB_STARTED:
            self._touch(self._by_start, job_id)
            self._touch(self._by_start, root_of(job_id))

    def _enter(self, job: ActiveJob) -> None:
        root = root_of(job.id)
        self._active[root] = self._active.get(root, 0) + 1
        self._same.setdefault((job.user, job.spec.name), {})[job.id] = None

    def _move(self, job: ActiveJob, was: State | None, now: State) -> None:
        root = root_of(job.id)
        if now is State.DEFERRED:
            self._waiting.setdefault(root, {})[job.id] = None
            if was is not None:
                self._unordered.add(root)
            self._to_look[job.id] = None
            self._subscribe(job)
        elif was is State.DEFERRED:
            self._waiting[root].pop(job.id, None)
        if at_once(job.spec) is not None:
            self._out[root] = self._out.get(root, 0) + _is_out(now) - _is_out(was)
            if _is_out(was) and not _is_out(now) and (next_id := self._first(root)):
                self._to_look[next_id] = None
        if now in FINAL:
            self._leave(job, root)

    def _leave(self, job: ActiveJob, root: str) -> None:
        same = self._same[job.user, job.spec.name]
        same.pop(job.id, None)
        self._touch(self._by_end, job.id)
        self._touch(self._by_start, job.id)
        self._touch(self._by_start, root)
        self._by_end.pop(job.id, None)
        self._by_start.pop(job.id, None)
        self._active[root] -= 1
        if self._active[root] == 0:
            self._touch(self._by_end, root)
            for book in (self._active, self._out, self._waiting, self._by_end, self._by_start):
                book.pop(root, None)
        if not same:
            del self._same[job.user, job.spec.name]
        elif (eldest := next(iter(same))) in self._book.jobs:
            self._to_look[eldest] = None

    def _subscribe(self, job: ActiveJob) -> None:
        if job.spec.begin is not None:
            self._look_at(parse_instant(job.spec.begin), job.id)
        for condition in _conditions(job.spec):
            if condition.when is not When.SINGLETON:
                book = self._by_start if condition.when is When.AFTER else self._by_end
                book.setdefault(_target(condition, job), {})[job.id] = None

    def _look_at(self, due_ms: int, job_id: str) -> None:
        if (due_ms, job_id) not in self._timed:
            self._timed.add((due_ms, job_id))
            heapq.heappush(self._timers, (due_ms, job_id))

    def _touch(self, book: dict[str, dict[str, None]], target: str) -> None:
        self._to_look |= book.get(target, {})

    def _first(self, root: str) -> str | None:
        return next(iter(self._in_order(root)), None)

    def _in_order(self, root: str) -> dict[str, None]:
        if root in self._unordered and root in self._waiting:
            self._waiting[root] = dict.fromkeys(
                sorted(self._waiting[root], key=lambda each: self._book.jobs[each].number)
            )
        self._unordered.discard(root)
        return self._waiting.get(root, {})

    # --- decide --------------------------------------------------------------------------------

    def due(self, now_ms: int) -> list[NewEvent]:
        """Whom to admit and whom to cancel now; `looked` when that is recorded."""
        while self._timers and self._timers[0][0] <= now_ms:
            timer = heapq.heappop(self._timers)
            self._timed.discard(timer)
            self._to_look[timer[1]] = None
        self._looking |= self._to_look
        self._to_look.clear()
        if not self._looking:
            return []
        found: dict[str, NewEvent] = {}
        roots: dict[str, None] = {}
        for job_id in self._looking:
            job = self._book.jobs.get(job_id)
            if job is None or job.state is not State.DEFERRED:
                continue
            if at_once(job.spec) is not None:
                roots[root_of(job_id)] = None
            elif (event := self._event(job, now_ms)) is not None:
                found[job_id] = event
        for root in roots:
            found |= self._turns(root, now_ms)
        return list(found.values())

    def looked(self) -> None:
        """What `due` gave last is recorded and followed."""
        self._looking.clear()

    def _turns(self, root: str, now_ms: int) -> Iterator[tuple[str, NewEvent]]:
        """Tasks of an array with a bound, by index, as many as there is room for."""
        out = self._out.get(root, 0)
        for job_id in self._in_order(root):
            job = self._book.jobs[job_id]
            room = (at_once(job.spec) or 0) - out
            event = self._event(job, now_ms)
            is_admitted = event is not None and event.kind is EventKind.JOB_RELEASED
            if room <= 0 and (event is None or is_admitted):
                return
            if event is not None:
                out += is_admitted
                yield job_id, event

    def _event(self, job: ActiveJob, now_ms: int) -> NewEvent | None:
        never = None
        is_waiting = job.spec.begin is not None and parse_instant(job.spec.begin) > now_ms
        for needed in dependencies(job.spec.depends_on):
            found = [self._judged(each, job, now_ms) for each in needed.conditions]
            verdicts = {verdict for verdict, _ in found}
            if verdicts <= {Verdict.NEVER}:
                never = needed
            if Verdict.MET not in verdicts:
                is_waiting = True
                for due_ms in (due_ms for _, due_ms in found if due_ms is not None):
                    self._look_at(due_ms, job.id)
        if never is not None:
            words = " or ".join(self._never(each, job) for each in never.conditions)
            return _changed(job, Trigger.CANCEL, f"dependency can never be met: {words}")
        return None if is_waiting else _changed(job, Trigger.ADMIT, _met(job.spec))

    def _judged(self, condition: Condition, job: ActiveJob, now_ms: int) -> Judged:
        """Changes nothing: it is also asked to explain."""
        if condition.when is When.SINGLETON:
            eldest = next(iter(self._same[job.user, job.spec.name]))
            return Judged(Verdict.MET if eldest == job.id else Verdict.WAITS)
        fact = self.fact(_target(condition, job), is_start=condition.when is When.AFTER)
        if condition.when is When.AFTER:
            if fact.begun_ms is None:
                return Judged(Verdict.WAITS)
            due_ms = fact.begun_ms + condition.minutes * MS_PER_MINUTE
            return Judged(Verdict.WAITS, due_ms) if due_ms > now_ms else Judged(Verdict.MET)
        if not fact.is_over:
            return Judged(Verdict.WAITS)
        is_met = {When.AFTER_ANY: True, When.AFTER_NOT_OK: not fact.is_ok}
        return Judged(Verdict.MET if is_met.get(condition.when, fact.is_ok) else Verdict.NEVER)

    def _never(self, condition: Condition, job: ActiveJob) -> str:
        return f"{condition}, which {self.fact(_target(condition, job)).words}"

    # --- ask -----------------------------------------------------------------------------------

    def unmet(self, job: ActiveJob, now_ms: int) -> list[AnyOf]:
        """The dependencies that are still waited for."""
        return [
            needed
            for needed in dependencies(job.spec.depends_on)
            if all(
                self._judged(each, job, now_ms).verdict is not Verdict.MET
                for each in needed.conditions
            )
        ]

    @property
    def timers(self) -> int:
        """Instants at which a job is to be looked at."""
        return len(self._timers)

    def eldest_of(self, job: ActiveJob) -> str:
        """The first job of its name and user that is not over."""
        return next(iter(self._same[job.user, job.spec.name]))

    def out(self, array_id: str) -> int:
        """Tasks of an array with a bound that are queued or placed."""
        return self._out.get(array_id, 0)

    def fact(self, target: str, *, is_start: bool = False) -> Fact:
        """What became of a job, a task or an array; `is_start` where it is about the beginning."""
        job = self._book.jobs.get(target)
        if job is not None:
            return Fact(is_over=False, begun_ms=job.begun_ms, words=f"is {job.state.value}")
        if self._active.get(target) and not is_start:
            return Fact(is_over=False, words=f"has {self._active[target]} tasks that are not over")
        fact = self._facts.get(target)
        if fact is None:
            fact = self._read(target)
            if fact.is_over:
                if len(self._facts) >= FACTS_KEPT:
                    self._facts.clear()
                self._facts[target] = fact
        return fact

    def _read(self, target: str) -> Fact:
        begun = func.min(ATTEMPTS.c.start_ms).label("begun_ms")
        rows = self._reader.rows(
            select(JOBS.c.id, JOBS.c.state, JOBS.c.end_ms, begun)
            .outerjoin(ATTEMPTS, ATTEMPTS.c.job_id == JOBS.c.id)
            .where((JOBS.c.id == target) | is_task_of(target))
            .group_by(JOBS.c.id, JOBS.c.state, JOBS.c.end_ms)
        )
        states = [State(row.state) for row in rows]
        begins = [row.end_ms if row.begun_ms is None else row.begun_ms for row in rows]
        bad = sum(state is not State.SUCCEEDED for state in states)
        words = _PAST[states[0]] if len(states) == 1 and states[0] in FINAL else ""
        if not words:
            words = f"ended with {bad} of {len(states)} tasks not succeeded" if bad else "succeeded"
        return Fact(
            is_over=all(state in FINAL for state in states),
            is_ok=bad == 0,
            begun_ms=None if None in begins else max(begins, default=None),
            words=words,
        )


_PAST = {State.SUCCEEDED: "succeeded", State.FAILED: "failed", State.CANCELLED: "was cancelled"}


def _target(condition: Condition, job: ActiveJob) -> str:
    """The id whose start or end decides."""
    if condition.when is When.AFTER_CORR:
        return task_id(condition.job, index_of(job.id))
    return condition.job


def _conditions(spec: JobSpec) -> Iterator[Condition]:
    for needed in dependencies(spec.depends_on):
        yield from needed.conditions


def _is_out(state: State | None) -> bool:
    return state is State.QUEUED or state in PLACED


def _changed(job: ActiveJob, trigger: Trigger, cause: str) -> NewEvent:
    kind = EventKind.JOB_RELEASED if trigger is Trigger.ADMIT else EventKind.JOB_CANCELLED
    following = after(job.state, trigger)
    change = {"state": job.state.value}, {"state": following.value}
    return NewEvent(kind, job.id, "scheduler", cause, *change)


def _met(spec: JobSpec) -> str:
    come = [
        *(["what it depends on has happened"] if spec.depends_on else []),
        *(["its time has come"] if spec.begin else []),
        *(["its turn in the array"] if at_once(spec) is not None else []),
    ]
    return ", ".join(come)
