"""An outcome as the report is told it."""

from __future__ import annotations

import numpy as np

from arkwright.twin.outcome import Outcome
from arkwright.twin.report import Jobs, Labels, Told
from arkwright.twin.workload.table import Labels as TableLabels
from arkwright.twin.workload.table import Outcome as JobOutcome


def told(outcome: Outcome) -> Told:
    """The run as `report_html` and `tally` take it; columns are passed on, not copied."""
    jobs = outcome.jobs
    return Told(
        name=outcome.name,
        record=outcome.record,
        jobs=Jobs(
            ids=jobs.ids,
            submit_ms=jobs.submit_ms,
            estimate_ms=jobs.estimate_ms,
            gpus_milli=jobs.gpus_milli,
            project=_labels(jobs.project),
            pool=_labels(jobs.pool),
            kind=_labels(jobs.workload),
            outcome=Labels(
                jobs.outcome.astype(np.int32), tuple(one.name.lower() for one in JobOutcome)
            ),
        ),
        power=outcome.power,
        notes=outcome.notes,
        is_dated=jobs.is_dated,
    )


def _labels(column: TableLabels) -> Labels:
    return Labels(column.codes, column.names)
