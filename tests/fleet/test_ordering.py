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


def ordered(policy: str, organisations: str = "{lab: {}, rival: {}}") -> Log:
    text = f"""
factory: f
sites: {{a: {{halls: {{h1: {{system: dgx-h100, racks: 1}}}}}}}}
organisations: {organisations}
policy: {policy}
"""
    loaded = factory.loads(text.encode(), "f.yaml")
    return Log(assemble(loaded, design.blueprint(loaded).nodes[:1]))


def first(log: Log) -> list[str]:
    return [start.job_id for start in log.fleet.decide(log.now_ms)]


def test_a_point_of_priority_is_worth_so_much_waiting() -> None:
    """Each event of the log takes a second, and a point is worth one and a half."""
    log = ordered("{ordering: age, age_per_point: 1.5 s}")
    log.submit("early", spec(time_limit=10))
    log.submit("a second later", spec(time_limit=10, priority=1))
    assert first(log) == ["a second later"]
    log.submit("two seconds later", spec(time_limit=10, priority=1))
    assert first(log) == ["a second later"]
    log.end("a second later", before="queued", after="cancelled")
    assert first(log) == ["early"]


def test_the_latest_start_that_meets_the_deadline_goes_first() -> None:
    log = ordered("{ordering: deadline, deadline_default: 1 h}")
    log.submit("by default", spec(time_limit=600))
    log.submit("in two hours", spec(time_limit=10, deadline="1970-01-01T02:00:00Z"))
    assert first(log) == ["by default"]
    log.submit("as late, but long", spec(time_limit=7000, deadline="1970-01-01T03:00:00+01:00"))
    assert first(log) == ["as late, but long"]


def test_fair_share_starts_the_project_that_has_used_least_for_its_share() -> None:
    log = ordered("{ordering: fair-share, half_life: 1 h}", "{lab: {quota: {share: 3}}, rival: {}}")
    log.fleet.count_use("lab", 8, 0, 2_000)
    log.fleet.count_use("rival", 8, 0, 1_000)
    log.submit("rival's", spec(time_limit=10, priority=9), "rival")
    log.submit("lab's", spec(time_limit=10), "lab")
    assert first(log) == ["lab's"], "two thirds of a second a share, against a whole one"
    log.fleet.count_use("lab", 8, 0, 2_000)
    assert first(log) == ["rival's"]
