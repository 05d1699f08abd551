"""What no honest client sends: each is a 4xx problem with words that help, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from arkwright.control.web import BODY_BYTES_MAX
from control.site import Site, job


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all of them: it has to survive every attack, one after the other."""
    with closing(Site(tmp_path_factory.mktemp("hostile"))) as site:
        yield site


@pytest.fixture(autouse=True)
def _nothing_is_broken(site: Site) -> Iterator[None]:
    """After every attack the server is healthy and takes an honest job."""
    yield
    assert site.ask("GET", "/healthz").json == {
        "api_version": "v1",
        "kind": "health",
        "is_healthy": True,
        "fault": None,
        "notice": "",
    }
    honest = site.submit(name="honest", held=True)
    assert site.state(honest) == "held"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b'{"name": "a", "name": ', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "deeper than 64"),
        (b"[]", "mapping"),
        (b"7", "mapping"),
        (b"null", "mapping"),
        (b'"text"', "mapping"),
        (b'{"name": "a\\ud800"}', "no JSON"),
        (b'{"name": NaN}', "no JSON"),
    ],
)
def test_a_body_that_is_no_job_is_refused(site: Site, data: bytes, words: str) -> None:
    answer = site.ask("POST", "/v1/jobs", pieces=[data])
    assert (answer.status, answer.media_type) == (422, "application/problem+json")
    assert words in answer.json["detail"]


def test_a_body_that_is_too_large_is_refused_while_it_is_still_coming(site: Site) -> None:
    piece = b" " * 2**20
    answer = site.ask("POST", "/v1/jobs", pieces=[piece] * (BODY_BYTES_MAX // 2**20 + 5))
    assert answer.status == 413
    assert "larger than" in answer.json["detail"]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"nodes": "4"}, "nodes"),
        ({"nodes": 1.5}, "nodes"),
        ({"nodes": True}, "nodes"),
        ({"nodes": 0}, "nodes"),
        ({"nodes": -1}, "nodes"),
        ({"nodes": 10**15}, "nodes"),
        ({"nodes": 1e300}, "nodes"),
        ({"priority": 2**63}, "priority"),
        ({"command": "echo hi"}, "command"),
        ({"command": [1, {}]}, "command[1]"),
        ({"command": []}, "command"),
        ({"command": [""]}, "command"),
        ({"command": None, "script": " \n"}, "script"),
        ({"env": {"A=B": "x"}}, "env.A=B"),
        ({"env": {"": "x"}}, "env."),
        ({"time_limit": 60}, "time_limit"),
        ({"time_limit": "1e300 h"}, "time_limit"),
        ({"time_limit": "1e309 h"}, "time_limit"),
        ({"time_limit": "0 s"}, "time_limit"),
        ({"time_limit": "-1 s"}, "time_limit"),
        ({"grace": "1e200 d"}, "grace"),
        ({"resources": {"gpus_per_node": 1.5}}, "resources.gpus_per_node"),
        ({"resources": {"gpus_per_node": 1e308}}, "resources.gpus_per_node"),
        ({"resources": {"memory_per_node": "1e300 GB"}}, "resources.memory_per_node"),
        ({"resources": {"cpus_per_node": -1}}, "resources.cpus_per_node"),
        ({"checkpoint": {"dir": ""}}, "checkpoint.dir"),
        ({"checkpoint": {"dir": "/c", "signal": "SIGNOTHING"}}, "checkpoint.signal"),
        ({"checkpoint": {"dir": "/c", "interval": "1e250 s"}}, "checkpoint.interval"),
        ({"name": "../../etc/passwd"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": ".hidden"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"name": "ａ"}, "name"),
        ({"project": "lab/../rival"}, "project"),
        ({"project": "lab/"}, "project"),
        ({"project": "LAB"}, "project"),
        ({"kind": "daemon"}, "kind"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_its_key(
    site: Site, fields: dict[str, object], key: str
) -> None:
    answer = site.ask("POST", "/v1/jobs", job(**fields))
    assert answer.status == 422
    assert key in [problem["key"] for problem in answer.json["problems"]]


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ["echo", "a\0b"]},
        {"command": None, "script": "echo\0"},
        {"env": {"A": "x\0y"}},
        {"env": {"A\0B": "x"}},
        {"workdir": "/tmp\0/x"},
        {"checkpoint": {"dir": "/c\0"}},
    ],
)
def test_a_nul_that_no_process_could_be_given_is_refused_at_submit(
    site: Site, fields: dict[str, object]
) -> None:
    answer = site.ask("POST", "/v1/jobs", job(**fields))
    assert answer.status == 422
    assert "NUL" in answer.json["detail"] or "not text" in answer.json["detail"]


def test_a_site_that_is_not_there_is_refused_with_those_that_are(site: Site) -> None:
    answer = site.ask("POST", "/v1/jobs", job(sites=["mars"]))
    assert answer.status == 422
    assert "unknown site mars; this factory has fake" in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/jobs", {"limit": "0"}),
        ("/v1/jobs", {"limit": "-1"}),
        ("/v1/jobs", {"limit": "ten"}),
        ("/v1/jobs", {"limit": "9" * 5000}),
        ("/v1/jobs", {"cursor": "1e3"}),
        ("/v1/jobs", {"cursor": "١"}),
        ("/v1/jobs", {"all": "yes"}),
        ("/v1/jobs", {"state": "asleep"}),
        ("/v1/events", {"limit": "0"}),
        ("/v1/events", {"after": "x"}),
        ("/v1/events", {"after": "9" * 5000}),
        ("/v1/events", {"watch": "1"}),
    ],
)
def test_a_query_that_says_nothing_is_refused(
    site: Site, path: str, query: dict[str, object]
) -> None:
    site.submit(held=True)
    answer = site.ask("GET", path, **query)
    assert (answer.status, answer.media_type) == (422, "application/problem+json")
    assert next(iter(query)) in answer.json["detail"]


@pytest.mark.parametrize("number", ["9" * 30, str(2**62), "1001"])
def test_a_number_beyond_every_store_is_taken_as_the_largest(site: Site, number: str) -> None:
    assert site.ask("GET", "/v1/jobs", cursor=number, limit=number).json["items"] == []
    assert site.ask("GET", "/v1/events", after=number, limit=number).json["items"] == []


@pytest.mark.parametrize("body", [[], {"reason": 7}, {"reason": "a\nb"}, {"reason": "x" * 501}])
def test_a_reason_is_one_line_of_text(site: Site, body: object) -> None:
    job_id = site.submit(held=True)
    assert site.ask("POST", f"/v1/jobs/{job_id}/cancel", body).status == 422
    assert site.ask("POST", "/v1/nodes/fake/local/r01/n01/drain", body).status == 422
    assert site.state(job_id) == "held"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"command": "ls"},
        {"command": []},
        {"command": [1]},
        {"command": [""]},
        {"command": ["a\0"]},
        {"command": ["ls"], "timeout_s": "1"},
        {"command": ["ls"], "timeout_s": 0},
        {"command": ["ls"], "timeout_s": True},
        {"command": ["ls"], "timeout_s": 601},
    ],
)
def test_a_command_that_cannot_be_run_beside_a_job_is_refused(site: Site, body: object) -> None:
    job_id = site.submit(held=True)
    assert site.ask("POST", f"/v1/jobs/{job_id}/exec", body).status == 422


def test_a_header_of_other_bytes_does_not_break_the_answer(site: Site) -> None:
    headers = {"Idempotency-Key": "k\xe9\xff", "If-None-Match": "\xff"}
    assert site.ask("POST", "/v1/jobs", job(held=True), headers=headers).status == 201
    assert (
        site.ask("GET", "/v1/jobs", user=None, headers={"Authorization": "Bearer \xff"}).status
        == 401
    )


def test_a_job_of_ten_thousand_variables_survives_the_way_to_the_log_and_back(site: Site) -> None:
    env = {f"V{n}": "æ" * 10 for n in range(10_000)}
    job_id = site.submit(env=env, held=True)
    assert site.ask("GET", f"/v1/jobs/{job_id}").json["spec"]["env"] == env
    assert len(json.dumps(env)) > 100_000


def test_after_all_of_this_a_job_still_runs(site: Site) -> None:
    site.running()
