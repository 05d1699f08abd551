"""The last weeks of a cluster, as they were and as Arkwright would have decided them.

Between the two stand the same weeks decided by plain backfill on the first nodes that fit. What
lies between it and the past is mostly what accounting does not tell; what lies between it and
Arkwright is Arkwright's.

The jobs that ran come again when they first could, ask for what they got, last what they lasted and
are planned with their own limits, in Slurm's order of partitions and priorities; only who starts
when, and where, is decided anew. What ran at the beginning runs on; what waited then waits. What
accounting does not tell, the twin does not know, and `notes` say it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct, structs

from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_reading import Observed
from arkwright.errors import InputError
from arkwright.twin.fitting import fitting
from arkwright.twin.headline import rank, spans
from arkwright.twin.kernels import kernels_for
from arkwright.twin.observed.past import Past
from arkwright.twin.observed.present import POLICY, cluster_nodes
from arkwright.twin.outcome import Outcome
from arkwright.twin.record import Ints
from arkwright.twin.run import run
from arkwright.twin.setting import Setting, of_nodes
from arkwright.twin.workload.table import JobTable, take
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR

NEAR_MS: Final = 60_000
"""A start counts as the same within a minute: Slurm looks at its queue now and then."""
SHOWN: Final = 5
"""Jobs on either side that are listed by themselves."""
SIZES: Final = ((0, "no GPU"), (1, "1 GPU"), (8, "2 to 8"), (64, "9 to 64"), (512, "65 to 512"))
"""Largest number of GPUs of each row of the table, and its name; then come larger ones."""
LARGEST: Final = "more than 512"


class Waits(Struct, frozen=True, kw_only=True):
    """From when a job could first start to its start [s]."""

    mean_s: float
    median_s: float
    p95_s: float


class SizeRow(Struct, frozen=True, kw_only=True):
    """Jobs of one size."""

    size: str
    jobs: int
    slurm: Waits
    arkwright: Waits


class Whole(Struct, frozen=True, kw_only=True):
    """What the cluster did in the window. Units are GPUs, or CPUs where it has no GPU."""

    utilisation: float
    """Time of units held, over all there is."""
    idle_waiting_h: float
    """Hours of units that stood idle while at least one job that asks for such waited."""
    waits: Waits


class Difference(Struct, frozen=True, kw_only=True):
    """A job that Arkwright would have started at another time. Instants in ms since the epoch."""

    job: str
    user: str
    account: str
    gpus: float
    ready_ms: int
    """From when it could start."""
    slurm_ms: int
    arkwright_ms: int


class Comparison(Struct, frozen=True, kw_only=True):
    """Both, side by side."""

    from_ms: int
    until_ms: int
    unit: str
    """`GPU`, or `CPU`."""
    units: float
    """How many there are."""
    jobs: int
    """Submitted in the window, and compared."""
    slurm: Whole
    plain: Whole
    """The twin under plain backfill and first fit: what is not Arkwright's merit."""
    arkwright: Whole
    sizes: list[SizeRow]
    sooner: int
    later: int
    same: int
    """Within a minute."""
    differences: list[Difference]
    """The largest, those sooner first: GPUs times time."""
    notes: list[str]


class Compared(NamedTuple):
    """The comparison, and the run behind it for pages and tables."""

    comparison: Comparison
    outcome: Outcome


def compare(
    found: Observed,
    past: Past,
    kernels_folder: Path,
    progress: Callable[[float], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Compared:
    """Decide the window of `past` anew. InputError where nothing of it can be run."""
    listed = inventory_of(found.cluster)
    nodes = cluster_nodes(found, listed.inventory)
    setting = of_nodes(nodes, (), POLICY, ())
    plain = of_nodes(nodes, (), structs.replace(POLICY, placement="first-fit"), ())
    tiers = {line.name: line.tier for line in found.cluster.partitions}
    jobs, misfits = fitting(setting, _again(past, tiers, found.cluster.is_memory_counted))
    if not len(jobs):
        raise InputError(f"no job of the history fits the cluster as it is now: {misfits}")
    kernels = kernels_for(len(jobs), kernels_folder, notice)
    record = run(setting, jobs, past.from_ms, None, kernels=kernels, progress=_half(progress, 0))
    other = run(plain, jobs, past.from_ms, None, kernels=kernels, progress=_half(progress, 1))
    starts_ms = [spans(each.attempts, len(jobs))[0] for each in (record, other)]
    notes = _notes(past, misfits, len(nodes))
    outcome = Outcome(
        name="Arkwright on the cluster's own jobs",
        factory=found.cluster.cluster or "slurm",
        policy={"ordering": "priority", "backfill": "easy"},
        seed=0,
        jobs=jobs,
        record=record,
        modelled=("scheduling", "topology"),
        notes=tuple(notes),
    )
    return Compared(_compared(past, setting, jobs, starts_ms, notes), outcome)


def _half(progress: Callable[[float], None] | None, which: int) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda share: progress((which + share) / 2)


def _again(past: Past, tiers: dict[str, int], counts_memory: bool) -> JobTable:
    """The jobs as they come to the twin, those that ran already at the beginning first."""
    jobs = past.jobs
    from_ms = past.from_ms
    jobs = take(jobs, (jobs.start_ms >= 0) & (jobs.start_ms + jobs.run_ms > from_ms))
    ran = jobs.start_ms < from_ms
    done_ms = np.where(ran, from_ms - jobs.start_ms, 0)
    tier_of = np.array([*(tiers.get(name, 1) for name in jobs.pool.names), 1], np.int64)
    # A tier stands above every priority; what runs already above all tiers.
    most = int(jobs.priority.max(initial=0)) + 1
    tier = np.where(ran, int(tier_of.max()) + 1, tier_of[jobs.pool.codes])
    _, order = np.unique(tier * most + np.clip(jobs.priority, 0, most - 1), return_inverse=True)
    planned = np.maximum(jobs.estimate_ms - done_ms, 1)
    changed = structs.replace(
        jobs,
        submit_ms=np.maximum(jobs.submit_ms, from_ms),
        run_ms=jobs.run_ms - done_ms,
        estimate_ms=np.where(jobs.estimate_ms > 0, planned, jobs.estimate_ms),
        priority=order.astype(np.int64),
        memory_mib=jobs.memory_mib if counts_memory else np.zeros_like(jobs.memory_mib),
        preemptible=np.zeros(len(jobs), np.bool_),
    )
    return take(changed, np.argsort(changed.submit_ms, kind="stable"))


def _compared(
    past: Past, setting: Setting, jobs: JobTable, starts_ms: Sequence[Ints], notes: list[str]
) -> Comparison:
    """`starts_ms`: by Arkwright, and by plain backfill."""
    start_ms, plain_ms = starts_ms
    window = (past.from_ms, past.until_ms)
    gpus = float(setting.places.gpus.sum())
    units = gpus or float(setting.state.node_cpu_milli_total.sum()) / MILLI
    held = (jobs.gpus_milli if gpus else jobs.cpus_milli) / MILLI
    actual_ms = np.maximum(jobs.start_ms, past.from_ms)
    # Of the jobs that came in the window and started in it: the others' waits are cut short.
    counts = (jobs.submit_ms > past.from_ms) & (jobs.start_ms >= past.from_ms)
    counts &= (start_ms >= 0) & (plain_ms >= 0)
    before, after = actual_ms[counts], start_ms[counts]
    submit = jobs.submit_ms[counts]
    moved = after - before
    in_gpus = jobs.gpus_milli[counts] / MILLI
    return Comparison(
        from_ms=window[0],
        until_ms=window[1],
        unit="GPU" if gpus else "CPU",
        units=units,
        jobs=int(counts.sum()),
        slurm=_whole(jobs, actual_ms, held, units, window, before - submit),
        plain=_whole(jobs, plain_ms, held, units, window, plain_ms[counts] - submit),
        arkwright=_whole(jobs, start_ms, held, units, window, after - submit),
        sizes=list(_by_size(in_gpus, before - submit, after - submit)),
        sooner=int((moved < -NEAR_MS).sum()),
        later=int((moved > NEAR_MS).sum()),
        same=int((np.abs(moved) <= NEAR_MS).sum()),
        differences=_differences(jobs, np.flatnonzero(counts), moved, actual_ms, start_ms),
        notes=notes,
    )


def _differences(
    jobs: JobTable, rows: Ints, moved_ms: Ints, actual_ms: Ints, start_ms: Ints
) -> list[Difference]:
    """The few jobs for which most GPU time of waiting was gained, and lost."""
    weight = moved_ms * np.maximum(jobs.gpus_milli[rows], 1).astype(np.float64)
    order = np.argsort(weight, kind="stable")
    picked = [*order[:SHOWN], *order[max(SHOWN, len(order) - SHOWN) :]]
    return [
        Difference(
            job=str(jobs.ids[row]),
            user=jobs.user.of(row) or "",
            account=jobs.project.of(row) or "",
            gpus=float(jobs.gpus_milli[row]) / MILLI,
            ready_ms=int(jobs.submit_ms[row]),
            slurm_ms=int(actual_ms[row]),
            arkwright_ms=int(start_ms[row]),
        )
        for place in picked
        if abs(int(moved_ms[place])) > NEAR_MS
        for row in (int(rows[place]),)
    ]


def _by_size(gpus: np.ndarray, slurm_ms: Ints, arkwright_ms: Ints) -> list[SizeRow]:
    edges = np.array([most for most, _ in SIZES])
    place = np.searchsorted(edges, gpus, side="left")
    names = [*(name for _, name in SIZES), LARGEST]
    return [
        SizeRow(
            size=name,
            jobs=int(mine.sum()),
            slurm=waits_of(slurm_ms[mine]),
            arkwright=waits_of(arkwright_ms[mine]),
        )
        for number, name in enumerate(names)
        if (mine := place == number).any()
    ]


def waits_of(wait_ms: Ints) -> Waits:
    """Mean, median and the smallest wait that 95 of 100 did not exceed; NaN without a job."""
    ordered = np.sort(np.maximum(wait_ms, 0)) / MS_PER_S
    return Waits(
        mean_s=float(ordered.mean()) if len(ordered) else float("nan"),
        median_s=rank(ordered, 0.5),
        p95_s=rank(ordered, 0.95),
    )


def _whole(
    jobs: JobTable,
    start_ms: Ints,
    held: np.ndarray,
    units: float,
    window: tuple[int, int],
    wait_ms: Ints,
) -> Whole:
    """Starts [n_jobs] with -1 for none; `held` [n_jobs] is what each job holds while it runs."""
    from_ms, until_ms = window
    begin = np.where(start_ms < 0, until_ms, np.clip(start_ms, from_ms, until_ms))
    end = np.where(start_ms < 0, until_ms, np.clip(start_ms + jobs.run_ms, from_ms, until_ms))
    come = np.clip(jobs.submit_ms, from_ms, until_ms)
    held_ms = float((held * (end - begin)).sum())
    asks = held > 0
    at = np.concatenate([begin, end, come[asks], begin[asks]])
    more = np.concatenate([held, -held, np.zeros(2 * int(asks.sum()))])
    ones = np.ones(int(asks.sum()))
    waiting = np.concatenate([np.zeros(2 * len(held)), ones, -ones])
    order = np.argsort(at, kind="stable")
    span_ms = np.diff(at[order], append=until_ms)
    used, queue = np.cumsum(more[order]), np.cumsum(waiting[order])
    idle_ms = float((np.maximum(units - used, 0) * span_ms * (queue > 0.5)).sum())
    return Whole(
        utilisation=held_ms / (units * (until_ms - from_ms)) if units else 0.0,
        idle_waiting_h=idle_ms / (MS_PER_S * S_PER_HOUR),
        waits=waits_of(wait_ms),
    )


def _notes(past: Past, misfits: str, nodes: int) -> list[str]:
    """What the comparison rests on, and what would have made Slurm's figures look worse."""
    dropped = [f"{tally.count:,} records left out: {why}" for why, tally in
               past.reading.dropped.items()]  # fmt: skip
    return [
        f"all {nodes:,} nodes are taken to have been in service throughout: accounting does not "
        "tell when one was not, so Arkwright's waits are a lower bound",
        "limits of accounts and QOS, licences, reservations of those weeks, constraints and nodes "
        "asked for by name are not known; begin times, dependencies and array limits are (a job "
        "counts from when it could first start)",
        "what each job got is what it asks for, its type of GPU too; it lasts as long as it did, "
        "wherever it runs",
        *([misfits] if misfits else []),
        *dropped,
    ]
