"""What the report is told of one run: its record, its jobs, and what another part of the twin
computed of power, energy and money. Empty columns and None mean "not modelled", never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from arkwright.errors import InputError, InternalError, Problem
from arkwright.twin.power import STEPPED, Power, SitePower
from arkwright.twin.record import Record

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Labels(Struct, frozen=True, eq=False):
    """A column of names: a code per job, and the names."""

    codes: npt.NDArray[np.integer[Any]]
    """[n_jobs]; -1 where nothing is told."""
    names: tuple[str, ...] = ()


class Jobs(Struct, frozen=True, eq=False, kw_only=True):
    """One row per job: the rows that `Record.attempts.job` points to."""

    ids: npt.NDArray[Any]
    """[n_jobs]: int64, or text (dtype object), as the trace names them."""
    submit_ms: Ints
    """[n_jobs], of the record's clock."""
    estimate_ms: Ints
    """[n_jobs]: the limit its user asked for; -1 not told."""
    gpus_milli: Ints
    """[n_jobs]: GPUs of the whole job, in thousandths."""
    project: Labels
    pool: Labels
    kind: Labels
    """`batch`, `service`, or the kinds of work that the trace tells."""
    outcome: Labels
    """What the trace says became of it: shown beside the job, never counted, but for jobs that
    never started and were `cancelled`: they are not waiting."""

    def __len__(self) -> int:
        return len(self.submit_ms)


class Told(Struct, frozen=True, eq=False, kw_only=True):
    """One run as the report is told it."""

    name: str
    """Of the policy or the factory: what tells this run from those beside it."""
    record: Record
    jobs: Jobs
    power: Power = Power()
    notes: tuple[str, ...] = ()
    """Sentences for the end of the page: assumptions, sources, what is not validated."""
    is_dated: bool = True
    """False where times count from the trace's own zero and no calendar is known."""


def check(runs: Sequence[Told]) -> None:
    """Raises InputError for no runs or a name twice, InternalError for columns that do not fit."""
    if not runs:
        raise InputError("writing the report: there is no run to tell of; give at least one")
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        right = "every run of a report needs its own name"
        problems = [Problem("runs", name, f"{names.count(name)} runs", right) for name in twice]
        raise InputError("writing the report: runs cannot be told apart", problems)
    wrong = [f"run {run.name}: {text}" for run in runs for text in _misfits(run)]
    if wrong:
        raise InternalError("writing the report:\n" + "\n".join(wrong))


def _misfits(run: Told) -> list[str]:
    record, jobs = run.record, run.jobs
    attempts = record.attempts
    n_jobs, n_attempts, n_pairs = len(jobs), len(attempts.job), len(attempts.node)
    columns = {
        "jobs.ids": (jobs.ids, n_jobs),
        "jobs.estimate_ms": (jobs.estimate_ms, n_jobs),
        "jobs.gpus_milli": (jobs.gpus_milli, n_jobs),
        "jobs.project": (jobs.project.codes, n_jobs),
        "jobs.pool": (jobs.pool.codes, n_jobs),
        "jobs.kind": (jobs.kind.codes, n_jobs),
        "jobs.outcome": (jobs.outcome.codes, n_jobs),
        "attempts.start_ms": (attempts.start_ms, n_attempts),
        "attempts.end_ms": (attempts.end_ms, n_attempts),
        "attempts.ending": (attempts.ending, n_attempts),
        "attempts.lost_ms": (attempts.lost_ms, n_attempts),
        "attempts.node_first": (attempts.node_first, n_attempts + 1),
        "attempts.gpu_milli": (attempts.gpu_milli, n_pairs),
    }
    wrong = [
        f"column {name} has {len(column)} entries where {wanted} are due"
        for name, (column, wanted) in columns.items()
        if len(column) != wanted
    ]
    if record.until_ms <= record.from_ms:
        wrong.append("it ends before it begins")
    for column, name, below in (
        (attempts.job, "attempts.job", n_jobs),
        (attempts.node, "attempts.node", len(record.places.path)),
    ):
        if len(column) and not (column.min() >= 0 and column.max() < below):
            wrong.append(f"{name} points outside its {below} rows")
    for site in run.power.sites:
        wrong += _power_misfits(site, record)
    return wrong


def _power_misfits(site: SitePower, record: Record) -> list[str]:
    wrong = []
    if site.site not in record.places.sites:
        wrong.append(f"power is told of {site.site}, which is none of the sites of the record")
    steps = len(site.t_ms)
    for name in STEPPED:
        entries = len(getattr(site, name))
        if entries not in (0, steps):
            wrong.append(f"power of {site.site}: {name} has {entries} entries for {steps} steps")
    if steps and (site.t_ms[0] > record.from_ms or bool(np.any(np.diff(site.t_ms) <= 0))):
        wrong.append(f"power of {site.site}: t_ms has to rise, from no later than the start")
    return wrong
