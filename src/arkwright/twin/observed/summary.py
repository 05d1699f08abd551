"""What a cluster has, what runs on it and what waits: figures for a page or a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct

from arkwright.engines.slurm.description_queue import QueuedJob
from arkwright.engines.slurm.description_reading import Observed
from arkwright.twin.observed.compare import LARGEST, SIZES, Waits, waits_of
from arkwright.twin.observed.past import Past
from arkwright.twin.observed.present import Present
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR


class GpuUse(Struct, frozen=True, kw_only=True):
    """GPUs of one type."""

    gpu_type: str
    gpus: int
    in_service: int
    """On nodes that are up."""
    used: float


class PoolUse(Struct, frozen=True, kw_only=True):
    """One partition. Pools may overlap, so columns do not add up."""

    pool: str
    nodes: int
    gpus: int
    running: int
    waiting: int
    held: int
    """Of those waiting, by Slurm's word for something else than resources."""
    gpus_wanted: float
    """By those that wait and are not held."""
    oldest_s: float | None
    """How long the oldest of those has waited."""


class SizeWaits(Struct, frozen=True, kw_only=True):
    """How long jobs of one size waited, in the history."""

    size: str
    jobs: int
    waits: Waits
    gpu_hours: float


class Summary(Struct, frozen=True, kw_only=True):
    """A cluster at one instant."""

    cluster: str
    version: str
    now_ms: int
    nodes: int
    nodes_up: int
    nodes_draining: int
    nodes_down: int
    cpus: int
    cpus_used: int
    gpus: list[GpuUse]
    leaves: int
    blocks: int
    pools: list[PoolUse]
    reasons: list[tuple[str, int]]
    """Slurm's words for what waiting jobs wait for, the most frequent first."""
    reservations: list[str]
    would_start: list[str]
    """Jobs that Arkwright would start at this instant, in its order."""
    history: list[SizeWaits]
    history_from_ms: int | None
    notes: list[str]


def summary_of(found: Observed, now: Present, past: Past | None) -> Summary:
    """The figures. `past` None: without a history."""
    conditions = Counter(line.condition for line in found.cluster.nodes)
    topology = found.cluster.topology
    starts = now.fleet.decide(found.now_ms)
    return Summary(
        cluster=found.cluster.cluster,
        version=found.cluster.version,
        now_ms=found.now_ms,
        nodes=len(found.cluster.nodes),
        nodes_up=conditions["up"],
        nodes_draining=conditions["draining"],
        nodes_down=conditions["down"],
        cpus=sum(line.cpus for line in found.cluster.nodes),
        cpus_used=sum(line.cpus_allocated for line in found.cluster.nodes),
        gpus=_gpus(found, now),
        leaves=sum(bool(switch.nodes) for switch in topology.switches.values()),
        blocks=len(topology.blocks),
        pools=[_pool(found, now, line.name, line.nodes) for line in found.cluster.partitions],
        reasons=Counter(_word(job) for job in now.jobs.values() if job.is_waiting).most_common(8),
        reservations=[each.name for each in found.reservations if each.until_ms > found.now_ms],
        would_start=[start.job_id for start in starts],
        history=[] if past is None else list(_history(past)),
        history_from_ms=None if past is None else past.from_ms,
        notes=[*found.notes, *now.notes],
    )


def _gpus(found: Observed, now: Present) -> list[GpuUse]:
    up = {line.name for line in found.cluster.nodes if line.condition == "up"}
    there: Counter[str] = Counter()
    serving: Counter[str] = Counter()
    used: dict[str, float] = {}
    for node in now.nodes:
        kind = node.gpu_type
        there[kind] += node.gpus
        serving[kind] += node.gpus if node.tray in up else 0
        used[kind] = used.get(kind, 0.0) + node.gpus - now.fleet.gpus_free(node.path)
    return [
        GpuUse(gpu_type=kind, gpus=count, in_service=serving[kind], used=used[kind])
        for kind, count in there.items()
        if count
    ]


def _pool(found: Observed, now: Present, name: str, nodes: Sequence[str]) -> PoolUse:
    mine = [job for job in now.jobs.values() if name in job.partitions]
    waiting = [job for job in mine if job.is_waiting]
    in_turn = [job for job in waiting if job.id not in now.held]
    names = set(nodes)
    return PoolUse(
        pool=name,
        nodes=len(nodes),
        gpus=sum(node.gpus for node in now.nodes if node.tray in names),
        running=len(mine) - len(waiting),
        waiting=len(waiting),
        held=len(waiting) - len(in_turn),
        gpus_wanted=sum(job.gpus for job in in_turn),
        oldest_s=_oldest_s(in_turn, found.now_ms),
    )


def _oldest_s(jobs: Iterable[QueuedJob], now_ms: int) -> float | None:
    since = [max(job.submit_ms, job.eligible_ms or 0) for job in jobs]
    return max(0.0, (now_ms - min(since)) / MS_PER_S) if since else None


def _word(job: QueuedJob) -> str:
    """`ReqNodeNotAvail, UnavailableNodes:gpu[1-4]` without what follows its word."""
    return job.reason.partition(",")[0].partition("(")[0] or "None"


def _history(past: Past) -> Iterable[SizeWaits]:
    jobs = past.jobs
    edges = np.array([most for most, _ in SIZES])
    gpus = jobs.gpus_milli / MILLI
    place = np.searchsorted(edges, gpus, side="left")
    wait_ms = jobs.start_ms - jobs.submit_ms
    names = [*(name for _, name in SIZES), LARGEST]
    for number, name in enumerate(names):
        mine = (place == number) & (jobs.start_ms >= 0)
        if mine.any():
            hours = gpus[mine] * jobs.run_ms[mine] / (MS_PER_S * S_PER_HOUR)
            yield SizeWaits(
                size=name,
                jobs=int(mine.sum()),
                waits=waits_of(wait_ms[mine]),
                gpu_hours=float(hours.sum()),
            )
