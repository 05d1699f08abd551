"""What a whole design takes: 5,000 GPUs ≤ 0.5 CPU s; 200,000 at three sites ≤ 5 CPU s and ≤ 1 GiB.

Each size runs in a process of its own, imports not counted in the seconds but in the memory. The
design has its cable schedule; the checker's and the CSV's seconds are given beside it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

SMALL_S_GOAL, LARGE_S_GOAL, LARGE_MIB_GOAL = 0.5, 5.0, 1024.0
SIZES = {
    "5000": {"narvik": ("NO", 5_000)},
    "200000": {"narvik": ("NO", 100_000), "barstow": ("US", 60_000), "loughton": ("GB", 40_000)},
}


def run() -> dict[str, Any]:
    """CPU seconds and MiB by size."""
    figures: dict[str, Any] = {}
    for size in SIZES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.design", size],
            check=True,
            capture_output=True,
            text=True,
        )
        figures |= {f"{key}_{size}": value for key, value in json.loads(done.stdout).items()}
    figures["goal_reached"] = (
        figures["design_cpu_s_5000"] <= SMALL_S_GOAL
        and figures["design_cpu_s_200000"] <= LARGE_S_GOAL
        and figures["peak_mib_200000"] <= LARGE_MIB_GOAL
    )
    return figures


def measured(size: str) -> dict[str, float]:
    """One size, in this process."""
    from arkwright import factory
    from arkwright.design.checker import check
    from arkwright.design.fabric.schedule import schedule_csv
    from arkwright.design.whole import whole

    sites = "".join(
        f"  {name}: {{country: {country}, halls: {{h1: {{system: gb300-nvl72, gpus: {gpus}}}}}}}\n"
        for name, (country, gpus) in SIZES[size].items()
    )
    asked = factory.loads(f"factory: f\nsites:\n{sites}".encode())
    started = time.process_time()
    built = whole(asked)
    designed = time.process_time()
    check(asked, built)
    checked = time.process_time()
    cables = sum(len(site.network.schedule) for site in built.sites)
    for site in built.sites:
        for _ in schedule_csv(site.network.schedule):
            pass
    written = time.process_time()
    return {
        "gpus": built.blueprint.gpus,
        "cables": cables,
        "design_cpu_s": round(designed - started, 3),
        "check_cpu_s": round(checked - designed, 3),
        "cables_csv_cpu_s": round(written - checked, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
