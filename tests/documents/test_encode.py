"""Typed value to plain JSON and back: nothing is lost on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import documents, units
from arkwright.documents.encode import exact
from arkwright.jobs.spec import Checkpoint, JobSpec, Resources, Retry, RetryOn, Tier


def there_and_back(spec):
    wire = json.loads(json.dumps(documents.encode(spec)))
    return documents.decode(documents.plain(wire, "body"), JobSpec)


def test_a_job_travels_as_json_and_arrives_the_same():
    spec = JobSpec(
        name="train",
        nodes=2,
        resources=Resources(gpus_per_node=4, memory_per_node=1.5),
        command=("python", "train.py"),
        env={"A": "1"},
        time_limit=5400.0,
        tier=Tier.FLEXIBLE,
        checkpoint=Checkpoint(dir="/x", interval=0.1),
        retry=Retry(limit=0, on=(RetryOn.FAILURE,)),
    )
    assert documents.encode(spec)["time_limit"] == "1.5 h"
    assert there_and_back(spec) == spec


def test_defaults_are_left_out():
    assert documents.encode(JobSpec(name="a", command=("true",))) == {
        "name": "a",
        "command": ["true"],
    }


@given(st.floats(min_value=0, max_value=1e15), st.sampled_from(list(units.DIMENSIONS)))
def test_a_quantity_reads_back_to_the_last_bit(value, unit):
    assert units.parse(exact(value, unit), unit) == value


@given(
    st.floats(min_value=0, max_value=1e9),
    st.floats(min_value=0, max_value=1e6),
    st.integers(1, 10_000_000),
)
def test_any_job_arrives_the_same(time_limit, memory_gb, nodes):
    spec = JobSpec(
        name="j",
        nodes=nodes,
        time_limit=time_limit,
        resources=Resources(memory_per_node=memory_gb),
    )
    assert there_and_back(spec) == spec


@pytest.mark.parametrize("held", [True, False])
def test_a_flag_is_kept(held):
    assert there_and_back(JobSpec(name="j", held=held)).held is held
