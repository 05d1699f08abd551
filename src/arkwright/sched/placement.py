"""Where a gang goes, kernel: the smallest domain that holds it whole, the policy's nodes inside.

- A required level: the smallest level, up to and including it, where one domain fits the gang.
- A preferred level: the smallest level where one domain fits it, going up, at last anywhere.
- Neither: anywhere.

Among domains of a level that fit, the one with the least milli-GPU free on its fitting nodes; ties
by index. One node alone lies in a domain of every level, so a policy that scores nodes is asked at
once. Inside, nodes by (rank, the policy's score, index); Arkwright's own breaks ties by milli-GPU
free, then milli-GPU free in the node's smallest domain, then index: what is already broken into is
used up first, so large domains stay whole.

Rows above the nodes (power) can bound how many of a domain's nodes fit together. They are taken in
the same order, each if the rows still have room for it; see `power` for why that is enough.

Past 400 lines because all ways to place (now, beside, then, from sums) meet in one search, which
segments and spread refine.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.sched import constraints, index, rails, score, segments, spread, together
from arkwright.sched.codes import ARKWRIGHT, FIRST_FIT
from arkwright.sched.state import Ints, State
from arkwright.sched.work import (
    ASIDE,
    FITS_NOW,
    GANG_PART,
    HEAD_BLOCK,
    RANKED,
    REPLAYED,
    Work,
)

UNKNOWN: Final = -1
NO_ROOM: Final = 0
PLACED: Final = 1


def place_by_index(state: State, work: Work, cls: int, job: int) -> int:
    """As `place_now`, in O(log domains + nodes of the domain): PLACED or NO_ROOM, or UNKNOWN when
    the sums of `index` do not tell: no level, nodes judged one by one, a row that might refuse."""
    levels = _levels(state, cls)
    if levels == 0 or _is_by_node(state, cls) or _has_form(state, cls):
        return UNKNOWN
    if not index.is_current(state, work, cls):
        return UNKNOWN
    if index.rows_may_refuse(state, work, cls):
        return UNKNOWN if index.could_hold(state, work, cls) else NO_ROOM
    for level in range(levels):
        domain = index.best_domain(state, work, cls, level)
        if domain >= 0:
            count = index.nodes_of_domain(state, work, cls, level, domain, work.fit)
            _score_now(state, work, cls, job, count)
            _choose(state, work, cls, count, False, state.node_gpu_milli_free, False)
            return PLACED
    return NO_ROOM if state.class_level_required[cls] >= 0 else UNKNOWN


def fitting_now(state: State, work: Work, cls: int) -> int:
    """Write the nodes that could take one node's share of the gang now to `work.fit`, ascending;
    how many. From the sums where they are kept: no claim bears on them."""
    if state.claim_count[0] == 0 and index.is_current(state, work, cls):
        return index.fitting(state, work, cls, work.fit)
    return constraints.admit_nodes(
        state,
        cls,
        work.fit,
        state.node_gpu_milli_free,
        state.gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    )


def will_run(work: Work, from_ms: int, end_ms: int) -> None:
    """The gang that is placed next would hold its nodes through `[from_ms, end_ms)`."""
    work.run_ms[0] = from_ms
    work.run_ms[1] = end_ms


def place_now(state: State, work: Work, cls: int, job: int) -> bool:
    """Fill `work.chosen[:class_nodes]` for the job from what is free; False: no room.

    `work.row_left` says what the rows above the nodes have left, `work.run_ms` when the job would
    run, here and below.
    """
    for block in range(rails.block_count(state, cls)):
        if _place_block_now(state, work, cls, job, block):
            return True
    return False


def _place_block_now(state: State, work: Work, cls: int, job: int, block: int) -> bool:
    gpu = state.node_gpu_milli_free
    count = fitting_now(state, work, cls)
    count = _keep_open(state, work, cls, count)
    count = constraints.admit_block(state, cls, work.fit, count, state.gpu_milli_free, block)
    count = constraints.admit_under_rows(state, cls, work.fit, count, work.row_left)
    if count < state.class_nodes[cls]:
        return False
    _score_now(state, work, cls, job, count)
    return _place(state, work, cls, count, gpu)


def place_beside(state: State, work: Work, cls: int, job: int) -> bool:
    """The same from what the reserved head does not need after its shadow time."""
    for block in range(rails.block_count(state, cls)):
        if _place_block_beside(state, work, cls, job, block):
            return True
    return False


def _place_block_beside(state: State, work: Work, cls: int, job: int, block: int) -> bool:
    count = _fitting_beside(state, work, cls)
    count = _keep_open(state, work, cls, count)
    count = constraints.admit_block(state, cls, work.fit, count, state.gpu_milli_free, block)
    count = constraints.keep_beside(
        state,
        cls,
        job,
        work.fit,
        count,
        work.aside,
        work.shadow_each,
        block,
        work.result[HEAD_BLOCK],
    )
    count = constraints.admit_under_rows(state, cls, work.fit, count, work.row_left)
    if count < state.class_nodes[cls]:
        return False
    _score_now(state, work, cls, job, count)
    return _place(state, work, cls, count, work.beside_gpu_milli)


def may_fit_beside(state: State, work: Work, cls: int) -> bool:
    """Whether enough nodes fit beside the head, rows and form aside: the quick no."""
    if together.asked(state, cls):
        return True
    if state.claim_count[0] != 0 or not index.is_current(state, work, cls):
        return bool(_fitting_beside(state, work, cls) >= state.class_nodes[cls])
    count = index.serving(work, cls)
    for place in range(work.result[ASIDE]):
        node = work.aside_node[place]
        if index.serves(work, cls, node) and not _fits_beside(state, work, cls, node):
            count -= 1
    return bool(count >= state.class_nodes[cls])


def _fitting_beside(state: State, work: Work, cls: int) -> int:
    """Those of `fitting_now` that also fit beside the head; `beside_gpu_milli` holds for them."""
    kept = 0
    for place in range(fitting_now(state, work, cls)):
        node = work.fit[place]
        if work.aside[node] == 0:
            work.beside_gpu_milli[node] = state.node_gpu_milli_free[node]
        elif not _fits_beside(state, work, cls, node):
            continue
        work.fit[kept] = node
        kept += 1
    return kept


def _fits_beside(state: State, work: Work, cls: int, node: int) -> bool:
    """Whether what the head leaves of the node, set aside for it, would serve the class."""
    return constraints.admit_node(
        state,
        cls,
        node,
        work.beside_gpu_milli,
        state.gpu_milli_free,
        work.beside_cpu_milli,
        work.beside_memory_mib,
    )


def place_then(state: State, work: Work, cls: int, job: int) -> bool:
    """The same from what is free at the shadow time; the block of GPUs goes to `HEAD_BLOCK`."""
    for block in range(rails.block_count(state, cls)):
        work.result[HEAD_BLOCK] = block
        if _place_block_then(state, work, cls, job, block):
            return True
    return False


def _place_block_then(state: State, work: Work, cls: int, job: int, block: int) -> bool:
    count = _admit_then(state, work, cls, block)
    if count < state.class_nodes[cls]:
        return False
    if _has_score(state):
        for place in range(count):
            node = work.fit[place]
            work.score[node] = score.score(
                state,
                cls,
                job,
                node,
                work.shadow_gpu_milli[node],
                work.shadow_cpu_milli[node],
                work.shadow_each,
            )
    return _place(state, work, cls, count, work.shadow_gpu_milli)


def fits_then(state: State, work: Work, cls: int) -> bool:
    """Whether `place_then` would find room: that does not depend on what the policy prefers."""
    if _has_score(state):
        work.score[:] = 0
    for block in range(rails.block_count(state, cls)):
        count = _admit_then(state, work, cls, block)
        if count < state.class_nodes[cls]:
            continue
        if _place(state, work, cls, count, work.shadow_gpu_milli):
            return True
    return False


def place_in_order(state: State, work: Work, cls: int, count: int) -> bool:
    """The same from `work.fit[:count]`, all of which would serve, by index alone.

    What is not chosen has no say: the choice stays the same when others of the nodes are gone.
    """
    work.node_rank[:] = 0
    work.score[:] = 0
    return _place(state, work, cls, count, work.score)


def keep_apart(work: Work, count: int) -> int:
    """Keep of `work.fit[:count]` those that other groups of the gang leave to this one (see
    `groups`); how many."""
    kept = 0
    for place in range(count):
        node = work.fit[place]
        if work.gang_node[node] == 0:
            work.fit[kept] = node
            kept += 1
    return kept


def must_be_tried(state: State, cls: int) -> bool:
    """Whether enough nodes in a domain may not be enough, so that only placing tells."""
    return bool(
        constraints.counts_under_rows(state, cls)
        or segments.required(state, cls)
        or rails.asked(state, cls)
        or together.asked(state, cls)
    )


def more_may_hold_less(state: State, cls: int) -> bool:
    """Whether a gang that fits might not with more free: see `segments` on rows that cut. Groups
    are placed one after another, and the first takes the best of whatever there is."""
    return together.asked(state, cls) or bool(
        segments.required(state, cls)
        and constraints.counts_under_rows(state, cls)
        and segments.rows_cut(state, cls)
    )


def _admit_then(state: State, work: Work, cls: int, block: int) -> int:
    if work.result[REPLAYED] == cls + 1:
        count = _fitting_then(state, work)
    else:
        count = constraints.admit_nodes(
            state,
            cls,
            work.fit,
            work.shadow_gpu_milli,
            work.shadow_each,
            work.shadow_cpu_milli,
            work.shadow_memory_mib,
        )
    count = _keep_open(state, work, cls, count)
    count = constraints.admit_block(state, cls, work.fit, count, work.shadow_each, block)
    return constraints.admit_under_rows(state, cls, work.fit, count, work.row_left)


def _fitting_then(state: State, work: Work) -> int:
    """The nodes that the replay of this class's head found to fit, ascending."""
    if work.strip[0] < 0:
        return _fitting_between(work, 0, len(work.node_fits), 0)
    count = 0
    for band in range(len(work.band_fits)):
        if work.band_fits[band] == 0:
            continue
        low, high = index.strips_of(state, work, band)
        for strip in range(low, high):
            if work.strip_fits[strip] > 0:
                first, last = index.strip_nodes(state, work, strip)
                count = _fitting_between(work, first, last, count)
    return count


def _fitting_between(work: Work, first: int, last: int, count: int) -> int:
    for node in range(first, last):
        if work.node_fits[node] != 0:
            work.fit[count] = node
            count += 1
    return count


def _keep_open(state: State, work: Work, cls: int, count: int) -> int:
    if work.result[GANG_PART] != 0:
        count = keep_apart(work, count)
    return constraints.keep_open(
        state, cls, work.fit, count, work.run_ms[0], work.run_ms[1], work.barred
    )


def _has_score(state: State) -> bool:
    """Whether the policy scores nodes, rather than leaving the choice to the ties."""
    if state.policy[0] == ARKWRIGHT:
        return len(state.typical_weight) > 0
    return bool(state.policy[0] != FIRST_FIT)


def _score_now(state: State, work: Work, cls: int, job: int, count: int) -> None:
    """Score the candidates as they are; what was scored before and has not moved is not again."""
    if not _has_score(state):
        return
    keeps = len(work.seen_moves) > 0 and score.depends_on_node_alone(state)
    row = cls * len(state.node_state)
    for place in range(count):
        node = work.fit[place]
        if keeps and work.seen_moves[row + node] == state.node_moves[node] + 1:
            work.score[node] = work.seen_score[row + node]
            continue
        found = score.score(
            state,
            cls,
            job,
            node,
            state.node_gpu_milli_free[node],
            state.node_cpu_milli_free[node],
            state.gpu_milli_free,
        )
        work.score[node] = found
        if keeps:
            work.seen_score[row + node] = found
            work.seen_moves[row + node] = state.node_moves[node] + 1


def _place(state: State, work: Work, cls: int, count: int, gpu: Ints) -> bool:
    """Choose among the `work.fit[:count]` that fit, by domain and score; False: no domain does."""
    wanted = state.class_nodes[cls]
    bound = constraints.rows_bind(state, cls, work.fit, count, work.row_left, work.row_taken)
    if _is_by_node(state, cls):
        return _choose(state, work, cls, count, bound, gpu, False)
    if segments.asked(state, cls):
        if _place_segments(state, work, cls, count, bound, gpu):
            return True
        if segments.required(state, cls):
            return False
    for level in range(_first_level(state, cls), _levels(state, cls)):
        _sum_domains(state, work, level, count, gpu)
        if bound:
            _bound_domains(state, work, cls, level, count, wanted)
        domain = _best_domain(state, work, level, count, wanted)
        if domain >= 0:
            count = _keep_domain(state, work, level, count, domain)
            return _choose(state, work, cls, count, bound, gpu, False)
    if state.class_level_required[cls] >= 0:
        return False
    return _choose(state, work, cls, count, bound, gpu, False)


def _place_segments(state: State, work: Work, cls: int, count: int, bound: bool, gpu: Ints) -> bool:
    """The same with the gang in segments; `work.fit[:count]` is as before when it returns False.

    A domain no larger than those of the segment level holds whole whatever it holds. Larger ones
    are tried from the one with least free on, of those that hold the segments by count.
    """
    fit = work.fit[:count].copy()
    inner = state.class_segment_level[cls]
    for level in range(_first_level(state, cls), _levels(state, cls)):
        if level > inner:
            segments.count_whole(state, work, cls, level, count)
        while True:
            _sum_domains(state, work, level, count, gpu)
            if level > inner:
                _forget_domains(state, work, cls, level, count)
            elif bound:
                _bound_domains(state, work, cls, level, count, state.class_nodes[cls])
            domain = _best_domain(state, work, level, count, state.class_nodes[cls])
            if domain < 0:
                break
            kept = _keep_domain(state, work, level, count, domain)
            if _choose(state, work, cls, kept, bound, gpu, level > inner):
                return True
            work.fit[:count] = fit
            work.segment_whole[domain] = segments.TRIED
    if state.class_level_required[cls] >= 0:
        return False
    segments.count_whole(state, work, cls, -1, count)
    return segments.fit_by_count(state, work, cls, 0) and _choose(
        state, work, cls, count, bound, gpu, True
    )


def _forget_domains(state: State, work: Work, cls: int, level: int, count: int) -> None:
    """Domains that do not hold the segments, or were tried, hold nothing."""
    for place in range(count):
        domain = state.node_domain[level, work.fit[place]]
        if not segments.fit_by_count(state, work, cls, domain):
            work.domain_fit[domain] = 0


def _is_by_node(state: State, cls: int) -> bool:
    """One node alone lies in a domain of every level: a policy that scores nodes is asked."""
    return bool(state.class_nodes[cls] == 1 and (state.policy[0] != ARKWRIGHT or _has_score(state)))


def _has_form(state: State, cls: int) -> bool:
    """Whether the class asks for more than a domain that holds it."""
    return (
        together.asked(state, cls)
        or segments.asked(state, cls)
        or spread.asked(state, cls)
        or rails.asked(state, cls)
    )


def _first_level(state: State, cls: int) -> int:
    """From which level on: for a gang that is to be spread, the preferred one or the required."""
    if not spread.asked(state, cls):
        return 0
    required = state.class_level_required[cls]
    preferred = state.class_level_preferred[cls]
    if preferred <= state.class_spread_level[cls]:
        return int(required if required >= 0 else len(state.node_domain))
    return int(min(preferred, required) if required >= 0 else preferred)


def _levels(state: State, cls: int) -> int:
    """How many levels, from the smallest, are searched for a domain that holds the gang."""
    required = state.class_level_required[cls]
    if required < 0 and state.class_level_preferred[cls] >= 0:
        return len(state.node_domain)
    return int(required + 1)


def _best_domain(state: State, work: Work, level: int, count: int, wanted: int) -> int:
    """The domain of the level that fits the gang and has least free, -1 when none fits it."""
    best = -1
    for place_index in range(count):
        domain = state.node_domain[level, work.fit[place_index]]
        if work.domain_fit[domain] < wanted or domain == best:
            continue
        if best >= 0:
            free = work.domain_free[domain]
            least = work.domain_free[best]
            if free > least or (free == least and domain > best):
                continue
        best = domain
    return best


def _sum_domains(state: State, work: Work, level: int, count: int, gpu: Ints) -> None:
    for place_index in range(count):
        domain = state.node_domain[level, work.fit[place_index]]
        work.domain_fit[domain] = 0
        work.domain_free[domain] = 0
    for place_index in range(count):
        node = work.fit[place_index]
        domain = state.node_domain[level, node]
        work.domain_fit[domain] += 1
        work.domain_free[domain] += gpu[node]


def _bound_domains(state: State, work: Work, cls: int, level: int, count: int, wanted: int) -> None:
    """Lower `domain_fit` to what the rows let a domain take; more than `wanted` is not counted."""
    domains = state.node_domain[level][work.fit[:count]]
    nodes = work.fit[:count][np.argsort(domains, kind="mergesort")]
    first = 0
    while first < count:
        domain = state.node_domain[level, nodes[first]]
        last = first + work.domain_fit[domain]
        if last - first >= wanted:
            work.domain_fit[domain] = constraints.take_under_rows(
                state,
                cls,
                nodes[first:last],
                last - first,
                wanted,
                work.row_left,
                work.row_taken,
            )
        first = last


def _keep_domain(state: State, work: Work, level: int, count: int, domain: int) -> int:
    kept = 0
    for place_index in range(count):
        node = work.fit[place_index]
        if state.node_domain[level, node] == domain:
            work.fit[kept] = node
            kept += 1
    return kept


def _choose(
    state: State, work: Work, cls: int, count: int, bound: bool, gpu: Ints, in_segments: bool
) -> bool:
    """Write the best of the candidates to `work.chosen`, ascending; False when rows forbid it.

    Sorting by the last key first with a stable sort is sorting by all of them: integers only, and
    the candidates come in index order.
    """
    wanted = state.class_nodes[cls]
    if wanted == 1 and _has_score(state):
        work.chosen[0] = _best_node(state, work, count, gpu)
        return True
    chosen = work.fit[:count].copy()
    found = True
    if count > wanted and not (in_segments and segments.go_by_index(state, cls)):
        if state.policy[0] == ARKWRIGHT:
            if len(state.node_domain) > 0:
                _sum_domains(state, work, 0, count, gpu)
                domain_free = work.domain_free[state.node_domain[0][chosen]]
                chosen = chosen[np.argsort(domain_free, kind="mergesort")]
            chosen = chosen[np.argsort(gpu[chosen], kind="mergesort")]
        if _has_score(state):
            chosen = chosen[np.argsort(-work.score[chosen], kind="mergesort")]
        rank = np.empty(count, np.int64)
        for place in range(count):
            rank[place] = _rank(work, chosen[place])
        chosen = chosen[np.argsort(rank, kind="mergesort")]
    if in_segments:
        found = segments.arrange(state, work, cls, chosen, gpu, bound)
    elif spread.asked(state, cls):
        found = spread.arrange(state, work, cls, chosen, gpu, bound)
    elif bound:
        found = wanted <= constraints.take_under_rows(
            state, cls, chosen, count, wanted, work.row_left, work.row_taken
        )
    if found:
        work.chosen[:wanted] = np.sort(chosen[:wanted])
    return found


def _best_node(state: State, work: Work, count: int, gpu: Ints) -> int:
    """The first of the candidates by the same keys, without sorting the others."""
    by_room = state.policy[0] == ARKWRIGHT
    if by_room and len(state.node_domain) > 0:
        _sum_domains(state, work, 0, count, gpu)
    best = work.fit[0]
    for place in range(1, count):
        node = work.fit[place]
        behind = _rank(work, node) - _rank(work, best)
        if behind == 0:
            behind = work.score[best] - work.score[node]
        if behind == 0 and by_room:
            behind = gpu[node] - gpu[best]
            if behind == 0 and len(state.node_domain) > 0:
                behind = work.domain_free[state.node_domain[0, node]]
                behind -= work.domain_free[state.node_domain[0, best]]
        if behind < 0:
            best = node
    return int(best)


def _rank(work: Work, node: int) -> int:
    """First what is set aside for the head; while its nodes are chosen, those not free yet."""
    behind = work.node_rank[node]
    if work.result[RANKED] != 0:
        behind = int(work.node_fits[node] == FITS_NOW)
    return int(behind - int(work.aside[node] != 0))
