"""`srun --pty`: a terminal of its own for the task, tied to the one srun has."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import selectors
import termios
import tty
from typing import Any

PIECE = 1 << 16


class Terminal:
    """A pair of pseudo terminals; `inner` is the task's side. Ours is raw until `close`."""

    def __init__(self) -> None:
        self._outer, self.inner = pty.openpty()
        self._before: Any = termios.tcgetattr(0)
        size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(self.inner, termios.TIOCSWINSZ, size)
        tty.setraw(0, termios.TCSADRAIN)  # what is typed already is kept

    def register(self, selector: selectors.BaseSelector, data: object) -> None:
        """Have `pass_on` called for what is typed and what is shown."""
        selector.register(0, selectors.EVENT_READ, data)
        selector.register(self._outer, selectors.EVENT_READ, data)

    def pass_on(self, handle: int, selector: selectors.BaseSelector) -> bool:
        """One piece in either direction; False where the descriptor is not ours."""
        if handle not in (0, self._outer):
            return False
        try:
            piece = os.read(handle, PIECE)
        except OSError:  # the task's side is closed
            piece = b""
        if not piece:
            selector.unregister(handle)
        else:
            os.write(self._outer if handle == 0 else 1, piece)
        return True

    def drain(self) -> None:
        """Show what the task wrote last."""
        os.set_blocking(self._outer, False)
        with contextlib.suppress(OSError):
            while piece := os.read(self._outer, PIECE):
                os.write(1, piece)

    def close(self) -> None:
        """Leave srun's terminal as it was."""
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)
        os.close(self._outer)
        with contextlib.suppress(OSError):
            os.close(self.inner)
