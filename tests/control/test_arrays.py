"""Arrays and deferred jobs over HTTP: named, listed, explained, ended."""

from __future__ import annotations

import time

import pytest

from arkwright.engines.fake import Script
from control.site import Site, job

SUBMIT_S_MAX = 5.0
"""A bound that only a wrong order of growth breaks; it takes about half a second."""


def array(site: Site, user: str = "owner", **fields: object) -> str:
    answer = site.ask("POST", "/v1/jobs", job(**fields), user=user)
    assert answer.status == 201, answer.json
    return str(answer.json["id"])


def test_an_array_is_answered_as_one_job_that_counts_its_tasks(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", job(array="0-9:3%2", held=True))
    assert answer.status == 201
    assert answer.json["array"] == {
        "tasks": 4,
        "indices": "0,3,6,9",
        "at_once": 2,
        "states": {"held": 4},
    }
    whole = answer.json["id"]
    assert answer.headers["location"] == f"/v1/jobs/{whole}"
    again = site.ask("GET", f"/v1/jobs/{whole}")
    assert again.json == answer.json
    task = site.ask("GET", f"/v1/jobs/{whole}_3").json
    assert task["task"] == {"array_id": whole, "array_number": answer.json["number"], "index": 3}
    assert (task["id"], task["array"]) == (f"{whole}_3", None)


@pytest.mark.parametrize("of", ["id", "end", "number", "name"])
def test_an_array_and_its_tasks_are_named_like_jobs(site: Site, of: str) -> None:
    whole = array(site, name="sweep_7", array="1-3", held=True)
    number = site.ask("GET", f"/v1/jobs/{whole}").json["number"]
    head = {"id": whole, "end": whole[-6:], "number": str(number), "name": "sweep_7"}[of]
    assert site.ask("GET", f"/v1/jobs/{head}").json["id"] == whole
    assert site.ask("GET", f"/v1/jobs/{head}_2").json["id"] == f"{whole}_2"
    missing = site.ask("GET", f"/v1/jobs/{head}_4")
    assert missing.status == 404
    assert "the array has no task 4; its tasks are 1-3" in missing.json["detail"]


def test_what_is_one_job_s_is_not_asked_of_an_array(site: Site) -> None:
    whole = array(site, array="0-3", held=True)
    for verb in ("logs", "snapshot"):
        answer = site.ask("GET", f"/v1/jobs/{whole}/{verb}")
        assert answer.status == 409
        assert f"name one of its tasks, for example {whole}_0" in answer.json["detail"]


def test_the_receipt_of_an_array_is_the_sum_of_its_tasks(site: Site) -> None:
    site.engine.default_script = Script(duration_ms=50)
    whole = array(site, array="0-3%2", resources={"gpus_per_node": 2})
    site.until(lambda: site.state(whole) == "succeeded")
    receipt = site.ask("GET", f"/v1/jobs/{whole}/cost").json
    own = [site.ask("GET", f"/v1/jobs/{whole}_{index}/cost").json for index in range(4)]
    assert (receipt["job_id"], receipt["state"], receipt["is_final"]) == (whole, "succeeded", True)
    assert [each["id"] for each in receipt["attempts"]] == [f"{whole}_{n}.1" for n in range(4)]
    for line, *parts in zip(receipt["lines"], *(each["lines"] for each in own), strict=True):
        if line["value"] is not None:
            assert line["value"] == pytest.approx(sum(part["value"] for part in parts))


def test_a_list_has_each_task_or_each_array(site: Site) -> None:
    alone = site.submit(name="alone", held=True)
    whole = array(site, array="0-2", held=True)
    last = site.submit(name="last", held=True)
    flat = [item["id"] for item in site.ask("GET", "/v1/jobs").json["items"]]
    assert flat == [alone, f"{whole}_0", f"{whole}_1", f"{whole}_2", last]
    page = site.ask("GET", "/v1/jobs", arrays="true", limit=2).json
    assert [item["id"] for item in page["items"]] == [alone, whole]
    rest = site.ask("GET", "/v1/jobs", arrays="true", cursor=page["next_cursor"]).json
    assert [item["id"] for item in rest["items"]] == [last]
    site.ask("POST", f"/v1/jobs/{whole}_1/cancel")
    (shown,) = (
        item
        for item in site.ask("GET", "/v1/jobs", arrays="true").json["items"]
        if item["id"] == whole
    )
    assert shown["array"]["states"] == {"held": 2, "cancelled": 1}
    assert site.ask("GET", "/v1/jobs", arrays="true", state="cancelled").json["items"] == [shown]


def test_others_arrays_are_neither_seen_nor_depended_on(two_tenants: Site) -> None:
    whole = array(two_tenants, user="anna", array="0-2", held=True)
    assert two_tenants.ask("GET", f"/v1/jobs/{whole}", user="rolf").status == 404
    assert two_tenants.ask("GET", "/v1/jobs", user="rolf", arrays="true").json["items"] == []
    asked = job(project="rival", depends_on=[whole])
    answer = two_tenants.ask("POST", "/v1/jobs", asked, user="rolf")
    assert (answer.status, answer.json["problems"][0]["key"]) == (422, "depends_on[0]")
    assert answer.json["problems"][0]["found"].startswith(f"job {whole}: not found")


def test_some_tasks_are_cancelled_and_the_answer_is_the_array(site: Site) -> None:
    whole = array(site, array="0-5", held=True)
    answer = site.ask("POST", f"/v1/jobs/{whole}_[0-1,4]/cancel")
    assert answer.status == 200
    assert (answer.json["id"], answer.json["state"]) == (whole, "held")
    assert answer.json["array"]["states"] == {"held": 3, "cancelled": 3}
    answer = site.ask("POST", f"/v1/jobs/{whole}/release")
    assert answer.json["array"]["states"].get("held", 0) == 0
    answer = site.ask("POST", f"/v1/jobs/{whole}/cancel", {"reason": "enough"})
    site.until(lambda: site.state(whole) == "cancelled")
    assert site.ask("POST", f"/v1/jobs/{whole}/cancel").status == 409


def test_why_tells_what_a_deferred_job_waits_for(site: Site) -> None:
    first = site.submit(name="prepare", held=True)
    second = site.submit(depends_on=["prepare"], begin="2999-01-01T00:00:00Z")
    found = site.ask("GET", f"/v1/jobs/{second}/why").json
    assert (found["state"], found["reason"]["code"]) == ("deferred", "dependency")
    assert found["reason"]["message"] == (
        f"waits for prepare ({first}), which is held, to succeed; "
        "does not begin before 2999-01-01T00:00:00Z"
    )
    late = site.submit(begin="2999-01-01T00:00:00Z")
    assert site.ask("GET", f"/v1/jobs/{late}/why").json["reason"]["code"] == "begin"


def test_why_of_an_array_counts_and_explains_the_first_that_waits(site: Site) -> None:
    whole = array(site, array="0-9%2", nodes=1, resources={"gpus_per_node": 2})
    site.until(lambda: site.state(f"{whole}_1") == "running")
    found = site.ask("GET", f"/v1/jobs/{whole}/why").json
    assert (found["job_id"], found["state"]) == (whole, "running")
    assert found["reason"]["code"] == "array-limit"
    assert found["reason"]["message"] == (
        "8 deferred, 2 running; task 2: its array has at most 2 of its tasks queued or running at "
        "once, and has 2"
    )


def test_when_of_a_deferred_job_is_not_before_its_time(site: Site) -> None:
    late = site.submit(begin="2999-01-01T00:00:00Z")
    found = site.ask("GET", f"/v1/jobs/{late}/when").json["forecast"]
    assert (found["state"], found["start_ms"]) == ("deferred", None)  # further than anybody looks
    soon_ms = round(time.time() * 1000) + 3_600_000
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon_ms / 1000))
    job_id = site.submit(begin=soon)
    answer = site.ask("GET", f"/v1/jobs/{job_id}/when")
    assert answer.status == 200, answer.json
    found = answer.json["forecast"]
    assert found["state"] == "deferred"
    assert soon_ms - 1000 <= found["start_ms"] <= soon_ms + 1000
    asked = site.ask("POST", "/v1/jobs/when", job(begin=soon)).json["forecast"]
    assert soon_ms - 1000 <= asked["start_ms"] <= soon_ms + 1000


def test_ten_thousand_tasks_are_accepted_in_one_go(site: Site) -> None:
    begin = time.process_time()
    whole = array(site, array="0-9999%1", held=True)
    assert time.process_time() - begin < SUBMIT_S_MAX
    found = site.ask("GET", f"/v1/jobs/{whole}").json
    assert found["array"]["states"] == {"held": 10_000}
    items = [job(array="0-4999"), job(array="0-5000")]
    answer = site.ask("POST", "/v1/jobs", {"items": items})
    assert answer.status == 422
    assert "10,001 jobs and tasks of arrays in one request" in answer.json["detail"]
