"""From interpreted to compiled decisions: what is looked at meanwhile, and what operators see."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from arkwright import sched
from arkwright.control.deciding import LOOKS, NODES_COMPILED, NOTICE, TROUBLE, Deciding
from arkwright.design import Node
from arkwright.fleet import Fleet, FleetPolicy, ProjectQuota
from arkwright.jobs.events import Event, EventKind
from control.server_process import ServerProcess

S_GATE = 2.0


def test_a_small_factory_never_compiles_and_always_sees_its_whole_queue() -> None:
    deciding = Deciding(NODES_COMPILED - 1)
    deciding.begin()
    assert (deciding.queue_max, deciding.notice) == (None, "")
    assert not deciding.decided(0, 10_000)


def test_while_the_kernels_compile_only_the_front_of_the_queue_is_looked_at() -> None:
    deciding = Deciding(10_000)
    deciding.begin()
    assert (deciding.queue_max, deciding.notice) == (LOOKS // 10_000, NOTICE)


def test_a_front_that_cannot_start_is_looked_past_at_once_twice_as_far_each_time() -> None:
    deciding = Deciding(10_000)
    deciding.begin()
    assert [deciding.decided(0, 35), deciding.queue_max] == [True, 20]
    assert [deciding.decided(0, 35), deciding.queue_max] == [True, 40]
    assert [deciding.decided(0, 35), deciding.queue_max] == [False, 40]
    assert [deciding.decided(3, 35), deciding.queue_max] == [False, 10]


def test_with_kernels_or_without_hope_the_whole_queue_is_looked_at() -> None:
    deciding = Deciding(10_000)
    deciding.begin()
    deciding.failed()
    assert (deciding.queue_max, deciding.notice) == (None, TROUBLE)
    kernels = sched.INTERPRETED._replace()
    deciding.use(kernels)
    assert (deciding.kernels, deciding.queue_max, deciding.notice) == (kernels, None, "")


def test_kernels_that_cannot_be_loaded_leave_the_factory_deciding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_folder: str) -> sched.Kernels:
        raise OSError("no room")

    monkeypatch.setattr(sched, "compiled", broken)
    deciding = Deciding(10_000)
    deciding.begin()
    deciding.load(tmp_path, deciding.use)
    until = time.monotonic() + 20
    while deciding.notice != TROUBLE:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert deciding.queue_max is None


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [12_500, 50_000])
def test_the_first_decision_of_a_large_factory_is_quick_while_nothing_is_compiled(
    nodes: int,
) -> None:
    """The gate, in CPU seconds of this process: others may use the machine as well."""
    fleet = Fleet(
        [_node(index) for index in range(nodes)],
        [ProjectQuota(path="lab", gpus_limit=None)],
        FleetPolicy(),
    )
    random = Random(1)
    for number in range(2000):
        fleet.apply(_submitted(number, random.choice([1, 2, 4, 8, 64])))
    deciding = Deciding(nodes)
    deciding.begin()
    began = time.process_time()
    assert fleet.decide(1_000_000, deciding.kernels, deciding.queue_max)
    assert time.process_time() - began <= S_GATE


@pytest.mark.slow
def test_a_server_with_a_cold_cache_says_so_and_starts_a_job_meanwhile(tmp_path: Path) -> None:
    large = "engine: {kind: local, nodes: 1000, gpus_per_node: 1, memory_per_node: 1 MiB}"
    factory = (
        f"factory: real\nsites:\n  here: {{country: NO, {large}}}\norganisations: {{lab: {{}}}}\n"
    )
    server = ServerProcess(tmp_path, factory=factory).ready()
    try:
        assert server.ask("GET", "/healthz")[1]["notice"] == NOTICE
        began = time.monotonic()
        job = {"name": "first", "project": "lab", "command": ["true"]}
        job_id = server.ask("POST", "/v1/jobs", job)[1]["id"]
        while server.ask("GET", f"/v1/jobs/{job_id}")[1]["attempt"] == 0:
            assert time.monotonic() - began < 20
            time.sleep(0.02)
        assert server.ask("GET", "/healthz")[1]["notice"] == NOTICE
        assert NOTICE in server.stop()[2]
    finally:
        server.close()


def _node(index: int) -> Node:
    rack = index // 4
    domains = (f"n{index}", f"r{rack}", f"l{rack // 8}", f"s{rack // 128}", "here/h1", "here")
    return Node(
        path=f"here/h1/r{rack:05}/n{index:05}",
        site="here",
        hall="h1",
        rack=f"r{rack:05}",
        tray=f"n{index:05}",
        system="",
        is_virtual=False,
        power_kw_max=None,
        domains=domains,
        gpus=8,
        gpu_type="h100",
        cpus=128.0,
        memory_mib=2_000_000,
    )


def _submitted(number: int, nodes: int) -> Event:
    spec = {"name": "job", "nodes": nodes, "command": ["true"], "time_limit": 3600.0}
    body = {"state": "queued", "project": "lab", "user": "u", "spec": spec}
    return Event(
        seq=number + 1,
        at_ms=1000,
        kind=EventKind.JOB_SUBMITTED,
        subject=f"job{number}",
        actor="test",
        cause="submitted",
        after=body,
    )
