"""`when` and `whatif` over a live loop: four nodes of two GPUs; a quota of 4 for lab/vision."""

from __future__ import annotations

import pytest

from arkwright.control.foresight import Foresight
from arkwright.fleet import replayed
from control.site import Site, job

MINUTE_MS = 60_000
FULL = {"nodes": 4, "resources": {"gpus_per_node": 2}, "time_limit": "1 h"}


@pytest.fixture
def full(site: Site) -> Site:
    """A job of an hour holds every GPU, and another of the same shape waits."""
    site.first = site.running(**FULL)  # type: ignore[attr-defined]
    site.second = site.submit(name="second", **FULL)  # type: ignore[attr-defined]
    return site


def test_a_waiting_job_is_told_when_the_running_one_reaches_its_limit(full: Site) -> None:
    start_ms = full.ask("GET", f"/v1/jobs/{full.first}").json["attempts"][0]["start_ms"]
    body = full.ask("GET", f"/v1/jobs/{full.second}/when").json
    assert (body["kind"], body["name"], body["alternatives"]) == ("when", "second", [])
    assert body["forecast"]["start_ms"] == start_ms + 60 * MINUTE_MS
    assert body["forecast"]["state"] == "queued"
    assert body["forecast"]["experience"] == 0


def test_alternatives_come_when_asked_for(full: Site) -> None:
    body = full.ask("GET", "/v1/jobs/second/when", alternatives="true").json
    assert body["alternatives"][0]["kind"] == "as-asked"
    assert full.ask("GET", "/v1/jobs/second/when", alternatives="x").status == 422


def test_a_running_job_says_when_it_started_and_one_that_is_over_is_a_conflict(full: Site) -> None:
    assert full.ask("GET", f"/v1/jobs/{full.first}/when").json["forecast"]["state"] == "active"
    full.ask("POST", "/v1/jobs/second/cancel", {})
    answer = full.ask("GET", "/v1/jobs/second/when")
    assert (answer.status, "starts no more" in answer.json["detail"]) == (409, True)


def test_a_job_that_is_not_submitted_is_checked_and_leaves_no_trace(full: Site) -> None:
    seq = full.ask("GET", "/v1/factory").json["last_seq"]
    body = full.ask("POST", "/v1/jobs/when", job(name="third", time_limit="10 min")).json
    assert (body["job_id"], body["forecast"]["state"]) == (None, "new")
    assert body["forecast"]["start_ms"] > body["forecast"]["now_ms"]
    never = full.ask("POST", "/v1/jobs/when", job(nodes=9))
    assert (never.status, never.json["reason"]["code"]) == (422, "never-too-many-nodes")
    assert full.ask("GET", "/v1/factory").json["last_seq"] == seq


def test_the_end_of_a_job_lets_the_next_start_now(full: Site) -> None:
    """Whatever is asked, nothing happens: the second job still waits."""
    body = full.ask("POST", "/v1/whatif", {"jobs": [{"job": full.first, "is_over": True}]}).json
    moves = {move["job_id"]: move for move in body["moves"]}
    assert moves[full.second]["after_ms"] == body["now_ms"]
    assert (body["sooner"], body["later"], body["moves_of_others"]) == (1, 0, 0)
    assert full.state(full.second) == "queued"


def test_a_shorter_limit_reads_as_in_a_job_file(full: Site) -> None:
    change = {"job": "second", "time_limit": "10 min", "nodes": 2}
    assert full.ask("POST", "/v1/whatif", {"jobs": [change]}).status == 200
    wrong = full.ask("POST", "/v1/whatif", {"jobs": [{"job": "second", "time_limit": 10}]})
    assert (wrong.status, "time_limit" in wrong.json["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "0 changes"),
        ({"nodes": [{"node": "x", "state": "gone"}]}, "state"),
        ({"quotas": [{"project": "nobody", "gpus": 1}]}, "project nobody"),
        ({"colour": "red"}, "colour"),
        ([], "request body"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(site: Site, body: object, said: str) -> None:
    answer = site.ask("POST", "/v1/whatif", body)
    assert (answer.status, said in answer.json["detail"]) == (422, True), answer.json


def test_a_node_is_named_by_the_end_of_its_path_and_must_exist(full: Site) -> None:
    """The first job loses a node and waits again; it needs all four, and has no start any more."""
    body = full.ask("POST", "/v1/whatif", {"nodes": [{"node": "n01", "state": "down"}]}).json
    moves = {move["job_id"]: move["after_ms"] for move in body["moves"]}
    assert moves == {full.first: None, full.second: None}
    missing = full.ask("POST", "/v1/whatif", {"nodes": [{"node": "nowhere", "state": "down"}]})
    assert (missing.status, "node nowhere: not in this" in missing.json["detail"]) == (404, True)


def test_a_member_sees_and_changes_only_what_is_its_own(two_tenants: Site) -> None:
    site = two_tenants
    site.running(**FULL)
    site.submit(name="ours", project="lab", time_limit="1 h", **{"nodes": 4})
    other = site.submit(name="theirs", project="rival", nodes=4, time_limit="1 h")
    assert site.ask("GET", f"/v1/jobs/{other}/when", user="anna").status == 404
    change = {"jobs": [{"job": other, "priority": 1}]}
    assert site.ask("POST", "/v1/whatif", change, user="anna").status == 404
    quota = {"quotas": [{"project": "lab", "gpus": 2}]}
    assert site.ask("POST", "/v1/whatif", quota, user="anna").status == 403
    limit = {"power": [{"place": "fake", "limit_w": 1}]}
    assert site.ask("POST", "/v1/whatif", limit, user="anna").status == 403
    assert site.ask("POST", "/v1/whatif", limit).status == 200
    urgent = job(name="urgent", nodes=4, priority=9, time_limit="2 h")
    body = site.ask("POST", "/v1/whatif", {"submit": [urgent]}, user="anna").json
    assert {move["name"] for move in body["moves"]} <= {"ours", "urgent"}
    assert body["moves_of_others"] >= 1


def test_experience_survives_a_restart(site: Site) -> None:
    """What the fleet learned while it watched is what it reads back from the store."""
    for _ in range(3):
        job_id = site.running(time_limit="1 h")
        site.ask("POST", f"/v1/jobs/{job_id}/cancel", {})
        site.until(lambda job_id=job_id: site.state(job_id) == "cancelled")
    fleet = site.server.fleet
    seen = fleet._experience.finished
    assert len(seen) == 3
    site.run(_recover(site))
    assert fleet._experience.finished == seen


async def _recover(site: Site) -> None:
    import asyncio

    await asyncio.wrap_future(site.server.loop.ask(lambda controller: controller._recover()))


@pytest.mark.slow
def test_a_large_factory_asks_another_process_and_gets_the_same_answer(
    kernels, kernels_folder
) -> None:
    from arkwright import sched
    from arkwright.control.foresight import NODES_COMPILED
    from naive.flat_pool import pool

    foresight = Foresight(NODES_COMPILED, kernels_folder)
    foresight.start()
    try:
        assert foresight._ready.wait(300)
        state = sched.apply(pool(4), sched.add_class(0, sched.Shape(3, 1000)))
        state = sched.apply(state, sched.submit(0, 0, 10))
        state = sched.apply(state, sched.submit(0, 0, 10))
        assert foresight.run(sched.most_nodes_now, state, 0, 1) == sched.most_nodes_now(state, 0, 1)
        with pytest.raises(TypeError):
            foresight.run(sched.most_nodes_now, state)
        assert foresight.run(sched.copy, state).job_count[0] == 2
        process = foresight._process
        process.kill()
        process.wait()
        with pytest.raises(Exception, match="started again"):
            foresight.run(sched.copy, state)
        assert foresight._ready.wait(300)
        assert foresight.run(sched.copy, state).job_count[0] == 2
    finally:
        foresight.stop()


def test_a_question_while_the_kernels_are_compiled_is_answered_later(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arkwright.control.foresight.READY_S_MAX", 0.0)
    foresight = Foresight(10_000, tmp_path)
    with pytest.raises(Exception, match="still being compiled"):
        foresight.run(len, [])


def test_a_snapshot_replays_to_the_reason_that_why_gives(full: Site) -> None:
    answer = full.ask("GET", "/v1/jobs/second/snapshot")
    assert (answer.status, answer.media_type) == (200, "application/octet-stream")
    found = replayed(answer.data)
    why = full.ask("GET", "/v1/jobs/second/why").json["reason"]
    assert found.is_same
    assert (found.reason.code, found.reason.message) == (why["code"], why["message"])


def test_a_snapshot_is_for_owners_and_for_jobs_that_are_not_over(two_tenants: Site) -> None:
    site = two_tenants
    held = site.submit(held=True)
    assert site.ask("GET", f"/v1/jobs/{held}/snapshot", user="anna").status == 403
    site.ask("POST", f"/v1/jobs/{held}/cancel", {})
    assert site.ask("GET", f"/v1/jobs/{held}/snapshot").status == 409
