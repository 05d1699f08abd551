"""What the blocked head holds, kernel: concrete nodes and tree capacity at its shadow time.

The shadow time is the first instant at which the head fits when the jobs that run now end as
expected. A job past its estimate is expected to end one millisecond from now; jobs that end at one
instant give back together. The head's nodes are chosen among what is free then, those that are not
free yet first, so that as little as possible of what is free now is set aside.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.sched import constraints, order, placement
from arkwright.sched.codes import BIG
from arkwright.sched.state import State
from arkwright.sched.work import Work

# `Work.node_fits` while releases are replayed.
NOT_ALLOWED: Final = 0
TOO_FULL: Final = 1
FITS: Final = 2


def reserve(state: State, work: Work, cls: int, now_ms: int) -> int:
    """Reserve for a blocked job of the class; its shadow time, -1 when no release lets it start.

    Leaves in `work` what jobs that outlast the shadow time may take: per node `shadow_*` and
    `beside_*`, per row `row_spare`; and ranks the reserved nodes first for the jobs that do not.
    """
    shadow_ms = _replay(state, work, cls, now_ms)
    if shadow_ms < 0:
        return -1
    count = constraints.admit_nodes(
        state,
        cls,
        work.fit,
        state.node_gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    )
    work.node_rank[:] = 0
    for place in range(count):
        work.node_rank[work.fit[place]] = 1
    constraints.row_room(state, cls, work.row_used, work.row_left)
    placement.place(
        state, work, cls, work.shadow_gpu_milli, work.shadow_cpu_milli, work.shadow_memory_mib
    )
    _set_aside(state, work, cls)
    return shadow_ms


def started_beside(state: State, work: Work, cls: int, outlasts: bool) -> None:
    """A job of the class has started on `work.chosen` while a reservation stands."""
    for place in range(state.class_nodes[cls]):
        node = work.chosen[place]
        if outlasts:
            work.shadow_gpu_milli[node] -= state.class_gpu_milli[cls]
            work.shadow_cpu_milli[node] -= state.class_cpu_milli[cls]
            work.shadow_memory_mib[node] -= state.class_memory_mib[cls]
        _open_beside(state, work, node)
    if outlasts:
        nodes = work.chosen[: state.class_nodes[cls]]
        constraints.spend(state, cls, nodes, work.row_spare)


def _replay(state: State, work: Work, cls: int, now_ms: int) -> int:
    """Give back in order of expected end until the head fits; the instant, -1 for never."""
    work.shadow_gpu_milli[:] = state.node_gpu_milli_free
    work.shadow_cpu_milli[:] = state.node_cpu_milli_free
    work.shadow_memory_mib[:] = state.node_memory_mib_free
    work.row_used[:] = state.row_used
    offer = _first_offer(state, work, cls)
    job = order.first(state, state.active_root[0])
    while job >= 0:
        at_ms = max(state.job_key_first[job], now_ms + 1)
        while job >= 0 and max(state.job_key_first[job], now_ms + 1) == at_ms:
            offer = max(offer, _give_back(state, work, cls, job))
            job = order.following(state, job)
        if offer >= state.class_nodes[cls] and _fits_rows(state, work, cls):
            return int(at_ms)
    return -1


def _fits_rows(state: State, work: Work, cls: int) -> bool:
    """Whether the head, which the nodes would hold, is within every capacity row as well."""
    if constraints.admit_job(state, cls, work.row_used) >= 0:
        return False
    if not constraints.counts_under_rows(state, cls):
        return True
    constraints.row_room(state, cls, work.row_used, work.row_left)
    return placement.place(
        state, work, cls, work.shadow_gpu_milli, work.shadow_cpu_milli, work.shadow_memory_mib
    )


def _first_offer(state: State, work: Work, cls: int) -> int:
    """Count the nodes that fit now: the most that one domain of the required level can offer.

    Without a required level the whole factory is the one domain, kept in `domain_offer[0]`.
    """
    work.node_fits[:] = NOT_ALLOWED
    work.domain_offer[:] = 0
    for place in range(constraints.allow_nodes(state, cls, work.fit)):
        work.node_fits[work.fit[place]] = TOO_FULL
    required = state.class_level_required[cls]
    offer = 0
    for place in range(
        constraints.admit_nodes(
            state,
            cls,
            work.fit,
            work.shadow_gpu_milli,
            work.shadow_cpu_milli,
            work.shadow_memory_mib,
        )
    ):
        node = work.fit[place]
        work.node_fits[node] = FITS
        domain = state.node_domain[required, node] if required >= 0 else 0
        work.domain_offer[domain] += 1
        offer = max(offer, work.domain_offer[domain])
    return offer


def _give_back(state: State, work: Work, cls: int, job: int) -> int:
    """One running job ends; the most that one domain it frees can then offer."""
    theirs = state.job_class[job]
    first = state.job_slot[job]
    required = state.class_level_required[cls]
    nodes = state.slot_node[first : first + state.class_nodes[theirs]]
    constraints.foresee_end(state, theirs, nodes, work.row_used)
    offer = 0
    for place in range(state.class_nodes[theirs]):
        node = state.slot_node[first + place]
        work.shadow_gpu_milli[node] += state.class_gpu_milli[theirs]
        work.shadow_cpu_milli[node] += state.class_cpu_milli[theirs]
        work.shadow_memory_mib[node] += state.class_memory_mib[theirs]
        if (
            work.node_fits[node] == TOO_FULL
            and work.shadow_gpu_milli[node] >= state.class_gpu_milli[cls]
            and work.shadow_cpu_milli[node] >= state.class_cpu_milli[cls]
            and work.shadow_memory_mib[node] >= state.class_memory_mib[cls]
        ):
            work.node_fits[node] = FITS
            domain = state.node_domain[required, node] if required >= 0 else 0
            work.domain_offer[domain] += 1
            offer = max(offer, work.domain_offer[domain])
    return offer


def _set_aside(state: State, work: Work, cls: int) -> None:
    """Turn what is free at the shadow time into what is left beside the head."""
    work.node_rank[:] = 1
    wanted = state.class_nodes[cls]
    for place in range(wanted):
        node = work.chosen[place]
        work.node_rank[node] = 0
        work.shadow_gpu_milli[node] -= state.class_gpu_milli[cls]
        work.shadow_cpu_milli[node] -= state.class_cpu_milli[cls]
        work.shadow_memory_mib[node] -= state.class_memory_mib[cls]
    for node in range(len(work.node_rank)):
        if work.node_rank[node] != 0:
            work.shadow_gpu_milli[node] = BIG
            work.shadow_cpu_milli[node] = BIG
            work.shadow_memory_mib[node] = BIG
    work.beside_gpu_milli[:] = np.minimum(state.node_gpu_milli_free, work.shadow_gpu_milli)
    work.beside_cpu_milli[:] = np.minimum(state.node_cpu_milli_free, work.shadow_cpu_milli)
    work.beside_memory_mib[:] = np.minimum(state.node_memory_mib_free, work.shadow_memory_mib)
    constraints.set_aside(state, cls, work.chosen[:wanted], work.row_used, work.row_spare)


def _open_beside(state: State, work: Work, node: int) -> None:
    work.beside_gpu_milli[node] = min(state.node_gpu_milli_free[node], work.shadow_gpu_milli[node])
    work.beside_cpu_milli[node] = min(state.node_cpu_milli_free[node], work.shadow_cpu_milli[node])
    work.beside_memory_mib[node] = min(
        state.node_memory_mib_free[node], work.shadow_memory_mib[node]
    )
