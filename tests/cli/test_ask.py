"""`when`, `whatif` and what `submit --dry-run` says, in words and as JSON."""

from __future__ import annotations

import json

import pytest

from arkwright.fleet import replayed, saved
from cli.fake_api import Problem
from fleet.test_snapshot import busy, resealed

NOON = 1_800_000_000_000


def forecast(**fields):
    known = {
        "state": "queued",
        "now_ms": NOON,
        "start_ms": NOON + 7_800_000,
        "start_ms_p10": NOON + 6_000_000,
        "start_ms_p90": NOON + 9_000_000,
        "start_ms_by_limits": NOON + 10_000_000,
        "paths": 19,
        "is_estimate": False,
        "basis": "project and user",
        "experience": 214,
        "nodes_now": None,
    }
    return known | fields


def answer(alternatives=(), job_id="0123456789", **fields):
    found = {"job_id": job_id, "name": "train", "project": "lab"}
    return found | {"forecast": forecast(**fields), "alternatives": list(alternatives)}


def test_when_says_the_start_the_band_and_what_they_rest_on(ask, api):
    api.say("GET", "/v1/jobs/train/when", answer())
    code, out, _ = ask("when", "train")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "0123456789: queued"
    assert lines[1].endswith(", in 2 h 10 min")
    assert lines[2].endswith("on four of five of 19 paths")
    assert "214 finished jobs of the same project and user" in lines[3]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"start_ms": NOON}, "starts now"),
        ({"start_ms": None, "start_ms_p10": None}, "does not start as things stand"),
        ({"state": "held"}, "released now, it starts about"),
        ({"state": "active", "start_ms": NOON - 3_600_000}, "it started at"),
        ({"state": "active", "start_ms": NOON}, "it started just now"),
        ({"is_estimate": True}, "reckoned from the work ahead"),
        ({"experience": 0}, "every job is taken to use its whole limit"),
        ({"start_ms_p90": None}, "and never, on some"),
    ],
)
def test_when_says_what_kind_of_start_it_is(ask, api, fields, said):
    api.say("GET", "/v1/jobs/train/when", answer(**fields))
    assert said in ask("when", "train")[1]


def test_when_next_lists_what_would_start_sooner(ask, api):
    more = [
        {"kind": "as-asked", "change": {}, "start_ms": NOON + 7_800_000, "is_estimate": False},
        {"kind": "fewer-nodes", "change": {"nodes": 3}, "start_ms": NOON, "is_estimate": False},
        {
            "kind": "weaker-topology",
            "change": {"topology": {"level": "hall", "mode": "required"}},
            "start_ms": NOON,
            "is_estimate": False,
        },
    ]
    api.say("GET", "/v1/jobs/train/when", answer(more))
    _, out, _ = ask("when", "train", "--next")
    assert api.asked[0].query == {"alternatives": "true"}
    assert out.splitlines()[-3].endswith("as asked")
    assert out.splitlines()[-2] == "now    nodes: 3"
    assert out.splitlines()[-1] == "now    topology: level hall, mode required"


def test_when_of_a_file_asks_about_the_job_in_it(ask, api, tmp_path):
    (tmp_path / "a.yaml").write_text("name: x\ncommand: [a]\ntime_limit: 2 h\n")
    api.say("POST", "/v1/jobs/when", answer(job_id=None, nodes_now=3, state="new"))
    _, out, _ = ask("when", "a.yaml")
    assert out.startswith("train: new\n")
    assert "a gang of 3 nodes would start now" in out
    assert api.asked[0].body["time_limit"] == "2 h"
    assert ask("when", "a.yaml", "--next")[0] == 2


def test_when_as_json_is_the_answer(ask, api):
    api.say("GET", "/v1/jobs/train/when", answer())
    assert json.loads(ask("when", "train", "--json")[1])["forecast"]["paths"] == 19


def test_a_dry_run_says_on_stderr_when_the_job_would_start(ask, api):
    api.say("POST", "/v1/jobs/when", answer(start_ms=NOON))
    code, out, err = ask("submit", "--dry-run", "--", "true")
    assert (code, err) == (0, "starts now\n")
    assert out.startswith("name: 'true'\n")
    assert api.paths() == ["POST /v1/jobs/when"]


def test_a_dry_run_of_what_can_never_run_is_refused_as_the_submission_would_be(ask, api):
    api.say("POST", "/v1/jobs/when", Problem(422, "can never run here"))
    code, _, err = ask("submit", "--dry-run", "--", "true")
    assert (code, err) == (2, "arkwright: can never run here\n")


def test_a_dry_run_without_a_server_is_a_check_here(ark):
    code, out, err = ark("submit", "--dry-run", "--", "true")
    assert (code, "checked here only" in err, out != "") == (0, True, True)


def moves(**fields):
    move = {
        "job_id": "0123456789",
        "name": "train",
        "project": "lab",
        "before_ms": NOON + 3_600_000,
        "after_ms": NOON,
        "is_estimate": False,
    }
    counts = {"now_ms": NOON, "moves_of_others": 2, "sooner": 1, "later": 0, "same": 7}
    return counts | {"moves": [move | fields]}


def test_whatif_shows_who_would_start_when(ask, api):
    api.say("POST", "/v1/whatif", moves())
    code, out, _ = ask("whatif", "train", "--nodes", "2", "--quota", "lab=64", "--node", "a/b=down")
    assert code == 0
    assert api.asked[0].body == {
        "jobs": [{"job": "train", "nodes": 2}],
        "nodes": [{"node": "a/b", "state": "down"}],
        "quotas": [{"project": "lab", "gpus": 64}],
    }
    row = out.splitlines()[1]
    assert row.startswith("23456789  train  lab ")
    assert row.endswith("now   1 h sooner")
    assert "and 2 jobs of other projects" in out
    assert out.splitlines()[-1] == "of the jobs that wait 1 sooner, 7 at the same time"


def test_whatif_of_a_new_job_and_no_limit(ask, api, tmp_path):
    (tmp_path / "a.yaml").write_text("name: x\ncommand: [a]\n")
    api.say("POST", "/v1/whatif", moves(job_id=None, before_ms=None, is_estimate=True))
    _, out, _ = ask("whatif", "--submit", "a.yaml", "--quota", "lab/vision=none")
    assert api.asked[0].body["quotas"] == [{"project": "lab/vision"}]
    assert out.splitlines()[1].startswith("new ")
    assert out.splitlines()[-1].startswith("~ is reckoned")


def test_whatif_takes_limits_of_power(ask, api):
    api.say("POST", "/v1/whatif", moves())
    assert ask("whatif", "--power", "narvik/h1=8MW", "--power", "oslo=none")[0] == 0
    assert api.asked[0].body == {
        "power": [{"place": "narvik/h1", "limit_w": 8_000_000}, {"place": "oslo"}]
    }


def test_whatif_that_moves_nobody_says_so(ask, api):
    api.say("POST", "/v1/whatif", moves() | {"moves": [], "moves_of_others": 0, "sooner": 0})
    assert ask("whatif", "train", "--priority", "3")[1] == "nobody would start at another time\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing would change"),
        (("--nodes", "2"), "name it"),
        (("train",), "what would be different"),
        (("--node", "a/b"), "PATH=STATE"),
        (("--node", "a/b=gone"), "PATH=STATE"),
        (("--quota", "lab"), "PROJECT=GPUS"),
        (("--quota", "lab=many"), "PROJECT=GPUS"),
        (("--guarantee", "lab=none"), "PROJECT=GPUS"),
        (("--power", "8MW"), "PLACE=LIMIT"),
        (("--power", "narvik=8"), "unit"),
    ],
)
def test_whatif_says_how_to_write_a_change(ask, words, said):
    code, _, err = ask("whatif", *words)
    assert (code, said in err) == (2, True)


def snapshot_bytes() -> bytes:
    log = busy()
    return saved(log.fleet.snapshot("b", log.now_ms, 7))


def test_a_saved_decision_is_replayed_without_a_server(ark, tmp_path):
    (tmp_path / "b.snapshot").write_bytes(snapshot_bytes())
    code, out, _ = ark("replay", "b.snapshot")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].endswith("6 nodes, 3 jobs, after decision 7")
    assert lines[1:3] == ["1 start", "  b on narvik/h1/r1/t2"]
    assert lines[3] == "b [starts-now]"
    assert lines[-1].endswith(": the same bytes as saved")
    shown = json.loads(ark("replay", "b.snapshot", "--json")[1])
    assert (shown["is_same"], shown["starts"][0]["job_id"]) == (True, "b")


def test_a_replay_that_differs_fails(ark, tmp_path):
    data = snapshot_bytes()
    digest = replayed(data).sha256
    (tmp_path / "b").write_bytes(resealed(data[:-32].replace(digest.encode(), b"0" * 64)))
    code, out, _ = ark("replay", "b")
    assert (code, out.endswith(": NOT what was saved\n")) == (1, True)


def test_a_file_that_is_no_snapshot_is_named(ark, tmp_path):
    (tmp_path / "x").write_text("hello")
    code, _, err = ark("replay", "x")
    assert (code, err.startswith("arkwright: x: this is no snapshot")) == (2, True)
    assert ark("replay", "y")[0] == 2


def test_why_saves_what_the_server_sends(ask, api, tmp_path):
    reason = {"code": "held", "message": "it is held", "change": "release it"}
    api.say("GET", "/v1/jobs/train/why", {"job_id": "1", "state": "held", "reason": reason})
    api.say("GET", "/v1/jobs/1/snapshot", b"bytes")
    code, _, err = ask("why", "train", "--save", "f")
    assert (code, err) == (0, "saved to f: arkwright replay f\n")
    assert (tmp_path / "f").read_bytes() == b"bytes"


def place(**fields):
    known = {"path": "narvik/h1", "used_w": 6_500_000, "limit_w": 7_000_000, "over_w": 0}
    known |= {"limit_w_file": 10_000_000, "is_set": True, "windows": []}
    return known | fields


def test_power_shows_the_tree_with_what_is_announced(ask, api):
    window = {"from_ms": NOON, "until_ms": None, "limit_w": 5_000_000}
    rows = [place(windows=[window]), place(path="narvik", limit_w=None, limit_w_file=None)]
    rows[1]["is_set"] = False
    rows.append(place(path="narvik/h1/p01", is_set=False, is_designed=True))
    api.say("GET", "/v1/power", {"kind": "power", "items": rows})
    code, out, _ = ask("power")
    assert code == 0
    words = [" ".join(line.split()) for line in out.splitlines()]
    assert words[1].startswith("narvik/h1 6.5 MW 7 MW set 5 MW from 2027-01-15 ")
    assert words[2] == "narvik 6.5 MW none"
    assert words[3] == "narvik/h1/p01 6.5 MW 7 MW design"


def test_power_set_sends_watts_or_percent_and_times(ask, api):
    api.say("PUT", "/v1/power/narvik/h1", place(over_w=500_000))
    code, out, _ = ask("power", "set", "narvik/h1", "8MW")
    assert code == 0
    assert "(500 kW over)" in out
    assert api.asked[-1].body == {"limit_w": 8_000_000, "reason": ""}
    times = ("--from", "2027-01-15T08:00+00:00", "--until", "2027-01-15T09:00+00:00")
    assert ask("power", "set", "narvik/h1", "--percent", "70", *times)[0] == 0
    assert api.asked[-1].body == {
        "percent": 70.0,
        "reason": "",
        "from_ms": NOON,
        "until_ms": NOON + 3_600_000,
    }


@pytest.mark.parametrize(
    "words",
    [
        ("narvik",),
        ("narvik", "8MW", "--percent", "70"),
        ("narvik", "8 apples"),
        ("narvik", "8MW", "--from", "soon"),
    ],
)
def test_power_set_refuses_what_it_cannot_read(ask, words):
    code, _, err = ask("power", "set", *words)
    assert code == 2
    assert err


def test_power_withdraw_takes_back_all_or_one_window(ask, api):
    window = {"from_ms": NOON + 321, "until_ms": None, "limit_w": 5_000_000}
    api.say("GET", "/v1/power", {"kind": "power", "items": [place(windows=[window])]})
    api.say("DELETE", "/v1/power/narvik/h1", place(is_set=False))
    assert ask("power", "withdraw", "narvik/h1")[0] == 0
    assert api.asked[-1].query == {}
    assert ask("power", "withdraw", "narvik/h1", "--from", "2027-01-15T08:00+00:00")[0] == 0
    assert api.asked[-1].query == {"from_ms": str(NOON + 321)}
