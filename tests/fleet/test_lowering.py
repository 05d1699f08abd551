"""Names to numbers: what the scheduler is asked for when a job says what it wants."""

from __future__ import annotations

from typing import Any

import pytest

from arkwright import sched
from arkwright.fleet import FleetPolicy
from arkwright.fleet.lowering import (
    LEVELS,
    TypicalDemand,
    duration_ms,
    empty_state,
    names_of,
    priority_of,
    shape_of,
)
from arkwright.jobs.spec import Level, Rails, Resources, Topology, TopologyMode
from fleet.world import NAMES, NODES, PROJECTS, Log, fleet, spec

SITE, SCALE_UP, RACK = 5, 0, 1
NARVIK, OSLO = 0b01, 0b10


def test_a_plain_job_asks_for_a_gang_within_one_site_as_close_as_can_be() -> None:
    """4.5 CPUs are 4500 milli-CPU; 1 GB is 10^9 / 2^20 = 953.67 MiB, rounded up."""
    asked = spec(
        nodes=3, resources=Resources(gpus_per_node=8, cpus_per_node=4.5, memory_per_node=1)
    )
    assert shape_of(NAMES, asked, "lab") == sched.Shape(
        nodes=3,
        gpu_milli=8_000,
        cpu_milli=4_500,
        memory_mib=954,
        gpu_type=sched.ANY,
        pool=sched.ANY,
        level_required=SITE,
        level_preferred=SCALE_UP,
        sites=NARVIK | OSLO,
        row=0,
    )


@pytest.mark.parametrize(
    ("gpus", "milli"), [(0, 0), (0.5, 500), (1 / 3, 334), (0.0001, 1), (8, 8_000)]
)
def test_a_part_of_a_gpu_is_rounded_so_that_it_suffices(gpus: float, milli: int) -> None:
    assert shape_of(NAMES, spec(gpus), "lab").gpu_milli == milli


@pytest.mark.parametrize(("name", "index"), [(None, sched.ANY), ("b200", 0), ("h100", 1)])
def test_a_gpu_type_is_its_place_in_the_alphabet(name: str | None, index: int) -> None:
    asked = spec(resources=Resources(gpu_type=name))
    assert shape_of(NAMES, asked, "lab").gpu_type == index


@pytest.mark.parametrize("name", ["mi300x", "", "H100"])
def test_a_gpu_type_no_node_has_is_one_past_the_end_and_fits_nothing(name: str) -> None:
    shape = shape_of(NAMES, spec(resources=Resources(gpu_type=name)), "lab")
    assert shape.gpu_type == len(NAMES.gpu_types)
    reason = sched.never_fits(empty_state(NAMES), shape)
    assert reason is not None
    assert reason.code == sched.NEVER_NO_SUCH_NODE


@pytest.mark.parametrize("level", LEVELS)
def test_a_required_level_must_hold_the_gang_and_a_preferred_one_should(level: Level) -> None:
    index = LEVELS.index(level)
    required = spec(topology=Topology(level=level, mode=TopologyMode.REQUIRED))
    preferred = spec(topology=Topology(level=level, mode=TopologyMode.PREFERRED))
    shape = shape_of(NAMES, required, "lab")
    assert (shape.level_required, shape.level_preferred) == (index, SCALE_UP)
    shape = shape_of(NAMES, preferred, "lab")
    assert (shape.level_required, shape.level_preferred) == (SITE, index)


@pytest.mark.parametrize(
    ("mode", "sign"), [(TopologyMode.REQUIRED, 1), (TopologyMode.PREFERRED, -1)]
)
def test_segments_lie_within_the_level_and_the_gang_within_a_site(
    mode: TopologyMode, sign: int
) -> None:
    asked = Topology(level=Level.RACK, mode=mode, segment=2)
    shape = shape_of(NAMES, spec(nodes=5, topology=asked), "lab")
    assert (shape.level_required, shape.level_preferred) == (SITE, SCALE_UP)
    assert (shape.segment, shape.segment_level) == (2 * sign, LEVELS.index(Level.RACK))


def test_a_segment_larger_than_the_gang_is_the_gang() -> None:
    asked = Topology(level=Level.RACK, mode=TopologyMode.REQUIRED, segment=10_000_000)
    assert shape_of(NAMES, spec(nodes=3, topology=asked), "lab").segment == 3


def test_a_gang_that_is_only_spread_stays_within_a_site() -> None:
    shape = shape_of(NAMES, spec(topology=Topology(spread=Level.RACK)), "lab")
    assert (shape.level_required, shape.level_preferred) == (SITE, SCALE_UP)
    assert shape.spread_level == LEVELS.index(Level.RACK)


@pytest.mark.parametrize(("nodes", "rails"), [(1, 0), (2, 1)])
def test_rails_are_aligned_for_a_gang_of_several_nodes(nodes: int, rails: int) -> None:
    asked = spec(nodes=nodes, topology=Topology(rails=Rails.ALIGNED))
    assert shape_of(NAMES, asked, "lab").rails == rails


@pytest.mark.parametrize(
    ("project", "wish", "bits"),
    [
        ("lab", (), NARVIK | OSLO),
        ("lab", ("oslo",), OSLO),
        ("lab/vision", (), NARVIK | OSLO),
        ("lab/vision/small", (), NARVIK),
        ("lab/vision/small", ("narvik", "oslo"), NARVIK),
        ("lab/vision/small", ("oslo",), 0),
        ("rival", (), OSLO),
        ("rival", ("narvik",), 0),
    ],
)
def test_a_job_may_run_where_it_wishes_and_its_project_may_be(
    project: str, wish: tuple[str, ...], bits: int
) -> None:
    assert shape_of(NAMES, spec(sites=wish), project).sites == bits


def test_residency_of_an_organisation_binds_its_projects() -> None:
    from arkwright.fleet import ProjectQuota

    bound = (
        ProjectQuota(path="org", gpus_limit=None, sites=("oslo",)),
        ProjectQuota(path="org/p", gpus_limit=None, sites=("narvik", "oslo")),
    )
    assert shape_of(names_of(NODES, bound), spec(), "org/p").sites == OSLO


def test_quota_rows_are_the_tree_of_projects_in_milli_gpu() -> None:
    """Rows by path: lab 0, lab/vision 1, lab/vision/small 2, rival 3."""
    state = empty_state(NAMES)
    assert state.row_parent.tolist() == [sched.NONE, 0, 1, sched.NONE]
    assert state.row_limit.tolist() == [16_000, 8_000, sched.UNLIMITED, sched.UNLIMITED]
    assert shape_of(NAMES, spec(), "lab/vision/small").row == 2


def test_columns_do_not_depend_on_the_order_nodes_and_projects_were_found_in() -> None:
    shuffled = names_of(NODES[::-1], PROJECTS[::-1])
    assert shuffled == NAMES
    assert sched.same(empty_state(shuffled), empty_state(NAMES))


def test_nodes_of_one_domain_share_its_index_at_every_level() -> None:
    domain = empty_state(NAMES).node_domain
    assert domain[SCALE_UP].tolist() == [0, 1, 2, 3, 4, 5]
    assert domain[RACK].tolist() == [0, 0, 1, 1, 2, 2]
    assert domain[SITE].tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("limit_s", "expected_ms"), [(None, 86_400_000), (1.0, 1_000), (0.0001, 1), (1.0001, 1_001)]
)
def test_a_job_is_expected_to_last_its_limit_or_the_policy_s(
    limit_s: float | None, expected_ms: int
) -> None:
    assert duration_ms(spec(time_limit=limit_s), FleetPolicy()) == expected_ms


@pytest.mark.parametrize(("project", "expected"), [("lab", 12), ("rival", 7)])
def test_priority_is_the_job_s_on_top_of_its_organisation_s(project: str, expected: int) -> None:
    assert priority_of(NAMES, spec(priority=7), project) == expected


def test_a_factory_without_nodes_is_an_empty_state() -> None:
    state: Any = empty_state(names_of((), PROJECTS))
    assert len(state.node_state) == 0


@pytest.mark.parametrize(
    ("placement", "path"),
    [
        ("arkwright", "oslo/h1/r1/t1"),  # no typical jobs: the node with least free
        ("first-fit", "narvik/h1/r1/t1"),
        ("best-fit", "oslo/h1/r1/t1"),  # keeps 3 of 8 GPUs, the others 7
        ("gpu-packing", "oslo/h1/r1/t1"),  # all are idle: the one with fewest GPUs
        ("fgd", "narvik/h1/r1/t1"),  # typical jobs of 4: on oslo it would strand 3 more GPUs
    ],
)
def test_the_factory_s_placement_policy_chooses_the_node(placement: str, path: str) -> None:
    typical = (TypicalDemand(gpus=4, gpu_types=("b200", "h100")),) if placement == "fgd" else ()
    chosen = fleet(placement=placement, typical=typical)
    Log(chosen).submit("one", spec(gpus=1))
    assert chosen.decide(10)[0].placement.nodes == (path,)


def test_typical_jobs_become_milli_amounts_and_the_bits_of_their_gpu_types() -> None:
    demand = TypicalDemand(gpus=0.5, cpus=1.5, gpu_types=("h100", "gone"), weight=3)
    state = empty_state(NAMES, FleetPolicy(typical=(demand,)))
    # GPU types by name: b200 is 0, h100 is 1.
    assert state.typical_gpu_milli.tolist() == [500]
    assert state.typical_cpu_milli.tolist() == [1500]
    assert state.typical_gpu_types.tolist() == [0b10]
    assert state.typical_weight.tolist() == [3]
