"""Reading jobs: versions, pages, states, logs; and the verbs that need a job to be running."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from control.site import Site, fake_engine, job


def test_an_unchanged_job_is_answered_with_304_and_a_changed_one_whole(site: Site) -> None:
    job_id = site.submit(held=True)
    etag = site.ask("GET", f"/v1/jobs/{job_id}").headers["etag"]
    for header in (etag, f"W/{etag}", f'"0", {etag}', "*"):
        answer = site.ask("GET", f"/v1/jobs/{job_id}", headers={"If-None-Match": header})
        assert (answer.status, answer.data, answer.headers["etag"]) == (304, b"", etag)
    site.ask("POST", f"/v1/jobs/{job_id}/release")
    answer = site.ask("GET", f"/v1/jobs/{job_id}", headers={"If-None-Match": etag})
    assert answer.status == 200
    assert answer.headers["etag"] != etag


def test_a_change_to_a_job_that_moved_on_meanwhile_is_refused(site: Site) -> None:
    job_id = site.submit(held=True)
    old = site.ask("GET", f"/v1/jobs/{job_id}").headers["etag"]
    changed = site.ask("POST", f"/v1/jobs/{job_id}/release", headers={"If-Match": old})
    assert changed.status == 200
    answer = site.ask("POST", f"/v1/jobs/{job_id}/cancel", {}, headers={"If-Match": old})
    assert (answer.status, answer.media_type) == (412, "application/problem+json")
    assert site.state(job_id) != "cancelled"
    assert (
        site.ask("POST", f"/v1/jobs/{job_id}/cancel", {}, headers={"If-Match": "*"}).status == 200
    )


def test_a_job_is_found_by_its_number_which_no_other_job_has(site: Site) -> None:
    """Scripts and Slurm's commands know a job by it; a name of digits comes after."""
    first, second = site.submit(held=True), site.submit(name="7", held=True)
    numbers = {
        job_id: site.ask("GET", f"/v1/jobs/{job_id}").json["number"] for job_id in (first, second)
    }
    assert len(set(numbers.values())) == 2
    for job_id, number in numbers.items():
        assert site.ask("GET", f"/v1/jobs/{number}").json["id"] == job_id
        assert site.ask("POST", f"/v1/jobs/{number}/release").json["id"] == job_id
    assert site.ask("GET", f"/v1/jobs/{10**17}").status == 404
    assert site.ask("GET", f"/v1/jobs/{'9' * 40}").status == 404


def test_pages_join_up_to_every_job_once(site: Site) -> None:
    """1,050 jobs in pages of 100, of 1,000, and of what is more than a page may have."""
    items = [job(name=f"j{n}", held=True) for n in range(1_050)]
    assert site.ask("POST", "/v1/jobs", {"items": items}).status == 201
    for limit in (100, 1_000, 5_000):
        names, cursor = [], 0
        while cursor is not None:
            page = site.ask("GET", "/v1/jobs", cursor=cursor, limit=limit).json
            assert len(page["items"]) <= min(limit, 1_000)
            names += [item["name"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert names == [f"j{n}" for n in range(1_050)]


def test_a_last_page_that_is_just_full_names_no_next_one(site: Site) -> None:
    site.ask("POST", "/v1/jobs", {"items": [job(held=True)] * 3})
    assert site.ask("GET", "/v1/jobs", limit=3).json["next_cursor"] is None
    assert site.ask("GET", "/v1/jobs", limit=2).json["next_cursor"] is not None


def test_jobs_are_listed_by_state_or_all_or_those_not_over(site: Site) -> None:
    held, over = site.submit(name="held", held=True), site.submit(name="over", held=True)
    site.ask("POST", f"/v1/jobs/{over}/cancel", {})

    def ids(**query: object) -> list[str]:
        return [item["id"] for item in site.ask("GET", "/v1/jobs", **query).json["items"]]

    assert ids() == [held]
    assert ids(all="true") == [held, over]
    assert ids(state="cancelled") == [over]
    assert ids(state="held,cancelled") == [held, over]
    assert ids(state="running") == []


def test_an_elastic_job_is_listed_with_the_nodes_it_holds(site: Site) -> None:
    sizes = {"nodes_min": 1, "nodes_max": 3}
    fields = {"elastic": sizes, "resources": {"gpus_per_node": 2}}
    waits = site.submit(name="waits", held=True, **fields)
    runs = site.running(name="runs", **fields)
    listed = [(each["nodes"], each["gpus"]) for each in site.ask("GET", "/v1/jobs").json["items"]]
    assert listed == [(1, 2), (3, 6)]
    found = [site.ask("GET", f"/v1/jobs/{job}").json for job in (waits, runs)]
    assert [(each["nodes"], each["gpus"]) for each in found] == listed


def test_a_job_is_found_by_id_by_the_end_of_its_id_and_by_its_newest_name(site: Site) -> None:
    old, new = site.submit(name="train", held=True), site.submit(name="train", held=True)
    assert site.ask("GET", f"/v1/jobs/{old}").json["id"] == old
    assert site.ask("GET", f"/v1/jobs/{old[-8:]}").json["id"] == old
    assert site.ask("GET", "/v1/jobs/train").json["id"] == new


def test_hold_and_release_are_refused_where_the_lifecycle_has_no_line_for_them(site: Site) -> None:
    job_id = site.submit(held=True)
    assert site.ask("POST", f"/v1/jobs/{job_id}/hold").status == 409
    released = site.ask("POST", f"/v1/jobs/{job_id}/release").json
    assert released["state"] in ("queued", "starting", "running")  # the loop may be quicker
    site.until(lambda: site.state(job_id) == "running")
    answer = site.ask("POST", f"/v1/jobs/{job_id}/hold")
    assert (answer.status, answer.json["type"]) == (409, "Conflict")
    assert f"job {job_id} is running: it cannot hold" in answer.json["detail"]


def test_a_job_that_is_over_cannot_be_cancelled_again(site: Site) -> None:
    job_id = site.submit(held=True)
    cancelled = site.ask("POST", f"/v1/jobs/{job_id}/cancel", {"reason": "a mistake"})
    assert cancelled.json["reason"] == "cancelled by owner: a mistake"
    answer = site.ask("POST", f"/v1/jobs/{job_id}/cancel", {})
    assert (answer.status, "it was cancelled" in answer.json["detail"]) == (409, True)


def test_a_cancelled_running_job_ends_through_its_engine(site: Site) -> None:
    job_id = site.running()
    assert site.ask("POST", f"/v1/jobs/{job_id}/cancel").json["state"] == "stopping"
    site.until(lambda: site.state(job_id) == "cancelled")
    attempt = site.ask("GET", f"/v1/jobs/{job_id}").json["attempts"][0]
    assert (attempt["id"], attempt["exit_code"]) == (f"{job_id}.1", 143)


def test_why_speaks_of_waiting_running_and_finished_jobs(site: Site) -> None:
    def reason(job_id: str) -> dict[str, object]:
        return site.ask("GET", f"/v1/jobs/{job_id}/why").json["reason"]

    running = site.running(nodes=4, resources={"gpus_per_node": 2})
    waiting, held = site.submit(project="rival"), site.submit(held=True)
    assert reason(running)["code"] == "active"
    assert reason(waiting)["code"] == "not-enough-free"
    assert reason(waiting)["numbers"] == {"asked": 1, "free": 0}
    assert reason(held)["code"] == "held"
    site.engine.finish(f"{running}.1")
    site.until(lambda: site.state(running) == "succeeded")
    assert reason(running)["code"] == "done"
    assert "every rank returned 0" in str(reason(running)["message"])


# --- logs ----------------------------------------------------------------------------------------


@pytest.fixture
def talker(tmp_path: Path):
    """A site whose jobs print `aæ漢😀` and a byte that is no UTF-8, then `z`."""
    engine = fake_engine(output="aæ漢😀".encode() + b"\xffz")
    with closing(Site(tmp_path, engine=engine)) as site:
        yield site


def test_logs_are_the_same_text_in_pieces_of_any_size(talker: Site) -> None:
    """A character cut at the end of a piece waits for the next one: 4 bytes are the least."""
    job_id = talker.running()
    talker.engine.finish(f"{job_id}.1")
    talker.until(lambda: talker.state(job_id) == "succeeded")
    for limit in (4, 5, 6, 7, 100):
        text, offset, is_end = "", 0, False
        while not is_end:
            piece = talker.ask("GET", f"/v1/jobs/{job_id}/logs", offset=offset, limit=limit).json
            assert piece["next_offset"] > offset
            text, offset, is_end = text + piece["text"], piece["next_offset"], piece["is_end"]
        assert text == "aæ漢😀\N{REPLACEMENT CHARACTER}z"
        assert offset == 1 + 2 + 3 + 4 + 1 + 1


def test_a_piece_too_small_for_a_character_is_refused(talker: Site) -> None:
    job_id = talker.running()
    answer = talker.ask("GET", f"/v1/jobs/{job_id}/logs", limit=3)
    assert (answer.status, "at least 4" in answer.json["detail"]) == (422, True)


def test_logs_of_a_running_job_have_no_end_yet_and_beyond_it_there_is_nothing(talker: Site) -> None:
    job_id = talker.running()
    piece = talker.ask("GET", f"/v1/jobs/{job_id}/logs", offset=10**9).json
    assert (piece["text"], piece["is_end"], piece["next_offset"]) == ("", False, 10**9)


def test_a_rank_or_an_attempt_that_is_not_there_is_said_with_those_that_are(site: Site) -> None:
    job_id = site.running(nodes=2, resources={"gpus_per_node": 2})
    assert site.ask("GET", f"/v1/jobs/{job_id}/logs", rank=3).json["ranks"] == 4
    answer = site.ask("GET", f"/v1/jobs/{job_id}/logs", rank=4)
    assert (answer.status, "has ranks 0 to 3" in answer.json["detail"]) == (404, True)
    answer = site.ask("GET", f"/v1/jobs/{job_id}/logs", attempt=2)
    assert (answer.status, "has no attempt 2" in answer.json["detail"]) == (404, True)


def test_a_job_that_never_started_has_no_logs_yet(site: Site) -> None:
    job_id = site.submit(held=True)
    assert site.ask("GET", f"/v1/jobs/{job_id}/logs").status == 404


# --- exec, cost, nodes, factory ------------------------------------------------------------------


def test_commands_run_beside_running_jobs_only(site: Site) -> None:
    waiting = site.submit(held=True)
    answer = site.ask("POST", f"/v1/jobs/{waiting}/exec", {"command": ["nvidia-smi"]})
    assert (answer.status, "is held" in answer.json["detail"]) == (409, True)
    running = site.running()
    answer = site.ask("POST", f"/v1/jobs/{running}/exec", {"command": ["nvidia-smi", "-L"]})
    assert (answer.json["exit_code"], answer.json["output"]) == (0, "nvidia-smi -L\n")
    site.engine.finish(f"{running}.1")
    site.until(lambda: site.state(running) == "succeeded")
    assert site.ask("POST", f"/v1/jobs/{running}/exec", {"command": ["ls"]}).status == 409


def test_a_receipt_is_given_at_any_time_of_a_job_s_life(site: Site) -> None:
    waiting, running = site.submit(held=True), site.running()
    empty = site.ask("GET", f"/v1/jobs/{waiting}/cost").json
    assert (empty["kind"], empty["is_final"], empty["attempts"]) == ("receipt", False, [])
    bill = site.ask("GET", f"/v1/jobs/{running}/cost").json
    assert bill["is_virtual"] is True
    assert bill["lines"][0]["label"] == "virtual GPU-hours"


def test_a_drained_node_says_why_and_takes_nothing_until_it_is_resumed(site: Site) -> None:
    paths = [f"fake/local/r01/n{n:02}" for n in range(1, 5)]
    for path in paths:
        answer = site.ask("POST", f"/v1/nodes/{path}/drain", {"reason": "new fans"})
        assert (answer.json["state"], answer.json["reason"]) == ("draining", "new fans")
    job_id = site.submit()
    why = site.ask("GET", f"/v1/jobs/{job_id}/why").json["reason"]
    assert why["code"] == "nodes-down"
    assert site.ask("POST", f"/v1/nodes/{paths[0]}/resume").json["state"] == "up"
    site.until(lambda: site.state(job_id) == "running")


def test_an_unknown_node_is_not_found(site: Site) -> None:
    answer = site.ask("POST", "/v1/nodes/fake/local/r01/n99/drain")
    assert (answer.status, "arkwright nodes" in answer.json["detail"]) == (404, True)


def test_the_factory_says_what_runs(site: Site) -> None:
    found = site.ask("GET", "/v1/factory").json
    assert found["name"] == "fakery"
    assert found["sites"] == [
        {
            "name": "fake",
            "engine": "fake",
            "nodes": 4,
            "gpus": 8,
            "is_virtual": True,
            "energy": "cpu-model",
            "limits": "none: nothing runs here",
            "unreachable_since_ms": None,
        }
    ]
    assert found["projects"] == ["lab", "lab/vision", "rival"]


def test_output_of_a_job_that_has_not_started_is_not_there_yet(site: Site) -> None:
    answer = site.ask("GET", f"/v1/jobs/{site.submit(held=True)}/logs")
    assert answer.status == 404
    assert "has not started yet: nothing was written" in answer.json["detail"]
