"""Public traces in the twin: waits and use of Philly and a Helios slice, by order and backfill.

`python -m benchmarks.traces` prints the tables of `docs/twin-traces.md`; `python -m benchmarks
traces` gives the same as figures. Rules, those of the simulators that papers used on these traces:

- every virtual cluster is a pool of eight-GPU nodes that nobody else uses; pools begin idle;
- a job below 8 GPUs takes the tightest node with room, a larger one whole nodes;
- durations are known, first attempt to last end; a limit asked for is in neither file;
- `fifo` orders by (submission, job), `shortest-first` by (duration, submission, job);
- nothing fails and nobody is told to stop, a job that was cancelled runs as long as it ran.

The traces are read from `shared/data` beside the checkout; where they are not there, so it says.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from arkwright import sched
from arkwright.twin.by_pool import Kept, Pools, kept, pools_for_load, replay
from arkwright.twin.waiting import Waiting, observed, waiting
from arkwright.twin.workload.read import read_jobs
from arkwright.twin.workload.table import JobTable, take, within
from benchmarks.scale import KERNELS

DATA = Path(__file__).parents[2] / "shared" / "data"
ORDERINGS = ("fifo", "shortest-first")
BACKFILLS = ("none", "greedy", "easy", "conservative")
HELIOS_POOLS = Pools(nodes={"vcvGl": 20, "vcvlY": 2})
"""Two of the 15 virtual clusters of Venus, nodes as `venus_vc_nodes.csv` has them."""
PHILLY_POOLS = Pools(
    nodes={
        "6214e9": 64, "7f04ca": 32, "11cb48": 16, "b436b2": 64, "ee9e8c": 64, "e13805": 16,
        "6c71a0": 32, "2869ce": 16, "ed69ec": 8, "103959": 8, "0e4a51": 32,
    }
)  # fmt: skip
"""As the simulator of the Helios paper runs Philly: HeliosArtifact@bdaae10, QSSF Service."""
PHILLY_FROM_MS = ((16 + 31) * 86_400 + 33 * 60) * 1000
"""2017-10-01 00:00 since the copy's zero, 2017-08-14 23:27; through 2017-11-30, as that paper."""
PHILLY_UNTIL_MS = PHILLY_FROM_MS + (31 + 30) * 86_400_000
BUSY_LOAD = 0.85
"""What each pool is offered in the third case: the load of the golden traces."""


class Case(NamedTuple):
    """One trace under one set of pools."""

    title: str
    jobs: JobTable
    pools: Pools
    dropped: dict[str, int]


def run() -> dict[str, Any]:
    """Every figure of every case, order and backfill; `skipped` where the traces are not there."""
    if not DATA.exists():
        return {"skipped": f"no traces at {DATA.name}/ beside the checkout"}
    kernels = sched.compiled(str(KERNELS))
    figures: dict[str, Any] = {}
    for name, case in cases().items():
        figures[name] = {
            "jobs": len(case.jobs),
            "dropped": case.dropped,
            "gpus": case.pools.gpus,
            "offered_load": round(_offered(case), 4),
        }
        began = time.process_time()
        for (ordering, backfill), found in results(case, kernels).items():
            figures[name][f"{ordering}_{backfill}"] = {
                key: round(value, 4) for key, value in structs.asdict(found).items()
            }
        figures[name]["cpu_s"] = round(time.process_time() - began, 2)
    return figures


def cases() -> dict[str, Case]:
    """The three cases; needs the shared traces."""
    slice_ = read_jobs(DATA / "helios" / "venus_2vc_sept2020_jobs.csv.gz").table
    labelled = read_jobs(DATA / "philly" / "philly_vc_labelled_82k.csv.gz").table
    window = within(labelled, PHILLY_FROM_MS, PHILLY_UNTIL_MS)
    outside = {"submitted outside the window": len(labelled) - len(window)}
    philly = kept(window, PHILLY_POOLS)
    busy = pools_for_load(philly.jobs, BUSY_LOAD)
    return {
        "helios": _case("Helios Venus, two virtual clusters", kept(slice_, HELIOS_POOLS)),
        "philly": Case(
            "Philly, published pools", philly.jobs, PHILLY_POOLS, outside | philly.dropped
        ),
        "philly_busy": Case(
            f"Philly, every pool offered {BUSY_LOAD:.0%}",
            philly.jobs,
            busy,
            outside | philly.dropped,
        ),
    }


def results(case: Case, kernels: sched.Kernels) -> dict[tuple[str, str], Waiting]:
    """Over all pools together, by ordering and backfill."""
    found = {}
    for ordering in ORDERINGS:
        for backfill in BACKFILLS:
            course = replay(case.jobs, case.pools, ordering, backfill, kernels)
            found[ordering, backfill] = waiting(
                case.jobs, course.start_ms, course.held_gpu_milli, case.pools.gpus
            )
    return found


def table(case: Case, kernels: sched.Kernels) -> list[str]:
    """Lines of Markdown: what the trace observed where it tells it, then every policy."""
    lines = [
        f"**{case.title}**: {_case_words(case)}",
        "",
        "| order | backfill | mean wait s | p90 wait s | waited | mean completion s "
        "| bounded slowdown | utilisation |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    told = observed(case.jobs, case.pools.gpus)
    if told.started:
        lines.append(_row("as observed", "", told))
    for (ordering, backfill), found in results(case, kernels).items():
        lines.append(_row(ordering, backfill, found))
    return lines


def by_pool(case: Case, kernels: sched.Kernels, backfill: str = "none") -> list[str]:
    """Lines of Markdown, one per pool: both orders under one backfill."""
    lines = [
        "| pool | nodes | jobs | utilisation | mean wait s, fifo | p90 | mean wait s, "
        "shortest-first | p90 | completion fifo / shortest-first |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    courses = [replay(case.jobs, case.pools, order, backfill, kernels) for order in ORDERINGS]
    for name, nodes in case.pools.nodes.items():
        is_in = case.jobs.pool.codes == case.jobs.pool.names.index(name)
        jobs, gpus = take(case.jobs, is_in), nodes * case.pools.gpus_per_node
        fifo, shortest = (
            waiting(jobs, course.start_ms[is_in], course.held_gpu_milli[is_in], gpus)
            for course in courses
        )
        ratio = fifo.completion_s_mean / shortest.completion_s_mean
        lines.append(
            f"| {name} | {nodes} | {len(jobs):,} | {fifo.utilisation:.1%} "
            f"| {fifo.wait_s_mean:,.1f} | {fifo.wait_s_p90:,.0f} "
            f"| {shortest.wait_s_mean:,.1f} | {shortest.wait_s_p90:,.0f} | {ratio:.2f} |"
        )
    return lines


def _case(title: str, found: Kept) -> Case:
    return Case(title, found.jobs, HELIOS_POOLS, found.dropped)


def _case_words(case: Case) -> str:
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in case.dropped.items())
    return (
        f"{len(case.jobs):,} jobs over {case.jobs.span_ms / 86.4e6:.1f} days on "
        f"{case.pools.gpus:,} GPUs in {len(case.pools.nodes)} pools, offered "
        f"{_offered(case):.1%} of them; left out: {left_out or 'none'}."
    )


def _offered(case: Case) -> float:
    return case.jobs.gpu_hours * 3.6e6 / (case.pools.gpus * case.jobs.span_ms)


def _row(ordering: str, backfill: str, found: Waiting) -> str:
    return (
        f"| {ordering} | {backfill} | {found.wait_s_mean:,.1f} | {found.wait_s_p90:,.0f} "
        f"| {found.waited:,} | {found.completion_s_mean:,.1f} "
        f"| {found.bounded_slowdown_mean:,.2f} | {found.utilisation:.1%} |"
    )


def main() -> int:
    """Print every table; returns the exit code."""
    if not DATA.exists():
        print(json.dumps(run()))
        return 0
    kernels = sched.compiled(str(KERNELS))
    for case in cases().values():
        for lines in (table(case, kernels), by_pool(case, kernels)):
            print("\n".join(lines), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
