"""Contracts over the API: who makes them, what they keep before and in their time, who sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from control.site import FACTORY, Site, fake_engine

HOUR_MS = 3_600_000
BOUNDED = FACTORY.replace("rival: {}", "rival: {quota: {guarantee: 0}}")
"""Four nodes of two GPUs, all that the lab's `gpus: 8` allows it as well."""
IN_FILE = FACTORY.replace(
    "rival: {}",
    "rival: {contracts: [{gpus: 6, from: 2020-01-01, until: 2090-01-01, usd_per_gpu_hour: 2.5}]}",
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path, BOUNDED)) as site:
        site.add_user("anna", "lab")
        site.add_user("rolf", "rival")
        yield site


def ms(hours: float = 0.0) -> int:
    """So many hours from now."""
    return int(time.time() * 1000 + hours * HOUR_MS)


def asked(name: str = "launch", **fields: object) -> dict[str, object]:
    """Six GPUs for the lab in an hour, for one hour."""
    given = {"name": name, "project": "lab", "gpus": 6, "from_ms": ms(1), "until_ms": ms(2)}
    return given | fields


def names(site: Site, user: str = "owner") -> list[str]:
    return [each["name"] for each in site.ask("GET", "/v1/contracts", user=user).json["items"]]


def pair(**fields: object) -> dict[str, object]:
    """A job of one whole node."""
    return {"resources": {"gpus_per_node": 2}} | fields


def kinds(site: Site) -> list[str]:
    found = site.ask("GET", "/v1/events", limit=1000).json["items"]
    return [event["kind"] for event in found if event["kind"].startswith("contract")]


def test_a_contract_is_made_listed_shown_with_the_quota_and_ended(shop: Site) -> None:
    made = shop.ask("POST", "/v1/contracts", asked(lend=2, usd_per_gpu_hour=2.5))
    assert (made.status, made.json["kind"]) == (201, "contract")
    assert (made.json["gpus"], made.json["lend"], made.json["is_open"]) == (6, 2, False)
    assert names(shop) == ["launch"]
    quotas = {each["project"]: each for each in shop.ask("GET", "/v1/quotas").json["items"]}
    (shown,) = quotas["lab"]["contracts"]
    assert (shown["name"], shown["gpus"], shown["used"]) == ("launch", 6, 0)
    gone = shop.ask("DELETE", "/v1/contracts/launch")
    assert (gone.status, gone.json["name"]) == (200, "launch")
    assert names(shop) == []
    assert kinds(shop) == ["contract_made", "contract_withdrawn"]
    assert shop.ask("DELETE", "/v1/contracts/launch").status == 404


def test_a_job_of_others_starts_only_where_it_leaves_what_was_bought(shop: Site) -> None:
    """Six of eight GPUs are the lab's in an hour: one of rival's long jobs runs, a short one."""
    shop.ask("POST", "/v1/contracts", asked())
    shop.running(**pair(project="rival", time_limit="2 h"))
    long = shop.submit(**pair(project="rival", time_limit="2 h"))
    shop.running(**pair(project="rival", time_limit="30 min"))
    why = shop.ask("GET", f"/v1/jobs/{long}/why").json["reason"]
    assert why["code"] == "contract-ahead"
    assert "when the contract of lab begins at" in why["message"]
    assert why["change"].startswith("time_limit: ")
    assert shop.ask("DELETE", "/v1/contracts/launch").status == 200
    shop.until(lambda: shop.state(long) == "running")


def test_a_contract_of_the_file_holds_from_the_start_and_stands_in_the_file(tmp_path: Path) -> None:
    engine = fake_engine()
    with closing(Site(tmp_path, IN_FILE, engine)) as site:
        site.running(**pair(project="lab", time_limit="1 h"))
        held_up = site.submit(**pair(project="lab", time_limit="1 min"))
        mine = [site.running(**pair(project="rival", time_limit="1 h")) for _ in range(3)]
        assert site.state(held_up) == "queued"
        assert site.ask("GET", f"/v1/jobs/{held_up}/why").json["reason"]["code"] == "quota"
        assert kinds(site) == ["contract_reached"]
        (contract,) = site.ask("GET", "/v1/contracts").json["items"]
        assert (contract["name"], contract["is_in_file"]) == ("rival#1", True)
        (shown,) = site.ask("GET", "/v1/quotas").json["items"][-1]["contracts"]
        assert (shown["used"], shown["usd_per_gpu_hour"]) == (2 * len(mine), 2.5)
        refused = site.ask("DELETE", "/v1/contracts/rival#1")
        assert refused.status == 409
        assert "factory file" in refused.json["detail"]
    with closing(Site(tmp_path, IN_FILE, engine)) as site:
        site.ask("POST", f"/v1/jobs/{mine[0]}/cancel")
        site.until(lambda: site.ask("GET", "/v1/quotas").json["items"][-1]["used"] == 4)
        assert site.state(held_up) == "queued"
        assert kinds(site) == ["contract_reached"], "it is known, and not reached anew"
    # Taken out of the file, it holds nothing any more.
    with closing(Site(tmp_path, BOUNDED, engine)) as site:
        site.until(lambda: site.state(held_up) == "running")


def test_a_contract_that_begins_now_is_in_force_at_once_and_a_new_server_knows(
    tmp_path: Path,
) -> None:
    with closing(Site(tmp_path, BOUNDED)) as site:
        now = asked(from_ms=None, until_ms=ms(3))
        assert site.ask("POST", "/v1/contracts", now).json["is_open"] is True
        later = asked("later", project="rival", gpus=2, from_ms=ms(2))
        later["until_ms"] = ms(4)
        assert site.ask("POST", "/v1/contracts", later).status == 201
    with closing(Site(tmp_path, BOUNDED)) as site:
        assert names(site) == ["launch", "later"]
        site.running(**pair(project="rival", time_limit="1 h"))
        second = site.submit(**pair(project="rival", time_limit="1 h"))
        site.running(**pair(project="lab", time_limit="1 h"))
        assert site.state(second) == "queued"
        assert kinds(site) == ["contract_made", "contract_made"]


def test_a_member_sees_its_own_and_is_not_told_who_bought(shop: Site) -> None:
    shop.ask("POST", "/v1/contracts", asked(gpus=8))
    assert names(shop, "rolf") == []
    assert names(shop, "anna") == ["launch"]
    long = shop.submit(user="rolf", **pair(project="rival", time_limit="2 h"))
    why = shop.ask("GET", f"/v1/jobs/{long}/why", user="rolf").json["reason"]
    assert why["code"] == "contract-ahead"
    assert "the contract of another project begins" in why["message"]
    assert "lab" not in why["message"]
    for user, status in (("anna", 403), ("rolf", 404)):
        assert shop.ask("DELETE", "/v1/contracts/launch", user=user).status == status
    assert shop.ask("POST", "/v1/contracts", asked("more"), user="anna").status == 403


def test_the_same_gpus_are_not_sold_twice(shop: Site) -> None:
    shop.ask("POST", "/v1/contracts", asked(lend=6))
    refused = shop.ask("POST", "/v1/contracts", asked("more", project="rival", gpus=3))
    assert refused.status == 409
    assert (
        "9 GPUs of factory would be promised, and it may have 8; sell 1 fewer"
        in (refused.json["detail"])
    )
    assert shop.ask("POST", "/v1/contracts", asked("more", project="rival", gpus=2)).status == 201
    later = asked("after", project="rival", from_ms=ms(2.1), until_ms=ms(3), gpus=8)
    assert shop.ask("POST", "/v1/contracts", later).status == 201
    above = asked("above", project="lab/vision", gpus=5, from_ms=ms(4), until_ms=ms(5))
    detail = shop.ask("POST", "/v1/contracts", above).json["detail"]
    assert "5 GPUs of lab/vision would be promised, and it may have 4" in detail


def test_what_was_paid_and_used_is_told(shop: Site) -> None:
    """Four GPUs are held all the time: more than the three of the project, two thirds of the six
    that its organisation has bought, in which the project's lie."""
    for _ in range(2):
        shop.running(**pair(project="lab/vision", time_limit="1 h"))
    inner = asked(from_ms=None, project="lab/vision", gpus=3, usd_per_gpu_hour=2.0)
    assert shop.ask("POST", "/v1/contracts", inner).status == 201
    assert shop.ask("POST", "/v1/contracts", asked("wider", from_ms=None)).status == 201
    shop.until(lambda: shop.ask("GET", "/v1/contracts/wider/cost").json["paid_gpu_hours"] > 0)
    found = shop.ask("GET", "/v1/contracts/launch/cost").json
    assert found["kind"] == "statement"
    assert found["used_gpu_hours"] == pytest.approx(found["paid_gpu_hours"])
    assert found["usd"] == pytest.approx(2 * found["paid_gpu_hours"])
    found = shop.ask("GET", "/v1/contracts/wider/cost", user="anna").json
    assert found["used_gpu_hours"] == pytest.approx(found["paid_gpu_hours"] * 2 / 3)
    assert (found["unused_gpu_hours"] > 0, found["usd"]) == (True, None)
    assert shop.ask("GET", "/v1/contracts/launch/cost", user="rolf").status == 404
    assert shop.ask("GET", "/v1/contracts/none/cost").status == 404


def test_without_a_bound_above_all_it_is_said_what_to_do(site: Site) -> None:
    refused = site.ask("POST", "/v1/contracts", asked())
    assert refused.status == 409
    assert "give it quota.guarantee: 0 in the factory file" in refused.json["detail"]


def test_contracts_and_reservations_share_their_names(shop: Site) -> None:
    nodes = {"name": "launch", "project": "lab", "nodes": 1, "from_ms": ms(1), "until_ms": ms(2)}
    assert shop.ask("POST", "/v1/reservations", nodes).status == 201
    assert shop.ask("POST", "/v1/contracts", asked()).status == 409
    assert shop.ask("POST", "/v1/contracts", asked("other")).status == 201
    assert shop.ask("POST", "/v1/reservations", nodes | {"name": "other"}).status == 409


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"until_ms": 5}, 422),
        ({"until_ms": 1 << 50}, 422),
        ({"from_ms": 9_000_000_000_000, "until_ms": 8_999_999_999_999}, 422),
        ({"gpus": 0}, 422),
        ({"lend": 7}, 422),
        ({"gpu_type": "b200"}, 409),
        ({"name": "a name"}, 422),
        ({"project": "nobody"}, 422),
        ({"project": None}, 422),
        ({"nodes": 3}, 422),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    shop: Site, fields: dict[str, object], status: int
) -> None:
    answer = shop.ask("POST", "/v1/contracts", asked(**fields))
    assert answer.status == status, answer.json
    assert names(shop) == []
