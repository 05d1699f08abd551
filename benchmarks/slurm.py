"""What a real Slurm of two versions takes and tells, and what Arkwright adds to it.

Slurm's own figures first (submissions through slurmrestd and `sbatch`, the cost of a list), then
Arkwright's over the same cluster. Goals: ≥ 200 gangs per second handed over where slurmrestd takes
that many; the first rank runs ≤ 2 s later than under Slurm alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from slurm.lab import VERSIONS, Lab, cluster, slurm_root
from slurm.plant import Plant, plant
from slurm.rest import ask, interface, submission

NODES, GPUS = 8, 128
REST_JOBS, COMMAND_JOBS, GANGS = 400, 100, 400
SUBMITTERS = 8
LISTS = 5
STARTS = 5
HANDED_PER_S_GOAL, ADDED_S_GOAL = 200.0, 2.0
DOWN = "PartitionName=all Nodes=ALL Default=YES State=DOWN\nPartitionName=up Nodes=ALL\n"
"""A partition that takes jobs and starts none: what is measured is not how fast they run."""


def run() -> dict[str, Any]:
    """The figures of each version, in its name."""
    try:
        return {version: _version(version) for version in VERSIONS}
    except pytest.skip.Exception as reason:
        return {"skipped": str(reason)}


def _version(version: str) -> dict[str, Any]:
    installed_s = _timed(lambda: slurm_root(version))
    began = time.perf_counter()
    many = {"gpus": GPUS, "cpus": GPUS, "memory_mib": 1_000_000, "partitions": DOWN}
    with cluster(version, nodes=NODES, **many) as lab:
        figures = {
            "version": lab.version,
            "install_s": round(installed_s, 1),
            "start_s": round(time.perf_counter() - began, 2),
            "nodes": NODES,
            "memory_mib": round(lab.memory_mib(), 1),
        }
        figures |= _submissions(lab) | _lists(lab)
        lab.run("scancel", "--user=alice")
        with tempfile.TemporaryDirectory() as folder, plant(lab, folder) as works:
            figures |= _handed_over(works)
        with (
            tempfile.TemporaryDirectory() as folder,
            plant(lab, folder, partition="up", poll="0.2 s") as works,
        ):
            figures |= _starts(lab, works)
    return figures


def _submissions(lab: Lab) -> dict[str, Any]:
    """Jobs per second that slurmctld accepts, through both ways in."""
    token = lab.token("alice")
    version = interface(lab.url, "alice", token)
    body = submission(version, "#!/bin/sh\n", lab.home("alice"), gres="gpu:1")
    path = f"/slurm/{version}/job/submit"

    def by_rest(_index: int) -> None:
        status, answer = ask(lab.url, "POST", path, "alice", token, body)
        assert (status, answer["errors"]) == (200, []), answer

    def by_command(_index: int) -> None:
        lab.run("sbatch", "--gres=gpu:1", "--wrap", "true", user="alice")

    return {
        "interface": version,
        "rest_submissions_per_s": round(_rate(by_rest, REST_JOBS), 1),
        "sbatch_submissions_per_s": round(_rate(by_command, COMMAND_JOBS), 1),
    }


def _lists(lab: Lab) -> dict[str, Any]:
    """What it costs to ask for all the jobs that are there now."""
    token = lab.token("root")
    version = interface(lab.url, "root", token)
    path = f"/slurm/{version}/jobs/"
    rest_s = _median(lambda: ask(lab.url, "GET", path, "root", token))
    return {
        "jobs_listed": REST_JOBS + COMMAND_JOBS,
        "rest_list_ms": round(rest_s * 1000, 1),
        "squeue_ms": round(_median(lambda: lab.run("squeue", "-h", "-o", "%i %T")) * 1000, 1),
    }


def _handed_over(works: Plant) -> dict[str, Any]:
    """From the first submission to Arkwright until Slurm has every job."""
    before = len(works.squeue())
    cpu = time.process_time()
    began = time.perf_counter()
    body = {"name": "gang", "project": "org", "command": ["true"], "nodes": 2}
    works.ask("POST", "/v1/jobs", {"items": [body] * GANGS})
    accepted_s = time.perf_counter() - began
    works.until(lambda: len(works.squeue()) >= before + GANGS, 120)
    wall_s = time.perf_counter() - began
    per_s = GANGS / wall_s
    return {
        "gangs": GANGS,
        "accepted_s": round(accepted_s, 2),
        "handed_over_per_s": round(per_s, 1),
        "handed_over_goal_reached": per_s >= HANDED_PER_S_GOAL,
        "handed_over_cpu_s": round(time.process_time() - cpu, 2),
    }


def _starts(lab: Lab, works: Plant) -> dict[str, Any]:
    """From submission to the job's first line, by `sbatch` and through Arkwright."""
    own = [_until_started(lab, lambda: _direct(lab)) for _ in range(STARTS)]
    ours = [_until_started(lab, lambda: works.submit("true")) for _ in range(STARTS)]
    added_s = sorted(ours)[STARTS // 2] - sorted(own)[STARTS // 2]
    return {
        "sbatch_to_start_s": round(sorted(own)[STARTS // 2], 2),
        "arkwright_to_start_s": round(sorted(ours)[STARTS // 2], 2),
        "added_s": round(added_s, 2),
        "added_goal_reached": added_s <= ADDED_S_GOAL,
    }


def _direct(lab: Lab) -> None:
    line = f"echo direct start >> {lab.shared / 'ledger'}"
    lab.run("sbatch", "--partition=up", "--gres=gpu:1", "--wrap", line, user="alice")


def _until_started(lab: Lab, submit: Callable[[], object]) -> float:
    ledger = lab.shared / "ledger"
    before = ledger.stat().st_size
    began = time.perf_counter()
    submit()
    while ledger.stat().st_size == before:
        time.sleep(0.005)
    return time.perf_counter() - began


def _rate(act: Callable[[int], object], count: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        list(pool.map(act, range(count)))
    return count / (time.perf_counter() - began)


def _median(act: Callable[[], object]) -> float:
    return sorted(_timed(act) for _ in range(LISTS))[LISTS // 2]


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
