"""Run benchmarks by name: `python -m benchmarks [NAME]`.

One name: the figures go to standard output, the last line is one JSON object. No name: all run, and
their figures go to `benchmarks/results.json` too. Each figure names its unit; those with a goal say
whether it is reached.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    ask,
    calibration,
    cold_start,
    design,
    energy,
    install,
    openb,
    plan,
    scale,
    scheduler,
    search,
    server,
    slurm,
    traces,
    twin,
    verbs,
    workloads,
)

BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "server": server.run,
    "submit": server.run_submissions,
    "verbs": verbs.run,
    "scheduler": scheduler.run,
    "scale": scale.run,
    "openb": openb.run,
    "ask": ask.run,
    "calibration": calibration.run,
    "cold_start": cold_start.run,
    "design": design.run,
    "workloads": workloads.run,
    "energy": energy.run,
    "search": search.run,
    "twin": twin.run,
    "traces": traces.run,
    "install": install.run,
    "plan": plan.run,
    "slurm": slurm.run,
}
RESULTS = Path(__file__).parent / "results.json"


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them; returns the exit code."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    results = {}
    for name in names or BENCHMARKS:
        load = os.getloadavg()[0]
        figures = {"benchmark": name, "load_1min_before": round(load, 2), **BENCHMARKS[name]()}
        results[name] = figures
        print(json.dumps(figures))
    if not names:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(json.dumps({"benchmark": "all", "file": RESULTS.name, "figures": results}))
    return 0


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name]))
