"""Victim sets, kernel: which jobs to stop so that a waiting one fits.

Candidates are ranked: least protected tier, least work lost (milli-GPU times the time since the
last save), latest start, index. Within a domain the shortest run of that ranking is found with
which the gang fits (that more room never hurts lets it be halved), and then, from its end, everyone
is spared without whom it still fits. What is left is inclusion-minimal: nobody could be spared.

A gang with a required level looks at one domain after another and takes the cheapest set: most
protected victim, work lost, number, index of the domain. Elsewhere the factory is the one domain.

More room can hurt a gang of different nodes (`groups`): for it every length of the ranking is
tried, shortest first, with the factory as the one domain.

Past 400 lines because one search has four questions to every candidate set: nodes, rows, the head
it must leave alone, and where the stopped would go.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import constraints, entitled, groups, shadow, together
from arkwright.sched.codes import BIG, MOVED
from arkwright.sched.eviction import CANDIDATES_MAX, DOMAINS_MAX
from arkwright.sched.state import Ints, State
from arkwright.sched.work import HEAD, SHADOW_MS, Work


def find(state: State, work: Work, job: int, now_ms: int, why: int, chosen: Ints) -> int:
    """Write the jobs to stop for the waiting `job` to `chosen`; how many, 0 for nobody will do.

    Leaves the job's nodes in `work.chosen`. `chosen` has room for every active job.
    """
    cls = state.job_class[job]
    ranked = entitled.ranked(state, job, now_ms, why)
    usable = _usable(state, work, job)
    if len(ranked) == 0 or (why == MOVED and not _has_size(state, work, cls, usable)):
        return 0
    work.run_ms[0] = now_ms
    required = -1 if together.asked(state, cls) else state.class_level_required[cls]
    domains = np.zeros(1, np.int64)
    if required >= 0:
        domains = _domains(state, work, cls, ranked, usable)
    short = _short_rows(state, work, cls)
    tier, lost, best, domain = 0, BIG, 0, -1
    for place in range(len(domains)):
        inside = usable
        if required >= 0:
            inside = usable * (state.node_domain[required] == domains[place])
        victims = _who_helps(state, job, ranked, inside, short, why)
        kept = np.ones(len(victims), np.int64)
        end_ms = now_ms + state.job_duration_ms[job] + longest_grace(state, victims, len(victims))
        count = _smallest(state, work, job, victims, kept, inside, end_ms)
        if count == 0:
            continue
        theirs = _least_tier(state, victims, kept)
        work_lost = _lost(state, victims, kept, now_ms)
        behind = _behind(theirs, work_lost, count, tier, lost, best)
        if best > 0 and (behind > 0 or (behind == 0 and domains[place] > domain)):
            continue
        _fits(state, work, job, victims, kept, inside, end_ms)
        if why == MOVED and not _all_elsewhere(state, work, job, victims, kept, now_ms):
            continue
        tier, lost, best, domain = theirs, work_lost, 0, domains[place]
        for other in range(len(victims)):
            if kept[other] != 0:
                chosen[best] = victims[other]
                best += 1
        work.claimed[: state.class_gang_nodes[cls]] = work.placed[: state.class_gang_nodes[cls]]
    work.chosen[: state.class_gang_nodes[cls]] = work.claimed[: state.class_gang_nodes[cls]]
    return best


def longest_grace(state: State, victims: Ints, count: int) -> int:
    """The longest grace among the first `count` [ms]."""
    longest = 0
    for place in range(count):
        longest = max(longest, state.class_grace_ms[state.job_class[victims[place]]])
    return int(longest)


def _is_behind(work: Work, job: int) -> bool:
    """Whether a reservation stands that the job must leave alone."""
    return bool(work.result[HEAD] >= 0 and work.result[HEAD] != job)


def _usable(state: State, work: Work, job: int) -> Ints:
    """[n_nodes]: 1 where the job may start, full or not; what is set aside for a head is not."""
    usable = np.zeros(len(state.node_state), np.int64)
    behind = _is_behind(work, job)
    group = state.job_class[job]
    while group >= 0:
        for place in range(constraints.allow_nodes(state, group, work.fit)):
            node = work.fit[place]
            if not behind or work.aside[node] == 0:
                usable[node] = 1
        group = state.class_more[group]
    return usable


def _has_size(state: State, work: Work, cls: int, usable: Ints) -> bool:
    """Whether what is free now would do, were it in one place."""
    count = 0
    for place in range(_count_free(state, work, cls)):
        count += usable[work.fit[place]]
    return bool(count >= state.class_nodes[cls])


def _count_free(state: State, work: Work, cls: int) -> int:
    return constraints.admit_nodes(
        state,
        cls,
        work.fit,
        state.node_gpu_milli_free,
        state.gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    )


def _domains(state: State, work: Work, cls: int, ranked: Ints, usable: Ints) -> Ints:
    """The domains that could hold the gang without all the ranked: most room now first, index."""
    level = state.class_level_required[cls]
    now = np.zeros(len(work.domain_fit), np.int64)
    then = np.zeros(len(work.domain_fit), np.int64)
    for place in range(_count_free(state, work, cls)):
        node = work.fit[place]
        now[state.node_domain[level, node]] += usable[node]
    _without(state, work, ranked, np.ones(len(ranked), np.int64), usable)
    count = constraints.admit_nodes(
        state,
        cls,
        work.fit,
        work.shadow_gpu_milli,
        work.shadow_each,
        work.shadow_cpu_milli,
        work.shadow_memory_mib,
    )
    for place in range(count):
        then[state.node_domain[level, work.fit[place]]] += 1
    order = np.argsort(-now, kind="mergesort")
    found = np.empty(len(order), np.int64)
    count = 0
    for place in range(len(order)):
        if then[order[place]] >= state.class_nodes[cls] and count < state.eviction[DOMAINS_MAX]:
            found[count] = order[place]
            count += 1
    return found[:count]


def _short_rows(state: State, work: Work, cls: int) -> Ints:
    """[n_rows]: 1 where a row may lack room for the gang as things are."""
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    short = np.zeros(len(work.row_left), np.int64)
    asked = 0
    while cls >= 0:
        asked += state.class_nodes[cls] * max(state.class_gpu_milli[cls], state.class_watts[cls])
        cls = state.class_more[cls]
    for row in range(len(short)):
        short[row] = int(work.row_left[row] < asked)
    return short


def _who_helps(state: State, job: int, ranked: Ints, inside: Ints, short: Ints, why: int) -> Ints:
    """Of the ranked, those that hold a node inside or count in a row that is short, to a bound.

    Reclaim takes from a row only what it borrows: one that would leave its row less than its
    guarantee, after those before it, is left out.
    """
    found = np.empty(len(ranked), np.int64)
    count = 0
    rows_left = entitled.rows_without_stopping(state)
    for place in range(len(ranked)):
        other = ranked[place]
        if count >= state.eviction[CANDIDATES_MAX]:
            break
        if not _helps(state, other, inside, short):
            continue
        if not entitled.leaves_guarantee(state, job, other, rows_left, why):
            continue
        entitled.charge(state, other, rows_left, -1)
        found[count] = other
        count += 1
    return found[:count]


def _helps(state: State, other: int, inside: Ints, short: Ints) -> bool:
    cls = state.job_class[other]
    first = state.job_slot[other]
    while cls >= 0:
        for lowest in (state.class_row[cls], state.class_type_row[cls]):
            if _any_above(state, lowest, short):
                return True
        for slot in range(first, first + state.class_nodes[cls]):
            node = state.slot_node[slot]
            if inside[node] != 0:
                return True
            if state.class_watts[cls] > 0 and _any_above(state, state.node_row[node], short):
                return True
        first += state.class_nodes[cls]
        cls = state.class_more[cls]
    return False


def _any_above(state: State, row: int, short: Ints) -> bool:
    while row >= 0 and short[row] == 0:
        row = state.row_parent[row]
    return bool(row >= 0)


def _smallest(
    state: State, work: Work, job: int, victims: Ints, kept: Ints, inside: Ints, end_ms: int
) -> int:
    """Mark in `kept` the set described above; how many, 0 where none or nobody is needed."""
    one_by_one = together.asked(state, state.job_class[job])
    if not one_by_one and not _fits(state, work, job, victims, kept, inside, end_ms):
        return 0
    low, high = 0, len(victims)
    while one_by_one and low <= len(victims):
        kept[:low] = 1
        kept[low:] = 0
        if _fits(state, work, job, victims, kept, inside, end_ms):
            break
        low += 1
    if low > len(victims):
        return 0
    high = low if one_by_one else high
    while low < high:
        middle = (low + high) // 2
        kept[:middle] = 1
        kept[middle:] = 0
        if _fits(state, work, job, victims, kept, inside, end_ms):
            high = middle
        else:
            low = middle + 1
    kept[:high] = 1
    kept[high:] = 0
    count = high
    for place in range(high - 2, -1, -1):
        kept[place] = 0
        if _fits(state, work, job, victims, kept, inside, end_ms):
            count -= 1
        else:
            kept[place] = 1
    return int(count)


def _fits(
    state: State, work: Work, job: int, victims: Ints, kept: Ints, inside: Ints, end_ms: int
) -> bool:
    """Whether the job fits on nodes inside without the kept; its nodes are in `work.placed`.

    Announced limits are judged as if the victims ran on: that errs on the side of sparing them.
    """
    cls = state.job_class[job]
    used = _used_without(state, victims, kept)
    if not constraints.admit_then(state, cls, used, state.row_limit, state.row_kept):
        return False
    if not constraints.admit_ahead(state, cls, work.step_left, work.step_within, -1, end_ms):
        return False
    constraints.row_room(state, used, state.row_limit, work.row_left)
    if _is_behind(work, job):
        used_then, spare = _left_without(state, work, victims, kept)
        if not constraints.admit_then(
            state, cls, used_then, work.row_limit_then, work.row_kept_then
        ):
            return False
        constraints.row_room_beside(spare, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    _without(state, work, victims, kept, inside)
    work.run_ms[1] = end_ms
    if not groups.place_then(state, work, cls, job):
        return False
    work.placed[: state.class_gang_nodes[cls]] = work.chosen[: state.class_gang_nodes[cls]]
    return True


def _used_without(state: State, victims: Ints, kept: Ints) -> Ints:
    """[n_rows]: what the rows have used without the kept."""
    used = state.row_used.copy()
    for place in range(len(victims)):
        if kept[place] != 0:
            theirs = state.job_class[victims[place]]
            nodes = _nodes(state, victims[place])
            constraints.foresee_end(state, theirs, nodes, used, state.row_kept)
    return used


def _left_without(state: State, work: Work, victims: Ints, kept: Ints) -> tuple[Ints, Ints]:
    """[n_rows] each, at the head's shadow time without the kept: what quotas have used, and what
    the rows above nodes have left beside the head."""
    used = work.row_used.copy()
    spare = work.row_spare.copy()
    for place in range(len(victims)):
        if kept[place] != 0 and state.job_key_first[victims[place]] > work.result[SHADOW_MS]:
            theirs = state.job_class[victims[place]]
            nodes = _nodes(state, victims[place])
            constraints.spend_back(state, theirs, nodes, used, work.row_kept_then, spare)
    return used, spare


def _without(state: State, work: Work, victims: Ints, kept: Ints, inside: Ints) -> None:
    """Write what would be free now without the kept to `work.shadow_*`; nothing elsewhere."""
    shadow.written(work)
    work.shadow_gpu_milli[:] = state.node_gpu_milli_free
    work.shadow_each[:] = state.gpu_milli_free
    work.shadow_cpu_milli[:] = state.node_cpu_milli_free
    work.shadow_memory_mib[:] = state.node_memory_mib_free
    for place in range(len(victims)):
        if kept[place] == 0:
            continue
        other = victims[place]
        theirs = state.job_class[other]
        first = state.job_slot[other]
        for place_of in range(state.class_gang_nodes[theirs]):
            node = state.slot_node[first + place_of]
            group = together.group_at(state, theirs, place_of)
            work.shadow_gpu_milli[node] += state.class_gpu_milli[group]
            work.shadow_cpu_milli[node] += state.class_cpu_milli[group]
            work.shadow_memory_mib[node] += state.class_memory_mib[group]
            constraints.foresee_gpus(state, other, place_of, work.shadow_each)
    for node in range(len(inside)):
        if inside[node] == 0:
            _close(work, node)


def _close(work: Work, node: int) -> None:
    work.shadow_gpu_milli[node] = -1
    work.shadow_cpu_milli[node] = -1
    work.shadow_memory_mib[node] = -1


def _nodes(state: State, job: int) -> Ints:
    first = state.job_slot[job]
    return state.slot_node[first : first + state.class_gang_nodes[state.job_class[job]]]


def _all_elsewhere(
    state: State, work: Work, job: int, victims: Ints, kept: Ints, now_ms: int
) -> bool:
    """Whether the kept, in order, all fit in what is free now outside the job's nodes.

    Where GPUs are told apart, a node takes one of them at most: which GPUs it would get is not
    played through.
    """
    cls = state.job_class[job]
    nodes = work.placed[: state.class_gang_nodes[cls]].copy()
    none = np.zeros(0, np.int64)
    outside = np.ones(len(state.node_state), np.int64)
    for node in range(len(outside)):
        if _is_behind(work, job) and work.aside[node] != 0:
            outside[node] = 0
    for place in range(len(nodes)):
        outside[nodes[place]] = 0
    _without(state, work, none, none, outside)
    used = _used_without(state, victims, kept)
    constraints.foresee_start(state, cls, nodes, used, state.row_kept)
    found = True
    for place in range(len(victims)):
        if kept[place] != 0 and found:
            found = _fits_elsewhere(state, work, victims[place], used, now_ms)
    state.claim_asking[0] = job
    return found


def _fits_elsewhere(state: State, work: Work, victim: int, used: Ints, now_ms: int) -> bool:
    cls = state.job_class[victim]
    state.claim_asking[0] = victim
    end_ms = now_ms + state.job_duration_ms[victim]
    if not constraints.admit_then(state, cls, used, state.row_limit, state.row_kept):
        return False
    if not constraints.admit_ahead(state, cls, work.step_left, work.step_within, -1, end_ms):
        return False
    constraints.row_room(state, used, state.row_limit, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    work.run_ms[1] = end_ms
    if not groups.place_then(state, work, cls, victim):
        return False
    nodes = work.chosen[: state.class_gang_nodes[cls]]
    constraints.foresee_start(state, cls, nodes, used, state.row_kept)
    for place in range(len(nodes)):
        node = nodes[place]
        group = together.group_at(state, cls, place)
        work.shadow_gpu_milli[node] -= state.class_gpu_milli[group]
        work.shadow_cpu_milli[node] -= state.class_cpu_milli[group]
        work.shadow_memory_mib[node] -= state.class_memory_mib[group]
        if state.gpus_kept[0] != 0:
            _close(work, node)
    return True


def _least_tier(state: State, victims: Ints, kept: Ints) -> int:
    """The tier of the most protected."""
    least = BIG
    for place in range(len(victims)):
        if kept[place] != 0:
            least = min(least, state.class_tier[state.job_class[victims[place]]])
    return int(least)


def _lost(state: State, victims: Ints, kept: Ints, now_ms: int) -> int:
    total = 0
    for place in range(len(victims)):
        if kept[place] != 0:
            total = min(BIG, total + entitled.lost_work(state, victims[place], now_ms))
    return int(total)


def _behind(tier: int, lost: int, count: int, tier_of: int, lost_of: int, count_of: int) -> int:
    """Above 0 where the first set costs more than the second, 0 where as much."""
    if tier != tier_of:
        return tier_of - tier
    if lost != lost_of:
        return lost - lost_of
    return count - count_of
