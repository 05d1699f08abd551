"""Predicted against actual starts: every job that must wait is forecast when it is submitted.

Two traces. `helios`: two virtual clusters of SenseTime's Venus, September 2020 (Hu et al., SC'21,
CC-BY 4.0), where the data lies beside the checkout. `synthetic`: ours, users with habits of their
own on 32 nodes. Neither trace has time limits, so users are given one: the smallest usual limit
above what the job took times a factor of the user's (1.2 to 8). A forecast knows nothing of jobs
that come later; that these may go first is part of the error that is reported.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import inspect
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from arkwright import sched
from arkwright.design import Node
from arkwright.fleet import Fleet, FleetPolicy, Forecast, ProjectQuota, forecast
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import JobSpec, Resources

HELIOS = Path(__file__).parents[2] / "shared/data/helios/venus_2vc_sept2020_jobs.csv.gz"
VC_NODES = {"vcvGl": 20, "vcvlY": 2}
LIMITS_S = (900, 3600, 14_400, 43_200, 86_400, 345_600, 864_000, 2_592_000, 8_640_000)
FACTORS = (1.2, 1.5, 2.0, 4.0, 8.0)
VISITS = 20_000_000
FORECASTS_MAX = 400
BAND_GOAL = 0.8
LONG_WAIT_MS = 60_000
KERNELS = Path(tempfile.gettempdir()) / "arkwright-bench-kernels"


class Job(NamedTuple):
    """One job of a trace."""

    id: str
    user: str
    project: str
    submit_ms: int
    nodes: int
    gpus_per_node: int
    duration_ms: int
    limit_s: int


class Told(NamedTuple):
    """A forecast and what became of it."""

    forecast: Forecast
    start_ms: int


def run() -> dict[str, Any]:
    """Share of actual starts inside the band, and how far the most likely start was off."""
    kernels = sched.compiled(str(KERNELS))

    def runner(function: Callable[..., Any], *arguments: Any) -> Any:
        is_kernel = "kernels" in inspect.signature(function).parameters
        return function(*arguments, **({"kernels": kernels} if is_kernel else {}))

    figures: dict[str, Any] = {}
    traces = {"synthetic": _synthetic()} | ({"helios": _helios()} if HELIOS.exists() else {})
    for name, jobs in traces.items():
        told = _replay(jobs, runner)
        figures |= {f"{name}_{key}": value for key, value in _figures(told).items()}
    return figures


def _figures(told: Sequence[Told]) -> dict[str, Any]:
    inside = early = late = 0
    errors, by_limits, waits = [], [], []
    for one in told:
        found, start_ms = one
        if found.start_ms is None or found.start_ms_p10 is None or found.start_ms_p90 is None:
            continue
        early += start_ms < found.start_ms_p10
        late += start_ms > found.start_ms_p90
        inside += found.start_ms_p10 <= start_ms <= found.start_ms_p90
        errors.append((start_ms - found.start_ms) / 1000)
        by_limits.append((start_ms - (found.start_ms_by_limits or start_ms)) / 1000)
        waits.append((start_ms - found.now_ms) / 1000)
    count = len(errors)
    long = [one for one in told if one.start_ms - one.forecast.now_ms >= LONG_WAIT_MS]
    inside_long = sum(
        (one.forecast.start_ms_p10 or 0) <= one.start_ms <= (one.forecast.start_ms_p90 or 0)
        for one in long
    )
    return {
        "forecasts": count,
        "without_start": len(told) - count,
        "wait_s_median": round(statistics.median(waits)),
        "inside_band": round(inside / count, 3),
        "waits_over_a_minute": len(long),
        "inside_band_of_those": round(inside_long / max(1, len(long)), 3),
        "earlier_than_band": round(early / count, 3),
        "later_than_band": round(late / count, 3),
        "abs_error_s_median": round(statistics.median(map(abs, errors))),
        "abs_error_by_limits_s_median": round(statistics.median(map(abs, by_limits))),
        "error_s_median": round(statistics.median(errors)),
        "goal_reached": inside / count >= BAND_GOAL,
    }


def _replay(jobs: Sequence[Job], runner: Callable[..., Any]) -> list[Told]:
    """Live through the trace: ends, submissions, a cycle; then ask about who must wait."""
    clusters = sorted({job.project for job in jobs})
    nodes = [_node(name, index) for name in clusters for index in range(_size(name))]
    quotas = [ProjectQuota(path=name, gpus_limit=None, sites=(name,)) for name in clusters]
    fleet = Fleet(nodes, quotas, FleetPolicy())
    by_id = {job.id: job for job in jobs}
    ends: list[tuple[int, str]] = []
    coming = sorted(jobs, key=lambda job: job.submit_ms)
    started_ms: dict[str, int] = {}
    asked: dict[str, Forecast] = {}
    step = max(1, len(jobs) // FORECASTS_MAX // 3)
    place = waited = 0
    while place < len(coming) or ends:
        upcoming = [job.submit_ms for job in coming[place : place + 1]]
        now_ms = min([*upcoming, *(at_ms for at_ms, _ in ends[:1])])
        while ends and ends[0][0] <= now_ms:
            _, job_id = heapq.heappop(ends)
            body = {"state": "succeeded"}
            fleet.apply(_event(EventKind.JOB_ENDED, now_ms, f"{job_id}.1", body, "running"))
        new = []
        while place < len(coming) and coming[place].submit_ms <= now_ms:
            new.append(coming[place])
            fleet.apply(_submitted(coming[place]))
            place += 1
        for start in fleet.decide(now_ms):
            body = {"state": "running", "attempt": 1, "nodes": list(start.placement.nodes)}
            fleet.apply(_event(EventKind.JOB_STARTED, now_ms, f"{start.job_id}.1", body, "queued"))
            started_ms[start.job_id] = now_ms
            heapq.heappush(ends, (now_ms + by_id[start.job_id].duration_ms, start.job_id))
        for job in new:
            if job.id not in started_ms:
                waited += 1
                if waited % step == 0 and len(asked) < FORECASTS_MAX:
                    asked[job.id] = forecast(fleet.scene(now_ms, VISITS), job.id, runner)
    return [Told(found, started_ms[job_id]) for job_id, found in asked.items()]


def _helios() -> list[Job]:
    random = Random(7)
    factors: dict[str, float] = {}
    with gzip.open(HELIOS, "rt") as file:
        return [
            Job(
                row["job_id"],
                row["user"],
                row["vc"].lower(),
                1000 * int(row["submit_s"]),
                int(row["num_nodes"]),
                min(8, int(row["num_gpus"])),
                1000 * max(1, int(row["duration_s"])),
                _limit_s(int(row["duration_s"]), row["user"], factors, random),
            )
            for row in csv.DictReader(file)
            if int(row["num_gpus"]) > 0
        ]


def _synthetic() -> list[Job]:
    """2,000 jobs of 12 users on a busy pool; each user's jobs vary around a length of its own."""
    random = Random(11)
    factors: dict[str, float] = {}
    jobs, at_s = [], 0.0
    for index in range(2000):
        at_s += random.expovariate(1 / 460)
        user = f"user{min(int(random.expovariate(0.25)), 11)}"
        typical_s = 600 * 2 ** (int(user[4:]) % 6)
        duration_s = max(10, int(random.lognormvariate(0, 1.0) * typical_s))
        nodes = random.choice((1, 1, 1, 2, 2, 4, 8, 16))
        limit_s = _limit_s(duration_s, user, factors, random)
        submit_ms, duration_ms = int(1000 * at_s), 1000 * duration_s
        jobs.append(Job(f"s{index}", user, "pool", submit_ms, nodes, 8, duration_ms, limit_s))
    return jobs


def _limit_s(duration_s: int, user: str, factors: dict[str, float], random: Random) -> int:
    factor = factors.setdefault(user, random.choice(FACTORS))
    return next(limit for limit in LIMITS_S if limit >= duration_s * factor)


def _size(cluster: str) -> int:
    return {name.lower(): nodes for name, nodes in VC_NODES.items()}.get(cluster, 32)


def _node(cluster: str, index: int) -> Node:
    path = f"{cluster}/h1/r1/n{index:03}"
    rack = f"{cluster}/h1/r1"
    return Node(
        path=path,
        site=cluster,
        hall="h1",
        rack="r1",
        tray=f"n{index:03}",
        system="",
        is_virtual=False,
        power_kw_max=None,
        domains=(path, rack, rack, rack, f"{cluster}/h1", cluster),
        gpus=8,
        gpu_type="gpu",
        cpus=64.0,
        memory_mib=256_000,
    )


def _submitted(job: Job) -> Event:
    spec = JobSpec(
        name="trace",
        nodes=job.nodes,
        command=("true",),
        resources=Resources(gpus_per_node=job.gpus_per_node),
        time_limit=float(job.limit_s),
    )
    body = {"state": "queued", "project": job.project, "user": job.user}
    body["spec"] = msgspec.to_builtins(spec)
    return _event(EventKind.JOB_SUBMITTED, job.submit_ms, job.id, body, None)


def _event(
    kind: EventKind, at_ms: int, subject: str, after: dict[str, Any], before: str | None
) -> Event:
    return Event(
        seq=1,
        at_ms=at_ms,
        kind=kind,
        subject=subject,
        actor="bench",
        cause="bench",
        before={} if before is None else {"state": before},
        after=after,
    )
