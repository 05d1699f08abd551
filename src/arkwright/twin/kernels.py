"""Which form of the scheduler's kernels a run takes: both decide the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from arkwright import sched
from arkwright.sched._jit import kernel_key

WARM_JOBS_MIN: Final = 300
"""From so many jobs on, reading compiled kernels back (a second or two) is worth its time."""
COLD_JOBS_MIN: Final = 5_000
"""From so many on it is even worth compiling them first (a minute and a half)."""
NOTICE: Final = "compiling the scheduler, once on this machine: a minute or two"


def kernels_for(
    jobs: int, folder: Path, notice: Callable[[str], None] | None = None
) -> sched.Kernels:
    """The kernels for a run of so many jobs, with compiled ones kept in `folder`.

    `notice` is told when compiling is going to take long.
    """
    is_warm = _is_warm(folder) if jobs >= WARM_JOBS_MIN else False
    if jobs < (WARM_JOBS_MIN if is_warm else COLD_JOBS_MIN):
        return sched.INTERPRETED
    if not is_warm and notice is not None:
        notice(NOTICE)
    return sched.compiled(str(folder))


def _is_warm(folder: Path) -> bool:
    """Whether kernels of this very version are there, by the indexes that Numba writes last."""
    return folder.exists() and any((folder / kernel_key()).rglob("advance.advance*.nbi"))
