"""The one list of constraints, kernel. A new rule is a new file and a line in each function here.

Four kinds can refuse a class: a node's mask, a node's free amounts, the capacity tree above the
class (quota) and the one above the nodes (power). The cycle, the reservation and the transitions
call these functions and no constraint by name. Past 400 lines because it is the one list.
"""

from __future__ import annotations

from arkwright.sched import (
    budget,
    calendar,
    capacity,
    gpus,
    mask,
    power,
    rails,
    share,
    together,
    tree,
    windows,
)
from arkwright.sched.codes import BIG, WATTS
from arkwright.sched.state import Ints, State


def admit_job(state: State, cls: int, used: Ints) -> int:
    """What of the whole factory refuses a job of the class: a row index, or BLOCKED_BY_NOTHING."""
    return tree.admit(state, cls, used, state.row_limit, state.row_kept)


def admit_nodes(
    state: State, cls: int, nodes: Ints, gpu: Ints, each: Ints, cpu: Ints, memory: Ints
) -> int:
    """Write the nodes that could take one node's share of the gang now to `nodes`; how many."""
    count = mask.admit(state, cls, False, nodes)
    return capacity.admit(state, cls, nodes, count, gpu, each, cpu, memory)


def admit_node(
    state: State, cls: int, node: int, gpu: Ints, each: Ints, cpu: Ints, memory: Ints
) -> bool:
    """Whether a node that the class may use could take one node's share of the gang."""
    return capacity.holds(state, cls, node, gpu, each, cpu, memory)


def admit_alone(state: State, cls: int, node: int) -> bool:
    """Whether the node is one of those that `admit_nodes` writes with what is free now.

    `index` keeps the answers: whoever makes this depend on more than the node's own columns must
    tell `moves` when that changes.
    """
    return mask.allows(state, cls, node) and capacity.holds(
        state,
        cls,
        node,
        state.node_gpu_milli_free,
        state.gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    )


def keep_beside(
    state: State,
    cls: int,
    job: int,
    nodes: Ints,
    count: int,
    aside: Ints,
    each: Ints,
    block: int,
    head_block: int,
) -> int:
    """Keep of `nodes[:count]` those where the job leaves the head what was set aside; how many.

    `block`, `head_block`: the block of GPUs each of the two would hold, where it asks for one.
    """
    return capacity.keep_beside(state, cls, job, nodes, count, aside, each, block, head_block)


def allows(state: State, cls: int, node: int) -> bool:
    """Whether the class may use the node now, full or not."""
    return mask.allows(state, cls, node) and not mask.is_claimed(state, node)


def allow_nodes(state: State, cls: int, nodes: Ints) -> int:
    """Write the nodes that the class may use, full or not, to `nodes`; how many."""
    return mask.admit(state, cls, False, nodes)


def admit_then(state: State, cls: int, used: Ints, limits: Ints, kept: Ints) -> bool:
    """Whether the factory has room for a job of the class on top of `used` under `limits`.

    `kept` is what rows keep at the instant of `used`, here and in what follows.
    """
    return tree.admit(state, cls, used, limits, kept) < 0


def admit_ahead(
    state: State, cls: int, step_left: Ints, step_within: Ints, after_ms: int, end_ms: int
) -> bool:
    """Whether what is announced in `(after_ms, end_ms)` leaves the factory room for the job."""
    return not calendar.refuses(state, cls, step_left, step_within, after_ms, end_ms)


def row_room(state: State, used: Ints, limits: Ints, left: Ints) -> None:
    """Write to `left` what the rows have on top of `used` under `limits`."""
    power.room(state, used, limits, left)


def row_room_beside(spare: Ints, left: Ints) -> None:
    """Lower `left` to what the reservation leaves of the rows."""
    power.room_beside(spare, left)


def row_room_ahead(state: State, step_left: Ints, after_ms: int, end_ms: int, left: Ints) -> bool:
    """Lower `left` to what limits announced in `(after_ms, end_ms)` leave; whether any are."""
    return calendar.admit(state, step_left, after_ms, end_ms, left)


def foresee_rows(
    state: State,
    now_ms: int,
    used: Ints,
    limits: Ints,
    kept: Ints,
    step_left: Ints,
    step_within: Ints,
) -> None:
    """Write what every announced change will leave when running jobs end as expected.

    `used`, `limits` and `kept` [n_rows] are scratch.
    """
    if state.step_count[0] > 0:
        calendar.foresee(state, now_ms, used, limits, kept, step_left, step_within)


def limits_at(state: State, now_ms: int, at_ms: int, limits: Ints) -> None:
    """Write the limits that rows have at `at_ms`."""
    calendar.limits_at(state, now_ms, at_ms, limits)


def keep_until(
    state: State, now_ms: int, after_ms: int, at_ms: int, used: Ints, kept: Ints
) -> None:
    """Bring `kept`, and with it `used`, to what rows keep at `at_ms` from what it was at
    `after_ms`."""
    calendar.keep_until(state, now_ms, after_ms, at_ms, used, kept)


def spend_ahead(
    state: State,
    cls: int,
    nodes: Ints,
    step_left: Ints,
    step_within: Ints,
    from_ms: int,
    end_ms: int,
) -> None:
    """A job of the class will hold these nodes in `[from_ms, end_ms)`."""
    calendar.spend(state, cls, nodes, step_left, step_within, from_ms, end_ms)


def next_change_at(state: State, after_ms: int) -> int:
    """When the next announced limit comes, or a window opens or ends; BIG for never."""
    if state.window_count[0] == 0:
        return calendar.next_at(state, after_ms)
    return min(calendar.next_at(state, after_ms), windows.next_at(state, after_ms))


def next_opening_at(state: State, after_ms: int) -> int:
    """When after `after_ms` time alone next gives jobs more than they had; BIG for never."""
    return windows.next_end(state, after_ms)


def last_change_before(state: State, after_ms: int, end_ms: int) -> int:
    """When in `(after_ms, end_ms)` the last announced limit comes or window opens; `after_ms` for
    none: what refuses a run that ends then refuses all that end after it, up to `end_ms`."""
    return windows.last_before(state, calendar.last_before(state, after_ms, end_ms), end_ms)


def keep_open(
    state: State, cls: int, nodes: Ints, count: int, from_ms: int, end_ms: int, barred: Ints
) -> int:
    """Keep of `nodes[:count]` those not kept for others in `[from_ms, end_ms)`; how many."""
    if state.window_count[0] == 0:
        return count
    return windows.admit(state, cls, nodes, count, from_ms, end_ms, barred)


def keeps(state: State, cls: int, entry: int, from_ms: int, end_ms: int) -> bool:
    """Whether this entry of the windows keeps its node from the class in `[from_ms, end_ms)`."""
    return windows.touches(state, cls, entry, from_ms, end_ms)


def keeps_some(state: State, cls: int, from_ms: int, end_ms: int) -> bool:
    """Whether some node is kept for others in `[from_ms, end_ms)`."""
    return windows.touches_any(state, cls, from_ms, end_ms)


def admit_under_rows(state: State, cls: int, nodes: Ints, count: int, left: Ints) -> int:
    """Keep of `nodes[:count]` those whose rows have room for one node's share; how many."""
    return power.admit(state, cls, nodes, count, left)


def counts_under_rows(state: State, cls: int) -> bool:
    """Whether a job of the class counts in rows above its nodes at all."""
    while cls >= 0 and state.class_watts[cls] <= 0:
        cls = state.class_more[cls]
    return bool(cls >= 0)


def rows_bind(state: State, cls: int, nodes: Ints, count: int, left: Ints, taken: Ints) -> bool:
    """Whether some gang of the class on `nodes[:count]` would exceed a row above them."""
    return power.binds(state, cls, nodes, count, left, taken)


def take_under_rows(
    state: State, cls: int, nodes: Ints, count: int, wanted: int, left: Ints, taken: Ints
) -> int:
    """Move to the front of `nodes`, in order, up to `wanted` that fit the rows together."""
    return power.take(state, cls, nodes, count, wanted, left, taken)


def row_takes(state: State, cls: int, node: int, left: Ints, taken: Ints) -> bool:
    """Take one node's share of the rows above it in `taken`, if they have room; whether."""
    return power.take_one(state, cls, node, left, taken)


def rows_taken(state: State, group: int, nodes: Ints, left: Ints, sign: int) -> None:
    """Lower (`sign` 1) `left` by what one group of a gang takes on `nodes`, or undo it (-1)."""
    power.apply(state, group, nodes, left, -sign)


def row_untakes(state: State, cls: int, node: int, taken: Ints) -> None:
    """Undo `row_takes`."""
    power.leave_one(state, cls, node, taken)


def admit_block(state: State, cls: int, nodes: Ints, count: int, each: Ints, block: int) -> int:
    """Keep of `nodes[:count]` those on which the gang may hold its block of GPUs; how many."""
    return rails.admit(state, cls, nodes, count, each, block)


def foresee_end(state: State, cls: int, nodes: Ints, used: Ints, kept: Ints) -> None:
    """In `used`, a job of the class on `nodes` has ended and given back what it held."""
    tree.apply(state, cls, used, kept, -1)
    _apply_power(state, cls, nodes, used, -1)


def foresee_start(state: State, cls: int, nodes: Ints, used: Ints, kept: Ints) -> None:
    """In `used`, a job of the class has started on `nodes`."""
    tree.apply(state, cls, used, kept, 1)
    _apply_power(state, cls, nodes, used, 1)


def set_aside(
    state: State, cls: int, nodes: Ints, used: Ints, limits: Ints, kept: Ints, spare: Ints
) -> None:
    """A job of the class will hold its share on top of `used`, to which it is added.

    Writes to `spare` what the rows above its nodes have left beside it, BIG elsewhere.
    """
    spare[:] = BIG
    group, first = cls, 0
    while group >= 0:
        theirs = nodes[first : first + state.class_nodes[group]]
        power.set_aside(state, group, theirs, used, limits, spare)
        first += state.class_nodes[group]
        group = state.class_more[group]
    tree.apply(state, cls, used, kept, 1)


def spend(state: State, cls: int, nodes: Ints, used: Ints, kept: Ints, spare: Ints) -> None:
    """A job of the class takes its share of what is left beside the reservation."""
    tree.apply(state, cls, used, kept, 1)
    _apply_power(state, cls, nodes, spare, -1)


def spend_back(state: State, cls: int, nodes: Ints, used: Ints, kept: Ints, spare: Ints) -> None:
    """A job of the class leaves its share to others beside the reservation: `spend` undone."""
    tree.apply(state, cls, used, kept, -1)
    _apply_power(state, cls, nodes, spare, 1)


def take_gpus(state: State, job: int, shared: Ints) -> None:
    """The job takes single GPUs on its nodes; `shared` names them for fractions and aligned
    gangs, or is empty.

    Before `take`: the choice looks at what the nodes have free without the job.
    """
    if state.gpus_kept[0] == 0:
        return
    first = state.job_slot[job]
    cls = state.job_class[job]
    if rails.asked(state, cls):
        nodes = state.slot_node[first : first + state.class_nodes[cls]]
        block = rails.block_of(state, cls, nodes, shared)
        for place in range(len(nodes)):
            rails.apply(state, job, nodes[place], block)
        return
    for place in range(state.class_gang_nodes[cls]):
        gpu = shared[place] if len(shared) > 0 else -1
        gpus.take(state, job, first + place, gpu)


def give_back_gpus(state: State, job: int) -> None:
    """The job no longer holds single GPUs on its nodes."""
    if state.gpus_kept[0] == 0:
        return
    first = state.job_slot[job]
    for place in range(state.class_gang_nodes[state.job_class[job]]):
        gpus.give_back(state, job, first + place, state.gpu_milli_free)
        gpus.forget(state, job, first + place)


def foresee_gpus(state: State, job: int, place: int, each: Ints) -> None:
    """In `each`, the job has given back its GPUs on its node number `place`."""
    if state.gpus_kept[0] != 0:
        gpus.give_back(state, job, state.job_slot[job] + place, each)


def foresee_hold(state: State, job: int, place: int, each: Ints) -> None:
    """In `each`, the job still holds its GPUs on its node number `place`."""
    if state.gpus_kept[0] != 0:
        gpus.hold_in(state, job, state.job_slot[job] + place, each)


def take(state: State, cls: int, nodes: Ints) -> None:
    """A job of the class starts to hold these nodes."""
    tree.apply(state, cls, state.row_used, state.row_kept, 1)
    _apply_power(state, cls, nodes, state.row_used, 1)
    for place in range(len(nodes)):
        capacity.apply(state, together.group_at(state, cls, place), nodes[place], 1)


def give_back(state: State, cls: int, nodes: Ints) -> None:
    """A job of the class no longer holds these nodes."""
    tree.apply(state, cls, state.row_used, state.row_kept, -1)
    tree.freed(state, cls)
    _apply_power(state, cls, nodes, state.row_used, -1)
    group, first = cls, 0
    while group >= 0:
        power.freed(state, group, nodes[first : first + state.class_nodes[group]])
        first += state.class_nodes[group]
        group = state.class_more[group]
    for place in range(len(nodes)):
        capacity.apply(state, together.group_at(state, cls, place), nodes[place], -1)


def admit_use(state: State, cls: int, lasts_ms: int, owed: Ints) -> bool:
    """Whether budgets have the GPU time of such a job left beside what is owed to the head."""
    return budget.admit(state, cls, lasts_ms, owed) < 0


def longest_use(state: State, cls: int, owed: Ints) -> int:
    """How long a job of the class may last within its budgets; BIG when none bounds it."""
    return budget.longest(state, cls, owed)


def set_use_aside(state: State, cls: int, lasts_ms: int, owed: Ints) -> None:
    """The GPU time of such a job is owed to the head."""
    budget.set_aside(state, cls, lasts_ms, owed)


def start_using(state: State, job: int) -> None:
    """The job, whose start is set, will use the GPU time expected of it."""
    budget.apply(state, job)
    cls = state.job_class[job]
    gpu_ms = budget.cost(tree.demand(state, cls), state.job_duration_ms[job])
    share.charge(state, state.class_row[cls], gpu_ms, state.job_start_ms[job])


def stop_using(state: State, job: int, at_ms: int) -> None:
    """The job uses no more GPU time: what was expected of it becomes what it was."""
    budget.settle(state, job, at_ms)
    cls, start_ms = state.job_class[job], state.job_start_ms[job]
    milli = tree.demand(state, cls)
    said = budget.cost(milli, state.job_duration_ms[job])
    share.charge(state, state.class_row[cls], budget.cost(milli, at_ms - start_ms) - said, start_ms)


def count_use(state: State, row: int, milli: int, start_ms: int, end_ms: int) -> None:
    """Jobs of the row that are not known here have used GPU time."""
    budget.spent(state, row, milli, start_ms, end_ms)
    share.charge(state, row, budget.cost(milli, end_ms - start_ms), start_ms)


def guarantee(state: State, row: int, value: int, kept: int) -> None:
    """A quota row has another guarantee."""
    tree.guarantee(state, row, value, kept)


def limit(state: State, row: int, value: int) -> None:
    """A capacity row has another limit."""
    tree.limit(state, row, value)
    if state.row_measure[row] == WATTS:
        power.limited(state, row)


def version(state: State, blocked_by: int) -> int:
    """Moves whenever what refused a class (a row index, or the nodes) might admit it now."""
    if blocked_by >= 0:
        return tree.version(state, blocked_by)
    return mask.version(state)


def _apply_power(state: State, cls: int, nodes: Ints, used: Ints, sign: int) -> None:
    """The watts of a whole gang, group after group."""
    first = 0
    while cls >= 0:
        power.apply(state, cls, nodes[first : first + state.class_nodes[cls]], used, sign)
        first += state.class_nodes[cls]
        cls = state.class_more[cls]
