"""A roll-out of 8 sites over 24 quarters with 4 generations, planned under 200 outcomes.

`rich` leaves margin enough that much is built, `thin` so little that a hall more or less decides;
both are `tests/plan/instances.py`. `tree` decides as things become known, on 64 leaves (`tree_16`:
16); `beforehand` is the plan of the same outcomes in two stages. Every case is a process of its
own: CPU seconds on one core, and its peak memory. Times are given to gaps, so that a figure cannot
be had by stopping early.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CASES: dict[str, dict[str, Any]] = {
    "thin": {"outcomes": 200},
    "rich": {"outcomes": 200, "rent": 9.0},
    "tree_16": {"outcomes": 16, "tree": True},
    "tree": {"outcomes": 64, "tree": True},
    "outcomes_1000": {"outcomes": 1000},
}
PLANNED = ("thin", "rich")
TREES = ("tree_16", "tree")
LIMIT_S, TREE_LIMIT_S, WHAT_IF_S = 60.0, 150.0, 3.0
POLICY_GAP, PLAN_GAP = 0.01, 0.01
GAPS = (0.1, 0.05, 0.02, 0.01)
_TESTS = Path(__file__).resolve().parents[1] / "tests"


def run() -> dict[str, Any]:
    """CPU seconds to each gap, gaps, MiB, by case."""
    figures: dict[str, Any] = {}
    for case in CASES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.plan", case],
            check=True,
            capture_output=True,
            text=True,
        )
        figures |= {f"{key}_{case}": value for key, value in json.loads(done.stdout).items()}
    reached = [figures[f"plan_gap_{case}"] <= PLAN_GAP for case in PLANNED]
    figures["goal_reached"] = all(reached)
    return figures


def measured(case: str) -> dict[str, Any]:
    """One case, in this process."""
    sys.path.insert(0, str(_TESTS))
    import msgspec

    from arkwright.plan.outcome import evaluate
    from arkwright.plan.solution import relative_gap
    from arkwright.plan.solve import POLICY_TIME, solve
    from plan.instances import big

    rollout, futures = big(**CASES[case])
    clock = time.process_time
    whole = case in PLANNED or case in TREES
    policy_cpu_s: dict[float, float] = {}
    plan_cpu_s: dict[float, float] = {}

    def told(progress: Any) -> None:
        for gap in GAPS:
            if relative_gap(progress.policy, progress.bound) <= gap:
                policy_cpu_s.setdefault(gap, round(progress.seconds, 1))
            if progress.gap <= gap:
                plan_cpu_s.setdefault(gap, round(progress.seconds, 1))
        if not whole and POLICY_GAP in policy_cpu_s:
            raise KeyboardInterrupt

    # A policy alone may have all the time; in a plan it has the first part of it.
    limit_s = LIMIT_S if whole else LIMIT_S / POLICY_TIME
    if case in TREES:
        limit_s = TREE_LIMIT_S
    found = solve(rollout, futures, clock=clock, told=told, gap=PLAN_GAP, limit_s=limit_s)
    started = clock()
    evaluate(rollout, futures, found.schedule)
    figures: dict[str, Any] = {
        "evaluate_cpu_ms": round(1000 * (clock() - started), 1),
        "policy_cpu_s_to_gap": policy_cpu_s,
        "bound": round(found.bound, 1),
        "policy": round(found.policy_value, 1),
    }
    if whole:
        figures |= {
            "plan": round(found.value, 1),
            "plan_gap": round(found.gap, 4),
            "plan_cpu_s_to_gap": plan_cpu_s,
        }
    if case in TREES:
        ahead = [at.value for at in found.history if at.phase == "beforehand"]
        figures["beforehand"] = round(ahead[-1], 1)
    if case in PLANNED:
        dearer = msgspec.structs.replace(futures, price=futures.price * 0.99)
        again = solve(rollout, dearer, clock=clock, limit_s=WHAT_IF_S, warm=found)
        figures |= {"what_if_gap": round(again.gap, 4), "what_if_plan": round(again.value, 1)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures | {"peak_mib": round(peak, 1)}


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
