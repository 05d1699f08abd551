"""Gangs of different nodes, from the job file's words to a placement and back to words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from arkwright.design import PowerLimit
from arkwright.errors import InputError
from arkwright.fleet import (
    Changes,
    Fleet,
    FleetPolicy,
    JobChange,
    alternatives,
    forecast_new,
    whatif,
)
from arkwright.fleet.lowering import gang_of
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import (
    Group,
    JobSpec,
    Level,
    Resources,
    Topology,
    TopologyMode,
    gpus_of,
    nodes_of,
    parts_by_node,
    ranks_of,
)
from fleet.world import NAMES, PROJECTS, Log, fleet, node, spec

N = [f"narvik/h1/r{rack}/t{tray}" for rack in (1, 2) for tray in (1, 2)]
LEARN = Group(name="learn", resources=Resources(gpus_per_node=8, memory_per_node=2))
SERVE = Group(name="serve", nodes=2, resources=Resources(gpus_per_node=4, cpus_per_node=10))
GATHER = Group(name="gather", ranks_per_node=3, resources=Resources(gpus_per_node=0))


def grouped(*groups: Group, **fields: Any) -> JobSpec:
    return JobSpec(name="job", command=("true",), groups=groups, **fields)


def test_a_job_counts_the_nodes_gpus_and_ranks_of_all_its_groups() -> None:
    """1 x 8 + 2 x 4 GPUs, one rank for each; and three ranks on a node without GPUs."""
    job = grouped(LEARN, SERVE, GATHER)
    assert (nodes_of(job), gpus_of(job), ranks_of(job, 4)) == (4, 16, 19)
    asked = [part.resources for part in parts_by_node(job, 4)]
    assert asked == [LEARN.resources, SERVE.resources, SERVE.resources, GATHER.resources]


def test_groups_become_shapes_that_each_ask_for_their_own() -> None:
    gang = gang_of(NAMES, grouped(LEARN, SERVE), "lab")
    shapes = [gang.shape, *gang.groups]
    assert [(s.nodes, s.gpu_milli, s.cpu_milli) for s in shapes] == [
        (1, 8000, 0),
        (2, 4000, 10_000),
    ]
    assert {s.row for s in shapes} == {NAMES.row_of_project["lab"]}


def test_a_placement_says_what_the_nodes_of_each_group_give() -> None:
    log = Log(fleet())
    log.submit("a", grouped(LEARN, SERVE))
    (start,) = log.fleet.decide(log.now_ms)
    placement = start.placement
    assert (len(set(placement.nodes)), placement.gpus, placement.site) == (3, 16, "narvik")
    given = [(g.name, g.nodes, g.gpus_per_node, g.cpus_per_node) for g in placement.groups]
    assert given == [("learn", 1, 8, 64), ("serve", 2, 4, 10)]
    assert placement.groups[0].memory_per_node_mib == 1_908
    log.start("a", *placement.nodes)
    assert [log.fleet.gpus_free(path) for path in placement.nodes] == [0, 4, 4]
    log.end("a")
    assert log.fleet.gpus_free(placement.nodes[0]) == 8
    assert log.fleet.violations() == []


def test_a_level_holds_for_each_group_by_itself() -> None:
    """Racks have two nodes: the pair fills one, the third node lies in the other."""
    rack = Topology(level=Level.RACK, mode=TopologyMode.REQUIRED)
    log = Log(fleet())
    log.submit("a", grouped(SERVE, LEARN, topology=rack))
    (start,) = log.fleet.decide(log.now_ms)
    assert start.placement.nodes in [(N[0], N[1], N[2]), (N[2], N[3], N[0])]


def test_the_reason_names_the_group_and_what_a_node_of_it_gives() -> None:
    """Three of narvik's four nodes have 4 of 64 CPUs left, and a node of `serve` wants 10."""
    log = Log(fleet())
    for job, path in zip("abc", N, strict=False):
        busy = Resources(gpus_per_node=0, cpus_per_node=60)
        log.start(log.submit(job, spec(resources=busy)), path)
    log.submit("d", grouped(LEARN, SERVE))
    reason = log.fleet.explain("d", log.now_ms)
    assert reason.code == "not-enough-free"
    assert reason.message == "group serve: asks for 2 nodes with 4 GPUs each; 1 is free now"
    assert (reason.change, reason.numbers["group"]) == ("", 1)


def test_groups_that_can_never_start_are_refused_by_name() -> None:
    huge = Group(name="huge", resources=Resources(gpus_per_node=16))
    reason = fleet().refusal(grouped(GATHER, huge), "rival")
    assert reason is not None
    assert reason.message.startswith("group huge: asks for 16 GPUs per node")
    assert reason.change == "group huge: 4 GPUs per node would fit"
    assert fleet().refusal(grouped(LEARN, SERVE), "lab") is None


def test_the_quota_binds_the_sum_of_all_groups() -> None:
    """lab may use 16 GPUs: 8 + 2 x 4 fit, one group of 4 more does not, ever."""
    more = Group(name="more", resources=Resources(gpus_per_node=4))
    reason = fleet().refusal(grouped(LEARN, SERVE, more), "lab")
    assert reason is not None
    assert reason.message == "asks for 20 GPUs; lab may never use more than 16 GPUs"


def test_a_gang_of_groups_is_not_slowed_and_counts_what_it_draws() -> None:
    """2 nodes of 8 GPUs at 1 kW each: 12 kW for 8 + 4 GPUs, and a limit of 6 kW slows nobody."""
    two = [node("narvik", 1, tray) for tray in (1, 2)]
    nodes = [msgspec.structs.replace(each, power_kw_max=8.0) for each in two]
    powered = Fleet(nodes, PROJECTS, FleetPolicy(), [PowerLimit(path="narvik", limit_w=20_000)])
    log = Log(powered)
    serve = Group(name="serve", resources=Resources(gpus_per_node=4))
    log.start(log.submit("a", grouped(LEARN, serve)), N[0], N[1])
    (use,) = powered.power()
    assert use.used_w == 12_000
    log.write(EventKind.POWER_LIMIT_SET, "narvik", None, {"limit_w": 6_000})
    assert powered.power()[0].over_w == 6_000
    assert powered.wanted_caps({"narvik"}) == {}


def test_when_and_what_if_answer_for_groups() -> None:
    log = Log(fleet())
    log.start(log.submit("a", spec(gpus=8)), N[0])
    log.submit("b", grouped(LEARN, SERVE))
    scene = log.fleet.scene(log.now_ms, 10**6)
    assert {one.kind for one in alternatives(scene, "b")} == {"as-asked"}
    found = forecast_new(scene, grouped(LEARN, SERVE), "lab", "u")
    assert (found.nodes_now, found.start_ms is not None) == (0, True)
    with pytest.raises(InputError, match="2 groups"):
        whatif(scene, Changes(jobs=(JobChange(job="b", nodes=3),)))
