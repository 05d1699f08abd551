"""What became of the GPU-time that was held: lasting progress, work done twice, work in vain."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.twin.record import Ending
from arkwright.twin.report.steps import integral
from arkwright.twin.report.tally import Tally
from arkwright.twin.report.told import Told

_MILLI_MS_PER_GPU_H = 1000 * 3_600_000.0
_IN_VAIN = (Ending.FAILED, Ending.CANCELLED, Ending.TIMEOUT)


class Cause(Struct, frozen=True):
    """What nodes were out for."""

    name: str
    failures: int
    """Parts that failed: nodes that went out together count once."""
    nodes: int
    gpu_h: float


class Progress(Struct, frozen=True, eq=False, kw_only=True):
    """GPU-hours of one run; kept + in_vain + lost + idle + out is `offered`."""

    offered_gpu_h: float
    """GPUs of the fleet times the length of the run."""
    held_gpu_h: float
    out_gpu_h: float
    lost_gpu_h: float
    """Held, then lost: progress since the last checkpoint that had to be made again."""
    in_vain_gpu_h: float
    """Held by attempts that failed, were cancelled or ran out of time, without what was lost."""
    endings: tuple[int, ...]
    """Attempts, by `Ending`."""
    causes: tuple[Cause, ...]
    interruptions: int
    """Attempts that ended because something failed under them."""

    @property
    def kept_gpu_h(self) -> float:
        """Held, and neither lost nor in vain."""
        return self.held_gpu_h - self.lost_gpu_h - self.in_vain_gpu_h

    @property
    def idle_gpu_h(self) -> float:
        """In service and not held. Held and out together may exceed the whole by what jobs held
        on nodes in the very moment they went out: never less than zero."""
        return max(0.0, self.offered_gpu_h - self.held_gpu_h - self.out_gpu_h)

    @property
    def utilisation(self) -> float:
        """Held, of what the fleet offers."""
        return self.held_gpu_h / self.offered_gpu_h

    @property
    def goodput(self) -> float:
        """Of what jobs held, what was not lost to interruptions: whether a job's own outcome was
        useful is another question, see `in_vain_gpu_h`."""
        return 1 - self.lost_gpu_h / self.held_gpu_h if self.held_gpu_h else 0.0


def progress(told: Told, tally: Tally) -> Progress:
    """Counted from the record, exactly."""
    record, attempts = told.record, told.record.attempts
    # Spans are cut to the run, as the sums over time are.
    run_ms = np.clip(attempts.end_ms, None, record.until_ms) - np.clip(
        attempts.start_ms, record.from_ms, None
    )
    lost = np.minimum(attempts.lost_ms, run_ms)
    is_vain = np.isin(attempts.ending, _IN_VAIN)
    milli = tally.gpu_milli.astype(np.float64)
    count = np.bincount(attempts.ending, minlength=len(Ending))
    return Progress(
        offered_gpu_h=tally.capacity_milli
        * (record.until_ms - record.from_ms)
        / _MILLI_MS_PER_GPU_H,
        held_gpu_h=integral(tally.held) / _MILLI_MS_PER_GPU_H,
        out_gpu_h=integral(tally.out) / _MILLI_MS_PER_GPU_H,
        lost_gpu_h=float(milli @ lost) / _MILLI_MS_PER_GPU_H,
        in_vain_gpu_h=float(milli @ np.where(is_vain, run_ms - lost, 0)) / _MILLI_MS_PER_GPU_H,
        endings=tuple(int(n) for n in count),
        causes=_causes(told),
        interruptions=int(count[Ending.NODE_FAILED]),
    )


def _causes(told: Told) -> tuple[Cause, ...]:
    outages, places = told.record.outages, told.record.places
    hours = (outages.until_ms - outages.from_ms) / 3_600_000.0 * places.gpus[outages.node]
    found = []
    for code, name in enumerate(outages.causes):
        mine = outages.cause == code
        if mine.any():
            parts = len(np.unique(outages.failure[mine]))
            found.append(Cause(name, parts, int(mine.sum()), float(hours[mine].sum())))
    return tuple(sorted(found, key=lambda cause: -cause.gpu_h))
