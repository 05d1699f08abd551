"""Who may do what: tokens, owners and members, and what a tenant learns of another."""

from __future__ import annotations

import pytest

from arkwright.control.api import ROUTES
from control.site import Site, job

PROBLEM_KEYS = {"type", "title", "status", "detail", "problems", "reason"}


def paths() -> list[tuple[str, str]]:
    return [
        (method, path.replace("{job}", "some-job").replace("{node:path}", "a/b/c/d"))
        for method, path, _ in ROUTES
    ]


@pytest.mark.parametrize(
    "header", [None, "Bearer ark_wrong", "Basic b3duZXI6", "Bearer", "Bearer "]
)
def test_no_route_answers_without_a_valid_token(site: Site, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in paths():
        answer = site.ask(method, path, user=None, headers=headers)
        assert answer.status == 401, (method, path)
        assert answer.media_type == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert set(answer.json) == PROBLEM_KEYS


def test_health_and_the_description_of_the_api_need_no_token(site: Site) -> None:
    assert site.ask("GET", "/healthz", user=None).json["is_healthy"] is True
    assert site.ask("GET", "/v1/openapi.json", user=None).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/", 404), ("DELETE", "/v1/jobs", 405)],
)
def test_what_is_not_there_is_a_problem_too(
    site: Site, method: str, path: str, status: int
) -> None:
    answer = site.ask(method, path)
    assert (answer.status, answer.media_type) == (status, "application/problem+json")
    if status == 405:
        assert (
            set(answer.headers["allow"].split(", ")) >= {"GET"} or "POST" in answer.headers["allow"]
        )


def test_a_member_sees_the_jobs_of_its_own_organisation_only(two_tenants: Site) -> None:
    site = two_tenants
    mine, theirs = site.submit(user="anna"), site.submit(user="rolf", project="rival")
    below = site.submit(user="vera", project="lab/vision")
    assert [item["id"] for item in site.ask("GET", "/v1/jobs", user="anna").json["items"]] == [
        mine,
        below,
    ]
    assert [item["id"] for item in site.ask("GET", "/v1/jobs", user="vera").json["items"]] == [
        below
    ]
    assert len(site.ask("GET", "/v1/jobs").json["items"]) == 3
    assert site.ask("GET", f"/v1/jobs/{theirs}", user="rolf").status == 200


@pytest.mark.parametrize(
    ("method", "verb", "body"),
    [
        ("GET", "", None),
        ("GET", "/why", None),
        ("GET", "/cost", None),
        ("GET", "/logs", None),
        ("POST", "/cancel", {}),
        ("POST", "/hold", None),
        ("POST", "/release", None),
        ("POST", "/exec", {"command": ["true"]}),
    ],
)
def test_a_foreign_job_does_not_exist_whatever_is_done_with_it(
    two_tenants: Site, method: str, verb: str, body: object
) -> None:
    """404 and the words of a job that never was: a 403 would say that the id is right."""
    site = two_tenants
    theirs = site.submit(user="rolf", project="rival", name="secret")
    for reference in (theirs, theirs[-6:], "secret"):
        found = site.ask(method, f"/v1/jobs/{reference}{verb}", body, user="anna")
        never = site.ask(method, f"/v1/jobs/{'x' * len(reference)}{verb}", body, user="anna")
        assert found.status == never.status == 404
        assert found.json["detail"].replace(reference, "") == never.json["detail"].replace(
            "x" * len(reference), ""
        )
    assert site.state(theirs) != "cancelled"


def test_foreign_jobs_of_the_same_name_do_not_hide_one_s_own(two_tenants: Site) -> None:
    site = two_tenants
    mine = site.submit(user="anna", name="train", held=True)
    others = [job(name="train", project="rival", held=True) for _ in range(101)]
    assert site.ask("POST", "/v1/jobs", {"items": others}).status == 201
    assert site.ask("GET", "/v1/jobs/train", user="anna").json["id"] == mine


@pytest.mark.parametrize("reference", ["%%%%", "____", "%25%25%25%25", "'; drop table jobs; --"])
def test_a_reference_is_text_and_no_pattern(site: Site, reference: str) -> None:
    site.submit(held=True)
    assert site.ask("GET", f"/v1/jobs/{reference}").status == 404


def test_an_end_of_an_id_that_fits_two_jobs_is_refused(site: Site) -> None:
    job_id = site.submit(held=True)
    assert site.ask("GET", f"/v1/jobs/{job_id[-8:]}").json["id"] == job_id
    assert site.ask("GET", f"/v1/jobs/{job_id[-3:]}").status == 404  # too short to mean an id


def test_a_member_may_not_submit_to_another_organisation(two_tenants: Site) -> None:
    answer = two_tenants.ask("POST", "/v1/jobs", job(project="rival"), user="anna")
    assert answer.status == 403
    assert "may not submit to project rival" in answer.json["detail"]
    assert two_tenants.ask("POST", "/v1/jobs", job(project="lab/vision"), user="anna").status == 201


def test_a_member_s_project_is_taken_where_the_job_names_none(two_tenants: Site) -> None:
    body = job()
    del body["project"]
    assert two_tenants.ask("POST", "/v1/jobs", body, user="vera").json["project"] == "lab/vision"
    assert "no project given" in two_tenants.ask("POST", "/v1/jobs", body).json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/nodes/fake/local/r01/n01/drain", None),
        ("POST", "/v1/nodes/fake/local/r01/n01/resume", None),
        ("POST", "/v1/users", {"name": "x", "role": "owner"}),
        ("GET", "/v1/events", None),
    ],
)
def test_what_runs_the_factory_is_for_owners(
    two_tenants: Site, method: str, path: str, body: object
) -> None:
    answer = two_tenants.ask(method, path, body, user="anna")
    assert answer.status == 403
    assert "no owner" in answer.json["detail"]


def test_a_member_may_not_watch_the_whole_log_either(two_tenants: Site) -> None:
    answer = two_tenants.ask("GET", "/v1/events", user="anna", watch="true")
    assert (answer.status, answer.media_type) == (403, "application/problem+json")


def test_a_member_reads_the_events_of_its_own_job(two_tenants: Site) -> None:
    mine, theirs = (
        two_tenants.submit(user="anna"),
        two_tenants.submit(user="rolf", project="rival"),
    )
    found = two_tenants.ask("GET", "/v1/events", user="anna", job=mine).json["items"]
    assert found[0]["kind"] == "job_submitted"
    assert two_tenants.ask("GET", "/v1/events", user="anna", job=theirs).status == 404


def test_nodes_show_a_member_its_own_jobs_and_that_the_rest_is_taken(two_tenants: Site) -> None:
    site = two_tenants
    theirs = site.running(user="rolf", project="rival", resources={"gpus_per_node": 2})
    nodes = site.ask("GET", "/v1/nodes", user="anna").json["items"]
    assert [node["jobs"] for node in nodes] == [[], [], [], []]
    assert sorted(node["gpus_free"] for node in nodes) == [0, 2, 2, 2]
    owner = site.ask("GET", "/v1/nodes").json["items"]
    assert [theirs] in [node["jobs"] for node in owner]


def test_why_does_not_name_another_tenant_s_job(two_tenants: Site) -> None:
    """The rival's gang is first in line for every node; anna's job would delay it."""
    site = two_tenants
    whole = {"gpus_per_node": 2}
    site.running(resources=whole)
    first = site.submit(user="rolf", project="rival", nodes=4, priority=9, resources=whole)
    mine = site.submit(user="anna", time_limit="300 d")
    for user, is_named in (("anna", False), ("owner", True)):
        reason = site.ask("GET", f"/v1/jobs/{mine}/why", user=user).json["reason"]
        assert reason["code"] == "reserved-for-head"
        assert (first in reason["message"]) is is_named
        assert ("job" in reason["numbers"]) is is_named
    assert (
        "kept for a job of another project"
        in (site.ask("GET", f"/v1/jobs/{mine}/why", user="anna").json["reason"]["message"])
    )


def test_the_factory_names_a_member_no_other_tenant(two_tenants: Site) -> None:
    def projects(user: str) -> list[str]:
        found: list[str] = two_tenants.ask("GET", "/v1/factory", user=user).json["projects"]
        return found

    assert projects("anna") == ["lab", "lab/vision"]
    assert projects("rolf") == ["rival"]
    assert projects("owner") == ["lab", "lab/vision", "rival"]


def test_the_last_owner_stays_one(site: Site) -> None:
    demotion = {"name": "owner", "role": "member", "project": "lab"}
    answer = site.ask("POST", "/v1/users", demotion)
    assert (answer.status, "the only owner" in answer.json["detail"]) == (409, True)
    site.add_user("second", None, "owner")
    assert site.ask("POST", "/v1/users", demotion).status == 201


def test_a_token_is_shown_once_and_its_hash_never(site: Site) -> None:
    site.add_user("anna", "lab")
    log = site.ask("GET", "/v1/events", limit=1000).data.decode()
    assert "user_added" in log
    assert "token_hash" not in log
    assert site.tokens["anna"] not in log


def test_a_new_token_ends_the_old_one(site: Site) -> None:
    site.add_user("anna", "lab")
    old = site.tokens["anna"]
    site.add_user("anna", "lab")
    headers = {"Authorization": f"Bearer {old}"}
    assert site.ask("GET", "/v1/jobs", user=None, headers=headers).status == 401
    assert site.ask("GET", "/v1/jobs", user="anna").status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "", "role": "member", "project": "lab"}, "name"),
        ({"name": "a\x00", "role": "member", "project": "lab"}, "name"),
        ({"name": "a" * 65, "role": "member", "project": "lab"}, "name"),
        ({"name": "a", "role": "king"}, "use one of owner, member"),
        ({"name": "a", "role": "member"}, "a member belongs to"),
        ({"name": "a", "role": "member", "project": 7}, "project: 7"),
        ({"name": "a", "role": "member", "project": "moon"}, "use one of lab, lab/vision, rival"),
        (["not", "an", "object"], "name"),
    ],
)
def test_a_user_that_cannot_be_is_refused(site: Site, body: object, words: str) -> None:
    answer = site.ask("POST", "/v1/users", body)
    assert answer.status == 422
    assert words in answer.json["detail"]
