"""The one list of constraints, kernel. A new rule is a new file and a line in each function here.

Three kinds can refuse a class: a node's mask, a node's free amounts, and the capacity tree. The
cycle, the reservation and the transitions call these functions and no constraint by name.
"""

from __future__ import annotations

from arkwright.sched import capacity, gpus, mask, tree
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


def foresee_end(state: State, cls: int, used: Ints) -> None:
    """In `used`, a job of the class has ended and given back what it held of the factory."""
    tree.apply(state, cls, used, -1)


def set_aside(state: State, cls: int, used: Ints, spare: Ints) -> None:
    """Write to `spare` what of the factory is left beside a job of the class on top of `used`."""
    tree.set_aside(state, cls, used, spare)


def spend(state: State, cls: int, spare: Ints) -> None:
    """A job of the class takes its share of what is left beside the reservation."""
    tree.apply(state, cls, spare, -1)


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
    for place in range(len(nodes)):
        capacity.apply(state, cls, nodes[place], 1)


def give_back(state: State, cls: int, nodes: Ints) -> None:
    """A job of the class no longer holds these nodes."""
    tree.apply(state, cls, state.row_used, -1)
    tree.freed(state, cls)
    for place in range(len(nodes)):
        capacity.apply(state, cls, nodes[place], -1)


def version(state: State, blocked_by: int) -> int:
    """Moves whenever what refused a class (a row index, or the nodes) might admit it now."""
    if blocked_by >= 0:
        return tree.version(state, blocked_by)
    return mask.version(state)
