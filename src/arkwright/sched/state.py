"""The one state of the scheduler: a NamedTuple of int64 arrays, and how it is made and grown.

Axes, always in this order: `n_levels`, `n_nodes`, `n_rows`, `n_steps`, `n_windows`, `n_classes`,
`n_jobs`, `n_slots`. The first three are fixed by `empty`. The others are capacities that double as
they fill; how much of each is in use stands in a one-element array (`step_count`, `window_count`,
`class_count`, `job_count`, `slot_count`).
Everything is int64: what decisions compare never rounds, and a kernel compiles for one type only.

Past 400 lines because every column is declared here, once, with what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from arkwright.sched.codes import (
    ANY,
    ANY_SITE,
    ANY_TYPE,
    BLOCKED_BY_NOTHING,
    DONE,
    NONE,
)

Ints = npt.NDArray[np.int64]
IntsLike = Sequence[int] | Ints

GROWING: Final = ("class", "job", "slot", "step", "window")
"""Axes of the columns that grow; each has its `<axis>_count`."""

MOVED_MIN: Final = 64


class State(NamedTuple):
    """Everything a decision depends on. Only `apply` changes it."""

    # Nodes [n_nodes]. `node_domain` is [n_levels, n_nodes], level 0 the smallest domain.
    node_domain: Ints
    node_pool: Ints
    node_gpu_type: Ints
    node_site: Ints
    node_gpu_milli_total: Ints
    node_gpu_milli_free: Ints
    node_cpu_milli_total: Ints
    node_cpu_milli_free: Ints
    node_memory_mib_total: Ints
    node_memory_mib_free: Ints
    node_state: Ints
    node_row: Ints
    """Lowest capacity row that counts the node's watts, or -1."""
    node_gpu_first: Ints
    """[n_nodes + 1]: where the node's GPUs start among all; the last entry is their number."""
    node_kind_count: Ints
    """[n_nodes, kinds]: jobs on the node by GPU demand (`score.kind_of`); GPU clustering only."""
    node_moves: Ints
    """[n_nodes]: moves whenever the node's free amounts do."""
    node_largest: Ints
    """[2]: milli-GPU and milli-CPU of the largest node, the unit of some scores."""
    node_version: Ints
    """[1]: moves whenever a node has more to give than before."""
    node_claim: Ints
    """[n_nodes]: the queued job that alone may start here, -1 for everybody."""

    # GPUs one by one [n_gpus], kept from when `gpus_kept` [1] is set (see `gpus`).
    gpus_kept: Ints
    gpu_milli_free: Ints
    gpu_job: Ints
    """The job that holds the GPU whole, -1 none."""

    eviction: Ints
    """Who may be told to stop for whom: the fields of `Eviction`, in order."""

    # Placement: [3] policy code, seed, sum of the typical weights; and the typical shapes
    # [n_typical] some policies judge nodes by.
    policy: Ints
    typical_gpu_milli: Ints
    typical_cpu_milli: Ints
    typical_gpu_types: Ints
    typical_weight: Ints

    # Capacity rows [n_rows]: a forest, parents before children.
    row_parent: Ints
    row_limit: Ints
    row_used: Ints
    row_ceiling: Ints
    """What `row_used` may be at most: the limit, or what already ran when the limit was cut."""
    row_version: Ints
    row_measure: Ints
    """What the row counts: GPU_MILLI of the jobs of a quota, WATTS of the nodes below it, or
    GPU_MS, the GPU time of a quota's jobs in the period under way (`budget`)."""
    row_guarantee: Ints
    """GPU_MILLI the row may reclaim up to, -1 none; what it uses beyond is borrowed (`tree`)."""
    row_kept: Ints
    """GPU_MILLI of the guarantee that is lent to nobody: always counted as used in the parent."""
    row_budget: Ints
    """The GPU_MS row that counts the GPU time of the row's jobs, -1 none."""
    row_settled: Ints
    """Of a GPU_MS row: what attempts that are over used; the rest of `row_used` is expected."""
    row_period_ms: Ints
    row_period_end_ms: Ints
    """Of a GPU_MS row: when the period under way began, and when it ends (-1 not known)."""

    # Fair share between rows (see `share`): [2] half-life in ms, 0 for another order, and the
    # instant to which usage is scaled; usage in GPU-milliseconds, over the row's share.
    fair: Ints
    row_share: Ints
    row_share_own: Ints
    """Share of the jobs that count on the row itself, beside those of the rows below it."""
    row_usage: Ints
    row_usage_own: Ints

    # The calendar [n_steps]: limits that rows will have, and guarantees, by (at_ms, row, kind).
    step_count: Ints
    step_kind: Ints
    step_at_ms: Ints
    step_row: Ints
    step_limit: Ints
    """The limit, or what the row will keep of its guarantee."""
    step_guarantee: Ints
    """Of a KEPT_STEP; -1 none."""

    # Windows [n_windows]: one entry for each node that is kept for a row (-1: for nobody) in
    # [from_ms, until_ms), in the order they were made; `window_id` tells which belong together.
    window_count: Ints
    window_node: Ints
    window_id: Ints
    window_from_ms: Ints
    window_until_ms: Ints
    window_row: Ints

    # Classes [n_classes]: jobs of one shape. Amounts are per node of the gang.
    class_count: Ints
    class_nodes: Ints
    class_gpu_milli: Ints
    class_cpu_milli: Ints
    class_memory_mib: Ints
    class_gpu_type: Ints
    class_pool: Ints
    class_level_required: Ints
    class_level_preferred: Ints
    class_sites: Ints
    class_row: Ints
    class_watts: Ints
    class_gpu_types: Ints
    class_type_row: Ints
    class_segment: Ints
    class_segment_level: Ints
    class_spread_level: Ints
    class_rails: Ints
    class_larger: Ints
    class_more: Ints
    class_tier: Ints
    class_preemptible: Ints
    class_grace_ms: Ints
    class_slots: Ints
    """The most nodes a job that queues in the class can come to hold."""
    class_gang_nodes: Ints
    """Nodes of the whole gang: of this group and of those after it."""
    class_root: Ints
    """Root job of the class's queue (see `order`), or -1."""
    class_blocked_by: Ints
    class_blocked_version: Ints

    # Jobs [n_jobs], index = order of submission, never reused.
    job_count: Ints
    job_state: Ints
    job_class: Ints
    """The class it queues in; while an elastic job holds nodes, the class of the size it has."""
    job_asked: Ints
    """The class it was submitted to."""
    job_priority: Ints
    job_submit_ms: Ints
    job_seq: Ints
    job_duration_ms: Ints
    job_start_ms: Ints
    job_slot: Ints
    """Where the job's node list starts in `slot_node`; it is `class_gang_nodes` long, group after
    group, and there is room for `class_slots` of the class it was submitted to."""
    job_saved_ms: Ints
    """While it runs: when it last saved what it has done; its start when it never did."""
    job_told: Ints
    job_told_ms: Ints
    job_claimant: Ints
    """While it stops for another: EVICTED or MOVED, since when (-1), and for which claim (-1)."""
    job_evictions: Ints
    job_moves: Ints
    """How often it went back to the queue for another job, lost and moved."""
    job_victims: Ints
    """How many jobs still stop for its claim, -1 without a claim."""
    # The ordered trees that hold the queued jobs of each class and the active jobs (see `order`).
    job_key_first: Ints
    job_key_second: Ints
    job_key_third: Ints
    job_rank: Ints
    job_left: Ints
    job_right: Ints
    job_parent: Ints
    job_duration_ms_min: Ints

    slot_count: Ints
    slot_node: Ints
    """[n_slots]: node lists of all jobs, -1 where the job holds nothing."""
    slot_gpu: Ints
    """[n_slots]: the GPU a fraction is served by, -1 for whole GPUs and while none is held."""
    active_root: Ints
    """[1]: root of the tree of jobs that hold resources, ordered by estimated end."""
    queued_count: Ints
    claim_count: Ints
    """[1]: jobs with a claim."""
    change_count: Ints
    """[1]: moves with every event that could alter a decision."""
    claim_asking: Ints
    """[1]: the job that nodes are looked at for, -1 nobody: a claim bars everybody else."""
    cycle_memo: Ints
    """[5]: change_count, now_ms, next estimated end and mode of the last cycle that did nothing;
    how many changes left what was foreseen as it was: jobs that came, started, or ended when it
    was expected of them or later."""

    # What follows from `node_domain`, and a ring of what moved last: for `index` to be quick.
    level_first: Ints
    """[n_levels + 1]: where the domains of a level start among those of all levels."""
    domain_first: Ints
    """[domains of all levels + 1]: where a domain's nodes start in `domain_node`."""
    domain_node: Ints
    """[n_levels * n_nodes]: the nodes of every domain, ascending."""
    moved: Ints
    moved_count: Ints


MEMO_FIELDS = frozenset(
    {
        "class_blocked_by",
        "class_blocked_version",
        "claim_asking",
        "cycle_memo",
        "level_first",
        "domain_first",
        "domain_node",
        "moved",
        "moved_count",
    }
)
"""What a cycle remembers to be quick. No decision depends on it; `same` ignores it."""

FIXED_FIELDS = frozenset(
    {
        "node_domain",
        "node_pool",
        "node_gpu_type",
        "node_site",
        "node_gpu_milli_total",
        "node_cpu_milli_total",
        "node_memory_mib_total",
        "node_row",
        "node_gpu_first",
        "node_largest",
        "policy",
        "typical_gpu_milli",
        "typical_cpu_milli",
        "typical_gpu_types",
        "typical_weight",
        "row_parent",
        "row_measure",
        "level_first",
        "domain_first",
        "domain_node",
    }
)
"""What no event changes; copies of a state share it."""


class Shape(NamedTuple):
    """What makes jobs interchangeable. A gang takes `nodes` distinct nodes, whole or not at all."""

    nodes: int
    gpu_milli: int
    cpu_milli: int = 0
    memory_mib: int = 0
    gpu_type: int = ANY
    pool: int = ANY
    """Bitset of the node pools that will do; ANY has every bit."""
    level_required: int = NONE
    level_preferred: int = NONE
    sites: int = ANY_SITE
    row: int = NONE
    watts: int = 0
    """Expected on each node; counted in every row above the node."""
    gpu_types: int = ANY_TYPE
    """Bitset of acceptable GPU types, beside `gpu_type`."""
    type_row: int = NONE
    """Second lowest capacity row that counts the gang's GPUs: a quota of one GPU type."""
    segment: int = 0
    """Nodes of a segment, which lies within one domain of `segment_level`; 0 for no segments,
    negative where they are preferred: the gang is placed without them where they do not fit."""
    segment_level: int = NONE
    spread_level: int = NONE
    """Nodes go to as many domains of this level as can be, evenly."""
    rails: int = 0
    """1: GPUs of the same places on every node, so that each rail carries the whole gang."""
    larger: int = NONE
    """Class of the next larger size of an elastic gang; jobs queue in the class of the smallest."""
    more: int = NONE
    """Class of the next group of a gang of different nodes; it is placed with this one. What counts
    for the job as a whole (tier, grace, the quota `row`) is that of the first group's class."""
    tier: int = 1
    """0 is disturbed last: who may be told to stop for whom."""
    preemptible: int = 0
    grace_ms: int = 0
    """Between being told to stop and the end."""


def jobless_columns() -> dict[str, Ints]:
    """The columns of classes, jobs, slots, steps and windows of a state that has none yet."""
    sizes = dict.fromkeys(GROWING, 0)
    growing = {name: _filled(name, sizes) for name in State._fields if axis_of(name) is not None}
    one = {name: np.zeros(1, np.int64) for name in State._fields if _is_scalar(name)}
    one["active_root"][0] = one["claim_asking"][0] = -1
    return growing | one


def copy(state: State) -> State:
    """A copy that events change on its own; the live loop decides on one."""
    return State(
        *[
            array if name in FIXED_FIELDS else array.copy()
            for name, array in zip(State._fields, state, strict=True)
        ]
    )


def quick_columns(domain: Ints) -> dict[str, Ints]:
    """The columns for `index` of a state with these domains [n_levels, n_nodes]."""
    counts = [int(level.max(initial=-1)) + 1 for level in domain]
    sizes = [np.bincount(level, minlength=most) for level, most in zip(domain, counts, strict=True)]
    first = np.zeros(sum(counts) + 1, np.int64)
    np.cumsum(np.concatenate([np.zeros(0, np.int64), *sizes]), out=first[1:])
    nodes = [np.argsort(level, kind="stable") for level in domain]
    return {
        "level_first": np.cumsum([0, *counts], dtype=np.int64),
        "domain_first": first,
        "domain_node": np.concatenate([np.zeros(0, np.int64), *nodes]),
        "moved": np.zeros(max(MOVED_MIN, domain.shape[1]), np.int64),
    }


def same(one: State, other: State) -> bool:
    """Whether two states are equal byte for byte in what is in use, memo columns aside."""
    for name in State._fields:
        if name in MEMO_FIELDS:
            continue
        mine, theirs = used(one, name), used(other, name)
        if mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes():
            return False
    return True


def grown(
    state: State, classes: int, jobs: int, slots: int, steps: int = 0, windows: int = 0
) -> State:
    """The same state with room for that many more of each; itself when it has the room."""
    wanted = {"class": classes, "job": jobs, "slot": slots, "step": steps}
    wanted |= {"window": windows}
    sizes = {
        "class": len(state.class_nodes),
        "job": len(state.job_state),
        "slot": len(state.slot_node),
        "step": len(state.step_at_ms),
        "window": len(state.window_node),
    }
    short = {
        axis: _doubled(sizes[axis], int(getattr(state, f"{axis}_count")[0]) + wanted[axis])
        for axis in sizes
    }
    if short == sizes:
        return state
    fields = {}
    for name in State._fields:
        axis = axis_of(name)
        if axis is None or short[axis] == sizes[axis]:
            continue
        fields[name] = _filled(name, short)
        fields[name][: sizes[axis]] = getattr(state, name)
    return state._replace(**fields)


def shape_of(state: State, class_index: int) -> Shape:
    """The shape that jobs of this class share."""
    return Shape(*[int(getattr(state, f"class_{name}")[class_index]) for name in Shape._fields])


def find_class(state: State, shape: Shape) -> int:
    """Index of the class of this shape, -1 when there is none yet. O(classes)."""
    for index in range(int(state.class_count[0])):
        if shape_of(state, index) == shape:
            return index
    return -1


def chain_of(state: State, cls: int) -> list[int]:
    """The classes of the groups of such a gang, in order; the class alone for most."""
    chain = []
    while cls >= 0:
        chain.append(int(cls))
        cls = int(state.class_more[cls])
    return chain


def groups_of(state: State, cls: int, nodes: Sequence[int]) -> list[tuple[int, list[int]]]:
    """The nodes of a gang by group: the class of each group, and its nodes."""
    found, first = [], 0
    for group in chain_of(state, cls):
        count = int(state.class_nodes[group])
        found.append((group, list(nodes[first : first + count])))
        first += count
    return found


def nodes_of(state: State, job: int) -> tuple[int, ...]:
    """The nodes the job holds now, in the order they were given to it; empty when none."""
    first = int(state.job_slot[job])
    count = int(state.class_gang_nodes[state.job_class[job]])
    held = state.slot_node[first : first + count].tolist()
    return tuple(held) if held and held[0] >= 0 else ()


def gpus_of(state: State, job: int) -> tuple[int, ...]:
    """For a fraction, the GPU it is served by on each of its nodes, for an aligned gang the first
    that it holds there; empty for other whole GPUs."""
    first = int(state.job_slot[job])
    count = int(state.class_gang_nodes[state.job_class[job]])
    if state.class_rails[state.job_class[job]]:
        nodes = state.slot_node[first : first + count].tolist()
        starts = [int(state.node_gpu_first[node]) for node in nodes]
        return tuple(int(start + np.argmax(state.gpu_job[start:] == job)) for start in starts)
    held = state.slot_gpu[first : first + count].tolist()
    return tuple(held) if held and held[0] >= 0 else ()


def room(state: State) -> Ints:
    """An array that `cycle` can write all its decisions into."""
    return np.empty(int(state.queued_count[0]), np.int64)


_SCALARS = frozenset(
    {
        "node_version",
        "class_count",
        "job_count",
        "slot_count",
        "step_count",
        "window_count",
        "active_root",
        "queued_count",
        "claim_count",
        "claim_asking",
        "change_count",
        "moved_count",
    }
)
_MINUS_ONE = frozenset(
    {
        "class_root",
        "job_left",
        "job_right",
        "job_parent",
        "job_start_ms",
        "job_told_ms",
        "job_claimant",
        "job_victims",
        "slot_node",
        "slot_gpu",
    }
)


def _is_scalar(name: str) -> bool:
    return name in _SCALARS


def axis_of(name: str) -> str | None:
    """`class`, `job`, `slot`, `step` or `window` for a column that grows with them."""
    axis = name.split("_", 1)[0]
    return axis if axis in GROWING and not _is_scalar(name) else None


def used(state: State, name: str) -> Ints:
    """A column without the slack at its end."""
    axis = axis_of(name)
    array: Ints = getattr(state, name)
    return array if axis is None else array[: int(getattr(state, f"{axis}_count")[0])]


def _filled(name: str, sizes: dict[str, int]) -> Ints:
    axis = axis_of(name)
    assert axis is not None
    blank = DONE if name == "job_state" else -1 if name in _MINUS_ONE else 0
    if name == "class_blocked_by":
        blank = BLOCKED_BY_NOTHING
    return np.full(sizes[axis], blank, np.int64)


def _doubled(size: int, needed: int) -> int:
    grown_size = max(size, 8)
    while grown_size < needed:
        grown_size *= 2
    return size if needed <= size else grown_size
