"""`explain` and `never_fits`: the reason a job waits or is refused, and the smallest change.

A reason is found by running the cycle itself on a copy and looking at what was left for the job, so
it cannot disagree with the decision. A change is named only after the cycle, run on a copy in which
the job has that change, did start it; the numbers found are the least that suffices.

Past 400 lines because the reasons of one waiting job are looked for in one order, which is read as
one list; those of gangs of different nodes are in `why_groups`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import (
    budget,
    calendar,
    capacity,
    codes,
    conservative,
    constraints,
    event,
    form,
    gpus,
    groups,
    mask,
    placement,
    power,
    reservation,
    together,
    tree,
    why_groups,
    windows,
)
from arkwright.sched._jit import INTERPRETED, Kernels
from arkwright.sched.gang import gang_of
from arkwright.sched.mutate import apply
from arkwright.sched.reason import Reason
from arkwright.sched.schedule import cycle_with
from arkwright.sched.state import Ints, Shape, State, copy, find_class, grown, room, shape_of
from arkwright.sched.work import HEAD, SHADOW_MS, workspace


def explain(
    state: State,
    job: int,
    now_ms: int,
    backfill: int = codes.EASY,
    kernels: Kernels = INTERPRETED,
) -> Reason:
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
        return _active(state, job)
    trial = _try(copy(state), now_ms, backfill, kernels)
    if job in trial.started:
        return Reason(codes.STARTS_NOW)
    gang, lasts_ms = gang_of(state, int(state.job_class[job])), int(state.job_duration_ms[job])
    never = never_fits(state, gang.shape, lasts_ms, gang.groups)
    if never is not None:
        return never
    # Who asks is said in the state: in one of our own, not in the caller's.
    state = state._replace(claim_asking=np.full(1, codes.NONE, np.int64))
    reason = _refusal(state, trial, job, now_ms, backfill)
    return _with_smallest_change(state, job, now_ms, backfill, reason, kernels)


def _active(state: State, job: int) -> Reason:
    if state.job_told[job] == 0:
        return Reason(codes.IS_ACTIVE)
    claimant, due_ms = int(state.job_claimant[job]), int(state.job_key_first[job])
    return Reason(codes.STOPS_FOR, job=claimant, at_ms=due_ms)


def never_fits(
    state: State, shape: Shape, lasts_ms: int = 0, others: tuple[Shape, ...] = ()
) -> Reason | None:
    """Why no state of this factory could ever start such a job; None when one could.

    Judged on an empty factory with every node up, under the row limits of today and, where
    `lasts_ms` is given, with whole budgets. Amounts may be
    absurdly large: they are bounded before they meet int64, and named in full in the reason.
    `others` are the groups after the first of a gang of different nodes.
    """
    if others:
        alone = [each._replace(more=codes.NONE) for each in (shape, *others)]
        for place, each in enumerate(alone):
            reason = never_fits(state, each)
            if reason is not None:
                return reason._replace(group=place)
        return why_groups.never(state, tuple(alone), lasts_ms)
    n_nodes = len(state.node_state)
    amount_max = codes.BIG // (n_nodes + 2)
    bounded = shape._replace(
        nodes=min(shape.nodes, n_nodes + 1),
        gpu_milli=min(shape.gpu_milli, amount_max // gpus.WHOLE_MILLI * gpus.WHOLE_MILLI),
        cpu_milli=min(shape.cpu_milli, amount_max),
        memory_mib=min(shape.memory_mib, amount_max),
        watts=min(shape.watts, amount_max),
    )
    reason = _never(state, bounded) or _never_budget(state, bounded, lasts_ms)
    if reason is None or reason.code in _NEVER_BY_ROWS:
        return reason
    if reason.code == codes.NEVER_NODE_TOO_SMALL:
        return reason._replace(asked=shape[1 + reason.resource])
    return reason._replace(asked=shape.nodes)


def _never(state: State, shape: Shape) -> Reason | None:
    probe, cls = _with_class(state, shape)
    probe = probe._replace(row_kept=calendar.least_kept(probe))
    reason = mask.explain(probe, cls) or capacity.explain(probe, cls)
    if reason is not None:
        return reason
    anywhere, in_one_domain = _offer(probe, cls, _totals(probe), any_state=True)
    quota = tree.explain(probe, cls, tree.idle(probe))
    largest = min(in_one_domain, _largest_by_rows(probe, cls))
    if anywhere < shape.nodes:
        reason = Reason(codes.NEVER_TOO_MANY_NODES, shape.nodes, anywhere)
    elif in_one_domain < shape.nodes:
        level = shape.level_required
        reason = Reason(codes.NEVER_TOPOLOGY, shape.nodes, in_one_domain, level)
    elif quota is not None:
        reason = quota._replace(code=codes.NEVER_QUOTA)
    else:
        reason = _never_power(probe, cls)
        if reason is not None:
            return _with_less_power(probe, cls, reason, largest)
        in_form = form.never(probe, cls)
        return in_form and in_form[0]._replace(change=codes.FEWER_NODES, to=in_form[1])
    if largest >= 1:
        return reason._replace(change=codes.FEWER_NODES, to=largest)
    per_node = tree.most(probe, cls, tree.idle(probe)) // shape.nodes
    if reason.code != codes.NEVER_QUOTA or per_node < 1:
        return reason
    return reason._replace(change=codes.LESS_PER_NODE, resource=0, to=per_node)


def _never_budget(state: State, shape: Shape, lasts_ms: int) -> Reason | None:
    probe, cls = _with_class(state, shape)
    probe = probe._replace(row_used=tree.idle(probe))
    reason = budget.explain(probe, cls, lasts_ms, np.zeros_like(probe.row_used))
    if reason is None:
        return None
    reason = reason._replace(code=codes.NEVER_BUDGET)
    return reason._replace(change=codes.SHORTER, to=reason.free) if reason.free > 0 else reason


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

    most = form.most_of(int(state.class_watts[cls]) - 1, carried)
    if most < 1:
        return reason
    return reason._replace(change=codes.LESS_PER_NODE, resource=3, to=most)


_NEVER_BY_ROWS = (
    *(codes.NEVER_QUOTA, codes.NEVER_POWER, codes.NEVER_BUDGET),
    codes.NEVER_SEGMENTS,
)


class _Trial(NamedTuple):
    state: State
    started: list[int]
    head: int
    shadow_ms: int


def _try(state: State, now_ms: int, backfill: int, kernels: Kernels) -> _Trial:
    state.cycle_memo[:] = -1
    out, work = room(state), workspace(state)
    count = cycle_with(state, work, now_ms, out, backfill, kernels)
    return _Trial(state, out[:count].tolist(), int(work.result[HEAD]), int(work.result[SHADOW_MS]))


def _refusal(state: State, trial: _Trial, job: int, now_ms: int, backfill: int) -> Reason:
    """What stopped a queued job that some empty factory could start."""
    cls = int(state.job_class[job])
    after = trial.state
    stopping = np.flatnonzero(after.job_claimant[: int(after.job_count[0])] == job)
    if len(stopping):
        first, last_ms = int(stopping[0]), int(after.job_key_first[stopping].max())
        return Reason(codes.CLAIM_STANDS, len(stopping), job=first, at_ms=last_ms)
    after.claim_asking[0] = state.claim_asking[0] = job
    ahead = trial.started[0] if trial.started else -1
    if ahead >= 0 and not _fits(after, job) and _fits(state, job):
        return Reason(codes.BEHIND_HIGHER_PRIORITY, job=ahead)
    quota = tree.explain(after, cls, after.row_used)
    if quota is not None:
        return quota
    lasts_ms = int(after.job_duration_ms[job])
    spent = budget.explain(after, cls, lasts_ms, _owed(after, trial.head, job))
    if spent is not None:
        return spent
    asked = int(after.class_gang_nodes[cls])
    if together.asked(after, cls):
        short = why_groups.explain(after, cls, job, now_ms)
        return short or _ahead_of_it(after, trial, job, now_ms, backfill, asked, -1)
    required = int(after.class_level_required[cls])
    anywhere, in_one_domain = _offer(after, cls, _free(after))
    if in_one_domain < asked:
        claimed = _claimed_by_another(after, cls)
        if claimed is not None:
            return claimed
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
    form_short = form.explain_now(after, cls)
    if form_short is not None:
        return form_short
    ahead_short = _limit_ahead(after, cls, now_ms, now_ms + int(after.job_duration_ms[job]))
    if ahead_short is not None:
        return ahead_short
    kept_short = _window(after, cls, job, now_ms)
    if kept_short is not None:
        return kept_short
    return _ahead_of_it(after, trial, job, now_ms, backfill, asked, in_one_domain)


def _ahead_of_it(
    after: State, trial: _Trial, job: int, now_ms: int, backfill: int, asked: int, free: int
) -> Reason:
    """Nothing but those ahead of the job in the order stands in its way."""
    if trial.head >= 0:
        strict = backfill == codes.STRICT
        code = codes.BEHIND_HIGHER_PRIORITY if strict else codes.RESERVED_FOR_HEAD
        return Reason(code, asked, free, job=trial.head, at_ms=trial.shadow_ms)
    if backfill == codes.CONSERVATIVE:
        return _planned_ahead(after, job, now_ms, asked, free)
    raise InternalError(f"explain: nothing stops job {job}, yet the cycle did not start it")


def _owed(state: State, head: int, job: int) -> Ints:
    """The GPU time of budgets that the head keeps from the job."""
    owed = np.zeros_like(state.row_used)
    if head >= 0 and head != job:
        lasts_ms = int(state.job_duration_ms[head])
        budget.set_aside(state, int(state.job_class[head]), lasts_ms, owed)
    return owed


def _claimed_by_another(state: State, cls: int) -> Reason | None:
    """Nodes that others have a claim on are all that is missing: the first of those claims."""
    if state.claim_count[0] == 0:
        return None
    unclaimed = state._replace(node_claim=np.full_like(state.node_claim, -1))
    asked = int(state.class_nodes[cls])
    if _offer(unclaimed, cls, _free(state))[1] < asked:
        return None
    barred = (state.node_claim >= 0) & (state.node_claim != state.claim_asking[0])
    nodes = np.concatenate([*_serving(unclaimed, cls, _free(state), False).values()])
    claimant = int(state.node_claim[nodes[barred[nodes]].min()])
    return Reason(codes.CLAIMED, asked, _offer(state, cls, _free(state))[1], job=claimant)


def _limit_ahead(state: State, cls: int, now_ms: int, end_ms: int) -> Reason | None:
    """The announced limit that would be broken before the job is over."""
    work = workspace(state)
    reservation.look_ahead(state, work, now_ms)
    left = work.row_left
    constraints.row_room(state, state.row_used, state.row_limit, left)
    if not constraints.row_room_ahead(state, work.step_left, -1, end_ms, left):
        return None
    quota = calendar.explain_quota(state, cls, work.step_left, work.step_within, end_ms)
    if quota is not None:
        return quota
    limits = np.where(left < codes.BIG, state.row_used + left, codes.UNLIMITED)
    bounded = state._replace(row_limit=limits)
    serving = _serving(state, cls, _free(state), False)
    reason = power.explain(bounded, cls, state.row_used, serving)
    reason = reason or form.explain_ahead(state, cls, left, end_ms)
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
    reservation.look_ahead(state, work, now_ms)
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
    return groups.place_now(state, work, cls, job)


def _with_smallest_change(
    state: State, job: int, now_ms: int, backfill: int, reason: Reason, kernels: Kernels
) -> Reason:
    shape = shape_of(state, int(state.job_class[job]))
    duration_ms = int(state.job_duration_ms[job])

    def starts(other: Shape, lasts_ms: int = duration_ms) -> bool:
        return _starts_as(state, job, now_ms, backfill, other, lasts_ms, kernels)

    is_one = shape.more == codes.NONE
    if reason.code == codes.TOPOLOGY and is_one:
        weaker = [*range(shape.level_required + 1, len(state.node_domain)), codes.NONE]
        for level in weaker:
            if starts(shape._replace(level_required=level)):
                return reason._replace(change=codes.WEAKER_LEVEL, to=level)
    if reason.code == codes.SEGMENTS:
        for size in [*_halves(shape.segment), 0]:
            if starts(shape._replace(segment=size)):
                return reason._replace(change=codes.SMALLER_SEGMENT, to=size)
    if reason.code == codes.RAILS and starts(shape._replace(rails=0)):
        return reason._replace(change=codes.ANY_RAILS, to=0)
    if reason.code == codes.RESERVED_FOR_HEAD and reason.at_ms > now_ms:
        left_ms = reason.at_ms - now_ms
        if left_ms < duration_ms and starts(shape, left_ms):
            return reason._replace(change=codes.SHORTER, to=left_ms)
    if reason.code == codes.BUDGET and reason.free > 0 and starts(shape, reason.free):
        return reason._replace(change=codes.SHORTER, to=reason.free)
    if reason.code in (codes.LIMIT_AHEAD, codes.CONTRACT_AHEAD):
        for at_ms in reversed(state.step_at_ms[: int(state.step_count[0])].tolist()):
            if now_ms < at_ms < now_ms + duration_ms and starts(shape, at_ms - now_ms):
                return reason._replace(change=codes.SHORTER, to=at_ms - now_ms)
    if reason.code == codes.RESERVED_WINDOW:
        opens = sorted(set(state.window_from_ms[: int(state.window_count[0])].tolist()))
        for at_ms in reversed(opens):
            if now_ms < at_ms < now_ms + duration_ms and starts(shape, at_ms - now_ms):
                return reason._replace(change=codes.SHORTER, to=at_ms - now_ms)
    limit = shape.nodes - 1 if is_one else 0
    most = form.most_of(limit, lambda count: starts(shape._replace(nodes=count)))
    if most > 0:
        return reason._replace(change=codes.FEWER_NODES, to=most)
    if reason.code == codes.NODES_DOWN:
        return reason._replace(change=codes.NODES_RETURN, to=reason.asked - reason.free)
    return reason


def _halves(size: int) -> list[int]:
    """Half of it, a quarter and so on, down to 2."""
    return [size >> bits for bits in range(1, size.bit_length()) if size >> bits > 1]


def _starts_as(
    state: State,
    job: int,
    now_ms: int,
    backfill: int,
    shape: Shape,
    duration_ms: int,
    kernels: Kernels,
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
    return int(probe.job_count[0]) - 1 in _try(probe, now_ms, backfill, kernels).started


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
    if per_node == 0:
        return codes.BIG
    return max(tree.most(state, cls, tree.idle(state)), 0) // per_node


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
