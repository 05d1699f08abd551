"""`Fleet` follows the log, and is a function of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from arkwright import sched
from arkwright.errors import InputError, InternalError
from arkwright.fleet import Finished, Fleet, Start, rebuild
from arkwright.fleet.log_past import LogPast
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import Level, Rails, Resources, Topology, TopologyMode
from fleet.world import NODES, PROJECTS, Log, fleet, spec

N = [f"narvik/h1/r{rack}/t{tray}" for rack in (1, 2) for tray in (1, 2)]
ALL = [*N, "oslo/h1/r1/t1", "oslo/h1/r1/t2"]


def test_a_decision_names_where_and_what_each_node_gives_and_changes_nothing() -> None:
    """Half a node's GPUs bring half its CPUs: 4 of 8 GPUs, 32 of 64 CPUs."""
    log = Log(fleet())
    log.submit("a", spec(gpus=4, nodes=2, sites=("narvik",)))
    before = log.fleet.gpus_free(N[0])
    (start,) = log.fleet.decide(log.now_ms)
    placement = start.placement
    assert (start.job_id, placement.nodes, placement.site) == ("a", (N[0], N[1]), "narvik")
    assert (placement.gpus, placement.gpus_per_node, placement.cpus_per_node) == (8, 4, 32)
    assert (placement.gpu_type, placement.is_virtual) == ("h100", False)
    assert log.fleet.gpus_free(N[0]) == before
    assert log.fleet.decide(log.now_ms) == [start]


def test_cpus_and_memory_are_as_asked_where_they_were() -> None:
    log = Log(fleet())
    log.submit("a", spec(resources=Resources(cpus_per_node=3, memory_per_node=2)))
    (start,) = log.fleet.decide(0)
    assert (start.placement.cpus_per_node, start.placement.memory_per_node_mib) == (3, 1_908)


def test_a_job_without_gpus_takes_a_whole_node_s_cpus_unless_it_says_how_many() -> None:
    log = Log(fleet())
    log.submit("a", spec(gpus=0))
    (start,) = log.fleet.decide(0)
    assert (start.placement.gpus, start.placement.cpus_per_node) == (0, 64)


def test_a_gang_stays_within_one_site_even_when_no_level_is_asked() -> None:
    log = Log(fleet())
    every_cpu = Resources(gpus_per_node=1, cpus_per_node=64)
    log.start(log.submit("a", spec(nodes=2, resources=every_cpu)), N[0], N[1])
    log.submit("b", spec(nodes=3, resources=Resources(gpus_per_node=1, cpus_per_node=4)))
    # Two nodes are free in narvik and two in oslo: three in one site there are not.
    assert log.fleet.decide(log.now_ms) == []
    assert log.fleet.explain("b", log.now_ms).code == "topology"


def test_a_required_rack_holds_the_gang_or_it_waits() -> None:
    log = Log(fleet())
    rack = Topology(level=Level.RACK, mode=TopologyMode.REQUIRED)
    log.start(log.submit("a", spec()), N[0])
    log.submit("b", spec(nodes=2, gpus=4, topology=rack, sites=("narvik",)))
    (start,) = log.fleet.decide(log.now_ms)
    assert start.placement.nodes == (N[2], N[3])


def test_a_stopping_job_holds_its_nodes_until_it_has_ended() -> None:
    log = Log(fleet())
    log.start(log.submit("a", spec()), N[0])
    log.write(EventKind.JOB_LAUNCHED, "a.1", "starting", {"state": "running"})
    log.write(EventKind.JOB_STOPPING, "a.1", "running", {"state": "stopping"})
    log.write(EventKind.JOB_STOPPING, "a.1", "stopping", {"state": "stopping"})
    assert log.fleet.gpus_free(N[0]) == 0
    log.end("a", "stopping", "cancelled")
    assert log.fleet.gpus_free(N[0]) == 8
    assert (log.fleet.done_count, log.fleet.explain("a", 0).code) == (1, "done")


def test_a_job_that_may_be_tried_again_waits_at_its_old_place() -> None:
    log = Log(fleet())
    log.submit("a", spec(nodes=2))
    log.submit("b", spec(nodes=2))
    log.start("a", N[0], N[1])
    log.end("a", "starting", "queued")
    assert log.fleet.decide(log.now_ms)[0].job_id == "a"


def test_a_node_s_state_is_followed_and_one_of_an_earlier_file_passed_over() -> None:
    log = Log(fleet())
    log.node(N[0], "draining")
    log.node("bergen/h1/r1/t1", "down")
    assert log.fleet.node_state(N[0]) == "draining"
    log.submit("a", spec())
    (start,) = log.fleet.decide(log.now_ms)
    assert start.placement.nodes == (N[1],)


def test_a_start_that_cannot_be_is_a_bug_and_changes_nothing() -> None:
    log = Log(fleet())
    log.start(log.submit("a", spec()), N[0])
    log.submit("b", spec())
    with pytest.raises(InternalError):
        log.start("b", N[0])
    assert log.fleet.violations() == []
    assert log.fleet.explain("b", log.now_ms).code == "starts-now"


BACKFILL = ["easy", "none", "greedy", "conservative"]


@st.composite
def stories(draw: st.DrawFn) -> Log:
    """A log as the controller could have written it: every event is one the lifecycle allows."""
    log = Log(fleet(backfill=draw(st.sampled_from(BACKFILL))))
    states: dict[str, str] = {}
    for number in range(draw(st.integers(1, 40))):
        if draw(st.integers(0, 2)) == 0 or not states:
            job_id = f"j{number}"
            asked = spec(
                gpus=draw(st.sampled_from([0, 0.5, 1, 4, 8])),
                nodes=draw(st.integers(1, 3)),
                priority=draw(st.integers(-2, 2)),
                time_limit=draw(st.sampled_from([None, 5.0, 500.0])),
            )
            states[job_id] = draw(st.sampled_from(["queued", "held"]))
            project = draw(st.sampled_from([project.path for project in PROJECTS]))
            log.submit(job_id, asked, project, states[job_id])
        elif draw(st.integers(0, 5)) == 0:
            log.node(draw(st.sampled_from(ALL)), draw(st.sampled_from(["up", "draining", "down"])))
        else:
            _one_step(draw, log, states)
    return log


def _one_step(draw: st.DrawFn, log: Log, states: dict[str, str]) -> None:
    job_id = draw(st.sampled_from(sorted(states)))
    at = states[job_id]
    if at == "queued" and draw(st.booleans()):
        for start in log.fleet.decide(log.now_ms):
            log.start(start.job_id, *start.placement.nodes, gpus=start.placement.gpu_indexes)
            states[start.job_id] = "starting"
        return
    subject = job_id if at in ("queued", "held") else log.attempt_id(job_id)
    kind, following = {
        "queued": (EventKind.JOB_HELD, "held"),
        "held": (EventKind.JOB_RELEASED, "queued"),
        "starting": (EventKind.JOB_LAUNCHED, "running"),
        "running": (EventKind.JOB_STOPPING, "stopping"),
        "stopping": (
            EventKind.JOB_ENDED,
            draw(st.sampled_from(["queued", "failed"])),
        ),
    }[at]
    log.write(kind, subject, at, {"state": following})
    states[job_id] = following
    if following == "failed":
        del states[job_id]


@given(log=stories())
@settings(max_examples=60, deadline=None)
def test_a_fleet_that_followed_a_log_is_the_fleet_rebuilt_from_it(log: Log) -> None:
    rebuilt = fleet(backfill=BACKFILL[log.fleet._backfill])
    rebuilt.reset()
    for event in log.events:
        rebuilt.apply(event)
    assert log.fleet.violations() == rebuilt.violations() == []
    assert sched.same(log.fleet._state, rebuilt._state)
    assert log.fleet.decide(log.now_ms) == rebuilt.decide(log.now_ms)


@given(log=stories())
@settings(max_examples=60, deadline=None)
def test_attempts_that_are_over_may_be_left_out_of_a_rebuild(log: Log) -> None:
    """A restarted server replays active jobs only, and of those no attempt that has ended.

    Fractions stay on the GPUs that the log names. Of whole GPUs it says nothing: they move up, so a
    fraction that comes to an empty GPU may find another number free. Where and how much is the
    same.
    """
    past = LogPast()
    for event in log.events:
        past.follow(event)
    rebuilt = fleet(backfill=BACKFILL[log.fleet._backfill])
    rebuild(rebuilt, Standing(past, ALL, log.fleet), log.now_ms)
    assert rebuilt.violations() == []
    for path in ALL:
        assert rebuilt.gpus_free(path) == log.fleet.gpus_free(path)
    for job_id, job in rebuilt._job_index.items():
        was = log.fleet._job_index[job_id]
        assert sched.gpus_of(rebuilt._state, job) == sched.gpus_of(log.fleet._state, was)
    found, expected = rebuilt.decide(log.now_ms), log.fleet.decide(log.now_ms)
    assert [_anywhere(start) for start in found] == [_anywhere(start) for start in expected]


class Standing:
    """The past of a log that says nothing of how its nodes were found."""

    def __init__(self, past: LogPast, paths: list[str], followed: Fleet) -> None:
        self.last_ms = past.last_ms
        self.spent_since = past.spent_since
        self.reservations = past.reservations
        self.events_of_active_jobs = past.events_of_active_jobs
        self.lost_sites = past.lost_sites
        self._states = {path: followed.node_state(path) for path in paths}

    def finished(self) -> list[Finished]:
        return []

    def node_states(self) -> dict[str, str]:
        return self._states


def _anywhere(start: Start) -> Start:
    """The start without the number of a GPU."""
    return replace(start, placement=replace(start.placement, gpu_indexes=()))


def test_a_reset_fleet_is_a_new_one() -> None:
    log = Log(fleet())
    log.start(log.submit("a", spec()), N[0])
    log.fleet.reset()
    assert sched.same(log.fleet._state, fleet()._state)
    assert len(log.fleet.nodes) == len(NODES)


@pytest.mark.parametrize("form", [{"segment": 2}, {"spread": Level.RACK}, {"rails": Rails.ALIGNED}])
def test_conservative_backfill_refuses_gangs_with_a_form(form: dict[str, Any]) -> None:
    """A plan keeps its promises because nodes are chosen by index; a form would choose others."""
    level = {"level": Level.SITE} if "rails" not in form else {}
    job = spec(gpus=4, nodes=2, topology=Topology(**level, **form))
    assert fleet().refusal(job, "lab") is None
    with pytest.raises(InputError, match="spread and rails out"):
        fleet(backfill="conservative").refusal(job, "lab")
