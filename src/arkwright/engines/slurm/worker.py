"""The thread that makes a Slurm engine's rounds."""

from __future__ import annotations

import logging
import threading

from arkwright.engines.slurm.engine import SlurmEngine

LOG = logging.getLogger("arkwright.engines.slurm")
ROUND_S = 0.2


def work_by_itself(engine: SlurmEngine) -> None:
    """Have `work` called again and again until the engine is closed, at once when something new is
    wanted. Returns at once."""
    threading.Thread(target=_run, args=(engine,), name="slurm", daemon=True).start()


def _run(engine: SlurmEngine) -> None:
    while not engine.is_closed:
        engine.wake.wait(ROUND_S)
        engine.wake.clear()
        try:
            engine.work()
        except Exception:
            if not engine.is_closed:
                LOG.exception("a round of the Slurm engine failed; it goes on")
