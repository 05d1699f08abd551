"""Telling whether a run came to its end or was told to stop on the way."""

from __future__ import annotations

from collections.abc import Callable


class Listened:
    """Passes on how far a run is, and remembers whether it was ended so.

    A run that never told anything was interrupted before its first stride.
    """

    def __init__(self, progress: Callable[[float], None] | None) -> None:
        self._progress = progress
        self.is_interrupted = True

    def __call__(self, share: float) -> None:
        """`share` of the run is done."""
        self.is_interrupted = False
        try:
            if self._progress is not None:
                self._progress(share)
        except KeyboardInterrupt:
            self.is_interrupted = True
            raise
