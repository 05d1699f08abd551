"""A stop reaches every process, in the promised order, with or without a server."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

import pytest

from arkwright.engines import procfs
from arkwright.engines.attempt_files import AttemptFiles, GroupRoots
from arkwright.engines.local import LocalEngine
from arkwright.engines.port import AttemptPhase
from engines.gangs import (
    attempt,
    await_phase,
    clean_engine,
    log,
    processes_of,
    run,
    shell,
    until,
)

pytestmark = pytest.mark.slow
RUNNING, ENDED = AttemptPhase.RUNNING, AttemptPhase.ENDED
NO_GROUPS = GroupRoots(unified="", memory="", cpu="", pids="")


def test_a_stopped_job_is_asked_to_end_before_it_is_made_to(engine):
    engine.launch(attempt(engine, "7.1", shell("trap 'echo bye; exit 9' TERM; echo up; "
                                               "while :; do sleep 0.02; done")))  # fmt: skip
    until(lambda: "up" in log(engine, "7.1"), "the trap to be set")
    engine.stop("7.1", grace_s=20, reason="cancelled by ada")
    result = await_phase(engine, "7.1", ENDED)
    assert (result.reason, result.exit_code) == ("stopped: cancelled by ada", 9)
    assert result.failed_nodes == ()
    assert "bye" in log(engine, "7.1")


def test_after_the_grace_even_a_child_in_its_own_session_that_ignores_term_is_killed(
    engine, tmp_path
):
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.02; done"
    engine.launch(attempt(engine, "7.1", shell(f'setsid sh -c "{stubborn}" & {stubborn}')))
    until(lambda: log(engine, "7.1").count("up") == 2, "both to ignore TERM")
    begun = time.monotonic()
    engine.stop("7.1", grace_s=0.3, reason="")
    result = await_phase(engine, "7.1", ENDED)
    assert time.monotonic() - begun >= 0.3
    assert (result.reason, result.exit_code) == ("stopped", 137)
    assert processes_of(tmp_path / "engine", "7.1") == []


def test_a_second_stop_can_only_shorten_the_grace_and_the_first_reason_stays(engine):
    engine.launch(attempt(engine, "7.1", shell("trap '' TERM; echo up; sleep 1000")))
    until(lambda: "up" in log(engine, "7.1"), "the trap to be set")
    engine.stop("7.1", grace_s=1000, reason="first")
    engine.stop("7.1", grace_s=0, reason="second")
    engine.stop("7.1", grace_s=1000, reason="third")
    assert await_phase(engine, "7.1", ENDED).reason == "stopped: first"


def test_a_stop_right_after_the_launch_leaves_nothing_running(engine, tmp_path):
    for number in range(1, 11):
        attempt_id = f"7.{number}"
        engine.launch(attempt(engine, attempt_id, ("sleep", "1000"), nodes=2))
        engine.stop(attempt_id, grace_s=0.1, reason="")
        assert await_phase(engine, attempt_id, ENDED).reason == "stopped"
        assert processes_of(tmp_path / "engine", attempt_id) == []


def test_stopping_an_unknown_or_ended_attempt_does_nothing(engine):
    engine.stop("8.1", grace_s=1, reason="")
    run(engine, attempt(engine, "7.1", ("true",)))
    engine.stop("7.1", grace_s=1, reason="too late")
    assert engine.observe(("7.1",))[0].reason == "exited"
    assert engine.observe(("8.1",))[0].reason == "unknown attempt"


def test_the_checkpoint_signal_comes_first_and_spares_the_shell_around_the_trainer(
    engine, tmp_path
):
    # The shell has no handler for SIGUSR1 and would die of it; the trainer saves and ends with 0.
    trainer = tmp_path / "trainer.py"
    trainer.write_text(
        "import signal, sys\n"
        "def save(*_):\n    print('saved', flush=True)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGUSR1, save)\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    command = shell(f"{sys.executable} -I {trainer}; echo shell lives; exit 0")
    engine.launch(attempt(engine, "7.1", command, checkpoint_signal="SIGUSR1"))
    until(lambda: "up" in log(engine, "7.1"), "the trainer")
    engine.stop("7.1", grace_s=20, reason="preempted")
    result = await_phase(engine, "7.1", ENDED)
    assert log(engine, "7.1") == "up\nsaved\nshell lives\n"
    assert (result.exit_code, result.reason) == (0, "stopped: preempted")


def test_a_job_that_only_saves_on_the_checkpoint_signal_is_told_to_end_at_half_the_grace(engine):
    command = shell("trap 'echo saved' USR1; trap 'exit 0' TERM; echo up; "
                    "while :; do sleep 0.02; done")  # fmt: skip
    engine.launch(attempt(engine, "7.1", command, checkpoint_signal="SIGUSR1"))
    until(lambda: "up" in log(engine, "7.1"), "the traps")
    begun = time.monotonic()
    engine.stop("7.1", grace_s=0.6, reason="")
    assert await_phase(engine, "7.1", ENDED).exit_code == 0
    assert time.monotonic() - begun >= 0.3
    assert "saved" in log(engine, "7.1")


def test_the_time_limit_holds_without_any_engine(tmp_path):
    root = tmp_path / "engine"
    with clean_engine(root) as engine:
        engine.launch(attempt(engine, "7.1", ("sleep", "1000"), time_limit_s=0.3))
        engine.close()
        exit_record = AttemptFiles(root / "attempts/7.1").node(0).exit
        until(exit_record.exists, "the supervisor alone to end the job")
        assert await_phase(LocalEngine(root, nodes=4), "7.1", ENDED).reason == "time limit"


def test_a_job_over_its_memory_is_killed_and_told_why(engine):
    command = (sys.executable, "-I", "-c", "x = bytearray(300 << 20); input()")
    result = run(engine, attempt(engine, "7.1", command, memory_mib=64))
    assert (result.reason, result.exit_code) == ("memory limit", 137)
    assert result.failed_nodes == ("local/local/r01/n01",)


def test_without_control_groups_the_supervisor_itself_watches_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("arkwright.engines.local.find_group_roots", lambda *_: NO_GROUPS)
    with clean_engine(tmp_path / "engine") as engine:
        assert "watched by the supervisor" in engine.capabilities().limits
        code = "import time; x = bytearray(b'1' * (300 << 20)); time.sleep(1000)"
        what = attempt(engine, "7.1", (sys.executable, "-I", "-c", code), memory_mib=64)
        assert run(engine, what).reason == "memory limit"


def test_a_job_within_its_memory_is_left_alone(engine):
    command = (sys.executable, "-I", "-c", "x = bytearray(20 << 20)")
    assert run(engine, attempt(engine, "7.1", command, memory_mib=128)).exit_code == 0


def test_without_control_groups_a_stop_still_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("arkwright.engines.local.find_group_roots", lambda *_: NO_GROUPS)
    with clean_engine(tmp_path / "engine") as engine:
        command = shell("trap '' TERM; setsid sleep 1000 & echo up; sleep 1000")
        engine.launch(attempt(engine, "7.1", command, nodes=2))
        until(lambda: "up" in log(engine, "7.1", 1), "the gang")
        engine.stop("7.1", grace_s=0.1, reason="")
        await_phase(engine, "7.1", ENDED)
        assert processes_of(tmp_path / "engine", "7.1") == []


def test_a_daemon_that_shed_its_session_and_environment_is_still_found(tmp_path, monkeypatch):
    monkeypatch.setattr("arkwright.engines.local.find_group_roots", lambda *_: NO_GROUPS)
    with clean_engine(tmp_path / "engine") as engine:
        # The daemon's parent ends at once: only the supervisor, as subreaper, still has it below.
        run(engine, attempt(engine, "7.1", shell(
            "env -i setsid /bin/sh -c 'echo $$; exec sleep 1000' & sleep 0.1; exit 0"
        )))  # fmt: skip
        daemon = procfs.read_stat(int(log(engine, "7.1")))
        assert daemon is None or daemon.state in "ZX"


def test_a_cpu_ceiling_without_control_groups_is_whole_cpus(tmp_path, monkeypatch):
    monkeypatch.setattr("arkwright.engines.local.find_group_roots", lambda *_: NO_GROUPS)
    with clean_engine(tmp_path / "engine", nodes=1, cpus_per_node=1.0) as engine:
        code = "import os; print(len(os.sched_getaffinity(0)))"
        run(engine, attempt(engine, "7.1", (sys.executable, "-I", "-c", code), cpus=1.0))
        assert log(engine, "7.1") == "1\n"


def test_a_stop_works_on_a_full_disk(engine, monkeypatch):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000")))
    await_phase(engine, "7.1", RUNNING)

    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("arkwright.engines.local.write_record", full)
        engine.stop("7.1", grace_s=5, reason="")
    assert await_phase(engine, "7.1", ENDED).reason.startswith("stopped")


def test_a_job_stopped_by_sigstop_still_sees_term(engine):
    command = shell("trap 'exit 6' TERM; echo up; while :; do sleep 0.02; done")
    engine.launch(attempt(engine, "7.1", command))
    until(lambda: "up" in log(engine, "7.1"), "the trap")
    for pid in processes_of(engine._root, "7.1"):
        with suppress(ProcessLookupError):  # the loop's sleep may just have ended
            os.kill(pid, signal.SIGSTOP)
    engine.stop("7.1", grace_s=20, reason="")
    assert await_phase(engine, "7.1", ENDED).exit_code == 6
