"""A search over designs: 720 variants of 5,184 GPUs with their Pareto front in 60 CPU s, one core.

Six systems, six oversubscriptions, five supply temperatures, four redundancies. What the file of
98,496 GPUs leaves open (24 variants) is given beside it, without a goal.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CPU_S_GOAL, VARIANTS_GOAL = 60.0, 500
CASES = {"fjord": ("system",), "narvik": ()}
"""Example files and what is varied beside what they leave open."""
_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run() -> dict[str, Any]:
    """CPU seconds, variants and MiB by example."""
    figures: dict[str, Any] = {}
    for case in CASES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.search", case],
            check=True,
            capture_output=True,
            text=True,
        )
        figures |= {f"{key}_{case}": value for key, value in json.loads(done.stdout).items()}
    figures["goal_reached"] = (
        figures["cpu_s_fjord"] <= CPU_S_GOAL and figures["variants_fjord"] >= VARIANTS_GOAL
    )
    return figures


def measured(case: str) -> dict[str, float]:
    """One case, in this process."""
    from arkwright import factory
    from arkwright.design.search import search
    from arkwright.design.search_space import axes
    from arkwright.factory.files import tree

    file = _EXAMPLES / f"{case}.yaml"
    asked = factory.load(file)
    varied = axes(CASES[case], tree(file))
    started = time.process_time()
    found = search(asked, varied)
    done = time.process_time()
    return {
        "variants": len(found.variants),
        "feasible": len(found.feasible),
        "front": sum(1 for variant in found.front if not variant.like),
        "cpu_s": round(done - started, 2),
        "cpu_ms_each": round((done - started) / len(found.variants) * 1000, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
