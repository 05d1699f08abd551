"""Gangs whose nodes are to be apart, worked by hand: three racks of three nodes in one hall."""

from arkwright import sched
from naive.one_gang import placed, put

RACK, HALL = 0, 1


def racks(row=(), rows=None, nodes=(3, 3, 3)):
    rack = [at for at, count in enumerate(nodes) for _ in range(count)]
    zeros = [0] * len(rack)
    return sched.empty(
        sched.Nodes([rack, zeros], zeros, zeros, zeros, [4000] * len(rack), zeros, zeros, row), rows
    )


def asking(nodes, **fields):
    return sched.Shape(nodes, 4000, level_required=HALL, spread_level=RACK, **fields)


def test_three_nodes_take_one_of_each_rack():
    assert placed(racks(), asking(3)) == (0, 3, 6)


def test_five_nodes_lie_two_two_and_one():
    assert placed(racks(), asking(5)) == (0, 1, 3, 4, 6)


def test_of_racks_with_equally_many_of_the_gang_the_one_with_most_free_gives_first():
    state = put(racks(), sched.Shape(2, 4000), [0, 1])
    state = put(state, sched.Shape(1, 4000), [3])
    assert placed(state, asking(2)) == (4, 6)
    assert placed(state, asking(4)) == (2, 4, 6, 7)


def test_a_rack_that_has_no_more_gives_no_more_and_nothing_is_refused():
    assert placed(racks(nodes=(1, 1, 4)), asking(5)) == (0, 1, 2, 3, 4)


def test_a_rack_without_power_gives_less_and_the_others_more():
    row = [1, 1, 1, 0, 0, 0, 0, 0, 0]
    state = racks(row, sched.Rows([-1, 0], [-1, 100]))
    assert placed(state, asking(6, watts=100)) == (0, 3, 4, 5, 6, 7)
    assert len(placed(state, asking(7, watts=100))) == 7
    assert placed(state, asking(8, watts=100)) == ()


def test_a_gang_kept_within_one_rack_is_not_spread_over_racks():
    shape = sched.Shape(2, 4000, level_required=RACK, spread_level=RACK)
    assert placed(racks(), shape) == (0, 1)


def test_a_preferred_hall_is_kept_and_the_racks_in_it_are_spread_over():
    """Two halls of two racks of two: four nodes stay in one hall, two on each rack."""
    zeros = [0] * 8
    levels = [[0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 1, 1, 1, 1], zeros]
    state = sched.empty(sched.Nodes(levels, zeros, zeros, zeros, [4000] * 8, zeros, zeros))
    shape = sched.Shape(3, 4000, level_required=2, level_preferred=1, spread_level=0)
    assert placed(state, shape) == (0, 1, 2)
    assert placed(state, shape._replace(level_preferred=-1)) == (0, 2, 4)


def test_one_node_alone_goes_where_it_would_go_anyway():
    state = put(racks(), sched.Shape(1, 4000), [7])
    assert placed(state, asking(1)) == placed(state, asking(1)._replace(spread_level=-1)) == (6,)
