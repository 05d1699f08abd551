"""What nodes have at the shadow time, kernel: what is free now, but where it was written since.

`Work.shadow_*` are whole columns that others read; here is what keeps them true without copying
them for each reservation: the nodes that were written are noted, and `moves` tells which others
have changed.
"""

from __future__ import annotations

from arkwright.sched.state import State
from arkwright.sched.work import SHADOW_SEEN, TOUCHED, Work


def forget(state: State, work: Work) -> None:
    """Every node has what is free now."""
    seen = work.result[SHADOW_SEEN] - 1
    count = state.moved_count[0]
    if seen < 0 or seen > count or count - seen > len(state.moved):
        work.shadow_gpu_milli[:] = state.node_gpu_milli_free
        work.shadow_cpu_milli[:] = state.node_cpu_milli_free
        work.shadow_memory_mib[:] = state.node_memory_mib_free
    else:
        for place in range(work.result[TOUCHED]):
            _forget_node(state, work, work.touched[place])
        for at in range(seen, count):
            entry = state.moved[at % len(state.moved)]
            if entry >= 0:
                _forget_node(state, work, entry)
    work.result[TOUCHED] = 0
    work.result[SHADOW_SEEN] = count + 1


def give_back(state: State, work: Work, group: int, node: int) -> None:
    """The node has one node's share of the group more."""
    work.shadow_gpu_milli[node] += state.class_gpu_milli[group]
    work.shadow_cpu_milli[node] += state.class_cpu_milli[group]
    work.shadow_memory_mib[node] += state.class_memory_mib[group]
    _touch(work, node)


def take(state: State, work: Work, group: int, node: int) -> None:
    """The node has one node's share of the group less."""
    work.shadow_gpu_milli[node] -= state.class_gpu_milli[group]
    work.shadow_cpu_milli[node] -= state.class_cpu_milli[group]
    work.shadow_memory_mib[node] -= state.class_memory_mib[group]
    _touch(work, node)


def open_beside(state: State, work: Work, node: int) -> None:
    """What a job that outlasts the shadow time may take there: what is free now and then."""
    work.beside_gpu_milli[node] = min(state.node_gpu_milli_free[node], work.shadow_gpu_milli[node])
    work.beside_cpu_milli[node] = min(state.node_cpu_milli_free[node], work.shadow_cpu_milli[node])
    work.beside_memory_mib[node] = min(
        state.node_memory_mib_free[node], work.shadow_memory_mib[node]
    )


def written(work: Work) -> None:
    """Somebody else has written over the columns."""
    work.result[SHADOW_SEEN] = 0


def _forget_node(state: State, work: Work, node: int) -> None:
    work.shadow_gpu_milli[node] = state.node_gpu_milli_free[node]
    work.shadow_cpu_milli[node] = state.node_cpu_milli_free[node]
    work.shadow_memory_mib[node] = state.node_memory_mib_free[node]


def _touch(work: Work, node: int) -> None:
    count = work.result[TOUCHED]
    if count < len(work.touched):
        work.touched[count] = node
        work.result[TOUCHED] = count + 1
    else:
        written(work)
