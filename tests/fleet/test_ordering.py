"""Who goes first under each ordering: one node, three jobs that each want it whole."""

from __future__ import annotations

import pytest

from arkwright import design, factory
from arkwright.fleet import assemble
from fleet.world import Log, spec

FILE = """
factory: f
sites: {{a: {{halls: {{h1: {{system: dgx-h100, racks: 1}}}}}}}}
organisations: {{lab: {{}}}}
policy: {{ordering: {ordering}, time_limit_default: 50 s}}
"""


@pytest.mark.parametrize(
    ("ordering", "first"),
    [("priority", "urgent"), ("fifo", "early"), ("shortest-first", "short")],
)
def test_the_ordering_of_the_factory_file_says_who_is_first(ordering: str, first: str) -> None:
    """`default` gives no limit and counts with the policy's 50 s: longer than `short`."""
    loaded = factory.loads(FILE.format(ordering=ordering).encode(), "f.yaml")
    log = Log(assemble(loaded, design.blueprint(loaded).nodes[:1]))
    log.submit("early", spec(time_limit=100))
    log.submit("default", spec())
    log.submit("short", spec(time_limit=10))
    log.submit("urgent", spec(time_limit=200, priority=9))
    assert [start.job_id for start in log.fleet.decide(log.now_ms)] == [first]


def test_equals_go_by_time_of_submission_and_a_job_that_comes_back_keeps_its_place() -> None:
    loaded = factory.loads(FILE.format(ordering="shortest-first").encode(), "f.yaml")
    nodes = design.blueprint(loaded).nodes[:1]
    log = Log(assemble(loaded, nodes))
    log.submit("one", spec(time_limit=10))
    log.submit("two", spec(time_limit=10))
    log.start("one", nodes[0].path)
    log.end("one", after="queued")
    assert [start.job_id for start in log.fleet.decide(log.now_ms)] == ["one"]
    log.submit("three", spec(time_limit=9))
    assert [start.job_id for start in log.fleet.decide(log.now_ms)] == ["three"]
