"""The first decisions of a large factory after an update, when nothing is compiled yet.

Nothing is in the cache folder; a process compiles beside the decisions, as beside the server. The
gate: the first start is decided within 2 s. Then the kernels are loaded into this process on a
thread, and the longest that another thread had to wait meanwhile is told.
"""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

from arkwright import sched
from arkwright.control.deciding import Deciding
from arkwright.control.foresight import Foresight
from arkwright.fleet import Fleet, FleetPolicy
from benchmarks.ask import NOW_MS, _node, _projects, _submitted

SIZES = (12_500, 25_000, 50_000)
QUEUED = (5, 2_000)
S_GOAL = 2.0
COMPILE_S_MAX = 580.0
TICK_S = 0.005


def run() -> dict[str, Any]:
    """CPU seconds of the decisions: beside it a compiler runs, and perhaps other people."""
    figures: dict[str, Any] = {"active_constraints": "gang, topology (preferred), quota tree"}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        foresight = Foresight(SIZES[0], Path(folder))
        foresight.start()
        try:
            worst_s = 0.0
            for nodes in SIZES:
                for queued in QUEUED:
                    taken_s, started = _first_decision(nodes, queued)
                    figures[f"first_decision_{nodes}_nodes_{queued}_queued_cpu_s"] = round(
                        taken_s, 2
                    )
                    figures[f"first_decision_{nodes}_nodes_{queued}_queued_starts"] = started
                    worst_s = max(worst_s, taken_s)
            figures |= {"worst_cpu_s": round(worst_s, 2), "goal_reached": worst_s <= S_GOAL}
            if foresight._ready.wait(COMPILE_S_MAX - (time.perf_counter() - began)):
                figures["compiled_after_s"] = round(time.perf_counter() - began, 1)
                figures |= _load(Path(folder))
        finally:
            foresight.stop()
    return figures


def _first_decision(nodes: int, queued: int) -> tuple[float, int]:
    random = Random(1)
    fleet = Fleet([_node(index) for index in range(nodes)], _projects(), FleetPolicy())
    for index in range(queued):
        fleet.apply(_submitted(index, random))
    deciding = Deciding(nodes)
    deciding.begin()
    began = time.process_time()
    starts = fleet.decide(NOW_MS, deciding.kernels, deciding.queue_max)
    return time.process_time() - began, len(starts)


def _load(folder: Path) -> dict[str, Any]:
    """Load on a thread, as the server does, while this one counts how long it is kept waiting."""
    loaded: list[sched.Kernels] = []
    done = threading.Event()

    def use(kernels: sched.Kernels) -> None:
        loaded.append(kernels)
        done.set()

    before_mib = _memory_mib()
    began = last = time.perf_counter()
    Deciding(SIZES[0]).load(folder, use)
    stall_s = 0.0
    while not done.wait(TICK_S):
        now = time.perf_counter()
        stall_s, last = max(stall_s, now - last), now
    return {
        "load_s": round(time.perf_counter() - began, 2),
        "load_longest_stall_s": round(stall_s, 2),
        "load_memory_mib": _memory_mib() - before_mib,
    }


def _memory_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
