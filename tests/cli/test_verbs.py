"""What each verb prints, for a person and as JSON."""

from __future__ import annotations

import json

import pytest

from cli.fake_api import FACTORY, Stream, job, log, over

NODE = {
    "path": "here/local/r01/n01",
    "site": "here",
    "state": "draining",
    "reason": "fan",
    "gpus": 2,
    "gpus_free": 0.5,
    "gpu_type": "virtual",
    "is_virtual": True,
    "cpus": 0.5,
    "memory_mib": 6144,
    "jobs": ["01aaaaaaaabbbbbbbbbbbb"],
}
RECEIPT = {
    "api_version": "v1",
    "kind": "receipt",
    "job_id": "01aaaaaaaabbbbbbbbbbbb",
    "name": "train",
    "project": "lab",
    "user": "ada",
    "state": "running",
    "is_final": False,
    "is_virtual": True,
    "lines": [
        {"label": "virtual GPU-hours", "value": 2.25, "unit": "GPU-h", "how": "GPUs × time"},
        {"label": "IT energy", "value": None, "unit": "kWh", "how": "not measured"},
        {"label": "CPU time", "value": 123456.7, "unit": "s", "how": "kernel"},
    ],
    "attempts": [
        {"id": "01a.1", "nodes": 2, "gpus": 4.0, "hours": 0.5, "outcome": "running"},
    ],
}
EVENT = {
    "seq": 12,
    "at_ms": 1_000,
    "kind": "job_started",
    "subject": "01a.1",
    "actor": "scheduler",
    "cause": "placed",
    "before": {"state": "queued"},
    "after": {"state": "starting"},
    "schema_version": 1,
}


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """`1970-01-01 00:00:01` is the same moment for everyone who runs this."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def test_ps_shows_jobs_and_labels_what_is_virtual(ask, api, monkeypatch):
    waiting = job("01zzzzzzzzzzzzzzzz9999", state="queued", nodes=1, gpus=0.5, attempt=0)
    waiting |= {"reason": "not-enough-free", "submit_ms": 40_000, "name": "big"}
    api.say("GET", "/v1/jobs", {"items": [job(), waiting], "next_cursor": None})
    api.say("GET", "/v1/factory", FACTORY)
    # Two minutes after the epoch: the first job was submitted at 1 s, the second at 40 s.
    monkeypatch.setattr("time.time", lambda: 121.0)
    assert lines(ask("ps")[1]) == [
        "ID        NAME   PROJECT  STATE    NODES         GPUS  ATTEMPT    AGE  REASON",
        "bbbbbbbb  train  lab      running      2    4 virtual        1  2 min",
        "zzzz9999  big    lab      queued       1  0.5 virtual        0  1 min  not-enough-free",
    ]


def test_ps_shows_an_array_as_one_line_that_counts_its_tasks(ask, api, monkeypatch):
    array = {"tasks": 100, "indices": "0-99", "at_once": 8}
    whole = job(state="running", reason="task 3: exit code 1")
    whole["array"] = array | {"states": {"deferred": 80, "running": 8, "failed": 12}}
    task = job("01aaaaaaaaaaaaaabbbbbbbb_7") | {"unreachable_since_ms": 1_000}
    api.say("GET", "/v1/jobs", {"items": [whole, task], "next_cursor": None})
    api.say("GET", "/v1/factory", FACTORY)
    monkeypatch.setattr("time.time", lambda: 121.0)
    shown = lines(ask("ps")[1])
    assert shown[1].startswith("bbbbbbbb_[0-99%8]  train")
    assert shown[1].endswith("80 deferred, 8 running, 12 failed; task 3: exit code 1")
    assert shown[2].startswith("bbbbbbbb_7 ")
    assert shown[2].endswith("its site is out of reach for 2 min")
    assert api.asked[0].query["arrays"] == "true"
    ask("ps", "--tasks")
    assert "arrays" not in api.asked[-2].query


def test_ps_without_jobs_says_where_old_ones_are(ask, api):
    api.say("GET", "/v1/jobs", {"items": [], "next_cursor": None})
    assert "ps --all" in ask("ps")[1]


def test_ps_passes_on_what_is_asked_for(ask, api):
    api.say("GET", "/v1/jobs", {"items": [], "next_cursor": None})
    ask("ps", "--all", "--state", "held,queued", "--state", "failed")
    query = api.asked[0].query
    assert (query["all"], query["state"]) == ("true", "held,queued,failed")


def test_ps_json_holds_every_page(ask, api):
    pages = [{"items": [job("1")], "next_cursor": 5}, {"items": [job("2")], "next_cursor": None}]
    api.say("GET", "/v1/jobs", *pages)
    shown = json.loads(ask("ps", "--json")[1])
    assert [item["id"] for item in shown["items"]] == ["1", "2"]
    assert (shown["api_version"], shown["kind"], shown["next_cursor"]) == ("v1", "jobs", None)


def test_ps_watches_until_it_is_interrupted(ask, api, monkeypatch):
    api.say("GET", "/v1/jobs", {"items": [], "next_cursor": None})
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    assert ask("ps", "--watch")[:2] == (130, "no jobs\n" * 3)
    assert naps == [1.0, 1.0, 1.0]


def test_why_gives_code_numbers_and_the_smallest_change(ask, api):
    reason = {"code": "not-enough-free", "message": "asks for 4; 2 are free", "change": "nodes: 2"}
    answer = {"job_id": "01a", "state": "queued", "reason": reason}
    api.say("GET", "/v1/jobs/train/why", answer)
    assert lines(ask("why", "train")[1]) == [
        "01a: queued [not-enough-free]",
        "  asks for 4; 2 are free",
        "  smallest change: nodes: 2",
    ]
    assert json.loads(ask("why", "train", "--json")[1]) == answer


def test_nodes_show_what_is_free_and_who_holds_the_rest(ask, api):
    api.say("GET", "/v1/nodes", {"items": [NODE]})
    assert lines(ask("nodes")[1]) == [
        "NODE                STATE          GPUS  FREE  TYPE     CPUS   MEMORY  JOBS      REASON",
        "here/local/r01/n01  draining  2 virtual   0.5  virtual   0.5  6.0 GiB  bbbbbbbb  fan",
    ]


def test_nodes_of_a_site_out_of_reach_say_since_when(ask, api):
    api.say("GET", "/v1/nodes", {"items": [NODE | {"unreachable_since_ms": 61_000}]})
    assert "out of reach since 1970-01-01 00:01:01" in ask("nodes")[1]


def test_a_node_is_drained_and_resumed_with_a_reason(ask, api):
    api.say("POST", "/v1/nodes/here/local/r01/n01/drain", NODE)
    api.say("POST", "/v1/nodes/here/local/r01/n01/resume", NODE | {"state": "up"})
    assert (
        ask("nodes", "drain", NODE["path"], "--reason", "fan")[1] == f"{NODE['path']}: draining\n"
    )
    assert ask("nodes", "resume", NODE["path"])[1] == f"{NODE['path']}: up\n"
    assert [asked.body for asked in api.asked] == [{"reason": "fan"}, {"reason": ""}]


def test_a_receipt_says_how_each_line_was_obtained_and_what_is_not_known(ask, api):
    api.say("GET", "/v1/jobs/train/cost", RECEIPT)
    assert lines(ask("cost", "train")[1]) == [
        "receipt of train (01aaaaaaaabbbbbbbbbbbb), running, so far",
        "for ada, project lab",
        "",
        "WHAT                  AMOUNT  UNIT   HOW IT WAS OBTAINED",
        "virtual GPU-hours       2.25  GPU-h  GPUs × time",
        "IT energy          not known  kWh    not measured",
        "CPU time             123,457  s      kernel",
        "",
        "ATTEMPT  NODES       GPUS    TIME  OUTCOME",
        "01a.1        2  4 virtual  30 min  running",
    ]
    assert json.loads(ask("cost", "train", "--json")[1]) == RECEIPT


def test_events_of_a_job_come_from_the_start_and_of_all_the_last_hundred(ask, api):
    api.say("GET", "/v1/factory", FACTORY)
    api.say("GET", "/v1/events", {"items": [EVENT], "next_cursor": None})
    line = (
        "    12  1970-01-01 00:00:01  job_started         01a.1"
        "  queued → starting  by scheduler: placed\n"
    )
    assert ask("events", "train") == (0, line, "")
    assert (api.asked[-1].query["job"], api.asked[-1].query["after"]) == ("train", "0")
    ask("events")
    assert api.asked[-1].query["after"] == "150"  # 250, the last, less 100
    ask("events", "--after", "7")
    assert api.asked[-1].query["after"] == "7"


def test_events_as_a_stream_are_one_json_object_on_each_line(ask, api, monkeypatch):
    text = f"id: 12\ndata: {json.dumps(EVENT)}\n\n"
    api.say("GET", "/v1/events", Stream(text * 2), lambda _: pytest.fail("asked again"))

    def stop(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("arkwright.client.pause.Pause.__call__", stop)
    code, out, _ = ask("events", "train", "-f", "--json")
    assert code == 130
    assert [json.loads(line) for line in out.splitlines()] == [EVENT, EVENT]


def test_logs_print_what_was_written_and_nothing_else(ask, api):
    first = log("hel", is_end=False)
    api.say("GET", "/v1/jobs/train/logs", first)
    api.say("GET", f"/v1/jobs/{job()['id']}/logs", log("lo", offset=3))
    assert ask("logs", "train") == (0, "hello", "")


def test_logs_of_all_ranks_begin_each_line_with_the_rank(ask, api):
    api.say("GET", "/v1/jobs/train/logs", log("a\nb", ranks=2))
    api.say("GET", f"/v1/jobs/{job()['id']}/logs", log("c\n", rank=1, ranks=2))
    assert ask("logs", "train", "--all-ranks") == (0, "0: a\n1: c\n0: b\n", "")


def test_following_logs_says_when_another_attempt_begins(ask, api):
    path = f"/v1/jobs/{job()['id']}"
    logs = {"1": log("one\n"), "2": log("two\n", attempt=2)}
    api.say("GET", "/v1/jobs/train", job())
    api.say("GET", path, job(attempt=2), over(attempt=2))

    def written(asked):
        piece = logs[asked.query["attempt"]]
        return piece if asked.query["offset"] == "0" else piece | {"text": ""}

    api.say("GET", f"{path}/logs", written)
    assert ask("logs", "-f", "train") == (0, "one\ntwo\n", "--- attempt 2 ---\n")


def test_a_new_users_token_is_shown_ready_to_use(ask, api):
    api.say("POST", "/v1/users", {"token": "ark_new"})
    out = ask("admin", "user", "add", "ada", "--project", "lab")[1]
    assert out.splitlines()[-1] == "export ARKWRIGHT_TOKEN=ark_new"
    assert api.asked[0].body == {"name": "ada", "role": "member", "project": "lab"}


def test_held_jobs_are_released_by_name(ask, api):
    api.say("POST", "/v1/jobs/train/release", job(state="queued"))
    assert ask("release", "train") == (0, "bbbbbbbb train: queued\n", "")
    assert json.loads(ask("release", "train", "--json")[1])["state"] == "queued"


def test_cancel_of_a_name_ends_the_newest_and_with_all_every_one(ask, api):
    """The server knows a name as its newest job; `--all` looks up the others by itself."""
    jobs = [job(f"01aaaaaaaabbbbbbbbbbb{n}", name="mass") for n in range(3)]
    page = {"api_version": "v1", "kind": "jobs", "items": jobs, "next_cursor": None}
    api.say("GET", "/v1/jobs", page)
    for each in jobs:
        api.say("POST", f"/v1/jobs/{each['id']}/cancel", {**each, "state": "cancelled"})
    code, out, _ = ask("cancel", "mass", "--all")
    assert code == 0
    assert len(out.splitlines()) == 3
    posts = [path for path in api.paths() if path.startswith("POST")]
    assert posts == [f"POST /v1/jobs/{each['id']}/cancel" for each in jobs]


def test_exec_says_when_output_is_missing_or_the_command_was_stopped(ask, api):
    answer = {"api_version": "v1", "kind": "exec", "job_id": "j", "exit_code": 124, "output": "x\n"}
    api.say("POST", "/v1/jobs/j/exec", {**answer, "is_cut": True, "is_timed_out": True})
    code, out, err = ask("exec", "j", "--timeout", "1", "--", "yes")
    assert (code, out) == (124, "x\n")
    assert "only its first MiB" in err
    assert "stopped after 1 s" in err


def test_down_never_stops_another_factory_than_the_url_names(ask):
    code, _, err = ask("down")
    assert code == 2
    assert "down stops servers of this machine only" in err


@pytest.mark.parametrize("verb", ["fit", "estimate"])
def test_a_planned_verb_says_not_yet(ark, verb):
    code, _, err = ark(verb)
    assert code == 2
    assert f"not yet: {verb}" in err


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_what_is_no_number_of_gpus_is_refused(ark, value):
    code, _, err = ark("submit", "--gpus-per-node", value, "--", "true")
    assert code == 2
    assert "gpus-per-node" in err


AMOUNTS = {"gpus_limit": None, "guarantee": None, "lend": None, "borrowed": 0.0, "lent": 0.0}
NO_MORE = {"by_type": [], "budget": None, "share": None, "usage_gpu_hours": None}
CONTRACT = {
    "name": "lab/vision#1",
    "gpu_type": None,
    "gpus": 1024,
    "lend": 24,
    "from_ms": 0,
    "until_ms": 31_536_000_000,
    "is_open": True,
    "is_in_file": True,
    "used": 0.5,
    "usd_per_gpu_hour": 1.9,
}
LATER = CONTRACT | {
    "name": "more",
    "gpu_type": "h100",
    "lend": 0,
    "is_open": False,
    "used": 0.0,
    "usd_per_gpu_hour": None,
}
QUOTAS = [
    AMOUNTS | NO_MORE | {"project": "", "gpus_limit": 40.0, "used": 32.0},
    AMOUNTS
    | {
        "project": "lab",
        "gpus_limit": 32.0,
        "guarantee": 24.0,
        "lend": 16.0,
        "used": 0.5,
        "lent": 16.0,
        "by_type": [AMOUNTS | {"gpu_type": "h100", "guarantee": 8.0, "lend": 8.0, "used": 0.0}],
        "budget": {
            "per": "month",
            "gpu_hours": 50000.0,
            "spent_gpu_hours": 1234.56,
            "promised_gpu_hours": 10.0,
            "left_gpu_hours": 48755.44,
            "start_ms": 0,
            "end_ms": 2_678_400_000,
        },
        "share": 24,
        "usage_gpu_hours": 12.0,
    },
    AMOUNTS | NO_MORE | {"project": "lab/vision", "used": 0.5, "contracts": [CONTRACT, LATER]},
]


def test_quotas_show_what_is_held_lent_and_spent(ask, api):
    api.say("GET", "/v1/quotas", {"items": QUOTAS})
    assert lines(ask("quota")[1]) == [
        "PROJECT     TYPE  LIMIT     GUARANTEE  USED  BORROWED  LENT",
        "(factory)   all      40                  32         0     0",
        "lab         all      32  24 (16 lent)   0.5         0    16",
        "lab         h100   none             8     0         0     0",
        "lab/vision  all    none                 0.5         0     0",
        "",
        "PROJECT     CONTRACT      TYPE             GPUS  USED  FROM                 "
        "UNTIL                USD/GPU-H",
        "lab/vision  lab/vision#1  any   1,024 (24 lent)   0.5  1970-01-01 00:00:00  "
        "1971-01-01 00:00:00        1.9",
        "lab/vision  more          h100            1,024        1970-01-01 00:00:00  "
        "1971-01-01 00:00:00",
        "",
        "PROJECT  GPU-HOURS  PER      SPENT  PROMISED      LEFT  UNTIL",
        "lab         50,000  month  1,234.6      10.0  48,755.4  1970-02-01 00:00:00",
        "",
        "PROJECT  SHARE  GPU-HOURS REMEMBERED  PER SHARE",
        "lab         24                  12.0        0.5",
    ]


def test_the_quota_of_one_project_and_all_below_it(ask, api):
    api.say("GET", "/v1/quotas", {"items": QUOTAS})
    shown = json.loads(ask("quota", "lab", "--json")[1])
    assert [item["project"] for item in shown["items"]] == ["lab", "lab/vision"]
    shown = lines(ask("quota", "lab/vision")[1])
    assert [line.split()[0] for line in shown if line][1:] == [
        "lab/vision",
        "PROJECT",
        "lab/vision",
        "lab/vision",
    ]
    code, _, error = ask("quota", "la")
    assert code == 2
    assert "use one of lab, lab/vision" in error
