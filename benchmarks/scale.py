"""The scheduler at the size of the largest factories: its goals, each with what was active.

Two factories, 100,000 GPUs each: 25,000 four-GPU trays in racks of 18 that are one scale-up domain,
and 12,500 eight-GPU nodes. Levels up to the site, a quota tree of 21 rows, power rows for site,
halls and racks that all have a limit. Compiled kernels from a warm cache, CPU seconds. What is
measured is the decision: `cycle` on a state that is there. The live loop also copies the state
first (`copy_ms`), which grows with the factory.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from arkwright import sched
from arkwright.sched.schedule import cycle_with
from arkwright.sched.state import grown
from arkwright.sched.work import Work, workspace

KERNELS = Path(tempfile.gettempdir()) / "arkwright-bench-kernels"
PROJECTS = 20
SMALL_GANG = 4
QUEUED = 30_000
STEPS = 1_000
SITE = 5
ACTIVE = "gang, topology (preferred up, required site), quota tree, power rows, EASY"
SIZES = (3_125, 6_250, 12_500, 25_000, 50_000)


class Kind(NamedTuple):
    """How a factory is built: GPUs of a node, and nodes of a domain of each level."""

    gpus: int
    domains: tuple[int, ...]
    rack: int
    watts: int


TRAYS = Kind(4, (18, 18, 18 * 8, 18 * 64, 18 * 256), 18, 7_000)
NODES = Kind(8, (1, 4, 32, 512, 4_096), 4, 10_200)


def run() -> dict[str, Any]:
    """Every goal line with its figure and whether it is reached."""
    kernels = sched.compiled(str(KERNELS))
    figures: dict[str, Any] = {"active_constraints": ACTIVE}
    for name, kind, count in (("trays", TRAYS, 25_000), ("nodes", NODES, 12_500)):
        measured = _sustained(kind, count, kernels) | _large(kind, count, kernels)
        figures |= {f"{name}_{key}": value for key, value in measured.items()}
        scarce = _sustained(kind, count, kernels, power_share=0.6)
        for key in ("pass_s", "gangs_per_s", "decision_p99_ms"):
            figures[f"{name}_power_bound_{key}"] = scarce[key]
    for name, kind in (("trays", TRAYS), ("nodes", NODES)):
        cost = [_small(kind, count, kernels) for count in SIZES]
        figures[f"{name}_small_gang_us"] = dict(zip(SIZES, cost, strict=True))
        figures[f"{name}_growth_exponent"] = round(slope(SIZES, cost), 2)
    figures["trays_50000_mib"] = _peak_mib()
    goals = {
        "one_decision_p99_50_ms": max(_all(figures, "decision_p99_ms")) <= 50,
        "gangs_per_s_500": min(_all(figures, "gangs_per_s")) >= 500,
        "pass_over_30000_2_s": max(_all(figures, "pass_s")) <= 2,
        "gang_of_4096_0.5_s": max(_all(figures, "gang_4096_s")) <= 0.5,
        "50000_trays_1_gib": figures["trays_50000_mib"] <= 1024,
        "growth_exponent_0.5": max(_all(figures, "growth_exponent")) <= 0.5,
    }
    return figures | {"goal_reached": goals}


def factory(kind: Kind, count: int, power_share: float = 1.0) -> sched.State:
    """An idle factory; its site has power for a share of its nodes, halls and racks for all."""
    nodes = np.arange(count)
    zeros = np.zeros(count, np.int64)
    domain = np.array([*(nodes // size for size in kind.domains), zeros])
    racks, halls = -(-count // kind.rack), -(-count // kind.domains[-1])
    total = count * kind.gpus * 1000
    quota = [total, *[total // 8] * PROJECTS]
    site = len(quota)
    hall_of_rack = np.arange(racks) * kind.rack // kind.domains[-1]
    parent = [-1, *[0] * PROJECTS, -1, *[site] * halls, *(site + 1 + hall_of_rack)]
    rack_w = kind.rack * kind.watts
    limit = [
        *quota,
        int(power_share * count * kind.watts),
        *[kind.domains[-1] * kind.watts] * halls,
    ]
    return sched.empty(
        sched.Nodes(
            domain=domain,
            pool=zeros,
            gpu_type=zeros,
            site=zeros,
            gpu_milli=np.full(count, kind.gpus * 1000),
            cpu_milli=np.full(count, 128_000),
            memory_mib=np.full(count, 1_000_000),
            row=site + 1 + halls + nodes // kind.rack,
        ),
        sched.Rows(parent, [*limit, *[rack_w] * racks]),
    )


def _with_classes(state: sched.State, kind: Kind, sizes: tuple[int, ...]) -> sched.State:
    for project in range(PROJECTS):
        for nodes in sizes:
            shape = sched.Shape(
                nodes,
                kind.gpus * 1000,
                cpu_milli=16_000 * kind.gpus,
                level_required=SITE,
                row=1 + project,
                watts=kind.watts - 200,
            )
            state = sched.apply(state, sched.add_class(0, shape))
    return state


def _sustained(
    kind: Kind, count: int, kernels: sched.Kernels, power_share: float = 1.0
) -> dict[str, Any]:
    """30,000 jobs queued: the pass that fills the factory; then an end, a submit, a cycle each."""
    sizes = (1, 1, 1, 2, 4, 8, 16, 32)
    random = Random(1)
    distinct = tuple(dict.fromkeys(sizes))
    state = _with_classes(factory(kind, count, power_share), kind, distinct)
    state = grown(state, 0, QUEUED + STEPS, (QUEUED + STEPS) * sum(sizes) // len(sizes))

    def submitted(at_ms: int) -> sched.Event:
        cls = random.randrange(PROJECTS) * len(distinct) + distinct.index(random.choice(sizes))
        return sched.submit(at_ms, cls, random.randint(1, 48) * 3_600_000)

    for _ in range(QUEUED):
        state = sched.apply(state, submitted(0))
    work, out = workspace(state), np.zeros(QUEUED + STEPS, np.int64)
    cycle_with(sched.copy(state), workspace(state), 0, out, sched.EASY, kernels)  # reads the cache
    filled_s, started = _cycle(state, work, 0, out, kernels)
    spent = []
    starts = 0
    running = [job for job in range(QUEUED) if state.job_state[job] == sched.STARTING]
    random.shuffle(running)
    for step in range(STEPS):
        at_ms = 1_000 * (step + 1)
        state = sched.apply(state, sched.end(at_ms, running.pop()))
        state = sched.apply(state, submitted(at_ms))
        taken_s, more = _cycle(state, work, at_ms, out, kernels)
        starts += more
        running += out[:more].tolist()
        spent.append(taken_s)
    copies = time.process_time()
    for _ in range(10):
        sched.copy(state)
    copy_s = (time.process_time() - copies) / 10
    return {
        "pass_s": round(filled_s, 3),
        "pass_started": started,
        "queued_after": int(state.queued_count[0]),
        "gangs_per_s": round((started + starts) / (filled_s + sum(spent))),
        "decision_p50_ms": round(1e3 * float(np.percentile(spent, 50)), 3),
        "decision_p99_ms": round(1e3 * float(np.percentile(spent, 99)), 3),
        "copy_ms": round(1e3 * copy_s, 2),
    }


def _large(kind: Kind, count: int, kernels: sched.Kernels) -> dict[str, Any]:
    """One gang of 4,096 nodes in an otherwise idle factory; and once in segments of 16."""
    figures = {}
    whole = sched.Shape(4_096, kind.gpus * 1000, level_required=SITE, row=0, watts=kind.watts - 200)
    level = next(level for level, size in enumerate(kind.domains) if size >= 16)
    parts = whole._replace(segment=16, segment_level=level)
    for name, shape in (("gang_4096_s", whole), ("segments_gang_4096_s", parts)):
        state = sched.apply(factory(kind, count), sched.add_class(0, shape))
        state = sched.apply(state, sched.submit(0, 0, 3_600_000))
        taken_s, started = _cycle(state, workspace(state), 0, np.zeros(1, np.int64), kernels)
        assert started == 1
        figures[name] = round(taken_s, 4)
    return figures


def _small(kind: Kind, count: int, kernels: sched.Kernels) -> float:
    """Microseconds for one gang of four nodes, its start included, in a factory half full.

    What runs is spread over all racks. Twenty gangs a cycle, so that the call is paid for by all.
    """
    random = Random(2)
    state = _with_classes(factory(kind, count), kind, (1, SMALL_GANG))
    jobs = count // SMALL_GANG
    state = grown(state, 0, 4 * jobs, 4 * jobs * SMALL_GANG)
    work, out = workspace(state), np.zeros(4 * jobs, np.int64)
    gangs = [2 * project + 1 for project in range(PROJECTS)]
    for _ in range(jobs):
        state = sched.apply(state, sched.submit(0, random.choice(gangs), 3_600_000))
    _cycle(state, work, 0, out, kernels)
    running = [job for job in range(jobs) if state.job_state[job] == sched.STARTING]
    random.shuffle(running)
    for job in running[: len(running) // 2]:
        state = sched.apply(state, sched.end(0, job))
    spent = []
    for at_ms in range(1, 61):
        for _ in range(20):
            state = sched.apply(state, sched.submit(at_ms, random.choice(gangs), 3_600_000))
        taken_s, more = _cycle(state, work, at_ms, out, kernels)
        assert more == 20
        for job in out[:more].tolist():
            state = sched.apply(state, sched.end(at_ms, job))
        spent.append(taken_s / more)
    return round(1e6 * float(np.median(spent)), 2)


def _cycle(
    state: sched.State, work: Work, at_ms: int, out: Any, kernels: sched.Kernels
) -> tuple[float, int]:
    began = time.process_time()
    started = cycle_with(state, work, at_ms, out, sched.EASY, kernels)
    return time.process_time() - began, started


def _all(figures: dict[str, Any], key: str) -> list[float]:
    """The figure of both factories, with power enough and without."""
    return [float(value) for name, value in figures.items() if name.endswith(key)]


def slope(sizes: tuple[int, ...], cost: list[float]) -> float:
    """Least squares of log cost over log size."""
    xs, ys = [math.log(size) for size in sizes], [math.log(one) for one in cost]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    rise = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    return rise / sum((a - x) ** 2 for a in xs)


_PEAK = """
import json, resource
from benchmarks import scale
from arkwright import sched
figures = scale._sustained(scale.TRAYS, 50_000, sched.compiled(str(scale.KERNELS)))
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
"""


def _peak_mib() -> int:
    """Most memory of a process, Python and kernels included, with 50,000 trays and 30,000 jobs."""
    done = subprocess.run([sys.executable, "-c", _PEAK], check=True, capture_output=True)
    return int(json.loads(done.stdout))
