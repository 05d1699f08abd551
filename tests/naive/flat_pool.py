"""Flat pools without topology, and the hand notation (submit, run, gpus) in seconds."""

from arkwright import sched


def pool(n_nodes, gpus_per_node=1, levels=(), rows=None):
    """`n_nodes` equal nodes; CPU and memory are not asked for."""
    zeros = [0] * n_nodes
    gpus = [1000 * gpus_per_node] * n_nodes
    return sched.empty(sched.Nodes(list(levels), zeros, zeros, zeros, gpus, zeros, zeros), rows)


def starts_s(state, jobs, shape_of_gpus, backfill=sched.EASY, **options):
    """Start seconds of jobs given as (submit_s, estimate_s, gpus[, actual_s])."""
    timetable = []
    for submit_s, run_s, gpus, *actual_s in jobs:
        shape = shape_of_gpus(gpus)
        if sched.find_class(state, shape) < 0:
            state = sched.apply(state, sched.add_class(0, shape))
        event = sched.submit(1000 * submit_s, sched.find_class(state, shape), 1000 * run_s)
        timetable.append((event, 1000 * (actual_s[0] if actual_s else run_s)))
    course = sched.forward(
        state, sched.timetable(timetable), 0, sched.BIG - 1, backfill=backfill, **options
    )
    assert sched.check(course.state) == []
    starts_ms = course.state.job_start_ms[: len(jobs)].tolist()
    assert all(start_ms % 1000 == 0 for start_ms in starts_ms)
    return [start_ms // 1000 for start_ms in starts_ms]


def single_gpus(gpus):
    """A gang of one-GPU nodes."""
    return sched.Shape(gpus, 1000)


def one_node(gpus):
    """All on one large node."""
    return sched.Shape(1, 1000 * gpus)


def whole_nodes(gpus):
    """A gang of whole eight-GPU nodes."""
    return sched.Shape(gpus // 8, 8000)
