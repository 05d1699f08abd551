"""Every reason in words, one row per code; and every kind of refusal, from a whole fleet."""

from __future__ import annotations

from typing import Any

import pytest

from arkwright import sched
from arkwright.design import PowerLimit
from arkwright.errors import InputError
from arkwright.fleet import WaitReason
from arkwright.fleet.lowering import names_of
from arkwright.fleet.reasons import _CHANGES, _CODES, in_words
from arkwright.jobs.spec import Level, Resources, Topology, TopologyMode
from arkwright.sched import codes
from fleet.world import NAMES, NODES, PROJECTS, Log, fleet, spec

R = sched.Reason
POWERED = names_of(
    NODES,
    PROJECTS,
    [PowerLimit(path="narvik", limit_w=8_000), PowerLimit(path="narvik/h1", limit_w=9)],
)
WORDS: dict[int, tuple[Any, str, str, str]] = {
    codes.STARTS_NOW: (
        R(codes.STARTS_NOW), "starts-now", "nothing stands in its way: it starts now", ""
    ),
    codes.IS_ACTIVE: (
        R(codes.IS_ACTIVE), "active", "it is not waiting: it holds its nodes", ""
    ),
    codes.IS_DONE: (R(codes.IS_DONE), "done", "it is over", ""),
    codes.IS_HELD: (
        R(codes.IS_HELD, change=codes.RELEASE_IT, to=1),
        "held",
        "it is held: somebody has to release it",
        "release it",
    ),
    codes.NOT_ENOUGH_FREE: (
        R(codes.NOT_ENOUGH_FREE, asked=4, free=1, change=codes.FEWER_NODES, to=1),
        "not-enough-free",
        "asks for 4 nodes with 8 GPUs each; 1 is free now",
        "nodes: 1 would start now",
    ),
    codes.TOPOLOGY: (
        R(codes.TOPOLOGY, asked=2, free=1, level=1, change=codes.WEAKER_LEVEL, to=4),
        "topology",
        "asks for 2 nodes within one rack; the rack with most room has 1 free now",
        "topology level hall would start now",
    ),
    codes.SEGMENTS: (
        R(codes.SEGMENTS, 4, 3, level=0, limit=16, change=codes.SMALLER_SEGMENT, to=8),
        "segments",
        "asks for 4 segments of 16 nodes, each within one scale-up; 3 of 4 fit now",
        "topology segment: 8 would start now",
    ),
    codes.NEVER_SEGMENTS: (
        R(codes.NEVER_SEGMENTS, 2, 1, level=0, limit=16, change=codes.FEWER_NODES, to=20),
        "never-segments",
        "asks for 2 segments of 16 nodes, each within one scale-up; this factory never holds more "
        "than 1 of them together",
        "nodes: 20 would fit",
    ),
    codes.RAILS: (
        R(codes.RAILS, 2, 1, limit=4_000, change=codes.ANY_RAILS, to=0),
        "rails",
        "asks for 2 nodes with the same 4 GPUs free on each; 1 together has them now",
        "topology without aligned rails would start now",
    ),
    codes.QUOTA: (
        R(codes.QUOTA, asked=8_000, row=1, used=500, limit=8_000),
        "quota",
        "lab/vision may use 8 GPUs, uses 0.5 GPUs now and would need 8 GPUs more",
        "",
    ),
    codes.RESERVED_FOR_HEAD: (
        R(codes.RESERVED_FOR_HEAD, 1, 2, job=0, at_ms=9, change=codes.SHORTER, to=90_500),
        "reserved-for-head",
        "the nodes that are free are kept for first, which is ahead and starts in time only if "
        "this job is over by then",
        "time_limit: 90 s would start now",
    ),
    codes.RESERVED_WINDOW: (
        R(codes.RESERVED_WINDOW, asked=2, free=1, row=1, at_ms=1_803_888_000_000,
          until_ms=1_803_895_200_000, window=3, change=codes.SHORTER, to=1_800_000),
        "reserved-window",
        "nodes that are free are reserved for lab/vision from 2027-03-01T08:00:00Z until "
        "2027-03-01T10:00:00Z and it would not be over by then; it asks for 2 nodes, 1 could serve "
        "it beside them",
        "time_limit: 1800 s would start now",
    ),
    codes.BEHIND_HIGHER_PRIORITY: (
        R(codes.BEHIND_HIGHER_PRIORITY, job=1),
        "behind",
        "second is ahead of it and must start first",
        "",
    ),
    codes.NODES_DOWN: (
        R(codes.NODES_DOWN, asked=2, free=1, change=codes.NODES_RETURN, to=1),
        "nodes-down",
        "asks for 2 nodes with 8 GPUs each; only 1 of the nodes that could serve it is up",
        "return nodes to service: arkwright nodes resume NODE",
    ),
    codes.NEVER_NO_SUCH_NODE: (
        R(codes.NEVER_NO_SUCH_NODE, change=codes.OTHER_NODES),
        "never-no-such-node",
        "no node it may use has what it asks for (8 GPUs per node)",
        "ask for what is here: GPU type b200, h100 at narvik, oslo",
    ),
    codes.NEVER_NODE_TOO_SMALL: (
        R(codes.NEVER_NODE_TOO_SMALL, 99_000, 64_000, resource=1, change=codes.LESS_PER_NODE,
          to=64_000),
        "never-node-too-small",
        "asks for 99 CPUs per node; the largest suitable node has 64 CPUs",
        "64 CPUs per node would fit",
    ),
    codes.NEVER_TOO_MANY_NODES: (
        R(codes.NEVER_TOO_MANY_NODES, 9, 4, change=codes.FEWER_NODES, to=4),
        "never-too-many-nodes",
        "asks for 9 nodes with 8 GPUs each; this factory has 4",
        "nodes: 4 would fit",
    ),
    codes.NEVER_TOPOLOGY: (
        R(codes.NEVER_TOPOLOGY, 3, 2, level=1, change=codes.WEAKER_LEVEL, to=-1),
        "never-topology",
        "asks for 3 nodes within one rack; no rack of this factory has more than 2 such nodes",
        "topology level none would fit",
    ),
    codes.POWER: (
        R(codes.POWER, asked=20_400, free=1, row=5, used=10_200, limit=25_000,
          change=codes.FEWER_NODES, to=1),
        "power",
        "is expected to draw 20.4 kW; there is power for 1 node of it now: narvik/h1 draws 10.2 kW "
        "of 25 kW",
        "nodes: 1 would start now",
    ),
    codes.LIMIT_AHEAD: (
        R(codes.LIMIT_AHEAD, asked=8_000, row=1, used=4_000, limit=8_000, at_ms=1_000,
          change=codes.SHORTER, to=900_000),
        "limit-ahead",
        "would still run when the limit of lab/vision becomes 8 GPUs; 4 GPUs of it will be in use "
        "then and it asks for 8 GPUs",
        "time_limit: 900 s would start now",
    ),
    codes.CONTRACT_AHEAD: (
        R(codes.CONTRACT_AHEAD, asked=8_000, free=2_000, row=1, limit=16_000, at_ms=1_000,
          change=codes.SHORTER, to=900_000),
        "contract-ahead",
        "would still run when the contract of lab/vision begins at 1970-01-01T00:00:01Z and 16 "
        "GPUs are kept for it; it asks for 8 GPUs, 2 GPUs will be left beside what is expected to "
        "run then: 6 GPUs short",
        "time_limit: 900 s would start now",
    ),
    codes.NEVER_POWER: (
        R(codes.NEVER_POWER, asked=40_800, free=0, row=4, used=0, limit=8_000,
          change=codes.LESS_PER_NODE, resource=3, to=2_000),
        "never-power",
        "is expected to draw 40.8 kW; there never is power for more than 0 nodes of it: narvik may "
        "draw 8 kW",
        "2 kW per node would fit",
    ),
    codes.CLAIM_STANDS: (
        R(codes.CLAIM_STANDS, asked=2, job=1, at_ms=1_800_000_000_000),
        "claim",
        "has a claim on its nodes: waits for 2 jobs, second among them, to stop until "
        "2027-01-15 08:00:00 UTC",
        "",
    ),
    codes.CLAIMED: (
        R(codes.CLAIMED, asked=2, free=1, job=0),
        "claimed",
        "asks for 2 nodes; 1 is free beside those kept for first, for which others stop",
        "",
    ),
    codes.STOPS_FOR: (
        R(codes.STOPS_FOR, job=0, at_ms=1_800_000_000_000),
        "stops-for",
        "it was told to stop for first and has until 2027-01-15 08:00:00 UTC",
        "",
    ),
    codes.NEVER_QUOTA: (
        R(codes.NEVER_QUOTA, asked=24_000, row=0, used=0, limit=16_000,
          change=codes.LESS_PER_NODE, resource=0, to=5_333),
        "never-quota",
        "asks for 24 GPUs; lab may never use more than 16 GPUs",
        "5.333 GPUs per node would fit",
    ),
    codes.BUDGET: (
        R(codes.BUDGET, asked=28_800_000, free=3_600_000, row=2, used=4_000_000, limit=7_200_000,
          at_ms=1_801_440_000_000, change=codes.SHORTER, to=400_000),
        "budget",
        "would use 8 GPU-hours; of lab/vision/small, 2 GPU-hours, 1.11111 GPU-hours are used or "
        "promised; a new period begins at 2027-02-01T00:00Z",
        "time_limit: 400 s would start now",
    ),
    codes.NEVER_BUDGET: (
        R(codes.NEVER_BUDGET, asked=28_800_000, free=900_000, row=2, used=0, limit=7_200_000,
          change=codes.SHORTER, to=900_000),
        "never-budget",
        "would use 8 GPU-hours; lab/vision/small is 2 GPU-hours in all",
        "time_limit: 900 s would fit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", WORDS)
def test_a_reason_is_one_code_one_sentence_and_one_change(code: int) -> None:
    reason, name, message, change = WORDS[code]
    found = in_words(reason, POWERED, spec(), ["first", "second"])
    assert (found.code, found.message, found.change) == (name, message, change)


def test_every_code_and_every_change_of_the_scheduler_has_words() -> None:
    assert set(WORDS) == set(_CODES)
    assert {reason.change for reason, *_ in WORDS.values()} == set(_CHANGES)
    assert len({name for _, name, *_ in WORDS.values()}) == len(WORDS)


def test_numbers_that_say_nothing_are_left_out() -> None:
    reason, *_ = WORDS[codes.NOT_ENOUGH_FREE]
    assert in_words(reason, NAMES, spec(), []).numbers == {"asked": 4, "free": 1, "to": 1}


def test_a_gpu_type_that_was_asked_for_is_named() -> None:
    asked = spec(resources=Resources(gpus_per_node=1, gpu_type="h100"))
    found = in_words(WORDS[codes.NOT_ENOUGH_FREE][0], NAMES, asked, [])
    assert "4 nodes with 1 h100 GPU each" in found.message


RACK = Topology(level=Level.RACK, mode=TopologyMode.REQUIRED)


@pytest.mark.parametrize(
    ("fields", "project", "code", "change"),
    [
        ({"nodes": 5}, "lab", "never-too-many-nodes", "nodes: 2 would fit"),
        ({"nodes": 3, "topology": RACK, "gpus": 1}, "lab", "never-topology", "nodes: 2 would fit"),
        ({"gpus": 9}, "lab", "never-node-too-small", "8 GPUs per node would fit"),
        (
            {"resources": Resources(gpus_per_node=1, cpus_per_node=65)},
            "lab",
            "never-node-too-small",
            "64 CPUs per node would fit",
        ),
        (
            {"resources": Resources(gpus_per_node=1, memory_per_node=525)},
            "lab",
            "never-node-too-small",
            "500000 MiB of memory per node would fit",
        ),
        ({"nodes": 3}, "lab", "never-quota", "nodes: 2 would fit"),
        ({"nodes": 2}, "lab/vision", "never-quota", "nodes: 1 would fit"),
        ({"gpus": 8}, "rival", "never-node-too-small", "4 GPUs per node would fit"),
        (
            {"resources": Resources(gpu_type="mi300x")},
            "lab",
            "never-no-such-node",
            "ask for what is here: GPU type b200, h100 at narvik, oslo",
        ),
        (
            {"sites": ("oslo",)},
            "lab/vision/small",
            "never-no-such-node",
            "ask for what is here: GPU type b200, h100 at narvik, oslo",
        ),
    ],
)
def test_a_job_that_can_never_run_is_refused_with_what_would(
    fields: dict[str, Any], project: str, code: str, change: str
) -> None:
    found = fleet().refusal(spec(**fields), project)
    assert isinstance(found, WaitReason)
    assert (found.code, found.change) == (code, change)


def test_what_a_refusal_says_would_fit_does_fit() -> None:
    assert fleet().refusal(spec(nodes=2, gpus=8), "lab") is None
    assert fleet().refusal(spec(nodes=2, gpus=1, topology=RACK), "lab") is None
    assert fleet().refusal(spec(gpus=4), "rival") is None


def test_a_busy_or_broken_factory_refuses_nothing_an_empty_one_could_run() -> None:
    log = Log(fleet())
    log.start(log.submit("a", spec(nodes=2)), "narvik/h1/r1/t1", "narvik/h1/r1/t2")
    for path in ("narvik/h1/r2/t1", "narvik/h1/r2/t2"):
        log.node(path, "down")
    assert log.fleet.refusal(spec(nodes=2), "lab") is None


def test_a_site_that_is_not_there_is_the_user_s_error() -> None:
    with pytest.raises(InputError, match="unknown site mars; this factory has narvik, oslo"):
        fleet().refusal(spec(sites=("mars", "oslo")), "lab")
