"""What finished attempts teach about those to come: how much of its limit a job really lasts.

The last `ATTEMPTS_MAX` finished attempts are kept, each as a share of its limit in millionths. A
job is judged by the smallest group of attempts that is large enough: those of its project, user
and size; of its project and user; of its project; of the factory. With too little experience a job
is taken to last its limit, which is also what the scheduler plans with.

Everything is an integer. A draw is a hash of (seed, path, job), so the same question has the same
answer in every process, and a job lasts equally long before and after a change that is weighed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from arkwright.jobs.events import Event, EventKind, end_of
from arkwright.jobs.lifecycle import FINAL, State

ATTEMPTS_MAX: Final = 4096
"""Finished attempts that are remembered, the newest."""
SAMPLES_MIN: Final = 20
"""Attempts that make a group worth judging by: fewer say little about a tenth."""
MILLIONTHS: Final = 1_000_000
SHARE_MAX: Final = 2 * MILLIONTHS
"""A job without a limit of its own may outlast the policy's default; no further than this."""

Ints: TypeAlias = npt.NDArray[np.int64]
Group: TypeAlias = tuple[str, str, int]
"""Project, user, size: the number of binary digits of the gang's GPUs."""


class Finished(Struct, frozen=True):
    """One attempt that is over."""

    group: Group
    limit_ms: int
    ran_ms: int

    @property
    def share(self) -> int:
        """How much of its limit it lasted, in millionths."""
        return min(max(0, self.ran_ms) * MILLIONTHS // max(1, self.limit_ms), SHARE_MAX)


def group_of(project: str, user: str, gpus: float) -> Group:
    """The group a job belongs to."""
    return project, user, int(gpus).bit_length()


class Experience:
    """The finished attempts, and what is under way. A function of the event log."""

    def __init__(self, finished: Sequence[Finished] = ()) -> None:
        self._finished: deque[Finished] = deque(finished, ATTEMPTS_MAX)
        self._open: dict[str, tuple[Group, int]] = {}
        self._started_ms: dict[str, int] = {}
        self._lessons: Lessons | None = None

    def submitted(self, job_id: str, group: Group, limit_ms: int) -> None:
        """A job is known from now on."""
        self._open[job_id] = group, limit_ms

    def follow(self, event: Event) -> None:
        """Follow a start or an end."""
        job_id = event.subject.partition(".")[0]
        if event.kind is EventKind.JOB_STARTED:
            self._started_ms[job_id] = event.at_ms
        elif event.kind is EventKind.JOB_ENDED and job_id in self._open:
            started_ms = self._started_ms.pop(job_id, None)
            # One that gave its place to another job says nothing of how long the job lasts.
            if started_ms is not None and "evictions" not in event.after:
                group, limit_ms = self._open[job_id]
                self._finished.append(Finished(group, limit_ms, end_of(event) - started_ms))
                self._lessons = None
        if "state" in event.after and State(event.after["state"]) in FINAL:
            self._open.pop(job_id, None)

    @property
    def finished(self) -> tuple[Finished, ...]:
        """The attempts it judges by, oldest first."""
        return tuple(self._finished)

    def lessons(self) -> Lessons:
        """What has been learned so far, as it stands now."""
        if self._lessons is None:
            self._lessons = Lessons(self._finished)
        return self._lessons


class Lessons:
    """Shares of the limit by group, ascending: quantile functions with one step per attempt."""

    def __init__(self, finished: Sequence[Finished] | deque[Finished]) -> None:
        by_key: dict[tuple[object, ...], list[int]] = {}
        for attempt in finished:
            for key in _keys(attempt.group):
                by_key.setdefault(key, []).append(attempt.share)
        self._shares = {
            key: np.array(sorted(shares), np.int64)
            for key, shares in by_key.items()
            if len(shares) >= SAMPLES_MIN
        }

    def of(self, group: Group) -> tuple[str, Ints]:
        """The smallest group with enough attempts: its name in words, and its shares, ascending."""
        for words, key in zip(_WORDS, _keys(group), strict=True):
            if key in self._shares:
                return words, self._shares[key]
        return "no experience: its limit", np.zeros(0, np.int64)

    def likely_ms(self, group: Group, limit_ms: int) -> int:
        """How long a job of the group most likely lasts: the median share of its limit."""
        shares = self.of(group)[1]
        if not len(shares):
            return limit_ms
        return max(1, limit_ms * int(shares[(len(shares) - 1) // 2]) // MILLIONTHS)


def durations(
    lessons: Lessons,
    groups: Sequence[Group],
    keys: Ints,
    limit_ms: Ints,
    elapsed_ms: Ints,
    path: int | None,
) -> Ints:
    """How long each job lasts from its start [ms] on one path; without one, its group's median.

    A running job (`elapsed_ms` >= 0) lasts longer than it already has: shares it has passed are
    left out. One that has passed all of them lasts its limit, or a millisecond more than it has.
    `groups`, `keys` (`key_of`), `limit_ms`, `elapsed_ms` (-1: not started): one entry per job.
    """
    tables: dict[Group, tuple[int, int]] = {}
    pool: list[Ints] = []
    size = 0
    first, count = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    for job, group in enumerate(groups):
        if group not in tables:
            shares = lessons.of(group)[1]
            tables[group] = size, len(shares)
            pool.append(shares)
            size += len(shares)
        first[job], count[job] = tables[group]
    every = np.concatenate([*pool, np.array([MILLIONTHS], np.int64)])
    for job in np.flatnonzero(elapsed_ms >= 0).tolist():
        shares = every[first[job] : first[job] + count[job]]
        passed = int(elapsed_ms[job]) * MILLIONTHS // int(limit_ms[job])
        skipped = int(np.searchsorted(shares, passed, "right"))
        first[job] += skipped
        count[job] -= skipped
    picked = (count - 1) // 2 if path is None else _draws(keys, path, count)
    place = np.where(count > 0, first + picked, size)
    # Split so that the product of a long limit and a share stays within int64.
    whole, rest = np.divmod(limit_ms, MILLIONTHS)
    lasts: Ints = whole * every[place] + rest * every[place] // MILLIONTHS
    longer: Ints = np.maximum(lasts, np.maximum(elapsed_ms, 0) + 1)
    return longer


def key_of(job_id: str) -> int:
    """A job's own number for draws, the same in every process that ever asks."""
    return int.from_bytes(hashlib.blake2b(job_id.encode(), digest_size=7).digest(), "big")


def _keys(group: Group) -> tuple[tuple[object, ...], ...]:
    project, user, size = group
    return (project, user, size), (project, user), (project,), ()


_WORDS: Final = ("project, user and size", "project and user", "project", "factory")
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_ONE: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_TWO: Final = np.uint64(0x94D049BB133111EB)
"""SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): increment and the two multipliers."""


def _draws(keys: Ints, path: int, count: Ints) -> Ints:
    """A number in 0..count-1 for each key, from the counter-based generator at `path`."""
    counter = np.array([path + 1], np.uint64)
    mixed = keys.astype(np.uint64) + counter * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_ONE
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_TWO
    mixed ^= mixed >> np.uint64(31)
    top = (mixed >> np.uint64(32)).astype(np.int64)
    picked: Ints = (top * count >> 32).astype(np.int64)
    return picked
