"""Gangs in segments, worked by hand: racks of 18 trays, halls of six racks."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from naive.one_gang import placed, put

RACK, HALL = 0, 1


def racks(count=6, trays=18, row=(), rows=None):
    """Racks of trays of four GPUs, all in one hall."""
    n = count * trays
    zeros = [0] * n
    domain = [[node // trays for node in range(n)], zeros]
    nodes = sched.Nodes(domain, zeros, zeros, zeros, [4000] * n, zeros, zeros, row)
    return sched.empty(nodes, rows)


def asking(nodes, segment=16, **fields):
    shape = sched.Shape(nodes, 4000, level_required=HALL, segment=segment, segment_level=RACK)
    return shape._replace(**fields)


def by_rack(nodes, trays=18):
    counts = {}
    for node in nodes:
        counts[node // trays] = counts.get(node // trays, 0) + 1
    return counts


def busy(state, taken):
    """So many trays of each rack are held by others."""
    nodes = [rack * 18 + tray for rack, count in enumerate(taken) for tray in range(count)]
    return put(state, sched.Shape(len(nodes), 4000), nodes) if nodes else state


def why(state, shape):
    state = sched.apply(sched.copy(state), sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(0, int(state.class_count[0]) - 1, 1000))
    return sched.explain(state, int(state.job_count[0]) - 1, 0)


def test_64_trays_in_segments_of_16_take_four_racks_and_leave_two_trays_in_each():
    nodes = placed(racks(), asking(64))
    assert by_rack(nodes) == {0: 16, 1: 16, 2: 16, 3: 16}


def test_without_segments_the_same_gang_fills_racks():
    assert by_rack(placed(racks(), asking(64, 0))) == {0: 18, 1: 18, 2: 18, 3: 10}


def test_the_last_segment_is_what_is_left_and_goes_where_it_fits_tightest():
    """40 = 16 + 16 + 8: the eight go into rack 4, which has just eight free."""
    state = busy(racks(), [0, 0, 0, 0, 10, 0])
    assert by_rack(placed(state, asking(40))) == {0: 16, 1: 16, 4: 8}


def test_broken_racks_are_used_up_first():
    """Rack 3 has exactly 16 free and rack 5 has 17: whole racks stay whole."""
    state = busy(racks(), [0, 0, 0, 2, 0, 1])
    assert by_rack(placed(state, asking(32))) == {3: 16, 5: 16}


def test_a_domain_of_36_holds_two_segments():
    state = racks(3, 36)
    assert by_rack(placed(state, asking(64)), 36) == {0: 32, 1: 32}


def test_a_gang_no_larger_than_its_segment_stays_in_one_rack():
    state = busy(racks(), [10, 10, 10, 10, 10, 9])
    assert placed(state, asking(12)) == ()
    assert by_rack(placed(state, asking(9))) == {5: 9}


def test_enough_trays_in_racks_that_are_too_broken_do_not_fit_unless_segments_are_preferred():
    """Every rack has 15 free: 90 trays, and no segment of 16."""
    state = busy(racks(), [3] * 6)
    assert placed(state, asking(64)) == ()
    assert len(placed(state, asking(64, -16))) == 64


def test_preferred_segments_are_kept_where_they_fit():
    assert by_rack(placed(racks(), asking(64, -16))) == {0: 16, 1: 16, 2: 16, 3: 16}


def test_a_rack_without_power_for_a_segment_is_passed_over():
    """Rack 0 has power for 15 trays, the site for 40: two segments fit, a third does not."""
    row = [1 + node // 18 for node in range(108)]
    rows = sched.Rows([-1, *[0] * 6], [4000, 1500, *[-1] * 5])
    state = racks(row=row, rows=rows)
    assert by_rack(placed(state, asking(32, watts=100))) == {1: 16, 2: 16}
    assert placed(state, asking(48, watts=100)) == ()
    assert by_rack(placed(state, asking(40, watts=100))) == {0: 8, 1: 16, 2: 16}


def test_the_reason_counts_the_segments_that_fit():
    state = busy(racks(), [0, 0, 0, 3, 3, 3])
    assert why(state, asking(64)) == sched.Reason(
        sched.SEGMENTS, 4, 3, level=RACK, limit=16, change=sched.SMALLER_SEGMENT, to=8
    )


def test_the_change_named_is_no_segments_when_no_size_would_do():
    """Racks with one free tray each: only a gang without segments of two or more starts."""
    state = busy(racks(), [17] * 6)
    found = why(state, asking(6, 2))
    assert (found.asked, found.free) == (3, 0)
    assert (found.change, found.to) == (sched.SMALLER_SEGMENT, 0)


def test_segments_that_no_empty_factory_holds_are_refused_for_good():
    shape = asking(8 * 16)
    state = racks(8, 17)
    assert sched.never_fits(state, shape) is None
    assert sched.never_fits(racks(8, 17), asking(102, 17)) is None
    refused = sched.never_fits(racks(9, 15), shape)
    assert refused == sched.Reason(
        sched.NEVER_SEGMENTS, 8, 0, level=RACK, limit=16, change=sched.FEWER_NODES, to=15
    )


def test_the_head_waits_for_the_instant_at_which_its_segments_fit_not_its_nodes():
    """From 10 on 19 trays of two racks are free, but only from 20 on are 16 of one rack."""
    state = racks(2)
    state = sched.apply(state, sched.add_class(0, sched.Shape(9, 4000)))
    running = [(range(9), 10), (range(18, 27), 20), (range(9, 18), 20), (range(27, 36), 30)]
    for job, (nodes, lasts) in enumerate(running):
        state = sched.apply(state, sched.submit(0, 0, lasts))
        state = sched.apply(state, sched.start(0, job, tuple(nodes)))
    state = sched.apply(state, sched.add_class(0, asking(16, 16)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(1, 4000)))
    state = sched.apply(state, sched.submit(0, 1, 100))
    course = sched.forward(state, sched.timetable([]), 0, 1000)
    assert list(zip(course.start_job.tolist(), course.start_at_ms.tolist(), strict=True)) == [
        (4, 20)
    ]


def test_check_finds_a_gang_that_is_not_in_its_segments():
    state = sched.apply(racks(), sched.add_class(0, asking(32)))
    state = sched.apply(state, sched.submit(0, 0, 10))
    state = sched.apply(state, sched.start(0, 0, tuple(range(32))))
    assert sched.check(state) == ["job 0 is not in segments of 16: [18, 14] in a domain"]


@pytest.mark.parametrize(("segment", "level"), [(2, -1), (2, 2), (1 << 60, 0), (-(1 << 60), 0)])
def test_segments_of_no_level_or_absurd_size_are_refused(segment, level):
    shape = sched.Shape(4, 4000, segment=segment, segment_level=level)
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(racks(), sched.add_class(0, shape))
