"""Nodes vanish, servers are killed at any point: at most one set of ranks, none astray."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from arkwright.engines import local
from arkwright.engines.attempt_files import AttemptFiles, read_record, write_record
from arkwright.engines.local import LocalEngine
from arkwright.engines.port import AttemptPhase
from arkwright.errors import EngineError
from engines.gangs import (
    attempt,
    await_phase,
    clean_engine,
    lines_of,
    log,
    processes_of,
    run,
    shell,
    until,
)

pytestmark = pytest.mark.slow
RUNNING, STOPPING, ENDED = AttemptPhase.RUNNING, AttemptPhase.STOPPING, AttemptPhase.ENDED
N1, N2 = "local/local/r01/n01", "local/local/r01/n02"


def test_losing_a_node_is_told_apart_from_a_failure_and_the_rest_waits_for_a_stop(engine):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000"), nodes=2))
    await_phase(engine, "7.1", RUNNING)
    engine.lose_node(N2)
    seen = await_phase(engine, "7.1", STOPPING)
    assert (seen.lost_nodes, seen.failed_nodes, seen.reason) == ((N2,), (), "node lost")
    engine.stop("7.1", grace_s=5, reason="its node was lost")
    result = await_phase(engine, "7.1", ENDED)
    assert (result.exit_code, result.reason, result.lost_nodes) == (None, "node lost", (N2,))


def test_a_rank_that_fails_because_its_peers_node_was_lost_does_not_hide_the_loss(engine):
    # Rank 0 fails as soon as rank 1 is gone, as a trainer does when its connection breaks.
    command = shell('echo $$; [ "$RANK" = 0 ] || exec sleep 1000; '
                    'until [ -e go ]; do sleep 0.01; done; '
                    'while kill -0 $(cat go); do sleep 0.01; done; exit 7')  # fmt: skip
    engine.launch(attempt(engine, "7.1", command, nodes=2))
    await_phase(engine, "7.1", RUNNING)
    peer = until(lambda: log(engine, "7.1", 1), "the peer's number").strip()
    Path(engine._root, "attempts/7.1/work/go").write_text(peer)
    engine.lose_node(N2)
    result = await_phase(engine, "7.1", ENDED)
    assert (result.reason, result.lost_nodes, result.failed_nodes) == ("node lost", (N2,), (N1,))


def test_a_lost_node_takes_every_process_with_it_and_can_be_used_again(engine, tmp_path):
    command = shell("setsid sleep 1000 & sleep 1000")
    engine.launch(attempt(engine, "7.1", command))
    engine.launch(attempt(engine, "8.1", command))
    await_phase(engine, "7.1", RUNNING)
    await_phase(engine, "8.1", RUNNING)
    engine.lose_node(N1)
    for attempt_id in ("7.1", "8.1"):
        assert processes_of(tmp_path / "engine", attempt_id) == []
        assert await_phase(engine, attempt_id, ENDED).reason == "node lost"
    assert run(engine, attempt(engine, "7.2", ("true",))).exit_code == 0


def test_losing_a_node_leaves_the_jobs_of_other_nodes_alone(engine):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000")))
    await_phase(engine, "7.1", RUNNING)
    engine.lose_node(N2)
    assert engine.observe(("7.1",))[0].phase is RUNNING
    with pytest.raises(EngineError, match="no node local/x"):
        engine.lose_node("local/x")


def test_a_node_lost_during_the_launch_never_starts_its_part(engine, tmp_path):
    for number in range(1, 11):
        attempt_id = f"7.{number}"
        engine.launch(attempt(engine, attempt_id, ("sleep", "1000")))
        engine.lose_node(N1)
        assert await_phase(engine, attempt_id, ENDED).reason == "node lost"
        engine.close()
        assert processes_of(tmp_path / "engine", attempt_id) == []


@pytest.mark.parametrize("with_groups", [True, False])
def test_when_only_the_supervisor_dies_its_ranks_are_killed_before_the_end_is_told(
    tmp_path, monkeypatch, with_groups
):
    if not with_groups:
        none = dict.fromkeys(("unified", "memory", "cpu", "pids"), "")
        monkeypatch.setattr("arkwright.engines.local.find_group_roots", lambda *_: none)
    with clean_engine(tmp_path / "engine") as engine:
        engine.launch(attempt(engine, "7.1", shell("setsid sleep 1000 & echo up; sleep 1000")))
        until(lambda: "up" in log(engine, "7.1"), "the gang")
        node = AttemptFiles(tmp_path / "engine/attempts/7.1").node(0)
        os.kill(read_record(node.started)["pid"], signal.SIGKILL)
        result = await_phase(engine, "7.1", ENDED)
        assert result.lost_nodes == (N1,)
        assert processes_of(tmp_path / "engine", "7.1") == []


def test_a_process_with_the_supervisors_number_but_another_start_is_not_the_supervisor(engine):
    # The record is made to name this very process, which did not start when the record says.
    engine.launch(attempt(engine, "7.1", ("sleep", "1000")))
    await_phase(engine, "7.1", RUNNING)
    node = AttemptFiles(engine._root / "attempts/7.1").node(0)
    started = read_record(node.started)
    os.kill(started["pid"], signal.SIGKILL)
    write_record(node.started, {**started, "pid": os.getpid(), "start_ticks": 1})
    other = LocalEngine(engine._root, nodes=4)
    other.stop("7.1", grace_s=0, reason="")  # a signal to this process would end the test run
    assert await_phase(other, "7.1", ENDED).lost_nodes == (N1,)


def test_after_a_reboot_what_ran_is_lost_and_is_not_started_again(engine, tmp_path):
    starts = tmp_path / "starts"
    what = attempt(engine, "7.1", shell(f"echo x >> {starts}; sleep 1000"))
    engine.launch(what)
    until(lambda: lines_of(starts), "the rank")
    await_phase(engine, "7.1", RUNNING)
    engine.lose_node(N1)
    files = AttemptFiles(engine._root / "attempts/7.1")
    write_record(files.plan, {**read_record(files.plan), "boot_id": "another boot"})
    after = LocalEngine(engine._root, nodes=4)
    after.launch(what)
    after.close()
    assert after.observe(("7.1",))[0].reason == "node lost"
    assert lines_of(starts) == ["x"]


def test_another_engine_sees_and_stops_what_the_first_one_started(engine, tmp_path):
    engine.launch(attempt(engine, "7.1", shell("echo hello; sleep 1000"), nodes=2))
    first = await_phase(engine, "7.1", RUNNING)
    second = LocalEngine(tmp_path / "engine", nodes=4, gpus_per_node=2)
    seen = second.observe(("7.1",))[0]
    assert (seen.phase, seen.started_ms) == (RUNNING, first.started_ms)
    until(lambda: log(second, "7.1", 1) == "hello\n", "the log through the second engine")
    second.stop("7.1", grace_s=5, reason="by the second")
    assert await_phase(second, "7.1", ENDED).reason == "stopped: by the second"
    assert engine.observe(("7.1",))[0].phase is ENDED


def test_two_supervisors_of_one_part_start_its_ranks_once(engine, tmp_path):
    starts = tmp_path / "starts"
    files = AttemptFiles(tmp_path / "engine/attempts/7.1")
    what = attempt(engine, "7.1", shell(f"echo x >> {starts}; sleep 1000"))
    engine.launch(what)
    rivals = [
        subprocess.Popen(
            [*local.PYTHON, str(local.SUPERVISOR), "launch", str(files.directory), "0"],
            start_new_session=True,
        )
        for _ in range(8)
    ]
    for rival in rivals:
        assert rival.wait() == 0
    await_phase(engine, "7.1", RUNNING)
    until(lambda: len(supervisors_of(files.directory)) == 1, "all rivals but one to leave")
    until(lambda: lines_of(starts), "the rank")
    assert lines_of(starts) == ["x"]


def supervisors_of(directory: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"launch" in words and str(directory).encode() in words:
                found.append(process.name)
    return found


def test_ranks_die_with_their_supervisor_before_any_engine_looks(engine, tmp_path):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000"), ranks=2))
    await_phase(engine, "7.1", RUNNING)
    node = AttemptFiles(tmp_path / "engine/attempts/7.1").node(0)
    os.kill(read_record(node.started)["pid"], signal.SIGKILL)
    until(lambda: not processes_of(tmp_path / "engine", "7.1"), "the kernel to end the ranks")


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def test_a_launch_cut_short_before_any_supervisor_is_finished_by_the_next_engine(
    tmp_path, monkeypatch
):
    root = tmp_path / "engine"
    with clean_engine(root) as engine:
        what = attempt(engine, "7.1", ("sleep", "1000"), nodes=2)
        with monkeypatch.context() as patch:
            patch.setattr(LocalEngine, "_start_supervisors", lambda *_: None)
            engine.launch(what)
        assert engine.observe(("7.1",))[0].phase is AttemptPhase.LAUNCHING
        second = LocalEngine(root, nodes=4, gpus_per_node=2)
        second.launch(what)
        await_phase(second, "7.1", RUNNING)
        second.close()


def test_a_launch_that_nobody_finishes_ends_and_cannot_start_later(tmp_path, monkeypatch):
    clock = Clock()
    with clean_engine(tmp_path / "engine", clock=clock) as engine:
        what = attempt(engine, "7.1", ("sleep", "1000"), nodes=2)
        with monkeypatch.context() as patch:
            patch.setattr(LocalEngine, "_start_supervisors", lambda *_: None)
            engine.launch(what)
        clock.now_ms += 30_000
        assert engine.observe(("7.1",))[0].phase is AttemptPhase.LAUNCHING
        clock.now_ms += 1
        result = engine.observe(("7.1",))[0]
        assert (result.phase, result.exit_code) == (ENDED, None)
        assert result.reason == "launch failed: its supervisor never started"
        engine._start_supervisors(AttemptFiles(tmp_path / "engine/attempts/7.1"), [0, 1])
        engine.close()
        assert processes_of(tmp_path / "engine", "7.1") == []


def test_a_server_that_cannot_start_processes_says_so_for_good(engine, monkeypatch):
    def refuse(*_args, **_more):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("arkwright.engines.local.subprocess.Popen", refuse)
        engine.launch(attempt(engine, "7.1", ("true",)))
    result = engine.observe(("7.1",))[0]
    assert result.phase is ENDED
    assert result.reason.startswith("launch failed: cannot start a process")


def launch_and_die(root: Path, attempt_id: str, command: tuple[str, ...], delay_s: float) -> None:
    """Fork a server that launches, and SIGKILL it `delay_s` after it began."""
    ready, begin = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            engine = LocalEngine(root, nodes=4, gpus_per_node=2)
            what = attempt(engine, attempt_id, command, nodes=2, ranks=2)
            os.write(begin, b"x")
            engine.launch(what)
            signal.pause()
        finally:
            os._exit(1)
    os.read(ready, 1)
    os.close(ready)
    os.close(begin)
    signal.sigtimedwait((), delay_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_server_killed_at_any_moment_of_a_launch_leaves_at_most_one_set_of_ranks(tmp_path):
    root, starts = tmp_path / "engine", tmp_path / "starts"
    command = shell(f"echo $ARKWRIGHT_ATTEMPT $RANK >> {starts}; sleep 1000")
    chance = random.Random(7)
    with clean_engine(root) as keeper:
        points = 40
        for number in range(1, points + 1):
            attempt_id = f"7.{number}"
            launch_and_die(root, attempt_id, command, chance.uniform(0, 0.012))
            engine = LocalEngine(root, nodes=4, gpus_per_node=2)
            engine.launch(attempt(engine, attempt_id, command, nodes=2, ranks=2))
            await_phase(engine, attempt_id, RUNNING)
            until(lambda n=number: len(lines_of(starts)) >= 4 * n, "every rank")
            engine.stop(attempt_id, grace_s=0, reason="")
            await_phase(engine, attempt_id, ENDED)
            engine.close()
            assert processes_of(root, attempt_id) == []
        keeper.close()
    lines = lines_of(starts)
    assert len(lines) == len(set(lines)) == points * 4, "a rank was started twice"


def test_a_supervisor_killed_at_any_moment_leaves_nothing_and_its_node_counts_as_lost(tmp_path):
    root = tmp_path / "engine"
    chance = random.Random(11)
    started_ms = []
    with clean_engine(root) as engine:
        for number in range(1, 31):
            attempt_id = f"7.{number}"
            engine.launch(attempt(engine, attempt_id, ("sleep", "1000"), ranks=4))
            node = AttemptFiles(root / "attempts" / attempt_id).node(0)
            started = until(lambda node=node: read_record(node.started), "the supervisor")
            if number % 3 == 0:
                until(node.running.exists, "the ranks")
            else:
                signal.sigtimedwait((), chance.uniform(0, 0.02))
            os.kill(started["pid"], signal.SIGKILL)
            result = await_phase(engine, attempt_id, ENDED)
            assert result.lost_nodes == (N1,)
            assert processes_of(root, attempt_id) == []
            started_ms.append(result.started_ms)
    assert None in started_ms, "some kills should come before all ranks run"
    assert any(started_ms), "and some after"


@pytest.mark.parametrize("point", ["before the plan", "after the plan", "after the supervisors"])
def test_a_server_killed_between_two_steps_of_a_launch(tmp_path, point):
    root, starts = tmp_path / "engine", tmp_path / "starts"
    command = shell(f"echo $RANK >> {starts}; sleep 1000")
    with clean_engine(root) as engine:
        what = attempt(engine, "7.1", command, nodes=2)
        pid = os.fork()
        if pid == 0:
            die_at(point)
            try:
                LocalEngine(root, nodes=4, gpus_per_node=2).launch(what)
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status)
        if point == "before the plan":
            assert engine.observe(("7.1",))[0].reason == "unknown attempt"
        engine.launch(what)
        await_phase(engine, "7.1", RUNNING)
        until(lambda: len(lines_of(starts)) == 2, "both ranks")
        engine.close()
        assert sorted(lines_of(starts)) == ["0", "1"]


def die_at(point: str) -> None:
    def die(*_args: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if point == "before the plan":
        local._write_plan = die  # type: ignore[assignment]
    elif point == "after the plan":
        LocalEngine._start_supervisors = die  # type: ignore[method-assign]
    else:
        start = LocalEngine._start_supervisors
        LocalEngine._start_supervisors = (  # type: ignore[method-assign]
            lambda self, files, pending: die(start(self, files, pending))
        )
