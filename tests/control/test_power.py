"""`/v1/power`: the tree with its limits, set, announced and withdrawn by owners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from control.site import FACTORY, Site

LIMITED = FACTORY.replace("country: NO, ", "country: NO, grid: {connection: 20 kW, basis: it}, ")


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path, LIMITED)) as site:
        yield site


def test_the_tree_shows_the_files_limit_then_the_one_set_then_the_files_again(
    limited: Site,
) -> None:
    (row,) = limited.ask("GET", "/v1/power").json["items"]
    assert row["path"] == "fake"
    assert row["limit_w"] == row["limit_w_file"] > 0
    changed = limited.ask("PUT", "/v1/power/fake", {"limit_w": 5000, "reason": "grid"}).json
    assert (changed["kind"], changed["limit_w"], changed["is_set"]) == ("power", 5000, True)
    back = limited.ask("DELETE", "/v1/power/fake").json
    assert (back["limit_w"], back["is_set"]) == (row["limit_w_file"], False)
    events = limited.ask("GET", "/v1/events", limit=1000).json["items"]
    told = [(e["kind"], e["cause"], e["actor"]) for e in events if "power" in e["kind"]]
    assert told[0] == ("power_limit_set", "grid", "user:owner")
    assert told[1][0] == "power_limit_withdrawn"


def test_a_limit_is_announced_and_withdrawn_by_its_time(limited: Site) -> None:
    far_ms = 4_000_000_000_000
    asked = {"percent": 50, "from_ms": far_ms, "until_ms": far_ms + 1000}
    found = limited.ask("PUT", "/v1/power/fake", asked).json
    window = {"from_ms": far_ms, "until_ms": far_ms + 1000, "limit_w": found["limit_w_file"] // 2}
    assert found["windows"] == [window]
    assert limited.ask("DELETE", "/v1/power/fake", from_ms=far_ms + 1).status == 409
    assert limited.ask("DELETE", "/v1/power/fake", from_ms=far_ms).json["windows"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"limit_w": 1, "percent": 2}, 422),
        ({"limit_w": -1}, 422),
        ({"limit_w": "8 MW"}, 422),
        ({"limit_w": 1, "until_ms": 1}, 422),
        ({"limit_w": 1, "until_ms": 1 << 50}, 422),
        ({"watts": 1}, 422),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(
    limited: Site, body: dict[str, object], status: int
) -> None:
    assert limited.ask("PUT", "/v1/power/fake", body).status == status


def test_members_see_the_tree_and_limit_nothing(limited: Site) -> None:
    limited.add_user("anna", "lab")
    assert limited.ask("GET", "/v1/power", user="anna").status == 200
    assert limited.ask("PUT", "/v1/power/fake", {"limit_w": 1}, user="anna").status == 403
    assert limited.ask("DELETE", "/v1/power/fake", user="anna").status == 403
    assert limited.ask("PUT", "/v1/power/mars", {"limit_w": 1}).status == 404
