"""Why a job waits, worked out on a scene: the live fleet goes on meanwhile."""

from __future__ import annotations

from arkwright import sched
from arkwright.fleet.reasons import WaitReason, in_words
from arkwright.fleet.scene import Runner, Scene, in_process


def why(scene: Scene, job_id: str, run: Runner = in_process) -> WaitReason:
    """What `Fleet.explain` says at the scene's instant. KeyError for a job it does not have."""
    job = scene.job_index[job_id]
    reason = run(sched.explain, scene.state, job, scene.now_ms, scene.backfill)
    return in_words(reason, scene.names, scene.specs.get(job_id), scene.job_ids)
