"""Where a factory's files are, and how server and client agree on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from arkwright.home import (
    Paths,
    ServerRecord,
    current,
    home_dir,
    read_server,
    set_current,
    write_server,
)


def test_the_home_is_what_the_environment_says_in_this_order():
    state, user = {"XDG_STATE_HOME": "/state"}, {"HOME": "/home/ada"}
    assert home_dir({"ARKWRIGHT_HOME": "/ark"} | state | user) == Path("/ark")
    assert home_dir(state | user) == Path("/state/arkwright")
    assert home_dir(user) == Path("/home/ada/.local/state/arkwright")
    assert home_dir({"ARKWRIGHT_HOME": "ark"}) == Path.cwd() / "ark"


def test_the_current_factory_is_the_last_one_set(tmp_path):
    home = tmp_path / "new"
    assert current(home) is None
    set_current(home, "fjord")
    set_current(home, "workstation")
    assert current(home) == "workstation"
    assert [path.name for path in home.iterdir()] == ["current"]


def test_a_factory_directory_is_for_its_user_only(tmp_path):
    paths = Paths(tmp_path / "home", "fjord").make()
    assert paths.root.stat().st_mode & 0o777 == 0o700
    assert paths.make() == paths


def test_a_server_record_reads_back(tmp_path):
    paths = Paths(tmp_path, "fjord").make()
    record = ServerRecord(123, "http://127.0.0.1:7460", "fjord", 1_700_000_000_000)
    assert read_server(paths) is None
    write_server(paths, record)
    assert read_server(paths) == record


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}', '{"pid": "x"}', "\xff"])
def test_a_record_that_is_none_counts_as_none(tmp_path, text):
    paths = Paths(tmp_path, "fjord").make()
    paths.server_json.write_bytes(text.encode("latin-1"))
    assert read_server(paths) is None
