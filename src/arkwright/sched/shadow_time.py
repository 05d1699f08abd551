"""When the blocked head could start, kernel: running jobs end in order until it fits.

`find` leaves in `work` what it came to: which nodes would serve the head then (`node_fits`),
what they have (`shadow_*`) and what the rows have used.
"""

from __future__ import annotations

from arkwright.sched import constraints, groups, index, order, placement, shadow, together
from arkwright.sched.codes import BIG
from arkwright.sched.state import State
from arkwright.sched.work import (
    FITS_NOW,
    FITS_THEN,
    FORESEEN_HEAD,
    FORESEEN_MS,
    LONGEST_MS,
    REPLAYED,
    UPSETS,
    Work,
)


def find(state: State, work: Work, cls: int, job: int, now_ms: int, lasts_ms: int) -> int:
    """Let jobs end and limits come in order of time until the head fits, -1 for never.

    It fits when the nodes and the rows hold it then, and every limit announced for its run as well.
    A time that was foreseen stands unless the head cannot be placed then: who cannot place it calls
    `doubt` and asks again. Leaves the room of the rows then in `row_left`, where the head's watts
    are to be placed; for never, how long a job of the class could be to get a reservation at all in
    `LONGEST_MS`.
    """
    work.result[LONGEST_MS] = 0
    has_steps = constraints.next_change_at(state, -1) < BIG
    by_halving = not has_steps and not placement.more_may_hold_less(state, cls)
    if placement.must_be_tried(state, cls) and by_halving:
        foreseen_ms = _foreseen(state, work, job)
        if foreseen_ms > now_ms and _may_fit_by(state, work, cls, now_ms, foreseen_ms):
            return foreseen_ms
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


def foresee(state: State, work: Work, job: int, shadow_ms: int) -> None:
    """The job has this shadow time, for as long as all goes as foreseen."""
    work.result[FORESEEN_HEAD] = 1 + job
    work.result[FORESEEN_MS] = shadow_ms
    work.result[UPSETS] = _upsets(state)


def doubt(work: Work) -> None:
    """What was foreseen is not so."""
    work.result[FORESEEN_HEAD] = 0


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


def _foreseen(state: State, work: Work, job: int) -> int:
    """The shadow time that the job was found to have and still has if it has one; -1 not known.

    What jobs that start take is never of use to the head sooner, nor is an end that was expected:
    with only those since, no earlier time has come to suffice.
    """
    if work.result[FORESEEN_HEAD] != 1 + job or work.result[UPSETS] != _upsets(state):
        return -1
    return int(work.result[FORESEEN_MS])


def _upsets(state: State) -> int:
    return int(state.change_count[0] - state.cycle_memo[4])


def _may_fit_by(state: State, work: Work, cls: int, now_ms: int, at_ms: int) -> bool:
    """Let all end that are expected to by `at_ms`; False when the head then cannot be placed."""
    offer = _begin(state, work, cls)
    other = order.first(state, state.active_root[0])
    while other >= 0 and max(state.job_key_first[other], now_ms + 1) <= at_ms:
        offer = max(offer, _give_back(state, work, cls, other))
        other = order.following(state, other)
    constraints.row_room(state, work.row_used, work.row_limit_then, work.row_left)
    return bool(offer >= state.class_nodes[cls]) and constraints.admit_then(
        state, cls, work.row_used, work.row_limit_then, work.row_kept_then
    )


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
    placement.will_run(work, at_ms, at_ms + 1)
    if not _fits_rows(state, work, cls, keeps_some):
        return 0
    step_ms = constraints.next_change_at(state, at_ms)
    while step_ms < at_ms + lasts_ms:
        lowered = constraints.row_room_ahead(
            state, work.step_left, step_ms - 1, step_ms + 1, work.row_left
        )
        placement.will_run(work, at_ms, step_ms + 1)
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
    placement.will_run(work, at_ms, end_ms)
    return groups.place_then(state, work, cls, job)


def _fits_rows(state: State, work: Work, cls: int, keeps_some: bool) -> bool:
    """Whether the head, in its form, finds its nodes in the room of `row_left` and of windows."""
    if not keeps_some and not placement.must_be_tried(state, cls):
        return True
    return placement.fits_then(state, work, cls)


def _first_offer(state: State, work: Work, cls: int) -> int:
    """Count the nodes that fit now: the most that one domain of the required level can offer.

    Of a gang of groups the first is looked at: a place for it is the least that it takes. Without a
    required level the whole factory is the one domain, kept in `domain_offer[0]`.
    """
    _forget_fits(state, work)
    required = state.class_level_required[cls]
    domains = 1
    if required >= 0:
        domains = state.level_first[required + 1] - state.level_first[required]
    work.domain_offer[:domains] = 0
    work.result[REPLAYED] = 0 if together.asked(state, cls) else 1 + cls
    offer = 0
    for place in range(placement.fitting_now(state, work, cls)):
        offer = max(offer, _note_fit(state, work, work.fit[place], required, FITS_NOW))
    return offer


def _note_fit(state: State, work: Work, node: int, required: int, when: int) -> int:
    """One node more that fits; what its domain of the `required` level offers with it."""
    work.node_fits[node] = when
    if work.strip[0] >= 0:
        work.strip_fits[state.node_domain[work.strip[0], node]] += 1
        work.band_fits[state.node_domain[work.strip[1], node]] += 1
    domain = state.node_domain[required, node] if required >= 0 else 0
    work.domain_offer[domain] += 1
    return int(work.domain_offer[domain])


def _forget_fits(state: State, work: Work) -> None:
    if work.strip[0] < 0:
        work.node_fits[:] = 0
        return
    for band in range(len(work.band_fits)):
        if work.band_fits[band] == 0:
            continue
        work.band_fits[band] = 0
        low, high = index.strips_of(state, work, band)
        for strip in range(low, high):
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
            offer = max(offer, _note_fit(state, work, node, required, FITS_THEN))
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
