"""The job specification: what is not acted on yet, and what makes no sense, is refused by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from arkwright.jobs.sense import DURATION_S_MAX, nonsense
from arkwright.jobs.spec import (
    Checkpoint,
    Elastic,
    Group,
    JobSpec,
    Kind,
    Level,
    Power,
    Rails,
    Resources,
    Service,
    SlurmOptions,
    Starts,
    Topology,
    TopologyMode,
    ranks_of,
    ranks_per_node,
    sizes_of,
    unsupported,
)

NOT_YET: dict[str, Any] = {
    "kind": Kind.SERVICE,
    "service": Service(),
    "image": "docker.io/library/alpine",
}
SUPPORTED = {
    "name", "project", "nodes", "ranks_per_node", "resources", "command", "script", "workdir",
    "env", "time_limit", "priority", "tier", "topology", "sites", "held", "checkpoint", "retry",
    "grace", "power", "elastic", "deadline", "preemptible", "groups",
    "array", "depends_on", "begin", "starts", "slurm",
}  # fmt: skip


def spec(**fields: Any) -> JobSpec:
    return JobSpec(**{"name": "job", "command": ("true",)} | fields)


def test_a_plain_job_is_supported_and_makes_sense() -> None:
    assert unsupported(spec()) == []
    assert nonsense(spec()) == []


@pytest.mark.parametrize("key", NOT_YET)
def test_a_field_nothing_acts_on_yet_is_refused_by_its_name_with_what_to_do(key: str) -> None:
    ((found, advice),) = unsupported(spec(**{key.partition(".")[0]: NOT_YET[key]}))
    assert found == key
    assert advice.startswith("not yet: ")
    assert len(advice.split(";")[1]) > 3


def test_every_field_is_either_acted_on_or_refused_as_not_yet() -> None:
    """A field added to the schema must be put on one of the two lists."""
    fields = {field.name for field in msgspec.structs.fields(JobSpec)}
    refused = {key for key in NOT_YET if "." not in key}
    assert fields == SUPPORTED | refused
    assert SUPPORTED & refused == set()


def test_all_fields_that_are_not_yet_acted_on_are_named_at_once() -> None:
    fields = {key: value for key, value in NOT_YET.items() if "." not in key}
    parts = {key.partition(".")[0]: value for key, value in NOT_YET.items() if "." in key}
    everything = spec(**fields, **parts)
    assert [key for key, _ in unsupported(everything)] == list(NOT_YET)


@pytest.mark.parametrize(
    ("fields", "key", "found"),
    [
        ({"command": None}, "command, script", "neither is given"),
        ({"script": "true"}, "command, script", "both are given"),
        ({"command": ()}, "command", "is empty"),
        ({"command": ("", "x")}, "command", "is empty"),
        ({"command": None, "script": "\n "}, "script", "is empty"),
        ({"resources": Resources(gpus_per_node=2.5)}, "resources.gpus_per_node", "2.5 GPUs"),
        ({"resources": Resources(memory_per_node=1e9)}, "resources.memory_per_node", "1e+09 GB"),
        ({"topology": Topology()}, "topology", "says nothing"),
        ({"topology": Topology(mode=TopologyMode.REQUIRED)}, "topology", "says nothing"),
        (
            {"topology": Topology(segment=2, rails=Rails.ALIGNED)},
            "topology.segment",
            "segments of 2 nodes within no level",
        ),
        (
            {"topology": Topology(level=Level.LEAF, segment=2, spread=Level.RACK)},
            "topology.spread",
            "a gang in segments that is to be spread",
        ),
        (
            {"topology": Topology(level=Level.RACK, spread=Level.RACK)},
            "topology.spread",
            "within one rack, spread over rack",
        ),
        (
            {"topology": Topology(rails=Rails.ALIGNED), "resources": Resources(gpus_per_node=0)},
            "topology.rails",
            "aligned rails for 0 GPUs",
        ),
        (
            {"power": Power(watts_per_gpu=700, cap_watts_per_gpu_min=800)},
            "power.cap_watts_per_gpu_min",
            "800 W is above watts_per_gpu 700 W",
        ),
        ({"time_limit": 0.0}, "time_limit", "0 s"),
        ({"time_limit": DURATION_S_MAX * 2}, "time_limit", "2e+09 s"),
        ({"grace": DURATION_S_MAX * 2}, "grace", "2e+09 s"),
        (
            {"checkpoint": Checkpoint(dir="/c", interval=DURATION_S_MAX * 2)},
            "checkpoint.interval",
            "2e+09 s",
        ),
        ({"checkpoint": Checkpoint(dir=" ")}, "checkpoint.dir", "is empty"),
        (
            {"checkpoint": Checkpoint(dir="/c", signal="SIGMUND")},
            "checkpoint.signal",
            "SIGMUND is no signal of this system",
        ),
    ],
)
def test_what_makes_no_sense_is_said_with_its_key(
    fields: dict[str, Any], key: str, found: str
) -> None:
    ((at, what, right),) = nonsense(spec(**fields))
    assert (at, what) == (key, found)
    assert right


@pytest.mark.parametrize(
    "topology",
    [
        Topology(level=Level.SCALE_UP, segment=16),
        Topology(spread=Level.RACK),
        Topology(level=Level.HALL, spread=Level.RACK),
        Topology(level=Level.LEAF, rails=Rails.ALIGNED),
        Topology(rails=Rails.ALIGNED),
    ],
)
def test_segments_spread_and_rails_make_sense_each(topology: Topology) -> None:
    assert nonsense(spec(topology=topology)) == []
    assert unsupported(spec(topology=topology)) == []


@pytest.mark.parametrize("gpus", [0, 0.25, 0.999, 1, 2, 8])
def test_no_gpu_a_part_of_one_and_whole_ones_make_sense(gpus: float) -> None:
    assert nonsense(spec(resources=Resources(gpus_per_node=gpus))) == []


@pytest.mark.parametrize("duration_s", [0.001, DURATION_S_MAX])
def test_the_shortest_and_the_longest_limit_make_sense(duration_s: float) -> None:
    assert nonsense(spec(time_limit=duration_s, grace=duration_s)) == []


@pytest.mark.parametrize(
    ("gpus", "asked", "ranks"),
    [(0, None, 1), (0.5, None, 1), (1, None, 1), (8, None, 8), (8, 2, 2)],
)
def test_a_node_runs_one_rank_per_whole_gpu_and_at_least_one(
    gpus: float, asked: int | None, ranks: int
) -> None:
    found = ranks_per_node(spec(ranks_per_node=asked, resources=Resources(gpus_per_node=gpus)))
    assert found == ranks


def test_a_recorded_specification_is_read_back_as_it_was() -> None:
    """The log keeps specifications without their defaults."""
    for one in (spec(), spec(**{k.partition(".")[0]: v for k, v in NOT_YET.items()})):
        assert msgspec.convert(msgspec.to_builtins(one), JobSpec) == one


def test_an_elastic_gang_has_sizes_a_step_apart() -> None:
    """From 2 nodes up to 7 in steps of two: 2, 4, 6. The step is the smallest size if not given."""
    assert sizes_of(spec(elastic=Elastic(nodes_min=2, nodes_max=7))) == (2, 4, 6)
    assert sizes_of(spec(elastic=Elastic(nodes_min=2, nodes_max=4, step=1))) == (2, 3, 4)
    assert sizes_of(spec(nodes=3)) == (3,)


@pytest.mark.parametrize(
    ("elastic", "nodes", "key", "right"),
    [
        (Elastic(nodes_min=4, nodes_max=2), 1, "elastic.nodes_max", "give 4 or more"),
        (Elastic(nodes_min=2, nodes_max=4), 8, "nodes", "leave it out: elastic gives the range"),
        # 1,000 nodes in steps of one are 1,000 sizes; 63 steps over 999 nodes need 16 each.
        (
            Elastic(nodes_min=1, nodes_max=1000),
            1,
            "elastic.step",
            "give a step of 16 nodes",
        ),
    ],
)
def test_an_elastic_range_that_makes_no_sense_is_refused(elastic, nodes, key, right) -> None:  # type: ignore[no-untyped-def]
    ((found, _, advice),) = nonsense(spec(elastic=elastic, nodes=nodes))
    assert found == key
    assert advice.startswith(right)


LEARN = Group(name="learn", nodes=2, resources=Resources(gpus_per_node=8))


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("nodes", {"nodes": 2}),
        ("resources", {"resources": Resources(gpus_per_node=2)}),
        ("ranks_per_node", {"ranks_per_node": 2}),
        ("elastic", {"elastic": Elastic(nodes_min=1, nodes_max=2)}),
        ("topology.segment", {"topology": Topology(level=Level.RACK, segment=2)}),
        ("topology.spread", {"topology": Topology(spread=Level.RACK)}),
        ("topology.rails", {"topology": Topology(rails=Rails.ALIGNED)}),
        ("groups", {"groups": (LEARN, LEARN)}),
        ("groups", {"groups": tuple(Group(name=f"g{i}") for i in range(17))}),
    ],
)
def test_what_does_not_go_with_groups_is_refused_by_name(key: str, fields: dict[str, Any]) -> None:
    assert nonsense(spec(groups=(LEARN,))) == []
    ((found, _, right),) = nonsense(spec(**{"groups": (LEARN,)} | fields))
    assert found == key
    assert right.startswith(("leave it out", "give "))


@pytest.mark.parametrize("gpus", [0.5, 1.5])
def test_a_group_takes_whole_gpus_or_none(gpus: float) -> None:
    group = Group(name="act", resources=Resources(gpus_per_node=gpus))
    ((key, _, _),) = nonsense(spec(groups=(LEARN, group)))
    assert key == "groups.act.resources.gpus_per_node"


def test_a_batch_script_says_its_tasks_in_slurms_words_alone() -> None:
    """4 nodes with 2 tasks each hold 8, not 9."""
    options = SlurmOptions(ntasks=9, ntasks_per_node=2)
    groups = (Group(name="a"), Group(name="b"))
    batch = Starts.BATCH
    found = nonsense(spec(starts=batch, nodes=4, slurm=options, ranks_per_node=2))
    assert [(key, said) for key, said, _ in found] == [
        ("ranks_per_node", "2 beside starts: batch"),
        ("slurm.ntasks", "9 tasks on 4 nodes with 2 each"),
    ]
    assert nonsense(spec(starts=batch, groups=groups))[0][0] == "starts"
    assert nonsense(spec(starts=batch, nodes=4, slurm=SlurmOptions(ntasks=8))) == []


def test_a_batch_job_has_one_process_of_its_own() -> None:
    assert ranks_of(spec(starts=Starts.BATCH, nodes=4), 4) == 1
    assert ranks_of(spec(nodes=4), 4) == 4
