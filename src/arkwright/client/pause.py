"""A pause that grows, so that looking again costs little."""

from __future__ import annotations

from collections.abc import Callable

POLL_S_MIN, POLL_S_MAX = 0.02, 0.5


class Pause:
    """Sleeps a little, then longer; never past `until`."""

    def __init__(
        self,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        until: float | None = None,
    ) -> None:
        self._sleep, self._clock, self._until = sleep, clock, until
        self._next_s = POLL_S_MIN

    def __call__(self) -> None:
        """Sleep once; the next pause is longer."""
        left_s = POLL_S_MAX if self._until is None else max(0.0, self._until - self._clock())
        self._sleep(min(self._next_s, left_s))
        self._next_s = min(self._next_s * 1.5, POLL_S_MAX)

    def reset(self) -> None:
        """Begin with a short pause again."""
        self._next_s = POLL_S_MIN
