"""Telling whether a run came to its end or was told to stop on the way."""

from __future__ import annotations

from collections.abc import Callable


class Listened:
    """Passes on how far a run is, and remembers whether that raised KeyboardInterrupt."""

    def __init__(self, progress: Callable[[float], None] | None) -> None:
        self._progress = progress
        self.is_interrupted = False

    def __call__(self, share: float) -> None:
        """`share` of the run is done."""
        try:
            if self._progress is not None:
                self._progress(share)
        except KeyboardInterrupt:
            self.is_interrupted = True
            raise
