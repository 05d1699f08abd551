"""Completion: verbs, options, and jobs as they are; silent when the server is away."""

from __future__ import annotations

import pytest

from arkwright.cli import main
from cli.fake_api import job


@pytest.fixture
def complete(ask, capsys, monkeypatch):
    def words(line):
        monkeypatch.setenv("_ARKWRIGHT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        out, err = capsys.readouterr()
        assert err == ""
        return [word.split(",", 1)[1] for word in out.split()]

    return words


def test_verbs_are_completed(complete):
    assert complete("arkwright rel") == ["release"]


def test_jobs_are_completed_by_name_and_by_the_end_of_their_id(complete, api):
    other = job("01zzzzzzzzzzzzzz012345", name="trial")
    api.say("GET", "/v1/jobs", {"items": [job(), other], "next_cursor": None})
    assert complete("arkwright why tr") == ["train", "trial"]
    assert complete("arkwright cancel train bbbb") == ["bbbbbbbb"]
    assert complete("arkwright why zz0") == ["zz012345"]


def test_nodes_are_completed_by_path(complete, api):
    api.say("GET", "/v1/nodes", {"items": [{"path": "here/n01"}, {"path": "there/n01"}]})
    assert complete("arkwright nodes drain he") == ["here/n01"]


def test_without_a_server_nothing_is_completed_and_nothing_is_said(complete, monkeypatch):
    monkeypatch.setenv("ARKWRIGHT_URL", "http://127.0.0.1:1")
    assert complete("arkwright why tr") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_names_the_program_and_its_variable(ark, shell):
    code, out, _ = ark("completion", shell)
    assert code == 0
    assert "_ARKWRIGHT_COMPLETE" in out
