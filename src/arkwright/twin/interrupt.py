"""Telling whether a run came to its end or was told to stop on the way, and what it reached."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arkwright.twin.record import Record
from arkwright.twin.workload.table import JobTable, take


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


def submitted(jobs: JobTable, record: Record) -> JobTable:
    """The jobs that were submitted by the end of `record`, whose attempts point to the same rows.

    Jobs are in the order of submission, so those that a run did not come to are the last.
    """
    count = int(np.searchsorted(jobs.submit_ms, record.until_ms, side="right"))
    return jobs if count == len(jobs) else take(jobs, np.arange(count))
