"""One gang on a factory in a given state: where it goes, what it holds."""

from arkwright import sched


def put(state, shape, nodes):
    """A job of the shape that already runs there."""
    job = int(state.job_count[0])
    state = sched.apply(state, sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(0, int(state.class_count[0]) - 1, 10**6))
    return sched.apply(state, sched.start(0, job, nodes))


def placed(state, shape):
    """Where one job of the shape would start now; () when it would wait."""
    draft = sched.apply(sched.copy(state), sched.add_class(0, shape))
    draft = sched.apply(draft, sched.submit(0, int(draft.class_count[0]) - 1, 1000))
    sched.cycle(draft, 0, sched.room(draft))
    assert sched.check(draft) == []
    return sched.nodes_of(draft, int(draft.job_count[0]) - 1)
