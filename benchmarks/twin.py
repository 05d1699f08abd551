"""A year of 102,400 GPUs in the twin: a million jobs, failures, power, cooling, carbon.

12,800 eight-GPU nodes as designed (racks, leaf groups, spine groups, three halls, power tree from
racks to the feed), the golden traces' generator with runtimes stretched by 23.3, outages of the
catalogue's default mix, checkpoints at the best interval, EASY. Kernels come from a warm cache.
Every run is a process of its own: CPU seconds on one core, and its peak memory. Counts are given of
all that was active, so that a figure cannot be had by leaving something out.

Growth in GPUs: as many jobs of the same kind at the same load on pools of eight-GPU nodes of four
sizes; so many that the largest pool fills. Half a million GPUs kept full: `benchmarks.frontier`.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks.scale import KERNELS, NODES, slope

LOADS = (0.85, 0.95, 1.05)
GOAL_S = {0.85: 5.0, 0.95: 5.0, 1.05: 12.0}
JOBS = 1_000_000
GPUS = 102_400
POOLS = (1_024, 10_240, 102_400, 1_024_000)
POOL_JOBS = 200_000
FRONTIER_JOBS = 36_000
FACTORY = """
factory: year
sites:
  north:
    country: "NO"
    fabric: {switch: sn5600}
    halls:
      h1: {system: dgx-h100, nodes: 4096}
      h2: {system: dgx-h100, nodes: 4096}
      h3: {system: dgx-h100, nodes: 4608}
policy: {ordering: fifo, backfill: easy}
"""


def run() -> dict[str, Any]:
    """CPU seconds by load, how they grow with the jobs, and the flat pool."""
    _measured("year", 2_000, 0.85)  # fills the cache
    figures: dict[str, Any] = {}
    for load in LOADS:
        for key, value in _measured("year", JOBS, load).items():
            figures[f"{key}_{round(100 * load)}"] = value
    tenth = _measured("year", JOBS // 10, 0.85)["run_cpu_s"]
    figures["growth_exponent_jobs"] = round(math.log10(figures["run_cpu_s_85"] / tenth), 2)
    flat = _measured("flat", 10_000, 0.85)
    figures |= {f"flat_{key}": value for key, value in flat.items()}
    cost = [_measured("pool", POOL_JOBS, 0.85, gpus)["run_cpu_s"] for gpus in POOLS]
    figures["pool_cpu_s"] = dict(zip(POOLS, cost, strict=True))
    figures["growth_exponent_gpus"] = round(slope(POOLS, cost), 2)
    half_million = _measured("frontier", FRONTIER_JOBS, 0.85)
    figures |= {f"frontier_{key}": value for key, value in half_million.items()}
    figures["goal_reached"] = {
        f"year_{round(100 * load)}_{GOAL_S[load]:.0f}_s": figures[f"run_cpu_s_{round(100 * load)}"]
        <= GOAL_S[load]
        for load in LOADS
    } | {
        "year_1_gib": max(figures[f"peak_mib_{round(100 * load)}"] for load in LOADS) <= 1024,
        "flat_10000_jobs_50_ms": flat["run_cpu_s"] <= 0.05,
        "growth_exponent_1.10": figures["growth_exponent_jobs"] <= 1.10,
        "growth_exponent_gpus_0.15": figures["growth_exponent_gpus"] <= 0.15,
        "frontier_2.8_s": figures["frontier_run_cpu_s"] <= 2.8,
    }
    return figures


def _measured(what: str, jobs: int, load: float, gpus: int = GPUS) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.twin", what, str(jobs), str(load), str(gpus)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def year(count: int, load: float, _gpus: int) -> dict[str, Any]:
    """One year, in this process."""
    import numpy as np

    from arkwright import factory, sched
    from arkwright.design.whole import whole
    from arkwright.twin.checkpoint import Checkpoints, job_checkpoints
    from arkwright.twin.failures import failure_spec, outages, topology_of
    from arkwright.twin.record import Ending
    from arkwright.twin.run import Conditions, Saving, run
    from arkwright.twin.run_energy import run_energy
    from arkwright.twin.setting import of_factory
    from arkwright.twin.workload.golden import YEAR_STRETCH, golden

    kernels = sched.compiled(str(KERNELS))
    asked = factory.loads(FACTORY.encode())
    began = time.process_time()
    built = whole(asked)
    setting = of_factory(asked, built)
    designed_s = time.process_time() - began
    warm = golden(100, GPUS, load, seed=1)
    run(setting, warm, 0, kernels=kernels)

    began = time.process_time()
    jobs = golden(count, GPUS, load, seed=7, stretch=YEAR_STRETCH)
    until_ms = int(jobs.submit_ms[-1])
    spec = failure_spec("default")
    out = outages(spec, setting.places, topology_of(built, setting.places), 0, until_ms, 7)
    nodes = np.maximum(-(-jobs.gpus_milli // 8000), 1)
    plan = job_checkpoints(
        Checkpoints(), nodes, jobs.gpus_milli // 1000, spec.node_per_1000_days(8)
    )
    prepared_s = time.process_time() - began

    began = time.process_time()
    saving = Saving(plan.period_ms, plan.restart_ms)
    record = run(setting, jobs, 0, until_ms, Conditions(outages=out, saving=saving), kernels)
    run_s = time.process_time() - began
    began = time.process_time()
    account = run_energy(asked, built, record, jobs)
    energy_s = time.process_time() - began
    ending = record.attempts.ending
    waits_s = (record.attempts.start_ms - jobs.submit_ms[record.attempts.job]) / 1000
    return {
        "jobs": count,
        "days": round(until_ms / 86_400_000, 1),
        "run_cpu_s": round(run_s, 2),
        "design_cpu_s": round(designed_s, 2),
        "prepare_cpu_s": round(prepared_s, 2),
        "energy_cpu_s": round(energy_s, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "outages": len(out.node),
        "restarts": int(np.count_nonzero(ending == Ending.NODE_FAILED)),
        "attempts": len(ending),
        "waited": int(np.count_nonzero(waits_s > 0)),
        "mean_wait_s": round(float(waits_s.mean()), 1),
        "power_rows": len(setting.state.row_limit),
        "site_kwh": round(float(account.site_kwh.sum())),
        "hall_kwh": [round(value) for value in account.hall_kwh.tolist()],
        "rack_kwh_mean": round(float(account.rack_kwh.mean())),
        "carbon_t": round(sum(site.carbon_kg or 0.0 for site in account.sites) / 1000),
        "energy_residual": account.residual,
        "decisions": record.decisions[:16],
    }


def flat(count: int, load: float, _gpus: int) -> dict[str, Any]:
    """The golden generator as it is, on a flat pool."""
    from arkwright import sched
    from arkwright.twin.run import run
    from arkwright.twin.setting import of_pool
    from arkwright.twin.workload.golden import golden

    kernels = sched.compiled(str(KERNELS))
    setting = of_pool(1024, 1)
    run(setting, golden(100, 1024, load, seed=1), 0, kernels=kernels)
    jobs = golden(count, 1024, load, seed=7)
    began = time.process_time()
    record = run(setting, jobs, 0, kernels=kernels)
    return {
        "jobs": count,
        "run_cpu_s": round(time.process_time() - began, 3),
        "attempts": len(record.attempts.job),
    }


def pool(count: int, load: float, gpus: int) -> dict[str, Any]:
    """The golden generator as it is, on eight-GPU nodes in racks, leaf and spine groups, halls."""
    import numpy as np

    from arkwright import sched
    from arkwright.twin.run import run
    from arkwright.twin.workload.golden import golden

    kernels = sched.compiled(str(KERNELS))
    run(_setting(128), golden(100, 1024, load, seed=1), 0, kernels=kernels)
    setting = _setting(gpus // 8)
    jobs = golden(count, 1024, load * gpus / 1024, seed=7)
    began = time.process_time()
    record = run(setting, jobs, 0, kernels=kernels)
    run_s = time.process_time() - began
    waits_s = (record.attempts.start_ms - jobs.submit_ms[record.attempts.job]) / 1000
    return {
        "jobs": count,
        "gpus": gpus,
        "run_cpu_s": round(run_s, 3),
        "waited": int(np.count_nonzero(waits_s > 0)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _setting(nodes: int) -> Any:
    """Eight-GPU nodes in the groups of `scale.NODES`, all of one site; no quota, no power."""
    from arkwright.design import Node
    from arkwright.fleet.lowering import LEVELS, FleetPolicy
    from arkwright.fleet.quota_tree import ProjectQuota
    from arkwright.twin.setting import POOL, of_nodes

    def node(index: int) -> Node:
        groups = [f"g{level}/{index // size}" for level, size in enumerate(NODES.domains)]
        rack, hall = index // NODES.rack, index // NODES.domains[-1]
        path = f"{POOL}/h{hall}/r{rack:06d}"
        return Node(
            path=f"{path}/t{index:06d}", site=POOL, hall=f"h{hall}", rack=f"r{rack:06d}",
            tray=f"t{index:06d}", system="", gpus=NODES.gpus, gpu_type="gpu", is_virtual=False,
            cpus=0, memory_mib=0, power_kw_max=None,
            domains=(*groups, *[POOL] * (len(LEVELS) - len(groups))),
        )  # fmt: skip

    quotas = (ProjectQuota(path=POOL, gpus_limit=None),)
    policy = FleetPolicy(ordering="fifo", backfill="easy")
    return of_nodes(tuple(node(index) for index in range(nodes)), quotas, policy, ())


def frontier(_count: int, _load: float, _gpus: int) -> dict[str, Any]:
    """Two days of 524,288 GPUs, and the gang that takes a quarter of them."""
    from arkwright import sched
    from benchmarks.frontier import frontier as two_days

    return two_days(sched.compiled(str(KERNELS)))


if __name__ == "__main__":
    measure = {"year": year, "flat": flat, "pool": pool, "frontier": frontier}[sys.argv[1]]
    print(json.dumps(measure(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))))
