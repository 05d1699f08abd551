"""`arkwright reserve`: times and nodes as people write them, and what it asks the server."""

from __future__ import annotations

import pytest

from arkwright.cli.reserve import instant_ms

MADE = {
    "api_version": "v1",
    "kind": "reservation",
    "name": "launch",
    "project": "lab",
    "nodes": ["here/h/r1/n1", "here/h/r1/n2"],
    "from_ms": 1_803_888_000_000,
    "until_ms": 1_803_895_200_000,
    "is_open": False,
}


SOLD = {
    "api_version": "v1",
    "kind": "contract",
    "name": "year",
    "project": "lab",
    "gpus": 1256,
    "gpu_type": "h100",
    "lend": 64,
    "from_ms": 1_803_880_000_000,
    "until_ms": 1_835_424_000_000,
    "usd_per_gpu_hour": 1.9,
    "is_open": False,
    "is_in_file": False,
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2027-03-01T08:00:00Z", 1_803_888_000_000),
        ("2027-03-01T09:00:00+01:00", 1_803_888_000_000),
        ("2027-03-01T08:00:00.250Z", 1_803_888_000_250),
        ("+2h", 7_200_007),
        ("+1.5 d", 129_600_007),
    ],
)
def test_a_time_is_rfc_3339_or_so_long_from_now(text, found):
    assert instant_ms("--from", text, 7) == found


def test_what_is_reserved_is_said_and_asked_for_in_milliseconds(api, ask):
    api.say("POST", "/v1/reservations", MADE)
    code, out, _ = ask(
        *("reserve", "launch", "--project", "lab", "--nodes", "2"),
        *("--from", "2027-03-01T08:00:00Z", "--until", "+2h"),
    )
    assert code == 0
    assert out.startswith("launch: reserved, 2 nodes for lab, 2027-03-01T")
    assert out.splitlines()[1:] == ["  here/h/r1/n1", "  here/h/r1/n2"]
    body = api.asked[-1].body
    assert (body["nodes"], body["project"]) == (2, "lab")
    assert (body["from_ms"], body["until_ms"]) == (MADE["from_ms"], MADE["until_ms"])


def test_nodes_may_be_named(api, ask):
    api.say("POST", "/v1/reservations", MADE | {"project": None})
    out = ask("reserve", "fans", "--nodes", "r1/n1, r1/n2", "--until", "+2h")[1]
    assert "2 nodes for nobody" in out
    assert api.asked[-1].body["nodes"] == ["r1/n1", "r1/n2"]


def test_gpus_are_sold_without_naming_nodes(api, ask):
    api.say("POST", "/v1/contracts", SOLD)
    code, out, _ = ask(
        *("reserve", "year", "--project", "lab", "--gpus", "1256", "--gpu-type", "h100"),
        *("--lend", "64", "--price", "1.9", "--from", "2027-03-01T08:00:00Z", "--until", "+365d"),
    )
    assert code == 0
    assert out.startswith("year: sold, 1,256 GPUs of h100 (64 lent) for lab, 2027-0")
    body = api.asked[-1].body
    assert (body["gpus"], body["lend"], body["usd_per_gpu_hour"]) == (1256, 64, 1.9)
    assert body["until_ms"] - body["from_ms"] == 365 * 86_400_000
    assert "nodes" not in body


def test_what_a_contract_was_used_for_is_said(api, ask):
    told = {"name": "year", "until_ms": 1_803_888_000_000, "paid_gpu_hours": 1000.0}
    told |= {"used_gpu_hours": 750.5, "unused_gpu_hours": 249.5, "usd": 1900.0}
    api.say("GET", "/v1/contracts/year/cost", told)
    out = ask("reserve", "year", "--cost")[1]
    assert out.startswith("year: 1,000.0 GPU-hours paid until 2027-03-01T")
    assert out.endswith(", 1,900.00 USD: 750.5 used, 249.5 not used\n")


def test_the_list_by_time_and_giving_up(api, ask):
    api.say("GET", "/v1/reservations", {"items": [MADE]}, {"items": []})
    api.say("GET", "/v1/contracts", *[{"items": [SOLD]}] * 3, {"items": []})
    api.say("DELETE", "/v1/reservations/launch", MADE)
    api.say("DELETE", "/v1/contracts/year", SOLD)
    lines = ask("reserve", "--list")[1].splitlines()
    assert lines[0].split() == ["NAME", "PROJECT", "WHAT", "FROM", "UNTIL"]
    assert lines[1].split()[:4] == ["year", "lab", "1,256", "GPUs"]
    assert lines[2].split()[:4] == ["launch", "lab", "2", "nodes"]
    assert ask("reserve", "launch", "--cancel")[1].startswith("launch: withdrawn")
    assert ask("reserve", "year", "--cancel")[1].startswith("year: ended")
    assert ask("reserve", "--list")[1] == "nothing is reserved\n"


@pytest.mark.parametrize(
    "words",
    [
        ("reserve",),
        ("reserve", "a"),
        ("reserve", "a", "--nodes", "2"),
        ("reserve", "a", "--nodes", "2", "--until", "tomorrow"),
        ("reserve", "a", "--nodes", "2", "--until", "2027-03-01T08:00:00"),
        ("reserve", "a", "--nodes", "2", "--until", "+2"),
        ("reserve", "a", "--nodes", "2", "--until", "+2h", "--lend", "1"),
        ("reserve", "a", "--nodes", "2", "--gpus", "2", "--until", "+2h", "--project", "lab"),
        ("reserve", "a", "--gpus", "2", "--until", "+2h"),
        ("reserve", "a", "--gpus", "0", "--until", "+2h", "--project", "lab"),
    ],
)
def test_what_cannot_be_read_exits_2(ask, words):
    assert ask(*words)[0] == 2
