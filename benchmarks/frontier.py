"""Half a million GPUs kept full, and one gang that takes 32 pods of them: two simulated days.

The shape of fleetsim's frontier example (felivalencia3/mini-compute-simulator@1b7b272,
examples/04_frontier): 4 clusters of 32 pods of 16 units of 32 eight-GPU nodes; short evaluations,
fine-tunings, large trainings, a backlog of work that anybody may stop, and a training of 131,072
GPUs in 32 segments of one pod each. Sizes and median durations are the example's. Ours differs:

- arrivals are Poisson without a daily swing, and fixed in number, so that there are 36,000 jobs;
- all of the backlog is queued from the start, not topped up to 128, so the queue is deeper;
- decisions at every event, not every 120 s; EASY with a reservation for the first that waits;
- the large gang takes pods of any cluster, each wholly, and may stop fine-tunings too: these save
  hourly and go on from there; the backlog saves nothing and begins again.

Neither side computes failures, power or money here.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from arkwright import sched
from arkwright.sched.codes import CRITICAL, FLEXIBLE
from arkwright.sched.forward import Lasting, Run

GPUS_PER_NODE = 8
UNIT, POD, CLUSTER = 32, 512, 16_384
NODES = 4 * CLUSTER
HORIZON_MS = 2 * 86_400_000
HOUR_MS = 3_600_000
GRACE_MS = 60_000
FRONTIER_AT_MS = 24 * HOUR_MS
EVICTION = sched.Eviction(
    enabled=1, priority_gap=10, evictions_max=5, candidates_max=4_096, domains_max=8, tries=4
)


class Kind(NamedTuple):
    """Jobs of one kind: sizes [GPUs] with their shares, and log-normal durations."""

    jobs: int
    gpus: tuple[int, ...]
    shares: tuple[float, ...]
    median_s: float
    p90_s: float
    tier: int
    preemptible: int
    priority: int
    saves_ms: int = 0


KINDS = {
    "evaluation": Kind(
        19_200, (1, 2, 4, 8), (0.4, 0.2, 0.2, 0.2), 120, 1_350, FLEXIBLE, 0, 2
    ),
    "finetune": Kind(
        4_000, (64, 128, 256, 512, 1024), (0.3, 0.25, 0.2, 0.15, 0.1), 4 * 3600, 24 * 3600,
        FLEXIBLE, 1, 1, HOUR_MS,
    ),
    "training": Kind(
        28, (1024, 2048, 4096), (0.4, 0.35, 0.25), 12 * 86_400, 30 * 86_400, CRITICAL, 0, 3
    ),
    "backlog": Kind(
        12_771, (256, 512), (0.5, 0.5), 2 * 3600, 8 * 3600, FLEXIBLE, 1, 0
    ),
}  # fmt: skip
P90 = 1.2815515655446004
"""Standard deviations of the normal distribution to its 90th percentile."""


def frontier(kernels: sched.Kernels, seed: int = 7) -> dict[str, Any]:
    """CPU seconds of the run, and what happened in it."""
    state = _fleet(NODES)
    state, events, saves_ms, big = _workload(state, seed)
    began = time.process_time()
    lasting = Lasting(saves_ms, np.zeros_like(saves_ms))
    run = Run(state, events, 0, kernels=kernels, lasting=lasting, keeps_log=False)
    occupied = []
    for hour in range(1, HORIZON_MS // HOUR_MS + 1):
        run.through(hour * HOUR_MS)
        free = int(run.state.node_gpu_milli_free.sum())
        occupied.append(1 - free / (NODES * GPUS_PER_NODE * 1000))
    run_s = time.process_time() - began
    after = run.state
    slot = int(after.job_slot[big])
    held = after.slot_node[slot : slot + int(after.class_gang_nodes[after.job_class[big]])]
    pods = np.unique(held[held >= 0] // POD)
    return {
        "gpus": NODES * GPUS_PER_NODE,
        "jobs": len(events),
        "run_cpu_s": round(run_s, 2),
        "starts": run.starts,
        "occupied_mean": round(float(np.mean(occupied)), 4),
        "occupied_min": round(min(occupied), 4),
        "told_to_stop": int(after.job_evictions.sum()),
        "queued_at_end": int(after.queued_count[0]),
        "gang_pods": len(pods),
        "gang_wait_s": (int(after.job_start_ms[big]) - FRONTIER_AT_MS) / 1000,
        "gang_state": int(after.job_state[big]),
    }


def _fleet(count: int) -> sched.State:
    nodes = np.arange(count)
    zeros = np.zeros(count, np.int64)
    domain = np.array([nodes // UNIT, nodes // POD, nodes // CLUSTER, zeros])
    gpu_milli = np.full(count, GPUS_PER_NODE * 1000)
    columns = sched.Nodes(domain, zeros, zeros, zeros, gpu_milli, zeros, zeros)
    return sched.empty(columns, eviction=EVICTION)


def _workload(
    state: sched.State, seed: int
) -> tuple[sched.State, Any, np.ndarray[Any, np.dtype[np.int64]], int]:
    """The state with all classes, the timetable, how often each job saves, the large gang's row."""
    random = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, int, int]] = []
    for name, kind in KINDS.items():
        classes = {}
        for gpus in kind.gpus:
            state = sched.apply(state, sched.add_class(0, _shape(gpus, kind)))
            classes[gpus] = int(state.class_count[0]) - 1
        at_ms = np.sort(random.integers(0, HORIZON_MS, kind.jobs))
        if name == "backlog":
            at_ms[:] = 0
        sizes = random.choice(kind.gpus, kind.jobs, p=kind.shares)
        sigma = np.log(kind.p90_s / kind.median_s) / P90
        lasts = 1000 * np.maximum(random.lognormal(np.log(kind.median_s), sigma, kind.jobs), 1.0)
        for at, gpus, last in zip(at_ms.tolist(), sizes.tolist(), lasts.tolist(), strict=True):
            rows.append((at, classes[gpus], round(last), kind.priority, kind.saves_ms))
    gang = sched.Shape(
        nodes=32 * POD, gpu_milli=GPUS_PER_NODE * 1000, level_required=3,
        segment=POD, segment_level=1, tier=CRITICAL,
    )  # fmt: skip
    state = sched.apply(state, sched.add_class(0, gang))
    rows.append((FRONTIER_AT_MS, int(state.class_count[0]) - 1, 25 * 86_400_000, 4, HOUR_MS))
    rows.sort(key=lambda row: row[0])
    events = sched.timetable(
        (sched.submit(at, cls, last, priority), last) for at, cls, last, priority, _ in rows
    )
    saves_ms = np.array([row[4] for row in rows], np.int64)
    big = next(index for index, row in enumerate(rows) if row[3] == 4)
    return state, events, saves_ms, big


def _shape(gpus: int, kind: Kind) -> sched.Shape:
    """As many whole nodes as hold the GPUs, in one pod where a pod is large enough."""
    nodes = -(-gpus // GPUS_PER_NODE)
    return sched.Shape(
        nodes=nodes,
        gpu_milli=min(gpus, GPUS_PER_NODE) * 1000,
        level_required=1,
        tier=kind.tier,
        preemptible=kind.preemptible,
        grace_ms=GRACE_MS if kind.preemptible else 0,
    )
