"""Why a job waits, worked out on a scene: the live fleet goes on meanwhile."""

from __future__ import annotations

import msgspec

from arkwright import sched
from arkwright.fleet.reasons import WaitReason, in_words
from arkwright.fleet.scene import Runner, Scene, in_process
from arkwright.units import render_instant

SITE_UNREACHABLE = "site-unreachable"
_FOR_WANT_OF_NODES = (
    "nodes-down",
    "not-enough-free",
    "topology",
    "segments",
    "rails",
    "reserved-for-head",
)


def why(scene: Scene, job_id: str, run: Runner = in_process) -> WaitReason:
    """What `Fleet.explain` says at the scene's instant. KeyError for a job it does not have."""
    job = scene.job_index[job_id]
    reason = run(sched.explain, scene.state, job, scene.now_ms, scene.backfill)
    return _with_reach(
        scene, job_id, in_words(reason, scene.names, scene.specs.get(job_id), scene.job_ids)
    )


def _with_reach(scene: Scene, job_id: str, reason: WaitReason) -> WaitReason:
    """Nodes that are missing because their site is out of reach: nobody has to return them."""
    spec = scene.specs.get(job_id)
    if not scene.lost_sites or spec is None or reason.code not in _FOR_WANT_OF_NODES:
        return reason
    allowed = spec.sites or scene.names.sites
    lost = [site for site in allowed if site in scene.lost_sites]
    if not lost:
        return reason
    words = ", ".join(f"{site} since {render_instant(scene.lost_sites[site])}" for site in lost)
    is_all = len(lost) == len(allowed)
    if is_all or reason.code == "nodes-down":
        message = f"out of reach: {words}; nothing starts there until it answers again"
        return WaitReason(
            code=SITE_UNREACHABLE, message=message, change="", numbers={"sites": lost}
        )
    return msgspec.structs.replace(reason, message=f"{reason.message}; out of reach: {words}")
