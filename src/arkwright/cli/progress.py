"""How far a long run is, on a terminal; and Ctrl-C that ends it with what was done."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from types import FrameType, TracebackType

import click

_EVERY_S = 0.1
_BAR = 24


class Progress:
    """A context that shows a bar with the time left on stderr, where that is a terminal.

    While a run tells how far it is, Ctrl-C is noted instead of raised at once: the next call of
    `told` raises KeyboardInterrupt, which a run answers with what it has. Pressed again, or before
    there is anything to keep, it interrupts wherever it falls.
    """

    def __init__(self, label: str = "") -> None:
        self.label = label
        self.is_stopped = False
        self._is_telling = False
        self._is_shown = sys.stderr.isatty()
        self._begun = self._last = time.monotonic()
        self._before: object = None

    def __enter__(self) -> Progress:
        self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]
        self.clear()

    def begin(self, label: str) -> None:
        """Another run begins."""
        self.label = label
        self._is_telling = False
        self._begun = self._last = time.monotonic()
        self._show(0.0)

    def told(self, share: float) -> None:
        """So much of it is done, 0..1."""
        self._is_telling = True
        if self.is_stopped:
            raise KeyboardInterrupt
        now = time.monotonic()
        if now - self._last >= _EVERY_S:
            self._last = now
            self._show(share)

    def clear(self) -> None:
        """Leave the line empty, for what is printed next."""
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _show(self, share: float) -> None:
        if self._is_shown:
            spent_s = time.monotonic() - self._begun
            text = bar(self.label, share, spent_s)
            room = max(20, shutil.get_terminal_size().columns - 1)
            click.echo(f"\r{text[:room]}\x1b[K", nl=False, err=True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        is_first = not self.is_stopped and self._is_telling
        self.is_stopped = True
        if not is_first:
            raise KeyboardInterrupt


def bar(label: str, share: float, spent_s: float) -> str:
    """One line: what, how much of it, and how long the rest takes at the pace so far."""
    share = min(max(share, 0.0), 1.0)
    done = int(share * _BAR)
    left = ""
    if share > 0 and spent_s > 1:
        left = f"  {_brief(spent_s * (1 - share) / share)} left"
    return f"{label}  {'█' * done}{'░' * (_BAR - done)} {share:4.0%}{left}"


def _brief(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
