"""Reservations in a fleet: followed in the log, by name, and chosen where little is in the way."""

from __future__ import annotations

from arkwright import sched
from arkwright.jobs.events import EventKind
from fleet.world import Log, fleet, spec

N = [f"narvik/h1/r{rack}/t{tray}" for rack in (1, 2) for tray in (1, 2)]
OSLO = ["oslo/h1/r1/t1", "oslo/h1/r1/t2"]
HOUR_MS = 3_600_000


def made(log: Log, name: str, nodes: list[str], project: str | None, *hours: int) -> None:
    body = {"project": project, "nodes": nodes}
    body |= {"from_ms": hours[0] * HOUR_MS, "until_ms": hours[1] * HOUR_MS}
    log.write(EventKind.RESERVATION_MADE, name, "", body)


def starts(log: Log) -> dict[str, tuple[str, ...]]:
    return {start.job_id: start.placement.nodes for start in log.fleet.decide(log.now_ms)}


def test_only_its_project_starts_where_a_reservation_would_be_run_into() -> None:
    log = Log(fleet())
    made(log, "launch", N, "lab/vision", 1, 2)
    log.submit("a", spec(gpus=1, time_limit=7200.0, sites=("narvik",)), "lab")
    log.submit("b", spec(gpus=1, time_limit=1800.0, sites=("narvik",)), "lab")
    log.submit("c", spec(gpus=1, time_limit=7200.0, sites=("narvik",)), "lab/vision")
    assert sorted(starts(log)) == ["b", "c"]
    why = log.fleet.explain("a", log.now_ms)
    assert why.code == "reserved-window"
    assert "reserved for lab/vision from 1970-01-01T01:00:00Z" in why.message
    log.write(EventKind.RESERVATION_WITHDRAWN, "launch", "", {})
    assert "a" in starts(log)


def test_a_name_may_be_used_again_and_what_is_no_longer_here_is_passed_over() -> None:
    log = Log(fleet())
    made(log, "fans", [N[0]], None, 1, 2)
    made(log, "fans", [N[1], "bergen/h1/r1/t1"], None, 1, 3)
    made(log, "gone", [N[2]], "a-project-of-an-earlier-file", 1, 2)
    assert [each.name for each in log.fleet.reservations(0)] == ["fans", "gone"]
    assert log.fleet._state.window_node[: int(log.fleet._state.window_count[0])].tolist() == [1]
    assert log.fleet.reservation("fans", 3 * HOUR_MS) is None
    assert log.fleet.violations() == []


def test_a_rebuilt_fleet_has_the_same_windows() -> None:
    log = Log(fleet())
    made(log, "one", N[:2], "lab", 1, 2)
    made(log, "two", N[2:], None, 3, 4)
    log.write(EventKind.RESERVATION_WITHDRAWN, "one", "", {})
    rebuilt = fleet()
    for event in log.events:
        rebuilt.apply(event)
    assert sched.same(log.fleet._state, rebuilt._state)


def test_nodes_to_reserve_are_up_of_the_type_and_free_then_idle_ones_first() -> None:
    log = Log(fleet())
    log.start(log.submit("a", spec(time_limit=5 * 3600.0)), N[0])
    log.start(log.submit("b", spec(time_limit=1800.0)), N[1])
    made(log, "one", [N[2]], "lab", 1, 2)
    log.node(OSLO[0], "draining")
    span = (HOUR_MS, 2 * HOUR_MS)
    assert log.fleet.reservable(span) == [N[1], N[3], OSLO[1], N[0]]
    assert log.fleet.reservable(span, "b200") == [OSLO[1]]
    later = (3 * HOUR_MS, 4 * HOUR_MS)
    assert log.fleet.reservable(later) == [N[1], N[2], N[3], OSLO[1], N[0]]
