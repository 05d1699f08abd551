"""What finished jobs of the cluster used: the ledger's receipt, and sums by account.

Slurm's accounting rarely has energy. What is printed is reckoned: the time on nodes times what a
node with such GPUs draws at work, by the catalogue, and it is called an estimate.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from arkwright import catalog
from arkwright.errors import InputError
from arkwright.jobs.events import Event, EventKind
from arkwright.ledger import Receipt, Tariff, receipt
from arkwright.physics.energy import energy_kwh
from arkwright.twin.draw import node_draw
from arkwright.twin.observed.past import Past
from arkwright.twin.observed.present import Present
from arkwright.twin.workload.table import JobTable, Outcome
from arkwright.units import J_PER_KWH, MILLI, MS_PER_S, S_PER_HOUR, W_PER_KW

_STATES = {
    Outcome.COMPLETED: "succeeded",
    Outcome.CANCELLED: "cancelled",
    Outcome.UNKNOWN: "succeeded",
}
NOT_KNOWN = "not known: the catalogue has no system with such GPUs"


class Watts(NamedTuple):
    """What one GPU draws at work with its share of the node [W], and why."""

    per_gpu: float | None
    how: str


class AccountUse(Struct, frozen=True, kw_only=True):
    """An account's jobs in the history."""

    account: str
    jobs: int
    gpu_hours: float
    cpu_hours: float
    kwh_estimate: float | None
    """IT energy; None where nobody knows what its GPUs draw."""


def receipt_of(
    past: Past, now: Present, job_id: str, site: str, tariff: Tariff | None = None
) -> Receipt:
    """The receipt of a job of the history. InputError for one that is not there."""
    jobs = past.jobs
    number = past.names.get(job_id, job_id)
    rows = [row for row, name in enumerate(jobs.ids.tolist()) if str(name) == number]
    if not rows:
        raise InputError(
            f"job {job_id}: the history has no such job that ran; `sacct -j {job_id}` says whether "
            "it is older"
        )
    events = [_event(jobs, rows[0], 1, EventKind.JOB_SUBMITTED, job_id, {}, _submitted(jobs, rows))]
    for attempt, row in enumerate(rows, start=1):
        events += _attempt(past, now, row, f"{job_id}.{attempt}", site)
    tariffs = {} if tariff is None else {site: tariff}
    return receipt(events, now_ms=past.until_ms, tariffs=tariffs, cpu=catalog.cpu_model())


def by_account(past: Past, now: Present) -> list[AccountUse]:
    """Sums over what ran in the window, the largest user of GPUs first."""
    jobs = past.jobs
    found: dict[str, list[float]] = {}
    known: dict[tuple[str | None, str | None], Watts] = {}
    for row in range(len(jobs)):
        kind = jobs.gpu_type.of(row), jobs.pool.of(row)
        watts = known.setdefault(kind, watts_of(now, *kind))
        begin = max(int(jobs.start_ms[row]), past.from_ms)
        hours = max(0, int(jobs.start_ms[row] + jobs.run_ms[row]) - begin) / (MS_PER_S * S_PER_HOUR)
        gpu_h = hours * float(jobs.gpus_milli[row]) / MILLI
        sums = found.setdefault(jobs.project.of(row) or "", [0, 0, 0, 0, 0])
        sums[0] += 1
        sums[1] += gpu_h
        sums[2] += hours * float(jobs.cpus_milli[row]) / MILLI
        sums[3] += gpu_h * (watts.per_gpu or 0.0) / W_PER_KW
        sums[4] += gpu_h if watts.per_gpu is None else 0
    rows = [
        AccountUse(
            account=name,
            jobs=int(count),
            gpu_hours=gpu_h,
            cpu_hours=cpu_h,
            kwh_estimate=None if lost or not gpu_h else kwh,
        )
        for name, (count, gpu_h, cpu_h, kwh, lost) in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.gpu_hours, -row.cpu_hours, row.account))


def watts_of(now: Present, gpu_type: str | None, pool: str | None) -> Watts:
    """By the type a job asked for, else by the one type its partition has."""
    kinds = {
        (node.gpu_type, node.system)
        for node in now.nodes
        if node.gpus
        and (gpu_type is None or node.gpu_type == gpu_type)
        and (gpu_type is not None or pool is None or pool in node.pools)
    }
    systems = {system or _with_gpu(kind) for kind, system in kinds}
    if len(systems) != 1 or None in systems:
        return Watts(None, NOT_KNOWN if len(systems) <= 1 else "not known: GPUs of several kinds")
    (name,) = systems
    system = catalog.system(name or "")
    draw = node_draw(system.name)
    per_gpu = draw.training_w / system.gpus_per_node
    return Watts(per_gpu, f"{per_gpu:,.0f} W per GPU of {system.name} in training")


def _with_gpu(gpu_type: str) -> str | None:
    """The system with such GPUs that draws least, as the twin judges it."""
    rows = [row for row in catalog.systems().values() if row.gpu == gpu_type]
    return min(rows, key=lambda row: row.gpu_power_w_max).name if rows else None


def _submitted(jobs: JobTable, rows: list[int]) -> dict[str, object]:
    row = rows[0]
    return {
        "spec": {"name": str(jobs.ids[row])},
        "project": jobs.project.of(row) or "",
        "user": jobs.user.of(row) or "",
        "state": "queued",
    }


def _attempt(past: Past, now: Present, row: int, attempt: str, site: str) -> list[Event]:
    jobs = past.jobs
    gpus = float(jobs.gpus_milli[row]) / MILLI
    start_ms, run_ms = int(jobs.start_ms[row]), int(jobs.run_ms[row])
    started: dict[str, object] = {
        "state": "starting",
        "site": site,
        "nodes": [""] * max(1, int(jobs.nodes[row])),
        "gpus": gpus,
        "is_virtual": False,
    }
    begun = _event(jobs, row, 2, EventKind.JOB_STARTED, attempt, {}, started, start_ms)
    if start_ms + run_ms >= past.until_ms:
        return [begun]
    watts = watts_of(now, jobs.gpu_type.of(row), jobs.pool.of(row))
    joules = None
    if watts.per_gpu is not None and gpus:
        joules = float(energy_kwh(watts.per_gpu * gpus * run_ms)) * J_PER_KWH
    over: dict[str, object] = {
        "state": _STATES.get(Outcome(int(jobs.outcome[row])), "failed"),
        "energy_j": joules,
        "energy_method": f"an estimate: {watts.how}" if joules is not None else "none",
        "cpu_s": 0.0,
    }
    cause = Outcome(int(jobs.outcome[row])).name.lower()
    ended = _event(
        jobs, row, 3, EventKind.JOB_ENDED, attempt, {}, over, start_ms + run_ms, cause=cause
    )
    return [begun, ended]


def _event(
    jobs: JobTable,
    row: int,
    seq: int,
    kind: EventKind,
    subject: str,
    before: dict[str, object],
    after: dict[str, object],
    at_ms: int | None = None,
    cause: str = "observed",
) -> Event:
    return Event(
        seq=seq,
        at_ms=int(jobs.submit_ms[row]) if at_ms is None else at_ms,
        kind=kind,
        subject=subject,
        actor="engine:slurm",
        cause=cause,
        before=before,
        after=after,
    )
