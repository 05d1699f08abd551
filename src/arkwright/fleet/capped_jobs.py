"""From the scheduler's state and the jobs' words to `capping`, and back to job ids."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from arkwright import catalog, sched
from arkwright.fleet.capping import GPU_MILLI, Draw, caps
from arkwright.fleet.lowering import Names
from arkwright.jobs.spec import JobSpec, Tier

TIERS = tuple(Tier)
"""Most protected first."""


def wanted_caps(
    state: sched.State,
    names: Names,
    job_ids: Sequence[str],
    specs: Mapping[str, JobSpec],
    sites: Collection[str],
) -> dict[str, int]:
    """Watts per GPU for each job that must be slowed; the engines of `sites` can slow jobs."""
    first = len(names.projects)  # rows of the power tree come after those of quotas
    used, limit = state.row_used[first:], state.row_limit[first:]
    if not np.any((limit >= 0) & (used > limit)):
        return {}
    rows = [row for row in names.row_of_power.values() if state.row_limit[row] >= 0]
    jobs, draws = [], []
    for job in _active(state):
        draw = _draw(state, names, job, specs[job_ids[job]], sites)
        if draw is not None:
            jobs.append(job)
            draws.append(draw)
    limits = {row: int(state.row_limit[row]) for row in rows}
    kept = caps(draws, limits, rows[::-1])  # parents come before their rows in the table
    return {
        job_ids[job]: watts
        for job, draw, watts in zip(jobs, draws, kept, strict=True)
        if watts < draw.full_w
    }


def saved_watts(
    state: sched.State, names: Names, job_index: Mapping[str, int], capped: Mapping[str, int]
) -> dict[int, int]:
    """By row, how much less than counted the capped jobs draw."""
    saved: dict[int, int] = {}
    for job_id, watts in sorted(capped.items()):
        cls = int(state.job_class[job_index[job_id]])
        gpu_milli = int(state.class_gpu_milli[cls])
        less = int(state.class_watts[cls]) - -(-watts * gpu_milli // GPU_MILLI)
        for row, count in _rows_above(state, sched.nodes_of(state, job_index[job_id])).items():
            saved[row] = saved.get(row, 0) + count * max(0, less)
    return saved


def _active(state: sched.State) -> list[int]:
    is_in = state.job_state[: int(state.job_count[0])]
    active: list[int] = np.flatnonzero(
        (is_in >= sched.STARTING) & (is_in <= sched.STOPPING)
    ).tolist()
    return active


def _draw(
    state: sched.State, names: Names, job: int, spec: JobSpec, sites: Collection[str]
) -> Draw | None:
    """None for a job that draws nothing anybody counts."""
    if spec.groups:
        return _draw_together(state, job, spec)
    cls = int(state.job_class[job])
    node_w, gpu_milli = int(state.class_watts[cls]), int(state.class_gpu_milli[cls])
    nodes = sched.nodes_of(state, job)
    if not node_w or not gpu_milli or not nodes:
        return None
    full_w = node_w * GPU_MILLI // gpu_milli
    node = names.nodes[nodes[0]]
    # Others use the rest of a shared GPU: one of them alone cannot be slowed.
    can_give = node.site in sites and gpu_milli >= GPU_MILLI
    floor_w = _floor_w(full_w, node.gpu_type, spec) if can_give else full_w
    return Draw(TIERS.index(spec.tier), gpu_milli, full_w, floor_w, _rows_above(state, nodes))


def _draw_together(state: sched.State, job: int, spec: JobSpec) -> Draw:
    """A gang of different nodes is not slowed: no one cap per GPU would fit all its groups. It
    stands in for as many nodes as it draws watts, of one watt each."""
    watts: dict[int, int] = {}
    groups = sched.groups_of(state, int(state.job_class[job]), sched.nodes_of(state, job))
    for group, nodes in groups:
        for row, count in _rows_above(state, nodes).items():
            watts[row] = watts.get(row, 0) + count * int(state.class_watts[group])
    return Draw(TIERS.index(spec.tier), GPU_MILLI, 1, 1, watts)


def _floor_w(full_w: int, gpu_type: str, spec: JobSpec) -> int:
    """The least the job makes sense under, else the least its GPU can be limited to: what its node
    draws beside the GPU stays."""
    if spec.power is not None and spec.power.cap_watts_per_gpu_min is not None:
        return min(full_w, math.ceil(spec.power.cap_watts_per_gpu_min))
    gpu = catalog.gpus().get(gpu_type)
    if gpu is None or gpu.tdp_w is None:
        return full_w
    share = 1 - catalog.default("gpu_cap_fraction_min").value
    return full_w - math.floor(min(full_w, gpu.tdp_w) * share)


def _rows_above(state: sched.State, nodes: Sequence[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for node in nodes:
        row = int(state.node_row[node])
        while row >= 0:
            counts[row] = counts.get(row, 0) + 1
            row = int(state.row_parent[row])
    return counts
