"""Sites that go out of reach for a minute, an hour, a day: DESIGN §8 holds all the while."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.control import intake, job_views, views
from arkwright.engines.fake import Script
from arkwright.errors import ArkwrightError, EngineError
from arkwright.fleet import in_process
from arkwright.fleet import why as why_of
from arkwright.fleet.log_replay import replay_log
from arkwright.jobs.spec import Resources, Retry, RetryOn
from simulation.sites import Sites
from simulation.world import OWNER_IDENTITY, Crash

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WHOLE = Resources(gpus_per_node=2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sites]:
    with closing(Sites(tmp_path)) as world:
        yield world


def why(world: Sites, job: str) -> tuple[str, str]:
    found = why_of(world.fleet.scene(world.now_ms, 1_000), job, in_process)
    return found.code, found.message


@pytest.mark.parametrize("away_ms", [MINUTE_MS, HOUR_MS, DAY_MS])
def test_what_runs_at_a_site_out_of_reach_goes_on_and_ends_when_it_ended(
    world: Sites, away_ms: int
) -> None:
    """It ends while nobody sees it; the record has the time at which its engine saw it end."""
    world.script(duration_ms=away_ms // 2)
    job = world.submit(nodes=3, resources=WHOLE, sites=("north",))
    world.until(lambda: world.state(job) == "running")
    started_ms = world.real_ms
    world.lines["north"].line = "cut"
    for _ in range(10):
        world.step(away_ms // 10)
        assert world.state(job) == "running"
    world.lines["north"].line = "up"
    world.until(lambda: world.state(job) == "succeeded", rounds=400)
    (end,) = [e for e in world.store.read().events(job_id=job) if e.kind.value == "job_ended"]
    assert end.after["ended_ms"] - started_ms <= away_ms // 2
    assert world.launched("north") == [f"{job}.1"]
    assert world.fleet.lost_sites == {}


def test_nothing_starts_at_a_site_out_of_reach_and_what_may_goes_elsewhere(world: Sites) -> None:
    world.script(duration_ms=600_000)
    world.lines["north"].line = "cut"
    world.step()
    assert set(world.fleet.lost_sites) == {"north"}
    bound = world.submit(nodes=2, resources=WHOLE, sites=("north",))
    free = [world.submit(nodes=2, resources=WHOLE, sites=("north", "south")) for _ in range(2)]
    world.until(lambda: world.state(free[0]) == "running")
    for _ in range(20):
        world.step(1_000)
    assert world.launched("south") == [f"{free[0]}.1"]
    assert [world.state(job) for job in (bound, free[1])] == ["queued", "queued"]
    code, message = why(world, bound)
    assert code == "site-unreachable"
    assert message.startswith("out of reach: north since 2027-01-15T08:00:00Z; nothing starts")
    code, message = why(world, free[1])
    assert (code, "out of reach: north" in message) == ("not-enough-free", True)
    assert world.launched("north") == []
    world.lines["north"].line = "up"
    world.until(lambda: world.state(bound) == "running", rounds=600)
    kinds = [e.kind.value for e in world.store.read().events(limit=1000) if e.subject == "north"]
    assert kinds == ["site_unreachable", "site_reachable"]


def test_a_launch_of_which_no_answer_came_is_looked_up_and_never_made_twice(world: Sites) -> None:
    """It arrived, ran and was over before anybody could ask: it succeeded, once."""
    world.script(duration_ms=30_000)
    world.lines["south"].line = "deaf"
    world.controller.reach._ask_ms = dict.fromkeys(world.lines, world.now_ms + 20_000)
    job = world.submit(nodes=3, resources=WHOLE, sites=("south",))
    other = world.submit(nodes=2, resources=WHOLE, sites=("south", "here"))
    world.step()
    assert f"{job}.1" in world.live()
    for _ in range(60):
        world.step(1_000)
        assert world.state(job) == "starting"
    assert world.state(other) in ("running", "succeeded")  # it was decided for the other site
    world.lines["south"].line = "up"
    world.until(lambda: world.state(job) == "succeeded", rounds=600)
    assert world.launched("south") == [f"{job}.1"]


@pytest.mark.parametrize("line", ["cut", "deaf"])
def test_a_launch_that_may_have_arrived_waits_and_those_never_sent_go_elsewhere(
    world: Sites, line: str
) -> None:
    """Two start at the site in one decision; the first launch fails, the second is not sent."""
    world.script(duration_ms=5_000)
    world.step()
    world.lines["south"].line = line
    world.controller.reach._ask_ms["south"] = world.now_ms + 20_000  # nobody has noticed yet
    first, second = (world.submit(resources=WHOLE, sites=("south",)) for _ in range(2))
    world.step()
    assert [world.state(job) for job in (first, second)] == ["starting", "queued"]
    last = world.store.read().events(job_id=second)[-1]
    assert last.cause == "its site went out of reach before it was launched"
    assert last.after["failures"] == 0
    for _ in range(60):
        world.step(1_000)
    assert world.state(first) == "starting"
    world.lines["south"].line = "up"
    world.until(lambda: {world.state(j) for j in (first, second)} == {"succeeded"}, rounds=900)
    assert sorted(world.launched("south")) == sorted([f"{first}.1", f"{second}.2"])


def test_a_stop_is_given_again_when_the_site_is_back(world: Sites) -> None:
    world.script(duration_ms=DAY_MS)
    job = world.submit(sites=("south",))
    world.until(lambda: world.state(job) == "running")
    world.lines["south"].line = "cut"
    world.step()
    assert intake.cancel(world.controller, OWNER_IDENTITY, job, "") == "stopping"
    for _ in range(60):
        world.step(60_000)
    assert world.state(job) == "stopping"
    assert world.live() == [f"{job}.1"]
    world.lines["south"].line = "up"
    world.until(lambda: world.state(job) == "cancelled", rounds=600)
    assert world.live() == []


def test_jobs_and_nodes_say_since_when_their_site_is_out_of_reach(world: Sites) -> None:
    world.script(duration_ms=DAY_MS)
    job = world.submit(sites=("south",))
    world.until(lambda: world.state(job) == "running")
    world.lines["south"].line = "cut"
    world.step()
    since = world.now_ms
    world.step(5_000)
    reader = world.store.read()
    shown, _ = job_views.job(reader, OWNER_IDENTITY, job)
    assert (shown.state, shown.unreachable_since_ms) == ("running", since)
    (listed,), _ = job_views.line_list(reader, OWNER_IDENTITY, is_all=False, after_seq=0, limit=9)
    assert listed.unreachable_since_ms == since
    nodes = views.node_list(reader, world.fleet, OWNER_IDENTITY)
    found = {node.site: node.unreachable_since_ms for node in nodes}
    assert found == {"here": None, "north": None, "south": since}
    assert {node.state for node in nodes} == {"up"}


def test_an_operator_s_drain_outlives_the_outage(world: Sites) -> None:
    path = "south/local/r01/n01"
    world.lines["south"].line = "cut"
    world.step()
    intake.set_node(world.controller, OWNER_IDENTITY, path, "draining", "")
    world.lines["south"].line = "up"
    world.until(lambda: not world.fleet.lost_sites, rounds=100)
    jobs = [world.submit(resources=WHOLE, sites=("south",)) for _ in range(3)]
    world.until(lambda: [world.state(job) for job in jobs].count("running") == 2)
    assert world.fleet.node_state(path) == "draining"
    assert world.state(jobs[2]) == "queued"


def test_a_server_starts_while_a_site_is_out_of_reach_and_adopts_its_jobs_later(
    world: Sites,
) -> None:
    world.script(duration_ms=HOUR_MS)
    job = world.submit(sites=("south",))
    world.until(lambda: world.state(job) == "running")
    world.lines["south"].line = "cut"
    world.restart()
    for _ in range(5):
        world.step(60_000)
    assert set(world.fleet.lost_sites) == {"south"}
    world.restart()
    assert set(world.fleet.lost_sites) == {"south"}
    world.step()
    assert world.state(job) == "running"
    world.lines["south"].line = "up"
    for _ in range(70):
        world.step(60_000)
    assert world.state(job) == "succeeded"
    assert world.launched("south") == [f"{job}.1"]


def test_a_site_that_was_never_there_stops_the_server_from_starting(tmp_path: Path) -> None:
    with closing(Sites(tmp_path)) as world:
        for line in world.lines.values():
            line.line = "cut"
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        world.store.close()
        world.folder = fresh
        with pytest.raises(EngineError, match="timed out"):
            world.boot()


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 15))]
)
def test_any_outages_and_crashes_keep_every_promise(world: Sites, seed: int) -> None:
    """Random jobs, lines, crashes and cancellations; then calm. `Sites.step` checks after every
    round that nothing runs twice; the fake engines that no node is over-committed."""
    draw = random.Random(seed)
    accepted: list[str] = []
    for _ in range(100):
        world.crash_at(draw.randint(1, 40))
        try:
            _something(world, draw, accepted)
            world.step(draw.choice((10, 100, 1_000, 5_000, MINUTE_MS, -500)))
        except Crash:
            world.restart()
        world.crash_on = None
    for line in world.lines.values():
        line.line = "up"
    world.script(duration_ms=200)
    for _ in range(3_000):
        for node in world.fleet.nodes:
            intake.set_node(world.controller, OWNER_IDENTITY, node.path, "up", "")
        world.step(2_000)
        if not world.controller.book.jobs:
            break
    assert {world.state(job) for job in accepted} <= {"succeeded", "failed", "cancelled"}
    for site, line in world.lines.items():
        attempts = [each.attempt_id for each in line.engine.launches]
        assert len(attempts) == len(set(attempts))
        for each in line.engine.launches:
            assert site in SITES_OF[each.job_name]
    everywhere = [each for site in world.lines for each in world.launched(site)]
    assert len(everywhere) == len(set(everywhere))
    log = world.store.read().events(limit=1_000_000)
    found = replay_log(lambda: log)
    assert (found.first, found.is_same) == (None, True)


SITES_OF = {
    "anywhere": ("here", "north", "south"),
    "north-only": ("north",),
    "clusters": ("north", "south"),
}


def _something(world: Sites, draw: random.Random, accepted: list[str]) -> None:
    match draw.randint(0, 7):
        case 0 | 1 | 2:
            world.script(
                duration_ms=draw.choice((50, 500, 5_000, MINUTE_MS)), exit_code=draw.choice((0, 1))
            )
            name = draw.choice(sorted(SITES_OF))
            sites = () if name == "anywhere" else SITES_OF[name]
            retry = Retry(limit=2, on=(RetryOn.NODE_LOST, RetryOn.FAILURE))
            nodes = draw.randint(1, 3)
            accepted.append(world.submit(name=name, sites=sites, nodes=nodes, retry=retry))
        case 3 | 4:
            line = draw.choice(list(world.lines.values()))
            line.line = draw.choice(("up", "cut", "deaf"))
        case 5 if accepted:
            try:
                intake.cancel(world.controller, OWNER_IDENTITY, draw.choice(accepted), "")
            except ArkwrightError:
                return
        case 6:
            site = draw.choice(sorted(world.lines))
            world.lines[site].engine.lose_node(f"{site}/local/r01/n01")
        case 7:
            site = draw.choice(sorted(world.lines))
            world.lines[site].engine.default_script = Script(launch_error=None, launch_ms=300)
