"""Where an engine keeps its nodes' states, its word is followed, and an operator's goes there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.control import node_states
from arkwright.control.clock import system_clock
from arkwright.engines.fake import FakeEngine, Script, virtual_nodes
from arkwright.engines.port import NodeCondition
from control.site import Site

N1, N2 = "fake/local/r01/n01", "fake/local/r01/n02"
NAME = "n01"


@pytest.fixture(autouse=True)
def _looked_at_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_states, "LOOK_MS", 0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path, engine=_engine())) as site:
        yield site


def _engine() -> FakeEngine:
    engine = FakeEngine(system_clock, virtual_nodes(4, 2), verbs=("set_node",))
    engine.default_script = Script(duration_ms=3_600_000)
    return engine


def state(site: Site, path: str) -> tuple[str, str]:
    items = site.ask("GET", "/v1/nodes").json["items"]
    found = {each["path"]: each for each in items}[path]
    return found["state"], found["reason"]


def changes(site: Site, path: str) -> list[tuple[str, str]]:
    """Actor and new state of every change of a node, in order."""
    events = site.ask("GET", "/v1/events", limit=1000).json["items"]
    return [
        (event["actor"], event["after"]["state"])
        for event in events
        if event["kind"] == "node_state_changed" and event["subject"] == path
    ]


def drained(path: str, reason: str = "fan broken") -> NodeCondition:
    return NodeCondition(path=path, state="draining", reason=reason)


def busy(site: Site) -> None:
    """A job that runs: the loop then looks in every round, without waiting to be asked."""
    site.running(resources={"gpus_per_node": 1})


def test_what_the_cluster_s_admin_drained_gets_no_new_job_and_says_why(cluster):
    cluster.engine.conditions = {N1: drained(N1), N2: drained(N2, "in use by others")}
    busy(cluster)
    cluster.until(lambda: state(cluster, N2) == ("draining", "in use by others"))
    assert state(cluster, N1) == ("draining", "fan broken")
    assert changes(cluster, N1) == [("engine:fake", "draining")]
    # Only two nodes are left for a gang of three.
    waiting = cluster.submit(nodes=3, resources={"gpus_per_node": 1})
    assert cluster.state(waiting) == "queued"
    cluster.engine.conditions = {}
    cluster.until(lambda: cluster.state(waiting) == "running")
    assert changes(cluster, N1) == [("engine:fake", "draining"), ("engine:fake", "up")]


def test_what_an_operator_drains_is_told_to_the_engine_and_resumed_there(cluster):
    busy(cluster)
    cluster.ask("POST", f"/v1/nodes/{NAME}/drain", {"reason": "disk"})
    cluster.until(lambda: N1 in cluster.engine.conditions)
    assert cluster.engine.conditions[N1] == drained(N1, "disk")
    cluster.ask("POST", f"/v1/nodes/{NAME}/resume")
    cluster.until(lambda: cluster.engine.conditions[N1].state == "up")
    actors = [actor for actor, _ in changes(cluster, N1)]
    assert actors == ["user:owner", "user:owner"]


def test_an_order_outlasts_an_engine_that_cannot_be_reached(cluster):
    busy(cluster)
    cluster.engine.unreachable = "slurmctld is down"
    cluster.ask("POST", f"/v1/nodes/{NAME}/drain", {"reason": "disk"})
    cluster.until(lambda: state(cluster, N1)[0] == "draining")
    cluster.engine.unreachable = ""
    cluster.until(lambda: N1 in cluster.engine.conditions)
    assert state(cluster, N1) == ("draining", "disk")


def test_while_the_engine_cannot_be_reached_its_jobs_and_nodes_stay_as_they_were(cluster):
    job_id = cluster.running()
    cluster.engine.conditions = {N1: drained(N1)}
    cluster.until(lambda: state(cluster, N1)[0] == "draining")
    cluster.engine.unreachable = "slurmctld is down"
    assert cluster.state(job_id) == "running"
    assert state(cluster, N1)[0] == "draining"
    cluster.engine.unreachable = ""
    cluster.engine.finish(f"{job_id}.1")
    cluster.until(lambda: cluster.state(job_id) == "succeeded")


def test_a_server_that_starts_again_tells_a_drain_again_but_resumes_nothing(tmp_path):
    engine = _engine()
    with closing(Site(tmp_path, engine=engine)) as site:
        for name, verb in (("n01", "drain"), ("n02", "drain"), ("n02", "resume")):
            site.ask("POST", f"/v1/nodes/{name}/{verb}")
        busy(site)
        site.until(lambda: {N1, N2} <= engine.conditions.keys())
    # Meanwhile the admin resumed the one and drained the other.
    engine.conditions = {N2: drained(N2)}
    with closing(Site(tmp_path, engine=engine)) as site:
        site.until(lambda: N1 in engine.conditions)
        assert engine.conditions[N1].state == "draining"
        site.until(lambda: state(site, N2) == ("draining", "fan broken"))
        assert engine.conditions[N2].state == "draining"
