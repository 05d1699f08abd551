"""Partitions, reservations and constraints: which nodes a job may use."""

import msgspec
import pytest

from arkwright import design, factory
from arkwright.errors import InputError
from arkwright.fleet import Fleet, FleetPolicy
from arkwright.fleet.pools import Kind, bits_of, has_features, kinds_of
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import JobSpec, Resources, SlurmOptions

CLUSTER = b"""
factory: hill
sites:
  hill:
    inventory:
      nodes:
        - {names: "g[1-2]", cpus: 16, memory: 64 GB, gpus: {h100: 8}, features: [ib, h100]}
        - {names: "a[1-2]", cpus: 16, memory: 64 GB, gpus: {a100: 4}, features: [a100]}
        - {names: "c1", cpus: 16, memory: 64 GB}
      pools:
        big: {nodes: "g[1-2]"}
        gpu: {nodes: "g[1-2],a[1-2]"}
        all: {nodes: "g[1-2],a[1-2],c1"}
"""

CONSTRAINTS = [
    ("ib", True), ("a100", False), ("ib&h100", True), ("ib&a100", False), ("a100|h100", True),
    ("[a100|h100]", True), ("(a100|ib)&h100", True), ("ib&!h100", False), ("!a100", True),
    ("a100*2&h100*2", True), ("a100*2&v100*4", False), ("ib&(", True),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "holds"), CONSTRAINTS)
def test_a_constraint_asks_for_features_in_slurms_words(constraint, holds):
    assert has_features(constraint, frozenset({"ib", "h100"})) is holds


def nodes():
    return design.inventory_nodes(factory.loads(CLUSTER))


def started_on(*jobs):
    """Where jobs would start now, by name; each is (name, nodes, GPUs per node, options)."""
    fleet = Fleet(nodes(), [], FleetPolicy())
    for name, count, gpus, options in jobs:
        spec = JobSpec(
            name=name, nodes=count, command=("x",), resources=Resources(gpus_per_node=gpus),
            slurm=options,
        )  # fmt: skip
        after = {"spec": msgspec.to_builtins(spec), "project": "", "user": "u", "state": "queued"}
        fleet.apply(
            Event(seq=1, at_ms=0, kind=EventKind.JOB_SUBMITTED, subject=name, actor="", cause="",
                  after=after)
        )  # fmt: skip
    return {
        start.job_id: sorted(path.rpartition("/")[2] for path in start.placement.nodes)
        for start in fleet.decide(0)
    }


def test_a_job_stays_in_its_partition_though_others_have_room():
    found = started_on(
        ("one", 2, 8, SlurmOptions(partition="big")), ("two", 1, 1, SlurmOptions(partition="big"))
    )
    assert found == {"one": ["g1", "g2"]}


def test_a_gang_spreads_over_kinds_of_nodes_within_an_overlapping_partition():
    assert started_on(("wide", 4, 4, SlurmOptions(partition="gpu"))) == {
        "wide": ["a1", "a2", "g1", "g2"]
    }


def test_of_several_partitions_any_will_do():
    found = started_on(("a", 1, 4, SlurmOptions(partition="nosuch,gpu", constraint="a100")))
    assert found["a"] in (["a1"], ["a2"])


def test_a_cpu_job_runs_where_no_gpu_is():
    options = SlurmOptions(partition="all", constraint="!h100&!a100")
    assert started_on(("c", 1, 0, options)) == {"c": ["c1"]}


def test_a_job_without_options_may_use_every_node():
    assert bits_of(kinds_of(nodes()), None) == -1


def test_nodes_in_no_pool_know_no_partition():
    assert bits_of((Kind(frozenset(), frozenset()),), SlurmOptions(partition="gpu")) == -1


def many(count, features):
    first = nodes()[0]
    return [
        msgspec.structs.replace(
            first,
            path=f"s/h/r/n{index}",
            pools=("p",) if features else (f"p{index}",),
            features=(f"f{index}",) if features else (),
        )
        for index in range(count)
    ]


def test_too_many_sets_of_features_are_told_apart_by_pools_only():
    assert kinds_of(many(70, features=True)) == (Kind(frozenset({"p"}), frozenset()),)


def test_too_many_sets_of_pools_are_refused():
    with pytest.raises(InputError, match="70 different sets of pools"):
        kinds_of(many(70, features=False))
