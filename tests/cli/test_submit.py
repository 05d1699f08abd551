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


def test_an_array_is_said_with_its_tasks(ask, api):
    array = {"tasks": 10, "indices": "0-9", "at_once": 2, "states": {"deferred": 10}}
    api.say("POST", "/v1/jobs", job("01aaaa") | {"array": array})
    assert ask("submit", "--array", "0-9%2", "--", "true")[1] == (
        "submitted 01aaaa: 10 tasks, 01aaaa_0-9\n"
    )


def test_waiting_for_an_array_counts_its_tasks_and_fails_if_one_did(ask, api):
    array = {
        "tasks": 10,
        "indices": "0-9",
        "at_once": None,
        "states": {"succeeded": 9, "failed": 1},
    }
    over = job("01aaaa", state="failed", reason="task 3: exit code 7", end_ms=6_000, exit_code=7)
    api.say("POST", "/v1/jobs", job("01aaaa") | {"array": array | {"states": {"queued": 10}}})
    api.say("GET", "/v1/jobs/01aaaa", over | {"array": array})
    code, out, _ = ask("submit", "--array", "0-9", "--wait", "--", "true")
    assert code == 100
    assert out.splitlines()[1] == (
        "01aaaa failed (9 succeeded, 1 failed) after 5.0 s, exit code 7: task 3: exit code 7"
    )


def test_every_option_arrives_in_the_job_files_words(sent, tmp_path, monkeypatch):
    monkeypatch.setenv("SEED", "7")
    options = "--name big --nodes 4 --gpus-per-node 0.5 --ranks-per-node 2 --time 90min"
    more = "--project lab/vision --priority -3 --env A=b=c --env SEED --held --workdir sub"
    assert sent(*options.split(), *more.split(), "--", "true") == {
        "name": "big",
        "nodes": 4,
        "resources": {"gpus_per_node": 0.5},
        "ranks_per_node": 2,
        "time_limit": "90min",
        "project": "lab/vision",
        "priority": -3,
        "env": {"A": "b=c", "SEED": "7"},
        "held": True,
        "workdir": str(tmp_path / "sub"),
        "command": ["true"],
    }


def test_a_job_files_paths_are_relative_to_the_file(sent, tmp_path):
    file = tmp_path / "jobs" / "train.yaml"
    file.parent.mkdir()
    text = "name: train\ncommand: [sleep, 5]\nworkdir: ../run\ncheckpoint: {dir: ckpt}\n"
    file.write_text(text)
    assert sent("jobs/train.yaml") == {
        "name": "train",
        "command": ["sleep", "5"],
        "workdir": str(tmp_path / "run"),
        "checkpoint": {"dir": str(tmp_path / "run" / "ckpt")},
    }


def test_a_job_file_without_a_directory_runs_beside_itself(sent, tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a.yaml").write_text("name: a\ncommand: [ls]\n")
    assert sent("-f", "jobs/a.yaml")["workdir"] == str(tmp_path / "jobs")


@pytest.mark.parametrize("words", [("-",), ("-f", "-")])
def test_a_job_may_come_on_standard_input(sent, stdin, tmp_path, words):
    stdin("name: a\ncommand: [ls]\ncheckpoint: {dir: /abs}\n")
    body = sent(*words)
    assert (body["workdir"], body["checkpoint"]) == (str(tmp_path), {"dir": "/abs"})


def test_options_are_stronger_than_the_file_and_the_environment_is_weaker(
    sent, tmp_path, monkeypatch
):
    monkeypatch.setenv("ARKWRIGHT_PROJECT", "default")
    text = "name: a\ncommand: [ls]\nenv: {A: '1', B: '2'}\nresources: {gpu_type: h100}\n"
    (tmp_path / "a.yaml").write_text(text)
    body = sent("a.yaml", "--env", "A=3", "--gpus-per-node", "8", "--name", "b")
    assert body["env"] == {"A": "3", "B": "2"}
    assert body["resources"] == {"gpu_type": "h100", "gpus_per_node": 8.0}
    assert (body["name"], body["project"]) == ("b", "default")
    (tmp_path / "a.yaml").write_text(text + "project: lab\n")
    assert sent("a.yaml")["project"] == "lab"
    assert sent("a.yaml", "--project", "mine")["project"] == "mine"


def test_a_script_is_sent_whole_and_runs_where_it_was_submitted(sent, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "my train.sh").write_text(SCRIPT)
    body = sent("s/my train.sh", "--nodes", "2")
    expected = {"name": "my-train", "script": SCRIPT, "workdir": str(tmp_path), "nodes": 2}
    assert body == expected


def test_sbatch_lines_make_a_batch_job_and_what_only_slurm_knows_is_named(ask, api, tmp_path):
    api.say("POST", "/v1/jobs", job())
    text = "#!/bin/sh\n#SBATCH -N 2 --hint=nomultithread --export=NONE\ntrue\n"
    (tmp_path / "s.sh").write_text(text)
    code, _, err = ask("submit", "s.sh")
    assert (code, err) == (
        0,
        "warning: s.sh:2: --hint: passed on to Slurm; other engines ignore it\n",
    )
    body = api.asked[-1].body
    assert (body["nodes"], body["starts"], body["script"]) == (2, "batch", text)
    assert body["slurm"] == {"output": "slurm-%j.out", "passthrough": ["--hint=nomultithread"]}


def test_the_command_lines_words_are_stronger_than_the_scripts(ask, api, tmp_path):
    api.say("POST", "/v1/jobs", job())
    (tmp_path / "s.sh").write_text("#!/bin/sh\n#SBATCH -N 2 -t 5 --export=NONE\ntrue\n")
    assert ask("submit", "s.sh", "--nodes", "3", "--time", "1 h")[0] == 0
    assert (api.asked[-1].body["nodes"], api.asked[-1].body["time_limit"]) == (3, "1 h")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"#!/bin/sh\n\xff\xfe", "s:2: byte 0xff is not UTF-8"),
        (b"\x00\x01\x02", "NUL byte"),
        (b"", "empty"),
        (b"nmae: x", "did you mean name"),
        (b"name: x\nname: y\n", "given twice"),
        (b"#" * (5 * 2**20), "larger than 4 MiB"),
    ],
)
def test_what_is_no_job_is_refused_with_file_and_line_and_nothing_is_sent(
    ask, api, tmp_path, data, said
):
    (tmp_path / "s").write_bytes(data)
    code, out, err = ask("submit", "s")
    assert (code, out, api.asked) == (2, "", [])
    assert said in err


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
