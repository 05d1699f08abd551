"""Limits of the power tree as operators set and announce them, on top of the factory file's.

The file's limit holds where nothing else was said. A limit that was set takes its place until it is
withdrawn, also over a restart and over a changed file. A window announces a limit from a time on,
for ever or until another time; it only ever lowers: in force is the lowest of the limit that stands
and of the windows that are open. The book is a function of the event log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from arkwright.jobs.events import Event, EventKind

POWER_KINDS = frozenset(
    {
        EventKind.POWER_LIMIT_SET,
        EventKind.POWER_LIMIT_ANNOUNCED,
        EventKind.POWER_LIMIT_REACHED,
        EventKind.POWER_LIMIT_WITHDRAWN,
    }
)


class PowerWindow(Struct, frozen=True, kw_only=True):
    """A limit that holds for a time. Instants in ms since the Unix epoch."""

    from_ms: int
    until_ms: int | None
    """None: until it is withdrawn."""
    limit_w: int


class PowerBook:
    """What was said of each place, and what the scheduler has been told."""

    def __init__(self, file_limits: Mapping[str, int | None]) -> None:
        self._file = dict(file_limits)
        self._set: dict[str, int | None] = {}
        self._windows: dict[str, list[PowerWindow]] = {}
        self._told: dict[str, int | None] = dict(file_limits)
        self.told_ms = 0
        """The time of the last event followed: what lies beyond is still to come."""

    def follow(self, event: Event) -> bool:
        """Follow an event; whether it is about a place of this factory."""
        path, after = event.subject, event.after
        self.told_ms = max(self.told_ms, event.at_ms)
        if event.kind is EventKind.POWER_LIMIT_SET:
            self._set[path] = after["limit_w"]
        elif event.kind is EventKind.POWER_LIMIT_ANNOUNCED:
            window = PowerWindow(
                from_ms=after["from_ms"], until_ms=after["until_ms"], limit_w=after["limit_w"]
            )
            kept = [each for each in self.windows(path) if each.from_ms != window.from_ms]
            self._windows[path] = sorted([*kept, window], key=lambda each: each.from_ms)
        elif event.kind is EventKind.POWER_LIMIT_WITHDRAWN:
            self._withdraw(path, after["from_ms"])
        if path not in self._file:
            return False
        self._told[path] = self.at(path, event.at_ms)
        over = event.at_ms
        self._windows[path] = [w for w in self.windows(path) if _is_open(w, over)]
        return True

    def _withdraw(self, path: str, from_ms: int | None) -> None:
        if from_ms is None:
            self._set.pop(path, None)
            self._windows.pop(path, None)
            return
        self._windows[path] = [w for w in self.windows(path) if w.from_ms != from_ms]

    def standing(self, path: str) -> int | None:
        """The limit without windows: the one set, else the file's. None is no limit."""
        return self._set.get(path, self._file[path])

    def file_limit(self, path: str) -> int | None:
        """The factory file's."""
        return self._file[path]

    def is_set(self, path: str) -> bool:
        """Whether a limit was set in place of the file's."""
        return path in self._set

    def windows(self, path: str) -> list[PowerWindow]:
        """What is announced for a place and not over, by time."""
        return self._windows.get(path, [])

    def in_force(self, path: str) -> int | None:
        """What the scheduler holds for the limit now."""
        return self._told[path]

    def at(self, path: str, at_ms: int) -> int | None:
        """The limit that is to hold at a time."""
        limits = [self.standing(path)]
        limits += [w.limit_w for w in self.windows(path) if _holds(w, at_ms)]
        return min((limit for limit in limits if limit is not None), default=None)

    def steps(self, path: str, after_ms: int) -> list[tuple[int, int | None]]:
        """The times after `after_ms` at which the limit becomes another, each with that limit."""
        times = {w.from_ms for w in self.windows(path)}
        times |= {w.until_ms for w in self.windows(path) if w.until_ms is not None}
        steps: list[tuple[int, int | None]] = []
        last = self.at(path, after_ms)
        for at_ms in sorted(times):
            limit = self.at(path, at_ms)
            if at_ms > after_ms and limit != last:
                steps.append((at_ms, limit))
                last = limit
        return steps

    def due(self, now_ms: int) -> list[tuple[str, int | None, int | None]]:
        """Places whose limit should be another by now: path, the limit in force, the one due."""
        found = [(path, self._told[path], self.at(path, now_ms)) for path in sorted(self._file)]
        return [each for each in found if each[1] != each[2]]

    def next_ms(self) -> int | None:
        """When the next limit changes."""
        return min((steps[0][0] for steps in self._all_steps() if steps), default=None)

    def _all_steps(self) -> Iterable[list[tuple[int, int | None]]]:
        return (self.steps(path, self.told_ms) for path in self._windows if path in self._file)


def _holds(window: PowerWindow, at_ms: int) -> bool:
    return window.from_ms <= at_ms and _is_open(window, at_ms)


def _is_open(window: PowerWindow, at_ms: int) -> bool:
    return window.until_ms is None or at_ms < window.until_ms
