"""Who answers questions about the future: this process on small factories, another on large ones.

A large factory's questions are run by compiled kernels in a process of their own, started with the
server and ended with it (its standard input closes). So the loop never waits for a compiler, the
server's memory stays small, and a question that takes long takes nobody else's time.
"""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from arkwright.control.foresight_process import READY, receive, send
from arkwright.errors import ArkwrightError

LOG = logging.getLogger("arkwright.control")
NODES_COMPILED: Final = 96
"""From so many nodes on, questions go to the other process."""
VISITS_INTERPRETED: Final = 2_000_000
VISITS_COMPILED: Final = 250_000_000
"""Node visits that take about a CPU second, here interpreted and there compiled
(`benchmarks/ask.py`)."""
READY_S_MAX: Final = 5.0
"""How long a question waits for the other process; compiling takes longer, once per version."""


class NotReady(ArkwrightError):
    """The compiled kernels are not there yet."""


class Foresight:
    """Runs pure functions of `sched`, one at a time."""

    def __init__(self, nodes: int, cache_folder: Path) -> None:
        self._is_compiled = nodes >= NODES_COMPILED
        self._cache_folder = cache_folder
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.on_ready: Callable[[], None] = _nothing
        """Called on another thread when the kernels lie in the cache folder."""
        self.on_failure: Callable[[], None] = _nothing
        """Called there when compiling ended without."""
        self.visits = VISITS_COMPILED if self._is_compiled else VISITS_INTERPRETED
        """What a question may cost; see `fleet.Scene.visits`."""

    def start(self) -> None:
        """Begin to compile where that is needed. Returns at once."""
        if self._is_compiled:
            with self._lock:
                self._open()

    def stop(self) -> None:
        """End the other process."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            _pipe(process.stdin).close()
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(*arguments)`; a Runner of `fleet`.

        Raises NotReady while the kernels are being compiled, and whatever the function raises.
        """
        if not self._is_compiled:
            return function(*arguments)
        if not self._ready.wait(READY_S_MAX):
            raise NotReady(
                "asking the scheduler on a copy: it is still being compiled for so many nodes, "
                "some minutes, once per version; ask again then"
            )
        with self._lock:
            process = self._process
            if process is None:
                raise NotReady("answering about the future: the server is stopping; ask it again")
            try:
                send(_pipe(process.stdin), (function, arguments))
                is_done, answer = receive(_pipe(process.stdout))
            except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
                LOG.error("the process that looks ahead ended: %s", error)
                self.stop()
                self._open()
                raise NotReady(
                    "answering about the future: the process that does it ended and is being "
                    "started again; ask again in a minute"
                ) from error
        if not is_done:
            raise answer
        return answer

    def _open(self) -> None:
        command = [sys.executable, "-m", "arkwright.control.foresight_process"]
        self._ready.clear()
        process = subprocess.Popen(
            [*command, str(self._cache_folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._process = process
        LOG.info("compiling the scheduler for questions about the future (pid %s)", process.pid)
        threading.Thread(target=self._await_ready, args=(process,), daemon=True).start()

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        try:
            is_ready = receive(_pipe(process.stdout)) == READY
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            is_ready = False
        if is_ready:
            LOG.info("questions about the future are answered by compiled kernels")
            self._ready.set()
            self.on_ready()
        elif self._process is process:
            LOG.error("the process that looks ahead ended before it was ready")
            self.on_failure()


def _nothing() -> None:
    """Nobody waits for it."""


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
