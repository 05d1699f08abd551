"""A snapshot decides what the fleet decided, byte for byte, or says clearly that it cannot."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings

from arkwright import sched
from arkwright.errors import InputError
from arkwright.fleet import replayed, saved
from arkwright.fleet.snapshot import loaded
from fleet.test_fleet import N, stories
from fleet.world import Log, fleet, spec


def busy() -> Log:
    """The quota of 16 GPUs holds `r`; `a` wants 16 and waits for it, `b` is over before that."""
    log = Log(fleet())
    log.start(log.submit("r", spec(time_limit=50.0)), N[0])
    log.submit("a", spec(nodes=2))
    log.submit("b", spec(time_limit=10.0))
    return log


def resealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def test_the_decision_and_the_reason_are_the_same_bytes_again():
    log = busy()
    data = saved(log.fleet.snapshot("b", log.now_ms, 41))
    found = replayed(data)
    assert found.is_same
    assert [
        (start.job_id, list(start.placement.nodes)) for start in log.fleet.decide(log.now_ms)
    ] == (found.starts)
    assert found.reason == log.fleet.explain("b", log.now_ms)
    assert b'"parent":41' in found.decision


@given(log=stories())
@settings(max_examples=30, deadline=None)
def test_any_state_comes_back_as_it_was(log: Log):
    if not log.fleet._job_ids:
        return
    first = log.fleet._job_ids[0]
    data = saved(log.fleet.snapshot(first, log.now_ms, 0))
    back = loaded(data)
    assert sched.same(back.state, log.fleet._state)
    assert saved(back) == data
    assert replayed(data).is_same


def test_what_a_cycle_remembers_is_not_part_of_the_bytes():
    log = busy()
    before = saved(log.fleet.snapshot("a", log.now_ms, 0))
    log.fleet.decide(log.now_ms)
    assert saved(log.fleet.snapshot("a", log.now_ms, 0)) == before


def test_another_decision_than_the_saved_one_is_told():
    """The header claims another hash: what a changed scheduler would look like."""
    data = saved(busy().fleet.snapshot("b", 5_000, 0))
    digest = replayed(data).sha256
    other = resealed(data[:-32].replace(digest.encode(), b"0" * 64))
    assert not replayed(other).is_same


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: b"", "no snapshot"),
        (lambda data: b"name: x\n", "no snapshot"),
        (lambda data: data.replace(b"snapshot 1", b"snapshot 2", 1), "format 2"),
        (lambda data: data[:-40] + data[-32:], "damaged"),
        (lambda data: data[:-33] + b"\x01" + data[-32:], "damaged"),
        (lambda data: resealed(data[:-40]), "bytes of state"),
        (lambda data: resealed(b"arkwright snapshot 1\n{}\n"), "header cannot be read"),
        (lambda data: resealed(b"arkwright snapshot 1\n[\n"), "header cannot be read"),
        (
            lambda data: resealed(data[:-32].replace(b'"scheduler":', b'"scheduler":9', 1)),
            "saved by scheduler version 9",
        ),
        (
            lambda data: resealed(data[:-32].replace(b'"node_state"', b'"node_mood_"', 1)),
            "other columns than this version's: node_mood_, node_state",
        ),
        (
            lambda data: resealed(data[:-32].replace(b'"jobs":["r","a","b"]', b'"jobs":["r"]', 1)),
            "names jobs other than the 3",
        ),
        (
            lambda data: resealed(data[:-32].replace(b'"job":"b"', b'"job":"z"', 1)),
            "does not have",
        ),
    ],
    ids=[
        "empty",
        "text",
        "format",
        "cut-before-the-seal",
        "changed-byte",
        "short-state",
        "header-without-fields",
        "header-that-is-no-json",
        "scheduler-version",
        "columns",
        "jobs",
        "job",
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_reason(change, said):
    data = saved(busy().fleet.snapshot("b", 5_000, 0))
    with pytest.raises(InputError, match=said):
        replayed(change(data))


def test_a_state_that_breaks_an_invariant_is_refused():
    """The node that `r` holds is said to be free as well."""
    log = busy()
    taken = log.fleet.snapshot("b", 5_000, 0)
    taken.state.node_gpu_milli_free[:] = taken.state.node_gpu_milli_total
    with pytest.raises(InputError, match="must always hold"):
        sched.state_of(sched.arrays_of(taken.state))
    short = sched.arrays_of(log.fleet._state) | {"job_state": taken.state.job_state[:1]}
    with pytest.raises(InputError, match="job_state has shape"):
        sched.state_of(short)
