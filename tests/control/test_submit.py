"""Submission over HTTP: accepted whole or refused whole, once, and quickly."""

from __future__ import annotations

import asyncio
import time

import pytest

from control.site import Site, job

REFUSAL_S_MAX = 0.5
"""The promise of issue 2 for a job that can never fit."""


def test_an_accepted_job_is_answered_whole_and_said_where_it_is(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", job(held=True, env={"A": "æ"}))
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1/jobs/{answer.json['id']}"
    assert answer.json["api_version"] == "v1"
    assert answer.json["state"] == "held"
    assert answer.json["spec"]["env"] == {"A": "æ"}
    again = site.ask("GET", answer.headers["location"])
    assert again.json == answer.json
    assert again.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("fields", "code", "change"),
    [
        ({"nodes": 5}, "never-too-many-nodes", "nodes: 4 would fit"),
        ({"nodes": 10_000_000}, "never-too-many-nodes", "nodes: 4 would fit"),
        (
            {"resources": {"gpus_per_node": 3}},
            "never-node-too-small",
            "2 GPUs per node would fit",
        ),
        (
            {"resources": {"gpu_type": "h100"}},
            "never-no-such-node",
            "ask for what is here: GPU type virtual at fake",
        ),
        (
            {"nodes": 3, "project": "lab/vision", "resources": {"gpus_per_node": 2}},
            "never-quota",
            "nodes: 2 would fit",
        ),
    ],
)
def test_a_job_that_can_never_fit_is_refused_at_once_with_the_smallest_change(
    site: Site, fields: dict[str, object], code: str, change: str
) -> None:
    begin = time.monotonic()
    answer = site.ask("POST", "/v1/jobs", job(**fields))
    assert time.monotonic() - begin <= REFUSAL_S_MAX
    assert (answer.status, answer.media_type) == (422, "application/problem+json")
    assert answer.json["type"] == "InfeasibleError"
    assert (answer.json["reason"]["code"], answer.json["reason"]["change"]) == (code, change)
    assert change in answer.json["detail"]
    assert site.ask("GET", "/v1/jobs", all="true").json["items"] == []


def test_a_batch_is_accepted_whole(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", {"items": [job(name=f"j{n}") for n in range(20)]})
    ids = [item["id"] for item in answer.json["items"]]
    assert (answer.status, answer.json["kind"], len(set(ids))) == (201, "accepted", 20)
    listed = site.ask("GET", "/v1/jobs", all="true").json["items"]
    assert [item["name"] for item in listed] == [f"j{n}" for n in range(20)]


def test_every_problem_of_a_batch_is_reported_at_once_and_nothing_is_accepted(site: Site) -> None:
    """Two jobs cannot be read: both say why, with their place in the request."""
    items = [job(), job(nodes="two", colour="red"), job(), job(name="-")]
    answer = site.ask("POST", "/v1/jobs", {"items": items})
    assert answer.status == 422
    found = [(problem["where"], problem["key"]) for problem in answer.json["problems"]]
    assert found == [("items[1]", "colour"), ("items[1]", "nodes"), ("items[3]", "name")]
    assert site.ask("GET", "/v1/jobs", all="true").json["items"] == []


def test_readable_jobs_that_make_no_sense_are_all_reported_too(site: Site) -> None:
    items = [job(script="true"), job(), job(array="3-0", project="moon"), job(nodes=9)]
    answer = site.ask("POST", "/v1/jobs", {"items": items})
    assert answer.status == 422
    found = [(problem["where"], problem["key"]) for problem in answer.json["problems"]]
    assert found == [
        ("items[0]: job job", "command, script"),
        ("items[2]: job job", "array"),
        ("items[2]: job job", "project"),
        ("items[3]: job job", ""),
    ]
    assert "nodes: 4 would fit" in answer.json["problems"][3]["found"]
    assert site.ask("GET", "/v1/jobs", all="true").json["items"] == []


def test_a_batch_of_jobs_that_never_fit_names_each_and_gives_the_first_reason(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", {"items": [job(nodes=9), job(), job(nodes=8)]})
    assert (answer.status, answer.json["type"]) == (422, "InfeasibleError")
    assert "items[0]: job job can never run here: asks for 9 nodes" in answer.json["detail"]
    assert "items[2]: job job can never run here: asks for 8 nodes" in answer.json["detail"]
    assert answer.json["reason"]["numbers"]["asked"] == 9


@pytest.mark.parametrize("items", [[], "jobs", {}, 7])
def test_a_batch_that_is_no_list_of_jobs_is_refused(site: Site, items: object) -> None:
    answer = site.ask("POST", "/v1/jobs", {"items": items})
    assert (answer.status, "give at least one job" in answer.json["detail"]) == (422, True)


def test_a_batch_has_a_largest_size(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", {"items": [0] * 10_001})
    assert (answer.status, "at most 10000" in answer.json["detail"]) == (422, True)


# --- Idempotency-Key -----------------------------------------------------------------------------


def test_a_request_sent_twice_with_one_key_is_accepted_once(site: Site) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = site.ask("POST", "/v1/jobs", job(held=True), headers=headers)
    second = site.ask("POST", "/v1/jobs", job(held=True), headers=headers)
    assert first.json["id"] == second.json["id"]
    assert second.status == 201
    assert len(site.ask("GET", "/v1/jobs", all="true").json["items"]) == 1


def test_a_key_used_for_another_request_is_a_conflict(site: Site) -> None:
    headers = {"Idempotency-Key": "k1"}
    site.ask("POST", "/v1/jobs", job(), headers=headers)
    answer = site.ask("POST", "/v1/jobs", job(name="other"), headers=headers)
    assert answer.status == 409
    assert "'k1' was used for another request" in answer.json["detail"]


def test_two_users_may_use_the_same_key(two_tenants: Site) -> None:
    headers = {"Idempotency-Key": "k1"}
    mine = two_tenants.ask("POST", "/v1/jobs", job(), user="anna", headers=headers).json["id"]
    body = job(project="rival")
    theirs = two_tenants.ask("POST", "/v1/jobs", body, user="rolf", headers=headers).json["id"]
    assert mine != theirs


def test_one_key_sent_many_times_at_once_is_accepted_once(site: Site) -> None:
    async def many() -> list[str]:
        headers = {"Idempotency-Key": "k1"}
        asks = [site.asking("POST", "/v1/jobs", job(held=True), headers=headers) for _ in range(20)]
        return [answer.json["id"] for answer in await asyncio.gather(*asks)]

    assert len(set(site.run(many()))) == 1
    assert len(site.ask("GET", "/v1/jobs", all="true").json["items"]) == 1


def test_a_refused_request_leaves_its_key_free(site: Site) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert site.ask("POST", "/v1/jobs", job(nodes=9), headers=headers).status == 422
    assert site.ask("POST", "/v1/jobs", job(nodes=1), headers=headers).status == 201


def test_a_key_that_is_too_long_is_refused(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", job(), headers={"Idempotency-Key": "k" * 256})
    assert (answer.status, "256 characters" in answer.json["detail"]) == (422, True)


def test_submissions_that_arrive_together_are_all_answered_each_with_its_own(site: Site) -> None:
    """One commit may answer many: the refused ones among them must not take the others along."""

    async def many() -> list[int]:
        bodies = [job(name=f"j{n}", nodes=9 if n % 3 == 0 else 1, held=True) for n in range(60)]
        asks = [site.asking("POST", "/v1/jobs", body) for body in bodies]
        return [answer.status for answer in await asyncio.gather(*asks)]

    statuses = site.run(many())
    assert statuses == [422 if n % 3 == 0 else 201 for n in range(60)]
    assert len(site.ask("GET", "/v1/jobs", all="true", limit=1000).json["items"]) == 40
