"""The thread that makes a Slurm engine's rounds."""

from __future__ import annotations

import logging
import threading

from arkwright.engines.slurm.engine import SlurmEngine

LOG = logging.getLogger("arkwright.engines.slurm")
ROUND_S = 0.2


class Worker:
    """Calls `work` again and again, at once when something new is wanted."""

    def __init__(self, engine: SlurmEngine) -> None:
        self._engine = engine
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slurm", daemon=True)

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round and end."""
        self._is_over.set()
        self._engine.wake.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._engine.wake.wait(ROUND_S)
            self._engine.wake.clear()
            try:
                self._engine.work()
            except Exception:
                LOG.exception("a round of the Slurm engine failed; it goes on")
