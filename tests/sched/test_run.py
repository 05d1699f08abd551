"""A run forward with nodes that go out: what is lost, what is saved, and the log of attempts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched import attempts
from arkwright.sched.advance import AT_MS, FAULT, FORWARD_COLUMNS, INDEX, KIND, VALUES
from arkwright.sched.forward import Lasting, Run, timetable


def nodes(count, per_rack=2):
    zeros = [0] * count
    domain = [list(range(count)), [node // per_rack for node in range(count)], zeros]
    return sched.empty(sched.Nodes(domain, zeros, zeros, zeros, [8000] * count, zeros, zeros))


def with_classes(state, *shapes):
    for shape in shapes:
        state = sched.apply(state, sched.add_class(0, shape))
    return state


def fault(at_ms, node):
    row = np.zeros((1, FORWARD_COLUMNS), np.int64)
    row[0, AT_MS], row[0, KIND], row[0, INDEX] = at_ms, FAULT, node
    return row


def back(at_ms, node):
    return timetable([(sched.node_state(at_ms, node, sched.UP), 0)])


def submitted(*jobs):
    """(at, class, lasts) each."""
    return timetable((sched.submit(at, cls, lasts), lasts) for at, cls, lasts in jobs)


def by_time(*tables):
    both = np.concatenate(tables)
    return both[np.argsort(both[:, AT_MS], kind="stable")]


def rows(log):
    return list(
        zip(
            log.job.tolist(),
            log.start_ms.tolist(),
            log.end_ms.tolist(),
            log.ending.tolist(),
            log.lost_ms.tolist(),
            strict=True,
        )
    )


def nodes_of(log, attempt):
    return log.node[log.node_first[attempt] : log.node_first[attempt + 1]].tolist()


def test_a_job_whose_node_goes_out_begins_anew_when_it_never_saved():
    """100 of work on node 0, which is out from 30 to 50: node 1 takes it at 30, until 130."""
    state = with_classes(nodes(2), sched.Shape(1, 8000))
    run = Run(state, by_time(submitted((0, 0, 100)), fault(30, 0), back(50, 0)), 0)
    run.through(1000)
    log = run.log(1000)
    assert rows(log) == [
        (0, 0, 30, attempts.NODE_LOST, 30),
        (0, 30, 130, attempts.COMPLETED, 0),
    ]
    assert [nodes_of(log, 0), nodes_of(log, 1)] == [[0], [1]]


def test_what_was_saved_is_not_done_again_and_a_restart_takes_its_time():
    """It saves every 20: of 50 it has 40, lost 10; then 5 to restart and 60 more, to 115."""
    state = with_classes(nodes(2), sched.Shape(1, 8000))
    lasting = Lasting(np.array([20]), np.array([5]))
    run = Run(state, by_time(submitted((0, 0, 100)), fault(50, 0)), 0, lasting=lasting)
    run.through(1000)
    assert rows(run.log(1000)) == [
        (0, 0, 50, attempts.NODE_LOST, 10),
        (0, 50, 115, attempts.COMPLETED, 0),
    ]


def test_an_attempt_that_ends_while_it_restarts_loses_nothing_more():
    """Out at 50, again at 52 (still restarting): 60 are left as before, from 52: 5 + 60 to 117."""
    state = with_classes(nodes(3), sched.Shape(1, 8000))
    lasting = Lasting(np.array([20]), np.array([5]))
    events = by_time(submitted((0, 0, 100)), fault(50, 0), fault(52, 1))
    run = Run(state, events, 0, lasting=lasting)
    run.through(1000)
    assert rows(run.log(1000))[1:] == [
        (0, 50, 52, attempts.NODE_LOST, 0),
        (0, 52, 117, attempts.COMPLETED, 0),
    ]


def test_a_gang_loses_all_its_nodes_with_one_and_others_on_the_node_go_too():
    """A gang on nodes 0 and 1 ends with node 1; so does nobody on node 2."""
    state = with_classes(nodes(3), sched.Shape(2, 8000, level_required=1), sched.Shape(1, 4000))
    events = by_time(submitted((0, 0, 100), (0, 1, 100), (0, 1, 100)), fault(10, 1))
    run = Run(state, events, 0)
    run.through(50)
    log = run.log(50)
    assert rows(log) == [
        (0, 0, 10, attempts.NODE_LOST, 10),
        (1, 0, 50, attempts.UNDER_WAY, 0),
        (2, 0, 50, attempts.UNDER_WAY, 0),
    ]
    assert nodes_of(log, 0) == [0, 1]
    assert int(run.state.queued_count[0]) == 1


def test_a_gang_wider_than_a_rack_takes_longer():
    """Three nodes are more than a rack of two: 100 of work at 1.3 is 130. Two in a rack: 110."""
    state = with_classes(nodes(4), sched.Shape(3, 8000), sched.Shape(2, 8000, level_required=1))
    pace = Lasting(pace_milli=np.array([1000, 1100, 1300, 2000]))
    run = Run(state, submitted((0, 0, 100), (0, 1, 100)), 0, lasting=pace)
    run.through(1000)
    assert [row[:3] for row in rows(run.log(1000))] == [(0, 0, 130), (1, 130, 240)]


def test_a_fault_of_a_node_that_is_not_there_is_refused_by_name():
    state = with_classes(nodes(1), sched.Shape(1, 8000))
    with pytest.raises(InternalError, match="event 0 refused"):
        Run(state, fault(0, 7), 0).through(10)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    jobs=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 1), st.integers(1, 40)),
        min_size=1,
        max_size=12,
    ),
    faults=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 3)), max_size=6),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_a_run_in_strides_is_the_run_in_one(jobs, faults, cuts):
    """And no work is lost or made: what attempts did adds up to what the job lasts."""
    events = by_time(
        submitted(*sorted(jobs)),
        *[table for at, node in faults for table in (fault(at, node), back(at + 9, node))],
    )
    count = len(jobs)
    lasting = Lasting(np.full(count, 7), np.full(count, 2))

    def run(stops):
        made = Run(
            with_classes(nodes(4), sched.Shape(2, 8000, level_preferred=1), sched.Shape(1, 3000)),
            events,
            0,
            lasting=lasting,
        )
        for stop in stops:
            if made.next_ms <= stop:
                made.through(stop)
        return made.log(10_000)

    whole, parts = run([10_000]), run([*sorted(cuts), 10_000])
    for one, other in zip(whole, parts, strict=True):
        assert one.tolist() == other.tolist()
    for job in range(count):
        mine = [row for row in rows(whole) if row[0] == job]
        assert [row[3] for row in mine] == [*[attempts.NODE_LOST] * (len(mine) - 1), 0]
        ran = sum(end - start - lost for _, start, end, _, lost in mine)
        restarts = sum(min(2, end - start) for _, start, end, _, _ in mine[1:])
        assert ran - restarts == sorted(jobs)[job][2]


def test_the_values_column_of_a_fault_is_not_looked_at():
    state = with_classes(nodes(1), sched.Shape(1, 8000))
    row = fault(5, 0)
    row[0, VALUES] = 99
    run = Run(state, by_time(submitted((0, 0, 10)), row), 0)
    run.through(100)
    assert rows(run.log(100)) == [(0, 0, 5, attempts.NODE_LOST, 5)]
