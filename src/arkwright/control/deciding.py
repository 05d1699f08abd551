"""How the loop decides: interpreted at first, compiled as soon as the kernels are there.

Compiling takes some minutes of one core, once per version, and happens in the process that looks
ahead (`foresight`). When its cache is warm this process loads the kernels from there, on a thread
of its own; measurements and why it is done here are in docs/decisions/0006. Until then the
interpreted scheduler looks at the first jobs of the queue only, as many as take about a second: it
decides for them what it would decide in any case, and the loop goes on answering.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from arkwright import sched

LOG = logging.getLogger("arkwright.control")
NODES_COMPILED: Final = 1000
"""From so many nodes on the loop decides by compiled kernels: below, a cycle is quick as it is, and
Numba's memory (180 MB) is saved."""
LOOKS: Final = 100_000
"""Nodes times jobs that an interpreted cycle looks through in about a second while a compiler runs
beside it (`benchmarks/cold_start.py`)."""
NOTICE: Final = (
    "deciding interpreted while the scheduler is being compiled; some minutes, once per version"
)
TROUBLE: Final = (
    "deciding interpreted, which is slow on so many nodes: compiling failed, see the log"
)


class Deciding:
    """Which kernels decide now, and how much of the queue they look at. Owned by the loop's thread;
    `begin`, `failed` and `load` may be called from any."""

    def __init__(self, nodes: int) -> None:
        self.kernels = sched.INTERPRETED
        self.wants_compiled = nodes >= NODES_COMPILED
        self._first = max(2, LOOKS // max(1, nodes))
        self._seen = self._first
        self._is_waiting = False
        self._is_broken = False

    @property
    def queue_max(self) -> int | None:
        """How many jobs the next decision looks at; None is all."""
        return self._seen if self._is_waiting else None

    @property
    def notice(self) -> str:
        """What an operator should know; empty when all is as it should be."""
        return NOTICE if self._is_waiting else TROUBLE if self._is_broken else ""

    def begin(self) -> None:
        """Somebody compiles: decide on the first jobs of the queue until then."""
        if self.wants_compiled and self.kernels is sched.INTERPRETED:
            self._is_waiting = True
            LOG.info("%s", NOTICE)

    def failed(self) -> None:
        """Nobody compiles any more: decide interpreted, on the whole queue."""
        if self._is_waiting:
            self._is_waiting, self._is_broken = False, True
            LOG.error("%s", TROUBLE)

    def decided(self, started: int, queued: int) -> bool:
        """After a decision: whether the next should follow at once, with more of the queue."""
        if not self._is_waiting:
            return False
        was_cut = self._seen < queued
        self._seen = self._first if started else self._seen * (2 if was_cut else 1)
        return was_cut

    def use(self, kernels: sched.Kernels) -> None:
        """Decide by these from now on, on the whole queue."""
        self.kernels = kernels
        self._is_waiting = self._is_broken = False
        LOG.info("decisions are taken by compiled kernels")

    def load(self, folder: Path, use: Callable[[sched.Kernels], None]) -> None:
        """Read the kernels back from a warm cache on another thread, then hand them to `use`."""
        if not self.wants_compiled:
            return

        def work() -> None:
            try:
                kernels = sched.compiled(str(folder))
                _try_out(kernels)
            except Exception:
                LOG.exception("the compiled scheduler cannot be loaded from %s", folder)
                self.failed()
            else:
                use(kernels)

        threading.Thread(target=work, name="kernels", daemon=True).start()


def _try_out(kernels: sched.Kernels) -> None:
    """One decision for a factory of one node: what is loaded lazily is loaded now, not by the loop.

    Every state has the same types, so this one stands for all.
    """
    nodes = sched.Nodes([[0]], [0], [0], [0], [8000], [0], [0])
    state = sched.apply(sched.empty(nodes), sched.add_class(0, sched.Shape(1, 1000)))
    state = sched.apply(state, sched.submit(0, 0, 1))
    sched.cycle(state, 0, sched.room(state), kernels=kernels)
