"""What the blocked head holds, kernel: concrete nodes and tree capacity at its shadow time.

The shadow time is the first instant at which the head fits when the jobs that run now end as
expected and announced limits come, and at which it would fit through its whole run. A
job past its estimate is expected to end one millisecond from now; jobs that end at one
instant give back together. The head's nodes are chosen among what is free then, those that are not
free yet first, so that as little as possible of what is free now is set aside.
"""

from __future__ import annotations

from arkwright.sched import constraints, groups, index, order, placement, shadow, together
from arkwright.sched.codes import BIG
from arkwright.sched.state import State
from arkwright.sched.work import ASIDE, LONGEST_MS, REPLAYED, Work


def reserve(state: State, work: Work, job: int, now_ms: int, lasts_ms: int) -> int:
    """Reserve for a blocked job; its shadow time, -1 when no release lets it start.

    Leaves in `work` what jobs that outlast the shadow time may take: on its nodes (`aside`, which
    go first for the jobs that do not) `shadow_*` and `beside_*`, per row `row_spare`.
    """
    cls = state.job_class[job]
    if not constraints.admit_use(state, cls, lasts_ms, work.row_owed):
        work.result[LONGEST_MS] = constraints.longest_use(state, cls, work.row_owed)
        return -1
    if together.asked(state, cls):
        _rank_free(state, work, cls, 1)
    shadow_ms = _replay(state, work, cls, job, now_ms, lasts_ms)
    _rank_free(state, work, cls, int(shadow_ms >= 0))
    if shadow_ms < 0:
        work.result[REPLAYED] = 0
        return -1
    _will_run(work, shadow_ms, shadow_ms + lasts_ms)
    groups.place_then(state, work, cls, job)
    _rank_free(state, work, cls, 0)
    _set_aside(state, work, cls)
    constraints.set_use_aside(state, cls, lasts_ms, work.row_owed)
    nodes = work.chosen[: state.class_gang_nodes[cls]]
    end_ms = shadow_ms + lasts_ms
    constraints.spend_ahead(state, cls, nodes, work.step_left, work.step_within, shadow_ms, end_ms)
    return shadow_ms


def look_ahead(state: State, work: Work, now_ms: int) -> None:
    """Write to `work` what every announced change will leave; writes over the shadow's rows."""
    constraints.foresee_rows(
        state,
        now_ms,
        work.row_used,
        work.row_limit_then,
        work.row_kept_then,
        work.step_left,
        work.step_within,
    )


def forget(work: Work) -> None:
    """There is no reservation."""
    for place in range(work.result[ASIDE]):
        work.aside[work.aside_node[place]] = 0
    work.result[ASIDE] = 0


def shadow_at(state: State, work: Work, job: int, now_ms: int, lasts_ms: int) -> int:
    """When a waiting job would start if nobody went before it and all ended as expected; -1 never.

    Writes over what a reservation left in `work.shadow_*`.
    """
    cls = state.job_class[job]
    if not together.asked(state, cls):
        shadow_ms = _replay(state, work, cls, job, now_ms, lasts_ms)
        work.result[REPLAYED] = 0
        return shadow_ms
    aside = work.aside.copy()
    work.aside[:] = 0
    _rank_free(state, work, cls, 1)
    shadow_ms = _replay(state, work, cls, job, now_ms, lasts_ms)
    _rank_free(state, work, cls, 0)
    work.aside[:] = aside
    return shadow_ms


def started_beside(state: State, work: Work, job: int, outlasts: bool) -> None:
    """A job has started on `work.chosen` while a reservation stands."""
    cls = state.job_class[job]
    for place in range(state.class_gang_nodes[cls]):
        node = work.chosen[place]
        if outlasts:
            constraints.foresee_hold(state, job, place, work.shadow_each)
        if work.aside[node] != 0:
            if outlasts:
                shadow.take(state, work, together.group_at(state, cls, place), node)
            shadow.open_beside(state, work, node)
    if outlasts:
        nodes = work.chosen[: state.class_gang_nodes[cls]]
        constraints.spend(state, cls, nodes, work.row_used, work.row_kept_then, work.row_spare)


def _rank_free(state: State, work: Work, cls: int, rank: int) -> None:
    """Nodes that would serve the head, or a group of it, now have this rank among all: with 1 they
    come after those not free yet."""
    while cls >= 0:
        for place in range(placement.fitting_now(state, work, cls)):
            work.node_rank[work.fit[place]] = rank
        cls = state.class_more[cls]


def _replay(state: State, work: Work, cls: int, job: int, now_ms: int, lasts_ms: int) -> int:
    """Let jobs end and limits come in order of time until the head fits, -1 for never.

    It fits when the nodes and the rows hold it then, and every limit announced for its run as well.
    Leaves the room of the rows then in `row_left`, where the head's watts are to be placed; for
    never, how long a job of the class could be to get a reservation at all in `LONGEST_MS`.
    """
    work.result[LONGEST_MS] = 0
    has_steps = constraints.next_change_at(state, -1) < BIG
    by_halving = not has_steps and not placement.more_may_hold_less(state, cls)
    if placement.must_be_tried(state, cls) and by_halving:
        return _search(state, work, cls, job, now_ms, lasts_ms)
    offer = _begin(state, work, cls)
    other = order.first(state, state.active_root[0])
    at_ms, kept_ms = now_ms, -1
    while True:
        at_ms = constraints.next_change_at(state, at_ms)
        if other >= 0:
            at_ms = min(at_ms, max(state.job_key_first[other], now_ms + 1))
        if at_ms == BIG:
            return -1
        constraints.keep_until(state, now_ms, kept_ms, at_ms, work.row_used, work.row_kept_then)
        kept_ms = at_ms
        while other >= 0 and max(state.job_key_first[other], now_ms + 1) == at_ms:
            offer = max(offer, _give_back(state, work, cls, other))
            other = order.following(state, other)
        if offer >= state.class_nodes[cls]:
            longest_ms = _longest(state, work, cls, job, now_ms, at_ms, lasts_ms)
            if longest_ms >= lasts_ms:
                return int(at_ms)
            work.result[LONGEST_MS] = max(work.result[LONGEST_MS], longest_ms)


def _search(state: State, work: Work, cls: int, job: int, now_ms: int, lasts_ms: int) -> int:
    """The replay for a head that must be placed to be judged, with no limit to come.

    Ends then only ever make room, so the first that suffices is found in growing steps and by
    halving the last of them: placing at every one of thousands of ends would cost seconds.
    """
    offer = _begin(state, work, cls)
    other = order.first(state, state.active_root[0])
    count, untested, test_at, gap = 0, 0, 0, 1
    while other >= 0:
        at_ms = max(state.job_key_first[other], now_ms + 1)
        while other >= 0 and max(state.job_key_first[other], now_ms + 1) == at_ms:
            offer = max(offer, _give_back(state, work, cls, other))
            other = order.following(state, other)
            count += 1
        if offer < state.class_nodes[cls]:
            continue
        if untested == 0:
            untested = count
        if count < test_at and other >= 0:
            continue
        if _longest(state, work, cls, job, now_ms, at_ms, lasts_ms) >= lasts_ms:
            if untested == count:
                return int(at_ms)
            return _halve(state, work, cls, job, now_ms, lasts_ms, untested, count)
        untested = 0
        test_at = count + gap
        gap *= 2
    return -1


def _halve(
    state: State, work: Work, cls: int, job: int, now_ms: int, lasts_ms: int, low: int, high: int
) -> int:
    """The first instant that suffices: not before the end number `low`, `high` does."""
    at_ms = -1
    while low < high:
        middle = (low + high) // 2
        at_ms = _after_ends(state, work, cls, job, now_ms, lasts_ms, middle)
        if at_ms >= 0:
            high = middle
        else:
            low = middle + 1
    return at_ms if at_ms >= 0 else _after_ends(state, work, cls, job, now_ms, lasts_ms, high)


def _after_ends(
    state: State, work: Work, cls: int, job: int, now_ms: int, lasts_ms: int, count: int
) -> int:
    """The instant of the `count`-th end, all ends of it included, if the head fits then; or -1."""
    offer = _begin(state, work, cls)
    other = order.first(state, state.active_root[0])
    at_ms = now_ms
    while other >= 0:
        end_ms = max(state.job_key_first[other], now_ms + 1)
        if count <= 0 and end_ms != at_ms:
            break
        at_ms = end_ms
        offer = max(offer, _give_back(state, work, cls, other))
        other = order.following(state, other)
        count -= 1
    if at_ms == now_ms or offer < state.class_nodes[cls]:
        return -1
    if _longest(state, work, cls, job, now_ms, at_ms, lasts_ms) < lasts_ms:
        return -1
    return int(at_ms)


def _begin(state: State, work: Work, cls: int) -> int:
    """What is free and used now, from which the replay starts; the most one domain offers."""
    shadow.forget(state, work)
    if state.gpus_kept[0] != 0:
        work.shadow_each[:] = state.gpu_milli_free
    work.row_used[:] = state.row_used
    work.row_limit_then[:] = state.row_limit
    work.row_kept_then[:] = state.row_kept
    return _first_offer(state, work, cls)


def _longest(
    state: State, work: Work, cls: int, job: int, now_ms: int, at_ms: int, lasts_ms: int
) -> int:
    """How long, up to `lasts_ms`, the head could run from `at_ms` within the rows; 0 not at all.

    The nodes would hold it. Every limit that comes and every window that opens during the run may
    cut it short.
    """
    if not placement.must_be_tried(state, cls) and constraints.next_change_at(state, -1) == BIG:
        return lasts_ms if constraints.admit_job(state, cls, work.row_used) < 0 else 0
    constraints.limits_at(state, now_ms, at_ms, work.row_limit_then)
    constraints.row_room(state, work.row_used, work.row_limit_then, work.row_left)
    if not constraints.admit_then(
        state, cls, work.row_used, work.row_limit_then, work.row_kept_then
    ):
        return 0
    if together.asked(state, cls):
        return lasts_ms if _fits_through(state, work, cls, job, at_ms, at_ms + lasts_ms) else 0
    keeps_some = constraints.keeps_some(state, cls, at_ms, at_ms + lasts_ms)
    _will_run(work, at_ms, at_ms + 1)
    if not _fits_rows(state, work, cls, keeps_some):
        return 0
    step_ms = constraints.next_change_at(state, at_ms)
    while step_ms < at_ms + lasts_ms:
        lowered = constraints.row_room_ahead(
            state, work.step_left, step_ms - 1, step_ms + 1, work.row_left
        )
        _will_run(work, at_ms, step_ms + 1)
        if lowered and not constraints.admit_ahead(
            state, cls, work.step_left, work.step_within, step_ms - 1, step_ms + 1
        ):
            return int(step_ms - at_ms)
        if (lowered or keeps_some) and not _fits_rows(state, work, cls, keeps_some):
            return int(step_ms - at_ms)
        step_ms = constraints.next_change_at(state, step_ms)
    return lasts_ms


def _fits_through(state: State, work: Work, cls: int, job: int, at_ms: int, end_ms: int) -> bool:
    """Whether a head of several groups fits through its whole run, on the nodes it would be given.

    Those of a shorter run may be others, so a limit that comes later does not tell how long it
    could last.
    """
    if not constraints.admit_ahead(state, cls, work.step_left, work.step_within, at_ms, end_ms):
        return False
    constraints.row_room_ahead(state, work.step_left, at_ms, end_ms, work.row_left)
    _will_run(work, at_ms, end_ms)
    return groups.place_then(state, work, cls, job)


def _fits_rows(state: State, work: Work, cls: int, keeps_some: bool) -> bool:
    """Whether the head, in its form, finds its nodes in the room of `row_left` and of windows."""
    if not keeps_some and not placement.must_be_tried(state, cls):
        return True
    return placement.fits_then(state, work, cls)


def _will_run(work: Work, from_ms: int, end_ms: int) -> None:
    work.run_ms[0] = from_ms
    work.run_ms[1] = end_ms


def _first_offer(state: State, work: Work, cls: int) -> int:
    """Count the nodes that fit now: the most that one domain of the required level can offer.

    Of a gang of groups the first is looked at: a place for it is the least that it takes. Without a
    required level the whole factory is the one domain, kept in `domain_offer[0]`.
    """
    _forget_fits(state, work)
    work.domain_offer[:] = 0
    work.result[REPLAYED] = 0 if together.asked(state, cls) else 1 + cls
    required = state.class_level_required[cls]
    offer = 0
    for place in range(placement.fitting_now(state, work, cls)):
        node = work.fit[place]
        _note_fit(state, work, node)
        domain = state.node_domain[required, node] if required >= 0 else 0
        work.domain_offer[domain] += 1
        offer = max(offer, work.domain_offer[domain])
    return offer


def _note_fit(state: State, work: Work, node: int) -> None:
    work.node_fits[node] = 1
    if work.strip[0] >= 0:
        work.strip_fits[state.node_domain[work.strip[0], node]] += 1


def _forget_fits(state: State, work: Work) -> None:
    if work.strip[0] < 0:
        work.node_fits[:] = 0
        return
    for strip in range(len(work.strip_fits)):
        if work.strip_fits[strip] > 0:
            first, last = index.strip_nodes(state, work, strip)
            work.node_fits[first:last] = 0
            work.strip_fits[strip] = 0


def _give_back(state: State, work: Work, cls: int, job: int) -> int:
    """One running job ends; the most that one domain it frees can then offer."""
    theirs = state.job_class[job]
    first = state.job_slot[job]
    required = state.class_level_required[cls]
    nodes = state.slot_node[first : first + state.class_gang_nodes[theirs]]
    constraints.foresee_end(state, theirs, nodes, work.row_used, work.row_kept_then)
    offer = 0
    for place in range(state.class_gang_nodes[theirs]):
        node = state.slot_node[first + place]
        group = together.group_at(state, theirs, place)
        shadow.give_back(state, work, group, node)
        constraints.foresee_gpus(state, job, place, work.shadow_each)
        if work.node_fits[node] == 0 and _fits_then(state, work, cls, node):
            _note_fit(state, work, node)
            domain = state.node_domain[required, node] if required >= 0 else 0
            work.domain_offer[domain] += 1
            offer = max(offer, work.domain_offer[domain])
    return offer


def _fits_then(state: State, work: Work, cls: int, node: int) -> bool:
    return constraints.allows(state, cls, node) and constraints.admit_node(
        state,
        cls,
        node,
        work.shadow_gpu_milli,
        work.shadow_each,
        work.shadow_cpu_milli,
        work.shadow_memory_mib,
    )


def _set_aside(state: State, work: Work, cls: int) -> None:
    """Turn what is free at the shadow time into what is left beside the head, on its nodes; what is
    free on the others is not bound by it."""
    work.result[REPLAYED] = 0
    wanted = state.class_gang_nodes[cls]
    work.result[ASIDE] = wanted
    for place in range(wanted):
        node = work.chosen[place]
        group = together.group_at(state, cls, place)
        work.aside_node[place] = node
        work.aside[node] = 1 + group
        shadow.take(state, work, group, node)
        shadow.open_beside(state, work, node)
    constraints.set_aside(
        state,
        cls,
        work.chosen[:wanted],
        work.row_used,
        work.row_limit_then,
        work.row_kept_then,
        work.row_spare,
    )
