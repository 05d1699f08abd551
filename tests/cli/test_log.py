"""Logs on the command line: decided again, run ahead from, and held against a prediction."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import msgspec
import pytest

from arkwright.cli.log_source import log_from
from arkwright.cli.simulate_from_live import run_from_live
from arkwright.engines.fake import Script
from arkwright.errors import InputError
from arkwright.home import Paths, set_current
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import Power, Resources
from simulation.test_log_replay import Factory
from simulation.test_power_limits import FACTORY


@pytest.fixture
def live(tmp_path):
    """A factory of four nodes in the user's home: four jobs of a minute run, two wait."""
    home = tmp_path / "home"
    paths = Paths(home, "simulated").make()
    set_current(home, "simulated")
    with closing(Factory(paths.root, factory=FACTORY)) as world:
        world.engine.default_script = Script(duration_ms=60_000, launch_ms=0)
        for _ in range(6):
            world.submit(
                resources=Resources(gpus_per_node=2),
                time_limit=60.0,
                power=Power(watts_per_gpu=500.0),
            )
        for _ in range(3):
            world.step()
        yield world


def dump(world, path):
    """As `arkwright events --after 0 --json` prints it."""
    body = {"kind": "events", "items": [msgspec.to_builtins(event) for event in world.log]}
    path.write_text(json.dumps(body))
    return path


def test_the_log_of_the_home_is_decided_again_while_its_server_runs(ark, live):
    code, out, _ = ark("replay", "--log")
    lines = out.splitlines()
    assert code == 0
    assert "1 cycle decided again: 4 starts, 0 notices; state rebuilt 1 time" in lines[0]
    assert lines[1].split()[-1] == lines[2].split()[-1]
    assert lines[-1] == "the same bytes"
    live.step()  # nothing was locked


@pytest.mark.parametrize("form", ["home", "folder", "database", "dump", "lines"])
def test_every_form_of_a_log_is_the_same_log(ark, live, tmp_path, form):
    lines = tmp_path / "log.jsonl"
    lines.write_bytes(b"\n".join(msgspec.json.encode(event) for event in live.log) + b"\n")
    where = {
        "home": tmp_path / "home",
        "folder": live.folder,
        "database": live.folder / "store.db",
        "dump": dump(live, tmp_path / "log.json"),
        "lines": lines,
    }[form]
    assert list(log_from(str(where))()) == live.log
    shown = json.loads(ark("replay", "--log", str(where), "--json")[1])
    assert (shown["kind"], shown["is_same"], shown["cycles"]) == ("log_replay", True, 1)
    assert shown["sha256"] == shown["sha256_live"]


def test_a_server_s_log_is_read_page_by_page(ask, api, live):
    items = [msgspec.to_builtins(event) for event in live.log]
    api.say("GET", "/v1/events", {"items": items, "next_cursor": None})
    code, out, _ = ask("replay", "--log")
    assert (code, out.splitlines()[-1]) == (0, "the same bytes")
    assert ask("replay", "--log", api.url)[0] == 0


def test_a_log_that_was_changed_fails_and_says_where(ark, live, tmp_path):
    items = [msgspec.to_builtins(event) for event in live.log]
    start = next(item for item in items if item["kind"] == EventKind.JOB_STARTED.value)
    start["after"]["nodes"] = ["fake/local/r01/n04"]
    path = tmp_path / "changed.json"
    path.write_text(json.dumps({"items": items}))
    code, out, _ = ark("replay", "--log", str(path))
    assert code == 1
    assert f"first at event {start['seq']} (cycle 1, " in out
    assert "started on fake/local/r01/n04, 2 GPUs" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"items": [{"seq": 1}]}', "item 1 is no event"),
        ("hello", "line 1 is no event"),
        ('{"items": 3}', "there are no events"),
    ],
)
def test_what_is_no_log_is_refused_with_what_would_be(ark, tmp_path, text, said):
    (tmp_path / "x").write_text(text)
    code, _, err = ark("replay", "--log", "x")
    assert (code, said in err, "arkwright events --after 0 --json" in err) == (2, True, True)


def test_a_folder_without_a_log_and_a_form_that_is_none_are_refused(ark, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = ark("replay", "--log", "empty")
    assert (code, "empty holds no event log" in err) == (2, True)
    assert ark("replay")[0] == 2
    assert ark("replay", "x", "--factory", "y")[0] == 2
    with pytest.raises(InputError, match="cannot read nowhere"):
        log_from("nowhere")


def test_a_database_of_another_program_is_refused_and_left_as_it_is(ark, tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
    before = path.read_bytes()
    code, _, err = ark("replay", "--log", str(path))
    assert (code, "database of another program" in err) == (1, True)
    assert path.read_bytes() == before


def test_a_live_factory_is_run_ahead_and_held_to_its_log(ark, live, tmp_path, capsys):
    """Six jobs of 60 s on four nodes: the last two start when the first end and last to 120 s."""
    assert run_from_live(tmp_path / "ahead", False, now_ms=live.now_ms) == 0
    out = capsys.readouterr().out
    assert "4 nodes, 4 jobs placed, 2 waiting; run ahead 1 min 59 s" in out
    assert "later: arkwright drift" in out
    assert (tmp_path / "ahead" / "report.html").read_text().startswith("<!doctype html>")
    live.until(lambda: not live.controller.book.jobs)
    made = str(tmp_path / "ahead" / "prediction.json")
    code, out, _ = ark("drift", made)
    assert code == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert rows["starts"][1] == "2"
    assert rows["ends"][1] == "6"
    assert rows["starts"][-1] == rows["ends"][-1] == "100%"
    assert "energy: no job that is over was both" in out
    found = json.loads(ark("drift", made, str(dump(live, tmp_path / "log.json")), "--json")[1])
    assert (found["kind"], found["starts"]["jobs"], found["unknown"]) == ("drift", 2, 0)
    assert abs(found["starts"]["mean_s"]) < 1


def test_a_prediction_alone_is_written_where_a_file_is_named(live, tmp_path, capsys):
    path = dump(live, tmp_path / "log.json")
    assert run_from_live(tmp_path / "p.json", True, log=str(path), horizon_s=10.0) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads((tmp_path / "p.json").read_text())
    assert (shown["kind"], shown["now_ms"]) == ("prediction", live.log[-1].at_ms)
    assert shown["until_ms"] - shown["now_ms"] == 10_000
    assert {job["end_ms"] for job in shown["jobs"]} == {None}
