"""The one list of constraints, kernel. A new rule is a new file and a line in each function here.

Four kinds can refuse a class: a node's mask, a node's free amounts, the capacity tree above the
class (quota) and the one above the nodes (power). The
cycle, the reservation and the transitions call these functions and no constraint by name.
"""

from __future__ import annotations

from arkwright.sched import calendar, capacity, gpus, mask, power, tree
from arkwright.sched.codes import WATTS
from arkwright.sched.state import Ints, State


def admit_job(state: State, cls: int, used: Ints) -> int:
    """What of the whole factory refuses a job of the class: a row index, or BLOCKED_BY_NOTHING."""
    return tree.admit(state, cls, used)


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


def keep_beside(
    state: State, cls: int, job: int, nodes: Ints, count: int, aside: Ints, each: Ints, head: int
) -> int:
    """Keep of `nodes[:count]` those where the job leaves the head what was set aside; how many."""
    return capacity.keep_beside(state, cls, job, nodes, count, aside, each, head)


def allow_nodes(state: State, cls: int, nodes: Ints) -> int:
    """Write the nodes that the class may use, full or not, to `nodes`; how many."""
    return mask.admit(state, cls, False, nodes)


def admit_beside(state: State, cls: int, row_spare: Ints) -> bool:
    """Whether a job of the class leaves the factory what the reservation set aside."""
    return tree.admit_beside(state, cls, row_spare)


def row_room(state: State, used: Ints, limits: Ints, left: Ints) -> None:
    """Write to `left` what the rows have on top of `used` under `limits`."""
    power.room(state, used, limits, left)


def row_room_beside(spare: Ints, left: Ints) -> None:
    """Lower `left` to what the reservation leaves of the rows."""
    power.room_beside(spare, left)


def row_room_ahead(state: State, step_left: Ints, after_ms: int, end_ms: int, left: Ints) -> bool:
    """Lower `left` to what limits announced in `(after_ms, end_ms)` leave; whether any are."""
    return calendar.admit(state, step_left, after_ms, end_ms, left)


def foresee_rows(state: State, now_ms: int, used: Ints, step_left: Ints) -> None:
    """Write what every announced limit will leave when running jobs end as expected."""
    if state.step_count[0] > 0:
        calendar.foresee(state, now_ms, used, step_left)


def limits_at(state: State, now_ms: int, at_ms: int, limits: Ints) -> None:
    """Write the limits that rows have at `at_ms`."""
    calendar.limits_at(state, now_ms, at_ms, limits)


def spend_ahead(
    state: State, cls: int, nodes: Ints, step_left: Ints, from_ms: int, end_ms: int
) -> None:
    """A job of the class will hold these nodes in `[from_ms, end_ms)`."""
    calendar.spend(state, cls, nodes, step_left, from_ms, end_ms)


def next_change_at(state: State, after_ms: int) -> int:
    """When the next announced limit comes; BIG for never."""
    return calendar.next_at(state, after_ms)


def last_change_before(state: State, after_ms: int, end_ms: int) -> int:
    """When the last announced limit in `(after_ms, end_ms)` comes; `after_ms` for none."""
    return calendar.last_before(state, after_ms, end_ms)


def admit_under_rows(state: State, cls: int, nodes: Ints, count: int, left: Ints) -> int:
    """Keep of `nodes[:count]` those whose rows have room for one node's share; how many."""
    return power.admit(state, cls, nodes, count, left)


def counts_under_rows(state: State, cls: int) -> bool:
    """Whether a job of the class counts in rows above its nodes at all."""
    return bool(state.class_watts[cls] > 0)


def rows_bind(state: State, cls: int, nodes: Ints, count: int, left: Ints, taken: Ints) -> bool:
    """Whether some gang of the class on `nodes[:count]` would exceed a row above them."""
    return power.binds(state, cls, nodes, count, left, taken)


def take_under_rows(
    state: State, cls: int, nodes: Ints, count: int, wanted: int, left: Ints, taken: Ints
) -> int:
    """Move to the front of `nodes`, in order, up to `wanted` that fit the rows together."""
    return power.take(state, cls, nodes, count, wanted, left, taken)


def foresee_end(state: State, cls: int, nodes: Ints, used: Ints) -> None:
    """In `used`, a job of the class on `nodes` has ended and given back what it held."""
    tree.apply(state, cls, used, -1)
    power.apply(state, cls, nodes, used, -1)


def foresee_start(state: State, cls: int, nodes: Ints, used: Ints) -> None:
    """In `used`, a job of the class has started on `nodes`."""
    tree.apply(state, cls, used, 1)
    power.apply(state, cls, nodes, used, 1)


def set_aside(state: State, cls: int, nodes: Ints, used: Ints, limits: Ints, spare: Ints) -> None:
    """Write to `spare` what of the factory is left beside a job of the class on top of `used`."""
    tree.set_aside(state, cls, used, limits, spare)
    power.set_aside(state, cls, nodes, used, limits, spare)


def spend(state: State, cls: int, nodes: Ints, spare: Ints) -> None:
    """A job of the class takes its share of what is left beside the reservation."""
    tree.apply(state, cls, spare, -1)
    power.apply(state, cls, nodes, spare, -1)


def take_gpus(state: State, job: int, shared: Ints) -> None:
    """The job takes single GPUs on its nodes; `shared` names them for fractions, or is empty.

    Before `take`: the choice looks at what the nodes have free without the job.
    """
    if state.gpus_kept[0] == 0:
        return
    first = state.job_slot[job]
    for place in range(state.class_nodes[state.job_class[job]]):
        gpu = shared[place] if len(shared) > 0 else -1
        gpus.take(state, job, first + place, gpu)


def give_back_gpus(state: State, job: int) -> None:
    """The job no longer holds single GPUs on its nodes."""
    if state.gpus_kept[0] == 0:
        return
    first = state.job_slot[job]
    for place in range(state.class_nodes[state.job_class[job]]):
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
    tree.apply(state, cls, state.row_used, 1)
    power.apply(state, cls, nodes, state.row_used, 1)
    for place in range(len(nodes)):
        capacity.apply(state, cls, nodes[place], 1)


def give_back(state: State, cls: int, nodes: Ints) -> None:
    """A job of the class no longer holds these nodes."""
    tree.apply(state, cls, state.row_used, -1)
    tree.freed(state, cls)
    power.apply(state, cls, nodes, state.row_used, -1)
    power.freed(state, cls, nodes)
    for place in range(len(nodes)):
        capacity.apply(state, cls, nodes[place], -1)


def limit(state: State, row: int, value: int) -> None:
    """A capacity row has another limit."""
    tree.limit(state, row, value)
    if state.row_measure[row] == WATTS:
        power.limited(state)


def version(state: State, blocked_by: int) -> int:
    """Moves whenever what refused a class (a row index, or the nodes) might admit it now."""
    if blocked_by >= 0:
        return tree.version(state, blocked_by)
    return mask.version(state)
