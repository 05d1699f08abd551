"""Reservations over the API: who may make them, what they keep, what is kept of them."""

from __future__ import annotations

import time

import pytest

from control.site import Site

HOUR_MS = 3_600_000


def ms(hours: float = 0.0) -> int:
    """So many hours from now."""
    return int(time.time() * 1000 + hours * HOUR_MS)


def asked(name: str = "launch", **fields: object) -> dict[str, object]:
    """A reservation of two nodes for the lab in an hour, for one hour."""
    given = {"name": name, "project": "lab", "nodes": 2, "from_ms": ms(1), "until_ms": ms(2)}
    return given | fields


def names(site: Site, user: str = "owner") -> list[str]:
    return [each["name"] for each in site.ask("GET", "/v1/reservations", user=user).json["items"]]


def paths(site: Site) -> list[str]:
    return [node["path"] for node in site.ask("GET", "/v1/nodes").json["items"]]


def test_a_reservation_is_made_listed_and_given_up(site: Site) -> None:
    made = site.ask("POST", "/v1/reservations", asked())
    assert (made.status, made.json["kind"]) == (201, "reservation")
    assert made.json["nodes"] == paths(site)[:2]
    assert (made.json["project"], made.json["is_open"]) == ("lab", False)
    assert names(site) == ["launch"]
    gone = site.ask("DELETE", "/v1/reservations/launch")
    assert (gone.status, gone.json["name"]) == (200, "launch")
    assert names(site) == []
    kinds = [event["kind"] for event in site.ask("GET", "/v1/events", limit=1000).json["items"]]
    assert kinds[-2:] == ["reservation_made", "reservation_withdrawn"]
    assert site.ask("DELETE", "/v1/reservations/launch").status == 404


def test_a_job_of_others_starts_only_where_it_is_over_in_time(site: Site) -> None:
    """Four nodes are the lab's in an hour: rival's job of two hours waits, its short one runs."""
    site.ask("POST", "/v1/reservations", asked(nodes=4))
    long = site.submit(project="rival", time_limit="2 h")
    site.running(project="rival", time_limit="30 min")
    site.running(project="lab", time_limit="2 h")
    why = site.ask("GET", f"/v1/jobs/{long}/why").json["reason"]
    assert why["code"] == "reserved-window"
    assert "reserved for lab from" in why["message"]
    assert why["change"].startswith("time_limit: 3")
    assert site.ask("DELETE", "/v1/reservations/launch").status == 200
    site.until(lambda: site.state(long) == "running")


def test_a_member_is_not_told_for_which_foreign_project_nodes_are_kept(two_tenants: Site) -> None:
    site = two_tenants
    site.ask("POST", "/v1/reservations", asked(nodes=4))
    long = site.submit(user="rolf", project="rival", time_limit="2 h")
    why = site.ask("GET", f"/v1/jobs/{long}/why", user="rolf").json["reason"]
    assert why["code"] == "reserved-window"
    assert "another project" in why["message"]
    assert "lab" not in why["message"]
    assert names(site, "rolf") == []
    assert names(site, "vera") == []
    assert names(site, "anna") == ["launch"]


def test_nodes_are_chosen_among_those_free_of_other_reservations(site: Site) -> None:
    first = site.ask("POST", "/v1/reservations", asked("one", nodes=3)).json["nodes"]
    refused = site.ask("POST", "/v1/reservations", asked("two"))
    assert refused.status == 409
    assert "2 nodes; 1 are up and not reserved" in refused.json["detail"]
    assert site.ask("POST", "/v1/reservations", asked("two", nodes=1)).json["nodes"][0] not in first
    later = asked("three", nodes=4, from_ms=ms(1.9), until_ms=ms(3))
    assert site.ask("POST", "/v1/reservations", later).status == 409
    later = asked("three", nodes=4, from_ms=ms(2.1), until_ms=ms(3))
    assert site.ask("POST", "/v1/reservations", later).status == 201


def test_nodes_that_no_job_is_expected_to_hold_then_come_first(site: Site) -> None:
    """Jobs on the first two nodes; the one on the second is over before the window opens."""
    big = {"gpus_per_node": 2}
    site.running(resources=big, time_limit="5 h")
    site.running(resources=big, time_limit="30 min")
    made = site.ask("POST", "/v1/reservations", asked(nodes=2, project="rival"))
    assert made.json["nodes"] == paths(site)[1:3]


def test_maintenance_may_overlap_what_is_reserved_and_is_the_owners_alone(
    two_tenants: Site,
) -> None:
    site = two_tenants
    site.ask("POST", "/v1/reservations", asked())
    fans = asked("fans", nodes=[paths(site)[0]], project=None)
    assert site.ask("POST", "/v1/reservations", fans, user="anna").status == 403
    assert site.ask("POST", "/v1/reservations", fans).status == 201
    assert (
        site.ask("POST", "/v1/reservations", fans | {"name": "b", "project": "rival"}).status == 409
    )


def test_members_of_an_organisation_reserve_within_it_and_its_quota(two_tenants: Site) -> None:
    site = two_tenants
    for user, project in (("anna", "rival"), ("vera", "lab"), ("vera", "lab/vision")):
        answer = site.ask("POST", "/v1/reservations", asked(project=project), user=user)
        assert answer.status == 403, (user, project)
    mine = asked(project="lab/vision", nodes=4)
    assert site.ask("POST", "/v1/reservations", mine, user="anna").status == 201
    assert site.ask("DELETE", "/v1/reservations/launch", user="rolf").status == 404
    assert site.ask("DELETE", "/v1/reservations/launch", user="vera").status == 403
    assert site.ask("DELETE", "/v1/reservations/launch", user="anna").status == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"until_ms": 5}, 422),
        ({"until_ms": 1 << 50}, 422),  # in the year 37,648, which no list could show
        ({"from_ms": 9_000_000_000_000, "until_ms": 8_999_999_999_999}, 422),
        ({"nodes": 0}, 422),
        ({"nodes": []}, 422),
        ({"nodes": ["nowhere"]}, 404),
        ({"nodes": 1, "gpu_type": "b200"}, 409),
        ({"name": "a name"}, 422),
        ({"name": "x" * 64}, 422),
        ({"project": "nobody"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    site: Site, fields: dict[str, object], status: int
) -> None:
    answer = site.ask("POST", "/v1/reservations", asked(**fields))
    assert answer.status == status, answer.json
    assert names(site) == []
