"""`forecast`, `alternatives` and `whatif` over the factory of `world`: narvik 4 nodes, oslo 2."""

from __future__ import annotations

import pytest

from arkwright import sched
from arkwright.errors import InputError
from arkwright.fleet import alternatives, forecast, forecast_new, whatif
from arkwright.fleet.experience import Finished, group_of
from arkwright.fleet.whatif import Changes, JobChange, NodeChange, NodeState, QuotaChange
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import Level, Topology, TopologyMode
from fleet.test_fleet import N
from fleet.world import Log, fleet, spec

VISITS = 10**7
SHARES_MIN_TO_MAX = [Finished(group_of("lab", "u", 8), 100, 10 + 4 * n) for n in range(21)]
"""Finished jobs that used 10 %, 14 % … 90 % of their limit: the median is 50 %."""


def busy_rack() -> Log:
    """All four nodes of narvik run jobs with limits of 100 s, 200 s, 300 s and 400 s.

    The log gives each event a second: the four are submitted and started in eight events."""
    log = Log(fleet())
    for number, path in enumerate(N):
        job = log.submit(f"r{number}", spec(time_limit=100.0 * (number + 1)))
        log.start(job, path)
    return log


def scene(log: Log):
    return log.fleet.scene(log.now_ms, VISITS)


@pytest.mark.parametrize(
    ("deadline", "is_by"),
    [("1970-01-01T00:02:31Z", True), ("1970-01-01T00:02:30.999Z", False), (None, None)],
)
def test_a_forecast_says_whether_the_deadline_is_met(deadline, is_by):
    """The job would start at 101 s and may last 50 s."""
    log = unlimited(busy_rack())
    asked = spec(sites=("narvik",), time_limit=50.0, deadline=deadline)
    log.submit("w", asked)
    assert forecast(scene(log), "w").is_by_deadline is is_by
    log.end("w", before="queued", after="cancelled")
    assert forecast_new(scene(log), asked, "lab", "u").is_by_deadline is is_by


def unlimited(log: Log) -> Log:
    """Quotas out of the way."""
    for row in range(len(log.fleet._state.row_limit)):
        log.fleet._state = sched.apply(log.fleet._state, sched.row_limit(0, row, -1))
    return log


def test_without_experience_a_job_starts_when_the_first_limit_is_reached():
    """The first job started at 1 s with a limit of 100 s, so the waiting one starts at 101 s."""
    log = unlimited(busy_rack())
    log.submit("w", spec(sites=("narvik",), time_limit=50.0))
    found = forecast(scene(log), "w")
    assert (found.state, found.start_ms, found.start_ms_by_limits) == ("queued", 101_000, 101_000)
    assert (found.start_ms_p10, found.start_ms_p90) == (101_000, 101_000)
    assert (found.is_estimate, found.experience) == (False, 0)


def test_experience_moves_the_start_and_opens_a_band():
    """Jobs most likely last half their limit: that of 100 s, started at 1 s, ends at 51 s."""
    log = Log(fleet())
    log.fleet.reset(SHARES_MIN_TO_MAX)
    unlimited(log)
    for number, path in enumerate(N):
        log.start(log.submit(f"r{number}", spec(time_limit=100.0 * (number + 1))), path)
    log.submit("w", spec(sites=("narvik",), time_limit=50.0))
    found = forecast(scene(log), "w")
    assert (found.start_ms, found.start_ms_by_limits) == (51_000, 101_000)
    assert found.start_ms_p10 is not None
    assert found.start_ms_p90 is not None
    assert log.now_ms <= found.start_ms_p10 < found.start_ms_p90 <= 101_000
    assert (found.paths, found.basis, found.experience) == (19, "project, user and size", 21)
    assert found == forecast(scene(log), "w")


def test_a_held_job_is_forecast_as_if_it_were_released_now():
    log = Log(fleet())
    log.submit("h", spec(), state="held")
    found = forecast(scene(log), "h")
    assert (found.state, found.start_ms) == ("held", log.now_ms)


def test_a_job_that_runs_or_is_over_started_when_it_did():
    log = Log(fleet())
    log.start(log.submit("a", spec()), N[0])
    assert (forecast(scene(log), "a").state, forecast(scene(log), "a").start_ms) == ("active", 1000)
    log.end("a")
    assert forecast(scene(log), "a").state == "done"


def test_a_job_whose_nodes_are_down_has_no_start():
    log = Log(fleet())
    for path in N:
        log.node(path, "down")
    log.submit("w", spec(sites=("narvik",)))
    found = forecast(scene(log), "w")
    assert (found.start_ms, found.start_ms_p10, found.start_ms_p90) == (None, None, None)


def test_a_job_that_is_not_submitted_is_told_its_start_and_what_would_start_at_once():
    """Three of narvik's nodes are free: a gang of four waits for 101 s, one of three does not."""
    log = unlimited(Log(fleet()))
    log.start(log.submit("r", spec(time_limit=100.0)), N[0])
    before = sched.copy(log.fleet._state)
    asked = spec(nodes=4, sites=("narvik",))
    found = forecast_new(scene(log), asked, "lab", "u")
    assert (found.state, found.start_ms, found.nodes_now) == ("new", 101_000, 3)
    free = forecast_new(scene(log), spec(nodes=2, sites=("narvik",)), "lab", "u")
    assert (free.start_ms, free.nodes_now) == (log.now_ms, None)
    assert sched.same(before, log.fleet._state)


def test_alternatives_name_each_single_change_that_starts_the_job_sooner():
    """A gang of two in one rack of narvik; of each rack one node is free, and oslo is empty but
    has no 8-GPU node. One node starts now; so do two nodes within a hall, whose racks differ."""
    log = unlimited(Log(fleet()))
    for path in (N[0], N[2]):
        log.start(log.submit(f"r{path}", spec(time_limit=100.0)), path)
    rack = Topology(level=Level.RACK, mode=TopologyMode.REQUIRED)
    log.submit("w", spec(nodes=2, sites=("narvik",), topology=rack))
    found = alternatives(scene(log), "w")
    assert (found[0].kind, found[0].start_ms, found[0].change) == ("as-asked", 101_000, {})
    changes = {one.kind: one.change for one in found[1:]}
    assert changes["fewer-nodes"] == {"nodes": 1}
    assert {one.start_ms for one in found[1:]} == {log.now_ms}
    assert all(one.kind != "other-site" for one in found)
    levels = [one.change["topology"]["level"] for one in found if one.kind == "weaker-topology"]
    assert levels == ["spine", "hall", "site"]


def test_another_site_is_an_alternative_where_the_project_may_go():
    log = unlimited(Log(fleet()))
    log.start(log.submit("r", spec(gpus=4, time_limit=100.0, sites=("oslo",))), "oslo/h1/r1/t1")
    log.submit("w", spec(gpus=4, nodes=2, sites=("oslo",)))
    kinds = {one.kind: one for one in alternatives(scene(log), "w")}
    assert kinds["other-site"].change == {"sites": ["narvik"]}
    assert kinds["other-site"].start_ms == log.now_ms


def test_alternatives_of_a_job_that_does_not_wait_are_none():
    log = Log(fleet())
    log.submit("h", spec(), state="held")
    assert alternatives(scene(log), "h") == []


def waiting_pair() -> Log:
    """narvik is full until 101 s; `a` wants two nodes of it, `b` behind it wants one."""
    log = unlimited(busy_rack())
    log.submit("a", spec(nodes=2, sites=("narvik",), time_limit=1000.0))
    log.submit("b", spec(sites=("narvik",), time_limit=1000.0))
    return log


def test_a_smaller_job_starts_sooner_and_who_waits_behind_it_too():
    """As asked: `a` at 203 s when two nodes are free, `b` at 305 s. With one node `a` takes the
    first at 101 s and `b` the second at 203 s."""
    found = whatif(scene(waiting_pair()), Changes(jobs=(JobChange(job="a", nodes=1),)))
    assert [(m.job_id, m.before_ms, m.after_ms) for m in found.moves] == [
        ("a", 203_000, 101_000),
        ("b", 305_000, 203_000),
    ]
    assert (found.sooner, found.later, found.same) == (1, 0, 0)


def test_a_priority_changes_places():
    found = whatif(scene(waiting_pair()), Changes(jobs=(JobChange(job="b", priority=9),)))
    assert [(m.job_id, m.before_ms, m.after_ms) for m in found.moves] == [
        ("a", 203_000, 305_000),
        ("b", 305_000, 101_000),
    ]
    assert found.later == 1


def test_a_job_that_ends_makes_room():
    found = whatif(scene(waiting_pair()), Changes(jobs=(JobChange(job="r3", is_over=True),)))
    after = {move.job_id: move.after_ms for move in found.moves}
    assert (after["r3"], after["a"], after["b"]) == (None, 101_000, 203_000)


def test_a_node_that_goes_down_sends_its_job_back_to_the_queue():
    """`r0` waits again at its old place, first: it starts on the second node, at 203 s."""
    log = waiting_pair()
    down = NodeChange(node=N[0], state=NodeState.DOWN)
    found = whatif(scene(log), Changes(nodes=(down,)))
    assert next((m.job_id, m.before_ms, m.after_ms) for m in found.moves) == ("r0", 1_000, 203_000)
    assert log.fleet.node_state(N[0]) == "up"


def test_a_quota_that_is_raised_lets_a_job_start_now():
    log = Log(fleet())
    log.submit("w", spec(nodes=3, sites=("narvik",)), "lab")
    quota = QuotaChange(project="lab", gpus=24)
    found = whatif(scene(log), Changes(quotas=(quota,)))
    (move,) = found.moves
    assert (move.job_id, move.before_ms, move.after_ms) == ("w", None, log.now_ms)


def test_a_submission_shows_whom_it_delays():
    """A job of priority 9 takes the node that `b` would have had; it lasts longer than all."""
    log = waiting_pair()
    more = spec(name="urgent", sites=("narvik",), priority=9, time_limit=5000.0)
    found = whatif(scene(log), Changes(submit=(more,)), ("lab",), "u")
    assert (found.moves[-1].job_id, found.moves[-1].name) == (None, "urgent")
    assert found.moves[-1].after_ms == 101_000
    assert found.later == 2


def test_no_change_moves_nobody():
    found = whatif(scene(waiting_pair()), Changes())
    assert (found.moves, found.same) == ([], 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (Changes(nodes=(NodeChange(node="x", state=NodeState.UP),)), "node x: not in this"),
        (Changes(quotas=(QuotaChange(project="nobody", gpus=1),)), "project nobody: not in"),
        (Changes(jobs=(JobChange(job="r0", nodes=1),)), "it holds its nodes"),
        (Changes(jobs=(JobChange(job="gone", nodes=1),)), "job gone: it is over"),
        (Changes(jobs=(JobChange(job="a", nodes=99),)), "can never run here"),
        (Changes(jobs=(JobChange(job="a", sites=("bergen",)),)), "site bergen"),
    ],
)
def test_a_change_that_cannot_be_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        whatif(scene(waiting_pair()), changes)


def test_a_scene_stays_as_it_was_while_the_fleet_goes_on():
    log = waiting_pair()
    still = scene(log)
    before = forecast(still, "b")
    log.write(EventKind.JOB_CANCELLED, "a", "queued", {"state": "cancelled"})
    assert forecast(still, "b") == before
    assert forecast(scene(log), "b").start_ms == 101_000
