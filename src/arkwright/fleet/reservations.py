"""Reservations by name: which nodes are kept for whom and when, and which nodes would be best.

The scheduler knows windows by number (`arkwright.sched.windows`); numbers here are given anew with
every replay of the log and mean nothing outside one fleet.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.fleet.lowering import Names


class Reservation(Struct, frozen=True, kw_only=True):
    """Nodes kept for a project and what is below it; for nobody where there is no project."""

    name: str
    project: str | None
    nodes: tuple[str, ...]
    from_ms: int
    until_ms: int

    def touches(self, from_ms: int, until_ms: int) -> bool:
        """Whether it has any time in common with `[from_ms, until_ms)`."""
        return self.from_ms < until_ms and from_ms < self.until_ms


class Reservations:
    """Those made and not withdrawn, by name, with their numbers."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._made: dict[str, tuple[int, Reservation]] = {}
        self._count = 0

    def make(self, reservation: Reservation, at_ms: int) -> list[sched.Event]:
        """The scheduler's events for a new one.

        None for a project or nodes that this factory no longer has: they were of an earlier file.
        """
        number, self._count = self._count, self._count + 1
        self._made[reservation.name] = number, reservation
        row = sched.NONE
        if reservation.project is not None:
            if reservation.project not in self._names.row_of_project:
                return []
            row = self._names.row_of_project[reservation.project]
        index = self._names.node_index
        return [
            sched.reserve(
                at_ms, index[path], number, reservation.from_ms, reservation.until_ms, row
            )
            for path in reservation.nodes
            if path in index
        ]

    def withdraw(self, name: str, at_ms: int) -> list[sched.Event]:
        """The scheduler's events for the end of one; none when it is not known."""
        found = self._made.pop(name, None)
        return [sched.unreserve(at_ms, found[0])] if found is not None else []

    def find(self, name: str, now_ms: int) -> Reservation | None:
        """The reservation of this name, if its time is not over."""
        found = self._made.get(name)
        return found[1] if found is not None and found[1].until_ms > now_ms else None

    def coming(self, now_ms: int) -> list[Reservation]:
        """All whose time is not over, by start, then name."""
        made = [each for _, each in self._made.values() if each.until_ms > now_ms]
        return sorted(made, key=lambda each: (each.from_ms, each.name))


def free_nodes(
    state: sched.State,
    names: Names,
    reservations: Iterable[Reservation],
    span_ms: tuple[int, int],
    gpu_type: str | None,
) -> list[str]:
    """Nodes that could be kept in the span, best first.

    Those that are up, of the GPU type, and in no other reservation then. First come nodes that no
    running job is expected to hold at the start of the span, the others by when they are free; ties
    by path.
    """
    from_ms, until_ms = span_ms
    taken = {
        path for each in reservations if each.touches(from_ms, until_ms) for path in each.nodes
    }
    busy_ms = _busy_until(state)
    ranked = [
        (max(0, int(busy_ms[index]) - from_ms), index)
        for index, node in enumerate(names.nodes)
        if node.path not in taken
        and int(state.node_state[index]) == sched.UP
        and gpu_type in (None, node.gpu_type)
    ]
    return [names.nodes[index].path for _, index in sorted(ranked)]


def _busy_until(state: sched.State) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """When the last job on each node is expected to end [ms]; 0 on an idle node."""
    busy_ms = np.zeros(len(state.node_state), np.int64)
    for job in range(int(state.job_count[0])):
        end_ms = int(state.job_start_ms[job]) + int(state.job_duration_ms[job])
        for node in sched.nodes_of(state, job):
            busy_ms[node] = max(int(busy_ms[node]), end_ms)
    return busy_ms
