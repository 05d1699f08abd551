"""Capacity contracts by name: GPUs bought for a time, without naming nodes ("take or pay").

While a contract runs its GPUs are added to what its project is guaranteed, and what it does not
lend is kept for it; before it begins the scheduler looks ahead to that (`sched.calendar`). One of
a GPU type counts in the project's quota of the type and in that of all types: room in both is what
its jobs need.

The book knows the factory file's contracts and those made since. It is a function of the event log:
a contract's amount holds from the event on that says its time has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from arkwright import sched
from arkwright.fleet.experience import Ints
from arkwright.fleet.lowering import Names
from arkwright.fleet.quota_tree import Contract, Holder, kept_gpus
from arkwright.jobs.events import Event, EventKind
from arkwright.units import MILLI

CONTRACT_KINDS = frozenset(
    {EventKind.CONTRACT_MADE, EventKind.CONTRACT_REACHED, EventKind.CONTRACT_WITHDRAWN}
)


class Bought(NamedTuple):
    """What contracts add to a guarantee at some time [GPUs]."""

    gpus: int
    kept: int
    """Of them, what is lent to nobody."""


NOTHING = Bought(0, 0)


class ContractBook:
    """Contracts made and not withdrawn, and what of them the scheduler has been told."""

    def __init__(self, in_file: Iterable[Contract]) -> None:
        self._contracts = {each.name: each for each in in_file}
        self._of: dict[Holder, list[Contract]] = {}
        self._count_by_holder()
        self._told: dict[Holder, Bought] = {}
        self.told_ms = 0
        """The time of the last event followed: what lies beyond is still to come."""
        self._quiet_until_ms = 0
        """Nothing is due before: so a loop may ask often."""

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._contracts.values())

    def follow(self, event: Event) -> list[Holder]:
        """Follow an event; whose guarantees it is about, nobody's when none is known."""
        self.told_ms = max(self.told_ms, event.at_ms)
        if event.kind is EventKind.CONTRACT_REACHED:
            moved = [holder for holder in self._of if holder.label == event.subject]
        elif event.kind is EventKind.CONTRACT_MADE:
            made = msgspec.convert(event.after | {"name": event.subject}, Contract)
            self._contracts[made.name] = made
            moved = list(made.holders)
        else:
            gone = self._contracts.pop(event.subject, None)
            moved = [] if gone is None else list(gone.holders)
        self._quiet_until_ms = 0
        self._count_by_holder()
        self._told |= {holder: self.at(holder, event.at_ms) for holder in moved}
        return moved

    def find(self, name: str, now_ms: int) -> Contract | None:
        """The contract of this name, if its time is not over."""
        found = self._contracts.get(name)
        return found if found is not None and found.until_ms > now_ms else None

    def coming(self, now_ms: int) -> list[Contract]:
        """All whose time is not over, by start, then name."""
        found = [each for each in self if each.until_ms > now_ms]
        return sorted(found, key=lambda each: (each.from_ms, each.name))

    def holders(self) -> list[Holder]:
        """Everybody who has, had or will have a contract."""
        return sorted(self._of, key=lambda holder: holder.label)

    def in_force(self, holder: Holder) -> Bought:
        """What the scheduler counts now."""
        return self._told.get(holder, NOTHING)

    def at(self, holder: Holder, at_ms: int) -> Bought:
        """What is to count at a time."""
        open_ = [each for each in self._of.get(holder, ()) if each.touches(at_ms, at_ms + 1)]
        gpus = sum(each.gpus for each in open_)
        return Bought(gpus, gpus - sum(each.lend for each in open_))

    def steps(self, holder: Holder, after_ms: int) -> list[tuple[int, Bought]]:
        """The times after `after_ms` at which it becomes another, each with what it becomes."""
        own = self._of.get(holder, ())
        steps: list[tuple[int, Bought]] = []
        last = self.at(holder, after_ms)
        for at_ms in sorted({ms for each in own for ms in (each.from_ms, each.until_ms)}):
            bought = self.at(holder, at_ms)
            if at_ms > after_ms and bought != last:
                steps.append((at_ms, bought))
                last = bought
        return steps

    def due(self, now_ms: int) -> list[tuple[Holder, Bought, Bought]]:
        """Holders for whom another amount should count by now: what does, and what is due. To be
        asked with times that do not fall."""
        if now_ms < self._quiet_until_ms:
            return []
        found = [(each, self.in_force(each), self.at(each, now_ms)) for each in self.holders()]
        found = [each for each in found if each[1] != each[2]]
        if not found:
            times = (ms for each in self for ms in (each.from_ms, each.until_ms))
            self._quiet_until_ms = min((ms for ms in times if ms > now_ms), default=sched.BIG)
        return found

    def _count_by_holder(self) -> None:
        """Who had contracts stays known: what counts may still have to be taken back."""
        self._of = {holder: [] for holder in self._of}
        for each in self:
            for holder in each.holders:
                self._of.setdefault(holder, []).append(each)


def row_of(names: Names, holder: Holder) -> int:
    """The quota row a holder's contracts count in; -1 when the factory counts no such thing."""
    if holder.gpu_type is None:
        return names.row_of_project.get(holder.project, sched.NONE)
    return names.quotas.row_of_type.get((holder.project, holder.gpu_type), sched.NONE)


def events_to_tell(
    state: sched.State, names: Names, book: ContractBook, holder: Holder, at_ms: int
) -> list[sched.Event]:
    """What brings the holder's guarantee, now and to come, to what the book says.

    None for a project or a type that this factory does not count: it was of an earlier file.
    """
    row = row_of(names, holder)
    if row < 0:
        return []
    steps = range(int(state.step_count[0]))
    events = [
        sched.unpledge(at_ms, row, int(state.step_at_ms[step]))
        for step in steps
        if state.step_row[step] == row and state.step_kind[step] == sched.KEPT_STEP
    ]
    events.append(sched.guarantee(at_ms, row, *_lowered(names, row, book.in_force(holder))))
    events += [
        sched.pledge(at_ms, row, step_ms, *_lowered(names, row, bought))
        for step_ms, bought in book.steps(holder, at_ms)
    ]
    return events


class Oversold(NamedTuple):
    """Where a contract finds no room beside all that is promised to others."""

    label: str
    """The quota that would promise more than its limit, `factory` for all GPUs."""
    limit: int
    promised: int
    """GPUs that it would promise, the contract counted."""
    at_ms: int


def oversold(
    state: sched.State, names: Names, book: ContractBook, contract: Contract
) -> Oversold | None:
    """The first instant of the contract at which a quota above it would promise more than its
    limit: guarantees and contracts, lent or not. Limits are those of now; what runs is not looked
    at."""
    times = {contract.from_ms} | {ms for each in book for ms in (each.from_ms, each.until_ms)}
    for at_ms in sorted(ms for ms in times if contract.touches(ms, ms + 1)):
        promised = _promised(names, book, contract, at_ms, state.row_kept)
        above = sched.idle(state._replace(row_kept=promised))
        for holder in contract.holders:
            row = row_of(names, holder)
            while row >= 0:
                limit, whole = int(state.row_limit[row]), max(int(promised[row]), int(above[row]))
                if 0 <= limit < whole:
                    label = names.quotas.rows[row].label
                    return Oversold(label, limit // MILLI, whole // MILLI, at_ms)
                row = int(state.row_parent[row])
    return None


def _promised(names: Names, book: ContractBook, contract: Contract, at_ms: int, like: Ints) -> Ints:
    """[n_rows] milli-GPU that each quota is promised at a time, with the contract."""
    promised = np.zeros_like(like)
    for row, quota in enumerate(names.quotas.rows):
        if not quota.is_budget:
            promised[row] = (quota.quota.guarantee or 0) * MILLI
    for each in {*book.holders(), *contract.holders}:
        row = row_of(names, each)
        if row >= 0:
            own = contract.gpus if each in contract.holders else 0
            promised[row] += (book.at(each, at_ms).gpus + own) * MILLI
    return promised


def is_bounded(state: sched.State, names: Names, holder: Holder) -> bool:
    """Whether the GPUs that a contract of the holder keeps are kept from anybody: there is a row
    above all quotas that has a limit."""
    row = row_of(names, holder)
    while row >= 0 and state.row_parent[row] >= 0:
        row = int(state.row_parent[row])
    return row >= 0 and not names.quotas.rows[row].path


def _lowered(names: Names, row: int, bought: Bought) -> tuple[int, int]:
    """Guarantee and what is kept of it [milli-GPU], with what the factory file gives besides."""
    quota = names.quotas.rows[row].quota
    if quota.guarantee is None and bought == NOTHING:
        return sched.NONE, 0
    guarantee = (quota.guarantee or 0) + bought.gpus
    return guarantee * MILLI, (kept_gpus(quota) + bought.kept) * MILLI
