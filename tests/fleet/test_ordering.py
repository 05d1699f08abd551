"""Who goes first under each ordering: one node, three jobs that each want it whole."""

from __future__ import annotations

from random import Random

import pytest

from arkwright import design, factory
from arkwright.fleet import assemble
from arkwright.fleet.lowering import FleetPolicy
from arkwright.fleet.ordering import order_key
from fleet.world import NAMES, Log, spec

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


def test_age_is_priority_and_waiting_together_at_every_instant() -> None:
    """The fixed key orders jobs as points + waited / age_per_point does, whenever one looks."""
    random = Random(3)
    policy = FleetPolicy(ordering="age", age_per_point_s=7.0)
    jobs = [(spec(priority=random.randint(-5, 5)), random.randrange(60_000)) for _ in range(60)]
    keys = [order_key(NAMES, policy, asked, "lab", submit_ms) for asked, submit_ms in jobs]
    for now_ms in (60_000, 10**7, 10**12):
        weight = [asked.priority * 7_000 + now_ms - submit_ms for asked, submit_ms in jobs]
        by_weight = sorted(range(60), key=lambda job: (-weight[job], job))
        assert sorted(range(60), key=lambda job: (-keys[job], job)) == by_weight


def test_deadlines_order_by_the_latest_start_in_time() -> None:
    random = Random(4)
    policy = FleetPolicy(ordering="deadline", deadline_default_s=3_600.0)
    latest, keys = [], []
    for _ in range(60):
        lasts_s, submit_ms = random.randrange(1, 5_000), random.randrange(60_000)
        minute = random.choice([None, *range(60)])
        deadline = None if minute is None else f"1970-01-01T01:{minute:02}:00Z"
        asked = spec(time_limit=float(lasts_s), deadline=deadline)
        due_ms = submit_ms + 3_600_000 if minute is None else (60 + minute) * 60_000
        latest.append(due_ms - lasts_s * 1_000)
        keys.append(order_key(NAMES, policy, asked, "lab", submit_ms))
    assert [-key for key in keys] == latest
