"""Cost of the scheduler's functions, interpreted, in CPU seconds, on 1,296 nodes."""

from __future__ import annotations

import time
from importlib.resources import files
from typing import Any

import msgspec

from arkwright.design import blueprint
from arkwright.factory import loads
from arkwright.fleet import Fleet, assemble
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import JobSpec, Resources

JOBS = 2_000
GANG_NODES = (1, 2, 4, 8, 18, 36)


def run() -> dict[str, Any]:
    """Submit, decide, decide again with nothing new, explain."""
    text = (files("arkwright.cli.demo") / "files" / "fjord.yaml").read_bytes()
    factory = loads(text.replace(b"{quota: {gpus: 2048}}", b"{}"))
    plan = blueprint(factory)
    fleet = assemble(factory, plan.nodes)
    submit_s = _cpu(lambda: _submit_all(fleet))
    starts = []
    first_s = _cpu(lambda: starts.extend(fleet.decide(1_000_000)))
    for seq, start in enumerate(starts, start=JOBS + 1):
        fleet.apply(_started(seq, start.job_id, msgspec.to_builtins(start.placement)))
    blocked_s = _cpu(lambda: fleet.decide(1_000_001))
    idle_s = _cpu(lambda: fleet.decide(1_000_002))
    waiting = f"job{JOBS - 1}"
    why_s = _cpu(lambda: fleet.explain(waiting, 1_000_003))
    return {
        "nodes": len(plan.nodes),
        "gpus": sum(node.gpus for node in plan.nodes),
        "queued": JOBS,
        "active_constraints": "gang, topology (preferred), quota tree",
        "submit_us_each": round(submit_s / JOBS * 1e6, 1),
        "first_cycle_cpu_s": round(first_s, 3),
        "started": len(starts),
        "blocked_cycle_cpu_s": round(blocked_s, 3),
        "idle_cycle_cpu_s": round(idle_s, 5),
        "why_cpu_s": round(why_s, 3),
    }


def _submit_all(fleet: Fleet) -> None:
    for index in range(JOBS):
        spec = JobSpec(
            name="bench",
            nodes=GANG_NODES[index % len(GANG_NODES)],
            command=("true",),
            resources=Resources(gpus_per_node=4),
            time_limit=3600.0 * (1 + index % 7),
        )
        body = {"state": "queued", "project": "lab", "user": "x"}
        body["spec"] = msgspec.to_builtins(spec)
        kind = EventKind.JOB_SUBMITTED
        fleet.apply(
            Event(
                seq=index + 1,
                at_ms=1000 + index,
                kind=kind,
                subject=f"job{index}",
                actor="bench",
                cause="submitted",
                after=body,
            )
        )


def _started(seq: int, job_id: str, placement: dict[str, Any]) -> Event:
    return Event(
        seq=seq,
        at_ms=1_000_000,
        kind=EventKind.JOB_STARTED,
        subject=f"{job_id}.1",
        actor="bench",
        cause="placed",
        before={"state": "queued"},
        after={"state": "starting", "attempt": 1, **placement},
    )


def _cpu(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
