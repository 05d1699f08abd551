"""How soon the server is ready, what it holds in memory, how fast it accepts jobs.

Goals: ready ≤ 3 s, ≤ 150 MiB resident, ≥ 500 submissions per second in batch and ≥ 100 singly,
every one on disk (synchronous=FULL) before it is answered.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from benchmarks.live import LiveServer, live_server

SINGLE = 300
BATCH = 1000
BATCHES = 5
SUBMITTERS = 8
SETTLE_S = 60.0
READY_S_GOAL, RESIDENT_MIB_GOAL = 3.0, 150.0
SINGLE_PER_S_GOAL, BATCH_PER_S_GOAL = 100.0, 500.0


def run() -> dict[str, Any]:
    """Ready time and memory, idle and after jobs have run."""
    with live_server() as server, server.client() as client:
        idle_mib = server.resident_mib()
        jobs = [client.submit(_job(held=False))["id"] for _ in range(20)]
        for job in jobs:
            client.wait(job, timeout_s=SETTLE_S)
        return {
            "ready_first_s": round(server.ready_s, 2),
            "ready_again_s": round(server.again_s, 2),
            "ready_goal_reached": server.ready_s <= READY_S_GOAL,
            "resident_idle_mib": round(idle_mib, 1),
            "resident_after_jobs_mib": round(server.resident_mib(), 1),
            "resident_goal_reached": server.resident_mib() <= RESIDENT_MIB_GOAL,
        }


def run_submissions() -> dict[str, Any]:
    """Accepted jobs per second: one after the other, side by side, and in batches."""
    with live_server() as server:
        one = _singly(server)
        beside = _side_by_side(server)
        batch = _in_batches(server)
        cycle_s = _start_latency(server)
        resident_mib = server.resident_mib()
    return {
        "singly_per_s": round(one, 1),
        "singly_goal_reached": one >= SINGLE_PER_S_GOAL,
        "side_by_side_per_s": round(beside, 1),
        "batch_per_s": round(batch, 1),
        "batch_goal_reached": batch >= BATCH_PER_S_GOAL,
        "submit_to_running_s": round(cycle_s, 3),
        "held_jobs": SINGLE * 2 + BATCH * BATCHES,
        "resident_mib": round(resident_mib, 1),
    }


def _singly(server: LiveServer) -> float:
    with server.client() as client:
        client.submit(_job())
        began = time.perf_counter()
        for _ in range(SINGLE):
            client.submit(_job())
        return SINGLE / (time.perf_counter() - began)


def _side_by_side(server: LiveServer) -> float:
    def submit() -> None:
        with server.client() as client:
            for _ in range(SINGLE // SUBMITTERS):
                client.submit(_job())

    threads = [threading.Thread(target=submit) for _ in range(SUBMITTERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return SINGLE // SUBMITTERS * SUBMITTERS / (time.perf_counter() - began)


def _in_batches(server: LiveServer) -> float:
    with server.client() as client:
        began = time.perf_counter()
        for _ in range(BATCHES):
            client.submit_many([_job()] * BATCH)
        return BATCHES * BATCH / (time.perf_counter() - began)


def _start_latency(server: LiveServer) -> float:
    """From submission to every rank running, behind thousands of held jobs."""
    with server.client() as client:
        began = time.perf_counter()
        job = client.submit(_job(held=False, command=["sleep", "5"]))["id"]
        while client.job(job)["state"] != "running":
            time.sleep(0.005)
        return time.perf_counter() - began


def _job(held: bool = True, command: list[str] | None = None) -> dict[str, Any]:
    return {
        "name": "bench",
        "project": "lab",
        "held": held,
        "command": command or ["true"],
        "time_limit": "1 h",
    }
