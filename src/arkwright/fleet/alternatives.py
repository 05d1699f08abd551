"""What a waiting job could ask instead, and when it would start then."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.fleet import lowering
from arkwright.fleet.forecast import with_new
from arkwright.fleet.lowering import LEVELS
from arkwright.fleet.scene import FAR_MS, Runner, Scene, in_process
from arkwright.jobs.spec import JobSpec, Topology, TopologyMode, sizes_of

MODES_MAX = 8
"""Changes tried of one kind, so that a factory of fifty sites costs no fifty runs."""


class Alternative(Struct, frozen=True, kw_only=True):
    """One change to the job, and the most likely start with it."""

    kind: str
    """`as-asked`, `fewer-nodes`, `weaker-topology` or `other-site`."""
    change: dict[str, Any]
    """The fields of the job file that differ."""
    start_ms: int | None
    is_estimate: bool


def alternatives(scene: Scene, job_id: str, run: Runner = in_process) -> list[Alternative]:
    """As asked first, then every single change that starts the job sooner, soonest first.

    Empty for a job that does not wait in the queue.
    """
    job = scene.job_index[job_id]
    if scene.state.job_state[job] != sched.QUEUED:
        return []
    spec, project = scene.specs[job_id], scene.groups[job][0]
    smaller = run(sched.most_nodes_now, scene.state, scene.now_ms, job, scene.backfill)
    changes = [*_fewer(spec, smaller), *_weaker(spec), *_elsewhere(scene, spec, project)]
    fitting = [one for one in changes if _may_run(scene, one[1], project)]
    kinds = ["as-asked", *(kind for kind, _ in fitting)]
    specs = [spec, *(asked for _, asked in fitting)]
    lasting = scene.lasting(None)
    rides = [_ride(scene, job, asked, project, lasting) for asked in specs]
    horizon = sched.Horizon(scene.now_ms + FAR_MS, max(1, scene.cycles // len(rides)))
    seen = run(sched.foresee, scene.state, scene.now_ms, rides, horizon, scene.backfill)
    found = [
        _alternative(kind, spec, asked, one)
        for kind, asked, one in zip(kinds, specs, seen, strict=True)
    ]
    latest = FAR_MS + scene.now_ms
    as_asked = latest if found[0].start_ms is None else found[0].start_ms
    sooner = [one for one in found[1:] if one.start_ms is not None and one.start_ms < as_asked]
    return [found[0], *sorted(sooner, key=lambda one: one.start_ms or 0)]


def _fewer(spec: JobSpec, nodes_now: int) -> list[tuple[str, JobSpec]]:
    """The largest gang that starts now; and half the gang, which may start soon. Not of groups:
    which of them could be smaller only the user knows."""
    if spec.groups:
        return []
    counts = dict.fromkeys([nodes_now, sizes_of(spec)[0] // 2])
    return [
        ("fewer-nodes", msgspec.structs.replace(spec, nodes=count, elastic=None))
        for count in counts
        if count > 0
    ]


def _weaker(spec: JobSpec) -> list[tuple[str, JobSpec]]:
    """A wider level for a gang that must stay in one; no segments, no aligned rails."""
    topology = spec.topology
    if topology is None:
        return []
    others: list[Topology] = []
    if topology.segment is not None and topology.mode is TopologyMode.REQUIRED:
        preferred = TopologyMode.PREFERRED
        others.append(msgspec.structs.replace(topology, mode=preferred))
    elif topology.level is not None and topology.mode is TopologyMode.REQUIRED:
        above = LEVELS[LEVELS.index(topology.level) + 1 :]
        others += [msgspec.structs.replace(topology, level=level) for level in above]
    if topology.rails is not None:
        others.append(msgspec.structs.replace(topology, rails=None))
    return [("weaker-topology", msgspec.structs.replace(spec, topology=other)) for other in others]


def _elsewhere(scene: Scene, spec: JobSpec, project: str) -> list[tuple[str, JobSpec]]:
    """Each site that the job itself rules out and its project does not."""
    anywhere = msgspec.structs.replace(spec, sites=())
    bits = lowering.shape_of(scene.names, anywhere, project).sites
    others = [
        site
        for index, site in enumerate(scene.names.sites)
        if spec.sites and site not in spec.sites and (bits >> index) & 1
    ]
    return [
        ("other-site", msgspec.structs.replace(spec, sites=(site,))) for site in others[:MODES_MAX]
    ]


def _may_run(scene: Scene, spec: JobSpec, project: str) -> bool:
    lasts_ms = lowering.duration_ms(spec, scene.policy)
    return lowering.never_fits(scene.state, scene.names, spec, project, lasts_ms) is None


def _ride(
    scene: Scene, job: int, spec: JobSpec, project: str, lasting: np.ndarray[Any, Any]
) -> sched.Ride:
    gang = lowering.gang_of(scene.names, spec, project)
    changes = sched.reshaped(scene.state, job, scene.now_ms, gang)
    new = np.array([int(scene.state.job_count[0])], np.int64)
    return sched.Ride(with_new(lasting, int(lasting[job])), new, changes, scene.later)


def _alternative(kind: str, spec: JobSpec, asked: JobSpec, seen: sched.Foreseen) -> Alternative:
    change: dict[str, Any] = {}
    if asked.elastic != spec.elastic or asked.nodes != spec.nodes:
        change["nodes"] = asked.nodes
    if asked.topology != spec.topology and asked.topology is not None:
        change["topology"] = {"mode": asked.topology.mode.value}
        change["topology"] |= msgspec.to_builtins(asked.topology)
    if asked.sites != spec.sites:
        change["sites"] = list(asked.sites)
    start_ms = int(seen.start_ms[0])
    return Alternative(
        kind=kind,
        change=change,
        start_ms=start_ms if start_ms >= 0 else None,
        is_estimate=bool(seen.is_estimate[0]),
    )
