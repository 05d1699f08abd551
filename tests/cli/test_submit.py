"""From a file, a script or a command to what is sent: nothing is lost, every path is absolute."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from datetime import datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.cli.job_text import name_of, with_options
from arkwright.jobs.spec import Name
from cli.fake_api import Problem, job

SCRIPT = "#!/bin/sh\necho hello\n"


@pytest.fixture
def sent(ask, api):
    """Submit, and give what the server was sent."""
    api.say("POST", "/v1/jobs", job())

    def submit(*words):
        code, out, err = ask("submit", *words)
        assert (code, err) == (0, "")
        assert out == f"submitted {job()['id']}\n"
        return api.asked[-1].body

    return submit


@pytest.fixture
def stdin(monkeypatch):
    def give(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return give


def test_a_command_keeps_its_words_and_runs_where_it_was_submitted(sent, tmp_path):
    body = sent("--", "python", "train.py", "--json", "a b", "--", "-f", "$HOME")
    command = ["python", "train.py", "--json", "a b", "--", "-f", "$HOME"]
    assert body == {"name": "python", "command": command, "workdir": str(tmp_path)}


def test_arrays_dependencies_and_begin_times_arrive_as_they_were_meant(sent, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    options = "--array 0-9%2 --depends-on afterok:prepare --depends-on singleton"
    body = sent(*options.split(), "--begin", "2027-01-01T08:00:00Z", "--", "true")
    assert (body["array"], body["depends_on"]) == ("0-9%2", ["afterok:prepare", "singleton"])
    assert body["begin"] == "2027-01-01T08:00:00Z"


def test_a_begin_in_words_becomes_an_instant_where_now_is_known(sent):
    before = time.time()
    begin = sent("--begin", "now+1hour", "--", "true")["begin"]
    meant = datetime.fromisoformat(begin).timestamp()
    assert before + 3598 <= meant <= time.time() + 3601
    # What cannot be read is the server's to refuse, with all else that is wrong.
    assert sent("--begin", "whenever", "--", "true")["begin"] == "whenever"


def test_a_script_that_may_not_be_read_is_refused(ask, tmp_path, monkeypatch):
    def closed(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", closed)
    code, _, err = ask("submit", "s.sh")
    assert (code, "permission denied" in err) == (2, True)


def test_a_dry_run_shows_the_job_and_submits_nothing(ask, api, tmp_path):
    words = ("submit", "--dry-run", "--nodes", "2", "--time", "90min", "--", "true")
    code, out, _ = ask(*words)
    assert (code, api.paths()) == (0, ["POST /v1/jobs/when"])
    assert (
        out
        == f"name: 'true'\nnodes: 2\ncommand:\n- 'true'\nworkdir: {tmp_path}\ntime_limit: 1.5 h\n"
    )
    shown = json.loads(ask(*words[:-2], "--json", *words[-2:])[1])
    assert (shown["kind"], shown["spec"]["time_limit"]) == ("job_spec", "1.5 h")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\n", "neither is given"),
        ("name: x\ncommand: [a]\nscript: b\n", "both are given"),
        ("name: x\ncommand: [a]\nkind: service\nimage: y\n", "not yet"),
    ],
)
def test_a_dry_run_refuses_what_every_server_would(ask, tmp_path, text, said):
    (tmp_path / "a.yaml").write_text(text)
    code, _, err = ask("submit", "--dry-run", "a.yaml")
    assert (code, said in err) == (2, True)


def test_a_refusal_as_json_carries_the_reason_that_why_would_print(ask, api):
    reason = {"code": "never-too-many-nodes", "message": "asks for 40", "change": "nodes: 4"}
    api.say("POST", "/v1/jobs", Problem(422, "never: nodes: 4 would fit", {"reason": reason}))
    code, out, err = ask("submit", "--json", "--", "true")
    assert (code, err) == (2, "arkwright: never: nodes: 4 would fit\n")
    shown = json.loads(out)
    assert (shown["kind"], shown["status"], shown["reason"]) == ("refusal", 422, reason)


def test_copies_go_in_one_request(ask, api):
    api.say("POST", "/v1/jobs", {"items": [{"id": "1"}, {"id": "2"}, {"id": "3"}]})
    code, out, _ = ask("submit", "--count", "3", "--idempotency-key", "k", "--", "true")
    assert (code, out) == (0, "submitted 1\nsubmitted 2\nsubmitted 3\n")
    assert len(api.asked) == 1
    assert api.asked[0].headers["idempotency-key"] == "k"
    assert [item["name"] for item in api.asked[0].body["items"]] == ["true"] * 3


def test_json_is_the_apis_own_object(ask, api):
    api.say("POST", "/v1/jobs", job())
    assert json.loads(ask("submit", "--json", "--", "true")[1]) == job()


@given(st.text(min_size=1))
def test_every_program_has_a_name_a_job_may_have(program):
    pattern = get_args(Name)[1].pattern
    assert re.search(pattern, name_of(program))


@given(st.dictionaries(st.sampled_from(["name", "nodes", "priority"]), st.integers()))
def test_what_no_option_says_stays_as_it_was(options):
    spec = {"name": "x", "command": ["y"], "env": {"A": "b"}}
    merged = with_options(spec, options)
    assert merged == spec | options
