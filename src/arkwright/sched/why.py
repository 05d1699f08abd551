"""`explain` and `never_fits`: the reason a job waits or is refused, and the smallest change.

A reason is found by running the cycle itself on a copy and looking at what was left for the job, so
it cannot disagree with the decision. A change is named only after the cycle, run on a copy in which
the job has that change, did start it; the numbers found are the least that suffices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import (
    calendar,
    capacity,
    codes,
    conservative,
    constraints,
    event,
    gpus,
    mask,
    placement,
    power,
    tree,
    windows,
)
from arkwright.sched.mutate import apply
from arkwright.sched.reason import Reason
from arkwright.sched.schedule import cycle_with
from arkwright.sched.state import Ints, Shape, State, copy, find_class, grown, room, shape_of
from arkwright.sched.work import HEAD, SHADOW_MS, workspace


def explain(state: State, job: int, now_ms: int, backfill: int = codes.EASY) -> Reason:
    """Why the job is where it is at `now_ms`; `state` is not changed.

    Costs one cycle, and for a waiting job a logarithmic number more to find the smallest change.
    """
    if not 0 <= job < state.job_count[0]:
        raise InternalError(f"explain: job {job} of {int(state.job_count[0])}")
    is_in = int(state.job_state[job])
    if is_in == codes.DONE:
        return Reason(codes.IS_DONE)
    if is_in == codes.HELD:
        return Reason(codes.IS_HELD, change=codes.RELEASE_IT, to=1)
    if is_in != codes.QUEUED:
        return Reason(codes.IS_ACTIVE)
    trial = _try(copy(state), now_ms, backfill)
    if job in trial.started:
        return Reason(codes.STARTS_NOW)
    never = never_fits(state, shape_of(state, int(state.job_class[job])))
    if never is not None:
        return never
    reason = _refusal(state, trial, job, now_ms, backfill)
    return _with_smallest_change(state, job, now_ms, backfill, reason)


def never_fits(state: State, shape: Shape) -> Reason | None:
    """Why no state of this factory could ever start such a job; None when one could.

    Judged on an empty factory with every node up, under the row limits of today. Amounts may be
    absurdly large: they are bounded before they meet int64, and named in full in the reason.
    """
    n_nodes = len(state.node_state)
    amount_max = codes.BIG // (n_nodes + 2)
    bounded = shape._replace(
        nodes=min(shape.nodes, n_nodes + 1),
        gpu_milli=min(shape.gpu_milli, amount_max // gpus.WHOLE_MILLI * gpus.WHOLE_MILLI),
        cpu_milli=min(shape.cpu_milli, amount_max),
        memory_mib=min(shape.memory_mib, amount_max),
        watts=min(shape.watts, amount_max),
    )
    reason = _never(state, bounded)
    if reason is None or reason.code in (codes.NEVER_QUOTA, codes.NEVER_POWER):
        return reason
    if reason.code == codes.NEVER_NODE_TOO_SMALL:
        return reason._replace(asked=shape[1 + reason.resource])
    return reason._replace(asked=shape.nodes)


def _never(state: State, shape: Shape) -> Reason | None:
    probe, cls = _with_class(state, shape)
    reason = mask.explain(probe, cls) or capacity.explain(probe, cls)
    if reason is not None:
        return reason
    anywhere, in_one_domain = _offer(probe, cls, _totals(probe), any_state=True)
    quota = tree.explain(probe, cls, np.zeros_like(probe.row_used))
    largest = min(in_one_domain, _largest_by_rows(probe, cls))
    if anywhere < shape.nodes:
        reason = Reason(codes.NEVER_TOO_MANY_NODES, shape.nodes, anywhere)
    elif in_one_domain < shape.nodes:
        level = shape.level_required
        reason = Reason(codes.NEVER_TOPOLOGY, shape.nodes, in_one_domain, level)
    elif quota is not None:
        reason = quota
    else:
        reason = _never_power(probe, cls)
        return reason and _with_less_power(probe, cls, reason, largest)
    if largest >= 1:
        return reason._replace(change=codes.FEWER_NODES, to=largest)
    per_node = _least_limit(probe, cls) // shape.nodes
    if reason.code != codes.NEVER_QUOTA or per_node < 1:
        return reason
    return reason._replace(change=codes.LESS_PER_NODE, resource=0, to=per_node)


def _never_power(state: State, cls: int) -> Reason | None:
    nodes = _serving(state, cls, _totals(state), any_state=True)
    return power.explain(state, cls, np.zeros_like(state.row_used), nodes, codes.NEVER_POWER)


def _with_less_power(state: State, cls: int, reason: Reason, largest: int) -> Reason:
    """The largest gang that the rows could carry, or else the most watts a node of it may draw."""
    if min(largest, reason.free) >= 1:
        return reason._replace(change=codes.FEWER_NODES, to=min(largest, reason.free))

    def carried(watts: int) -> bool:
        probe = state._replace(class_watts=np.full_like(state.class_watts, watts))
        return _never_power(probe, cls) is None

    most = _most(int(state.class_watts[cls]) - 1, carried)
    if most < 1:
        return reason
    return reason._replace(change=codes.LESS_PER_NODE, resource=3, to=most)


class _Trial(NamedTuple):
    state: State
    started: list[int]
    head: int
    shadow_ms: int


def _try(state: State, now_ms: int, backfill: int) -> _Trial:
    state.cycle_memo[:] = -1
    out, work = room(state), workspace(state)
    count = cycle_with(state, work, now_ms, out, backfill)
    return _Trial(state, out[:count].tolist(), int(work.result[HEAD]), int(work.result[SHADOW_MS]))


def _refusal(state: State, trial: _Trial, job: int, now_ms: int, backfill: int) -> Reason:
    """What stopped a queued job that some empty factory could start."""
    cls = int(state.job_class[job])
    after = trial.state
    ahead = trial.started[0] if trial.started else -1
    if ahead >= 0 and not _fits(after, job) and _fits(state, job):
        return Reason(codes.BEHIND_HIGHER_PRIORITY, job=ahead)
    quota = tree.explain(after, cls, after.row_used)
    if quota is not None:
        return quota
    asked, required = int(after.class_nodes[cls]), int(after.class_level_required[cls])
    anywhere, in_one_domain = _offer(after, cls, _free(after))
    if in_one_domain < asked:
        ever = _offer(after, cls, _totals(after))[1]
        if ever < asked:
            return Reason(codes.NODES_DOWN, asked, ever)
        if anywhere < asked:
            return Reason(codes.NOT_ENOUGH_FREE, asked, anywhere)
        return Reason(codes.TOPOLOGY, asked, in_one_domain, required)
    power_short = power.explain(
        after, cls, after.row_used, _serving(after, cls, _free(after), False)
    )
    if power_short is not None:
        return power_short
    ahead_short = _limit_ahead(after, cls, now_ms, now_ms + int(after.job_duration_ms[job]))
    if ahead_short is not None:
        return ahead_short
    kept_short = _window(after, cls, job, now_ms)
    if kept_short is not None:
        return kept_short
    if trial.head >= 0:
        strict = backfill == codes.STRICT
        code = codes.BEHIND_HIGHER_PRIORITY if strict else codes.RESERVED_FOR_HEAD
        return Reason(code, asked, in_one_domain, job=trial.head, at_ms=trial.shadow_ms)
    if backfill == codes.CONSERVATIVE:
        return _planned_ahead(after, job, now_ms, asked, in_one_domain)
    raise InternalError(f"explain: nothing stops job {job}, yet the cycle did not start it")


def _limit_ahead(state: State, cls: int, now_ms: int, end_ms: int) -> Reason | None:
    """The announced limit that would be broken before the job is over."""
    work = workspace(state)
    constraints.foresee_rows(state, now_ms, work.row_used, work.step_left)
    left = work.row_left
    constraints.row_room(state, state.row_used, state.row_limit, left)
    if not constraints.row_room_ahead(state, work.step_left, -1, end_ms, left):
        return None
    limits = np.where(left < codes.BIG, state.row_used + left, codes.UNLIMITED)
    bounded = state._replace(row_limit=limits)
    reason = tree.explain(bounded, cls, state.row_used) or power.explain(
        bounded, cls, state.row_used, _serving(state, cls, _free(state), False)
    )
    if reason is None:
        return None
    ahead = calendar.explain(state, work.step_left, reason.row, reason.asked, end_ms)
    return ahead or reason


def _window(state: State, cls: int, job: int, now_ms: int) -> Reason | None:
    """The window that keeps nodes from the job, when they are what it lacks."""
    end_ms = now_ms + int(state.job_duration_ms[job])
    if not constraints.keeps_some(state, cls, now_ms, end_ms):
        return None
    work = workspace(state)
    constraints.foresee_rows(state, now_ms, work.row_used, work.step_left)
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    work.run_ms[:] = now_ms, end_ms
    if placement.place_now(state, work, cls, job):
        return None
    serving = [*_serving(state, cls, _free(state), any_state=False).values()]
    nodes = np.concatenate(serving)
    return windows.explain(state, cls, nodes, int(state.class_nodes[cls]), now_ms, end_ms)


def _planned_ahead(state: State, job: int, now_ms: int, asked: int, free: int) -> Reason:
    """The job ahead whose place in the plan would be taken, and when that job starts."""
    work = workspace(state)
    work.result[HEAD] = -1
    conservative.start_planned(copy(state), work, now_ms, room(state), work.fit[:0], job)
    ahead, at_ms = int(work.result[HEAD]), int(work.result[SHADOW_MS])
    return Reason(codes.RESERVED_FOR_HEAD, asked, free, job=ahead, at_ms=at_ms)


def _fits(state: State, job: int) -> bool:
    cls = int(state.job_class[job])
    if constraints.admit_job(state, cls, state.row_used) >= 0:
        return False
    work = workspace(state)
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    return placement.place_now(state, work, cls, job)


def _with_smallest_change(
    state: State, job: int, now_ms: int, backfill: int, reason: Reason
) -> Reason:
    shape = shape_of(state, int(state.job_class[job]))
    duration_ms = int(state.job_duration_ms[job])

    def starts(other: Shape, lasts_ms: int = duration_ms) -> bool:
        return _starts_as(state, job, now_ms, backfill, other, lasts_ms)

    if reason.code == codes.TOPOLOGY:
        weaker = [*range(shape.level_required + 1, len(state.node_domain)), codes.NONE]
        for level in weaker:
            if starts(shape._replace(level_required=level)):
                return reason._replace(change=codes.WEAKER_LEVEL, to=level)
    if reason.code == codes.RESERVED_FOR_HEAD and reason.at_ms > now_ms:
        left_ms = reason.at_ms - now_ms
        if left_ms < duration_ms and starts(shape, left_ms):
            return reason._replace(change=codes.SHORTER, to=left_ms)
    if reason.code == codes.LIMIT_AHEAD:
        for at_ms in reversed(state.step_at_ms[: int(state.step_count[0])].tolist()):
            if now_ms < at_ms < now_ms + duration_ms and starts(shape, at_ms - now_ms):
                return reason._replace(change=codes.SHORTER, to=at_ms - now_ms)
    if reason.code == codes.RESERVED_WINDOW:
        opens = sorted(set(state.window_from_ms[: int(state.window_count[0])].tolist()))
        for at_ms in reversed(opens):
            if now_ms < at_ms < now_ms + duration_ms and starts(shape, at_ms - now_ms):
                return reason._replace(change=codes.SHORTER, to=at_ms - now_ms)
    most = _most(shape.nodes - 1, lambda count: starts(shape._replace(nodes=count)))
    if most > 0:
        return reason._replace(change=codes.FEWER_NODES, to=most)
    if reason.code == codes.NODES_DOWN:
        return reason._replace(change=codes.NODES_RETURN, to=reason.asked - reason.free)
    return reason


def _most(limit: int, holds: Callable[[int], bool]) -> int:
    """The largest count in 1..limit for which `holds`, which holds below it as well; 0: none."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _starts_as(
    state: State, job: int, now_ms: int, backfill: int, shape: Shape, duration_ms: int
) -> bool:
    """Whether the job would start now with this shape and duration, at its place in the order."""
    probe = copy(state)
    cls = find_class(probe, shape)
    if cls < 0:
        cls = int(probe.class_count[0])
        probe = apply(probe, event.add_class(now_ms, shape))
    order = (int(probe.job_priority[job]), int(probe.job_submit_ms[job]), int(probe.job_seq[job]))
    probe = apply(probe, event.end(now_ms, job))
    probe = apply(probe, event.submit(now_ms, cls, duration_ms, *order))
    return int(probe.job_count[0]) - 1 in _try(probe, now_ms, backfill).started


def _with_class(state: State, shape: Shape) -> tuple[State, int]:
    """A state to ask about the shape: shares with `state` what a new class leaves alone."""
    cls = find_class(state, shape)
    if cls >= 0:
        return state, cls
    touched = ("class_", "gpu", "slot_gpu")
    probe = state._replace(
        **{name: getattr(state, name).copy() for name in State._fields if name.startswith(touched)}
    )
    probe = apply(grown(probe, 1, 0, 0), event.add_class(0, shape))
    return probe, int(probe.class_count[0]) - 1


def _offer(
    state: State, cls: int, amounts: tuple[Ints, Ints, Ints, Ints], any_state: bool = False
) -> tuple[int, int]:
    """How many nodes could serve the class: in all, and in the best domain it may use."""
    counts = [len(nodes) for nodes in _serving(state, cls, amounts, any_state).values()]
    return sum(counts), max(counts, default=0)


def _serving(
    state: State, cls: int, amounts: tuple[Ints, Ints, Ints, Ints], any_state: bool
) -> dict[int, Ints]:
    """The nodes that could serve the class, by domain of its required level (0 without one)."""
    required = int(state.class_level_required[cls])
    per_domain: dict[int, list[int]] = {}
    nodes = np.empty(len(state.node_state), np.int64)
    allowed = mask.admit(state, cls, any_state, nodes)
    count = capacity.admit(state, cls, nodes, allowed, *amounts)
    for node in nodes[:count].tolist():
        domain = int(state.node_domain[required, node]) if required >= 0 else 0
        per_domain.setdefault(domain, []).append(node)
    return {domain: np.array(theirs, np.int64) for domain, theirs in per_domain.items()}


def _largest_by_rows(state: State, cls: int) -> int:
    """The largest gang of this shape that the row limits allow in an empty factory."""
    per_node = int(state.class_gpu_milli[cls])
    return _least_limit(state, cls) // per_node if per_node > 0 else codes.BIG


def _least_limit(state: State, cls: int) -> int:
    """The lowest limit on the way from the class's row up; BIG when there is none."""
    least = codes.BIG
    row = int(state.class_row[cls])
    while row >= 0:
        if state.row_limit[row] >= 0:
            least = min(least, int(state.row_limit[row]))
        row = int(state.row_parent[row])
    return least


def _free(state: State) -> tuple[Ints, Ints, Ints, Ints]:
    return (
        state.node_gpu_milli_free,
        state.gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    )


def _totals(state: State) -> tuple[Ints, Ints, Ints, Ints]:
    return (
        state.node_gpu_milli_total,
        np.full_like(state.gpu_milli_free, gpus.WHOLE_MILLI),
        state.node_cpu_milli_total,
        state.node_memory_mib_total,
    )
