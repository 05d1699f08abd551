"""How often Slurm is asked: as often as wished, as long as asking costs little."""

from __future__ import annotations

import resource
import time
from types import TracebackType

CPU_PER_MINUTE_S = 1.0
"""What asking may cost altogether, on a cluster of any size."""


class Pace:
    """When to ask next. Used around each asking (`with pace:`), it measures what that cost this
    thread and the commands it ran."""

    def __init__(self, every_s: float, share: float) -> None:
        """Ask every so often, for at most `share` of the CPU time there is for all asking."""
        self._every_s = every_s
        self._cpu_share = share * CPU_PER_MINUTE_S / 60
        self._next = 0.0
        self._began = 0.0
        self._cpu_s = 0.0

    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    def may_retry(self) -> bool:
        """Whether the last asking is over long enough to ask out of turn."""
        return time.monotonic() >= self._began + self._every_s

    def __enter__(self) -> None:
        self._began, self._cpu_s = time.monotonic(), _cpu_s()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        cost_s = _cpu_s() - self._cpu_s
        self._next = max(
            time.monotonic(), self._began + max(self._every_s, cost_s / self._cpu_share)
        )


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + children.ru_utime + children.ru_stime
