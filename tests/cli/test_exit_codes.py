"""Exit codes: 0 done, 1 failure, 2 wrong input; with --wait 100, 101, 102, 103."""

from __future__ import annotations

import pytest

from arkwright.cli.waiting import exit_code
from arkwright.home import Paths, ServerRecord, set_current, write_server
from cli.fake_api import FACTORY, Problem, job, over

PATH = f"/v1/jobs/{job()['id']}"


def submitted(api, *answers):
    """The server takes a job, then answers what is asked about it with `answers`."""
    api.say("POST", "/v1/jobs", job(state="queued"))
    api.say("GET", PATH, *answers)


@pytest.mark.parametrize(("end", "code"), [("succeeded", 0), ("failed", 100), ("cancelled", 103)])
def test_waiting_exits_with_how_the_job_ended(ask, api, end, code):
    submitted(api, job(), over(end, exit_code=7 if end == "failed" else 0, reason="the reason"))
    found, out, err = ask("submit", "--wait", "--", "true")
    assert (found, err) == (code, "")
    assert f"{job()['id']} {end} after 12 s" in out
    assert ("exit code 7: the reason" in out) == (end == "failed")


def test_waiting_until_the_timeout_exits_with_101(ask, api):
    submitted(api, job())
    code, out, _ = ask("submit", "--wait", "--timeout", "0", "--", "true")
    assert (code, "is running: not finished" in out) == (101, True)


def test_a_job_that_is_gone_exits_with_102(ask, api):
    submitted(api, Problem(404, "job x: not found"))
    code, _, err = ask("submit", "--wait", "--", "true")
    assert (code, err) == (102, "arkwright: job x: not found\n")


def test_ctrl_c_while_waiting_exits_with_101_and_the_job_goes_on(ask, api, monkeypatch):
    submitted(api, job())

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("arkwright.client.Client.wait", interrupted)
    code, _, err = ask("submit", "--wait", "--", "true")
    assert (code, "goes on" in err) == (101, True)
    assert api.paths() == ["POST /v1/jobs"]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["succeeded", "succeeded"], 0),
        (["cancelled", "failed", "running"], 100),
        (["cancelled", "running"], 101),
        (["succeeded", "cancelled"], 103),
    ],
)
def test_of_several_jobs_the_worst_end_counts(states, code):
    assert exit_code(states) == code


def test_what_the_server_refuses_exits_with_2_and_says_why(ask, api):
    refusal = "job x can never run here: asks for 40 nodes; nodes: 4 would fit"
    api.say("POST", "/v1/jobs", Problem(422, refusal))
    code, out, err = ask("submit", "--nodes", "40", "--", "true")
    assert (code, out, err) == (2, "", f"arkwright: {refusal}\n")


def test_a_server_in_trouble_exits_with_1(ask, api):
    api.say("GET", "/v1/nodes", Problem(500, "it broke"))
    code, _, err = ask("nodes")
    assert (code, err) == (1, "arkwright: the server answered: it broke\n")


def test_no_server_exits_with_1_and_says_what_to_do(ark):
    code, _, err = ark("ps")
    assert (code, "arkwright up FILE" in err) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("pss",),
        ("ps", "--nonsense"),
        ("ps", "extra"),
        ("submit",),
        ("submit", "--"),
        ("submit", "one", "two"),
        ("submit", "one", "--", "two"),
        ("submit", "--nodes", "0", "--", "true"),
        ("submit", "--timeout", "3", "--", "true"),
        ("submit", "--env", "SURELY_NOT_SET_HERE", "--", "true"),
        ("submit", "missing.yaml"),
        ("exec", "train", "ls"),
        ("exec",),
        ("cancel",),
        ("why", ""),
        ("logs", "train", "--rank", "1", "--all-ranks"),
        ("check",),
        ("check", "missing.yaml"),
        ("completion", "tcsh"),
        ("admin", "user", "add", "ada", "--role", "king"),
    ],
)
def test_wrong_usage_exits_with_2_in_one_paragraph_on_stderr(ask, words):
    code, out, err = ask(*words)
    assert (code, out) == (2, "")
    assert err.startswith("arkwright")
    assert "Traceback" not in err


def test_exec_exits_with_the_commands_own_code(ask, api):
    api.say("POST", "/v1/jobs/train/exec", {"exit_code": 4, "output": "hello"})
    code, out, _ = ask("exec", "train", "--", "ls", "-l")
    assert (code, out) == (4, "hello")
    assert api.asked[0].body == {"command": ["ls", "-l"], "timeout_s": 60.0}


def test_cancelling_several_does_what_it_can_and_names_the_rest(ask, api):
    api.say("POST", "/v1/jobs/a/cancel", job(state="stopping", name="a"))
    api.say("POST", "/v1/jobs/b/cancel", Problem(409, "job b is over"))
    api.say("POST", "/v1/jobs/c/cancel", job(state="cancelled", name="c"))
    code, out, err = ask("cancel", "a", "b", "c", "--reason", "why not")
    assert (code, err) == (2, "arkwright: job b is over\n")
    assert out == "bbbbbbbb a: stopping\nbbbbbbbb c: cancelled\n"
    assert api.asked[0].body == {"reason": "why not"}


def test_down_without_a_server_is_already_done(ark, tmp_path):
    set_current(tmp_path / "home", "fjord")
    code, out, _ = ark("down")
    assert (code, out) == (0, "factory fjord: no server is running\n")


def test_down_never_signals_a_process_that_is_not_our_server(ark, tmp_path, monkeypatch):
    """The server died, and its pid was given to another program: here, to this test."""
    import os

    paths = Paths(tmp_path / "home", "fjord").make()
    set_current(paths.home, "fjord")
    write_server(paths, ServerRecord(os.getpid(), "http://127.0.0.1:1", "fjord", 0))
    monkeypatch.setattr("os.kill", lambda *_: pytest.fail("it sent a signal"))
    code, out, _ = ark("down")
    assert (code, "no server is running" in out) == (0, True)
    assert not paths.server_json.exists()


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback(ask, api, monkeypatch):
    api.say("GET", "/v1/jobs", {"items": [job()], "next_cursor": None})
    api.say("GET", "/v1/factory", FACTORY)

    def broken(*_args, **_options):
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("click.echo", lambda *a, err=False, **k: None if err else broken())
    assert ask("ps")[0] == 1
