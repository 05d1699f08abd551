"""What a gang finds when it starts on the local engine, and how its end is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arkwright.engines import supervisor_main
from arkwright.engines.local import LocalEngine
from arkwright.engines.port import AttemptPhase, Placement
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
RUNNING, ENDED = AttemptPhase.RUNNING, AttemptPhase.ENDED


def environment_of(engine: LocalEngine, attempt_id: str, rank: int) -> dict[str, str]:
    lines = log(engine, attempt_id, rank).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_every_rank_finds_its_place_in_torchs_and_in_slurms_words(engine):
    # 2 nodes x 2 ranks: the second rank of the second node is rank 3 of 4.
    result = run(engine, attempt(engine, "7.1", ("env",), nodes=2, ranks=2))
    assert (result.exit_code, result.reason) == (0, "exited")
    found = environment_of(engine, "7.1", 3)
    expected = {
        "RANK": "3",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "4",
        "LOCAL_WORLD_SIZE": "2",
        "NODE_RANK": "1",
        "MASTER_ADDR": "127.0.0.1",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "train",
        "SLURM_NNODES": "2",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_NTASKS": "4",
        "SLURM_PROCID": "3",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "1",
        "SLURM_JOB_NODELIST": "n01,n02",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_TASKS_PER_NODE": "2(x2)",
        "SLURM_CPUS_PER_TASK": "1",
        "ARKWRIGHT_JOB_ID": "7",
        "ARKWRIGHT_ATTEMPT": "7.1",
        "ARKWRIGHT_NODE": "local/local/r01/n02",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    assert {name: found.get(name) for name in expected} == expected
    ports = {environment_of(engine, "7.1", rank)["MASTER_PORT"] for rank in range(4)}
    assert len(ports) == 1


def test_ranks_are_numbered_across_groups_and_each_knows_its_own(engine):
    """Two ranks on the first node, one on the second and third: ranks 0, 1, 2 and 3."""
    first, second, third = (node.path for node in engine.capabilities().nodes[:3])
    placements = (
        Placement(node=first, gpus=2, cpus=2, memory_mib=0, ranks=2, gang_group="learn"),
        Placement(node=second, gpus=0, cpus=1, memory_mib=0, ranks=1, gang_group="act"),
        Placement(node=third, gpus=0, cpus=1, memory_mib=0, ranks=1, gang_group="act"),
    )
    result = run(engine, attempt(engine, "7.1", ("env",), placements=placements))
    assert result.exit_code == 0
    words = ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "WORLD_SIZE", "NODE_RANK", "ARKWRIGHT_GROUP")
    found = [environment_of(engine, "7.1", rank) for rank in range(4)]
    assert [[each[word] for word in words] for each in found] == [
        ["0", "0", "2", "4", "0", "learn"],
        ["1", "1", "2", "4", "0", "learn"],
        ["2", "0", "1", "4", "1", "act"],
        ["3", "0", "1", "4", "2", "act"],
    ]
    assert found[3]["SLURM_PROCID"] == "3"
    assert found[3]["SLURM_TASKS_PER_NODE"] == "2,1(x2)"
    with pytest.raises(EngineError, match="its ranks are 0 to 3"):
        engine.logs("7.1", 4, 0, 10)


def test_nothing_of_the_servers_environment_leaks_into_a_job(engine, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    run(engine, attempt(engine, "7.1", ("env",), env={"MINE": "yes"}))
    found = environment_of(engine, "7.1", 0)
    assert "DATABASE_PASSWORD" not in found
    assert found["MINE"] == "yes"
    inherited = {"PATH", "HOME", "LANG", "USER", "TMPDIR", "TZ"}
    ours = {name for name in found if name.startswith(("ARKWRIGHT_", "SLURM", "CUDA_"))}
    torch = {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK"}
    torch |= {"MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS"}
    assert set(found) - inherited - ours - torch == {"MINE"}


def test_the_environment_is_private_to_the_servers_user(engine, tmp_path):
    run(engine, attempt(engine, "7.1", ("true",), env={"TOKEN": "secret"}))
    directory = tmp_path / "engine/attempts/7.1"
    assert directory.stat().st_mode & 0o077 == 0
    assert (directory / "plan.json").stat().st_mode & 0o077 == 0


def test_a_job_may_set_its_threads_but_not_its_rank_or_its_gpus(engine):
    lies = {"OMP_NUM_THREADS": "3", "RANK": "99", "CUDA_VISIBLE_DEVICES": "0"}
    run(engine, attempt(engine, "7.1", ("env",), env=lies))
    found = environment_of(engine, "7.1", 0)
    assert (found["OMP_NUM_THREADS"], found["RANK"]) == ("3", "0")
    assert found["CUDA_VISIBLE_DEVICES"] == ""


def test_each_rank_has_its_own_log_with_output_and_errors(engine):
    command = shell("echo out $RANK; echo err $RANK >&2")
    run(engine, attempt(engine, "7.1", command, nodes=2, ranks=2))
    assert [log(engine, "7.1", rank) for rank in range(4)] == [
        f"out {rank}\nerr {rank}\n" for rank in range(4)
    ]
    # "out 2\nerr 2\n" has 12 bytes; bytes 6 to 9 are "err".
    piece = engine.logs("7.1", 2, 6, 3)
    assert (piece.data, piece.is_end) == (b"err", False)
    assert engine.logs("7.1", 2, 12, 100).is_end


def test_a_log_can_be_followed_while_the_job_runs(engine, tmp_path):
    go = tmp_path / "go"
    command = shell(f"echo one; until [ -e {go} ]; do sleep 0.01; done; echo two")
    engine.launch(attempt(engine, "7.1", command))
    until(lambda: log(engine, "7.1") == "one\n", "the first line")
    assert not engine.logs("7.1", 0, 4, 100).is_end
    go.touch()
    await_phase(engine, "7.1", ENDED)
    rest = engine.logs("7.1", 0, 4, 100)
    assert (rest.data, rest.is_end) == (b"two\n", True)


def test_a_log_of_no_such_attempt_or_rank_is_refused(engine):
    run(engine, attempt(engine, "7.1", ("true",)))
    with pytest.raises(EngineError, match=r"has no rank 1; its ranks are 0 to 0"):
        engine.logs("7.1", 1, 0, 10)
    with pytest.raises(EngineError, match=r"8\.1 was never launched"):
        engine.logs("8.1", 0, 0, 10)


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_exit_code_is_the_ranks_or_128_and_its_signal(engine, command, code):
    result = run(engine, attempt(engine, "7.1", shell(command)))
    assert (result.exit_code, result.reason) == (code, "exited")
    assert result.failed_nodes == (("local/local/r01/n01",) if code else ())


def test_the_first_rank_that_fails_gives_the_code_and_ends_its_node(engine):
    # Rank 1 fails at once; rank 0 would wait for ever and is told to end.
    command = shell('[ "$RANK" = 1 ] && exit 5; sleep 1000')
    result = run(engine, attempt(engine, "7.1", command, ranks=2))
    assert result.exit_code == 5


def test_a_failed_part_is_reported_at_once_and_the_rest_waits_for_a_stop(engine):
    command = shell('[ "$NODE_RANK" = 1 ] && exit 5; sleep 1000')
    engine.launch(attempt(engine, "7.1", command, nodes=2))
    seen = await_phase(engine, "7.1", AttemptPhase.STOPPING)
    until(lambda: engine.observe(("7.1",))[0].failed_nodes, "the failure to be told")
    assert seen.lost_nodes == ()
    engine.stop("7.1", grace_s=5, reason="a peer failed")
    result = await_phase(engine, "7.1", ENDED)
    assert (result.exit_code, result.reason) == (5, "exited")
    assert result.failed_nodes == ("local/local/r01/n02",)


def test_a_script_runs_by_its_first_line_or_by_the_shell(engine):
    python = f"#!{sys.executable} -I\nimport sys\nprint(sys.flags.isolated)\n"
    run(engine, attempt(engine, "7.1", script=python))
    run(engine, attempt(engine, "8.1", script="#SBATCH --nodes=1\necho plain\n"))
    assert (log(engine, "7.1"), log(engine, "8.1")) == ("1\n", "plain\n")


def test_a_missing_command_ends_with_127_and_says_so(engine):
    result = run(engine, attempt(engine, "7.1", ("no-such-program",), nodes=2))
    assert result.exit_code == 127
    assert result.reason == "launch failed: cannot run no-such-program: No such file or directory"
    assert len(result.failed_nodes) == 2


def test_a_command_that_may_not_be_run_ends_with_126(engine, tmp_path):
    plain = tmp_path / "plain.txt"
    plain.write_text("not a program")
    result = run(engine, attempt(engine, "7.1", (str(plain),)))
    assert result.exit_code == 126
    assert result.reason.startswith("launch failed: cannot run")


def test_a_missing_working_directory_ends_with_127_and_names_it(engine, tmp_path):
    result = run(engine, attempt(engine, "7.1", ("true",), workdir=str(tmp_path / "gone")))
    assert result.exit_code == 127
    assert f"cannot enter the working directory {tmp_path / 'gone'}" in result.reason


def test_the_checkpoint_directory_is_made_and_named(engine, tmp_path):
    command = shell('echo saved > "$ARKWRIGHT_CHECKPOINT_DIR/step-1"')
    what = attempt(engine, "7.1", command, workdir=str(tmp_path), checkpoint_dir="ckpt/run")
    assert run(engine, what).exit_code == 0
    assert (tmp_path / "ckpt/run/step-1").read_text() == "saved\n"


def test_every_attempt_gets_another_port(engine):
    ports = []
    for number in range(1, 6):
        run(engine, attempt(engine, f"7.{number}", shell("echo $MASTER_PORT")))
        ports.append(log(engine, f"7.{number}"))
    assert len(set(ports)) == 5


def test_a_second_launch_starts_nothing(engine, tmp_path):
    starts = tmp_path / "starts"
    what = attempt(engine, "7.1", shell(f"echo $$ >> {starts}; sleep 1000"), nodes=2)
    for _ in range(5):
        engine.launch(what)
    await_phase(engine, "7.1", RUNNING)
    engine.launch(what)
    until(lambda: len(lines_of(starts)) == 2, "both parts to have written")
    engine.stop("7.1", grace_s=0, reason="")
    await_phase(engine, "7.1", ENDED)
    engine.launch(what)
    engine.close()  # waits for launchers: had one started a rank, it would be running now
    assert engine.observe(("7.1",))[0].phase is ENDED
    assert processes_of(tmp_path / "engine", "7.1") == []
    assert len(lines_of(starts)) == 2


def test_a_running_gang_has_a_start_time_and_no_end(engine):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000"), nodes=2))
    seen = await_phase(engine, "7.1", RUNNING)
    assert seen.started_ms is not None
    assert (seen.ended_ms, seen.exit_code, seen.reason) == (None, None, "")


def test_cpu_time_counts_children_and_nothing_virtual_has_watts(engine):
    # A child burns 0.3 s of CPU and is waited for; the shell itself burns next to nothing.
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    result = run(engine, attempt(engine, "7.1", shell(f"{sys.executable} -I -c '{burn}'")))
    assert 0.3 <= result.cpu_s < 3
    assert engine.capabilities().energy in ("cpu-model", "rapl")
    assert result.energy.method in ("cpu-model", "rapl")


def test_a_child_left_behind_by_an_ended_job_is_killed_before_the_end_is_told(engine, tmp_path):
    run(engine, attempt(engine, "7.1", shell("setsid sleep 1000 & sleep 0.05; exit 0")))
    assert processes_of(tmp_path / "engine", "7.1") == []


def test_exec_runs_beside_rank_0_in_its_directory_and_environment(engine, tmp_path):
    what = attempt(engine, "7.1", ("sleep", "1000"), workdir=str(tmp_path), env={"MINE": "yes"})
    engine.launch(what)
    await_phase(engine, "7.1", RUNNING)
    result = engine.exec("7.1", shell("pwd; echo $RANK $MINE; echo oops >&2; exit 4"), 10)
    assert (result.exit_code, result.output) == (4, f"{tmp_path}\n0 yes\noops\n".encode())


def test_exec_kills_all_it_started_when_its_time_is_over(engine, tmp_path):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000")))
    await_phase(engine, "7.1", RUNNING)
    result = engine.exec("7.1", shell("echo begun; setsid sleep 2000 & sleep 2000"), 2)
    assert (result.exit_code, result.output) == (124, b"begun\n")
    root = tmp_path / "engine"
    until(lambda: len(processes_of(root, "7.1")) == 1, "only rank 0 to be left")


def test_exec_ends_with_its_attempt_and_is_refused_afterwards(engine, tmp_path):
    go = tmp_path / "go"
    engine.launch(attempt(engine, "7.1", shell(f"until [ -e {go} ]; do sleep 0.01; done")))
    await_phase(engine, "7.1", RUNNING)
    result = engine.exec("7.1", shell(f"touch {go}; sleep 1000"), 20)
    assert result.exit_code == 137
    await_phase(engine, "7.1", ENDED)
    with pytest.raises(EngineError, match="not running now"):
        engine.exec("7.1", ("true",), 5)


def test_a_forgotten_attempt_keeps_its_outcome_and_log_but_not_its_secrets(engine, tmp_path):
    what = attempt(engine, "7.1", script="echo hello; exit 3", env={"TOKEN": "s3cret"})
    run(engine, what)
    engine.forget("7.1")
    engine.forget("7.1")
    engine.launch(what)
    assert engine.observe(("7.1",))[0].exit_code == 3
    assert log(engine, "7.1") == "hello\n"
    directory = tmp_path / "engine/attempts/7.1"
    kept = b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())
    assert b"s3cret" not in kept


def test_a_live_attempt_cannot_be_forgotten(engine):
    engine.launch(attempt(engine, "7.1", ("sleep", "1000")))
    with pytest.raises(EngineError, match="has not ended"):
        engine.forget("7.1")


def test_a_gang_of_64_ranks_starts_within_seconds(tmp_path):
    with clean_engine(tmp_path / "engine", nodes=8, gpus_per_node=8) as engine:
        engine.launch(attempt(engine, "7.1", ("sleep", "1000"), nodes=8, ranks=8))
        seen = await_phase(engine, "7.1", RUNNING)
        plan_ms = (tmp_path / "engine/attempts/7.1/plan.json").stat().st_mtime_ns // 1_000_000
        assert seen.started_ms - plan_ms < 10_000  # about 0.3 s on two idle cores
        assert len(processes_of(tmp_path / "engine", "7.1")) == 64


def test_a_supervisor_needs_the_standard_library_only():
    path = Path(supervisor_main.__file__)
    check = f"import sys, runpy; runpy.run_path({str(path)!r}); print(*sorted(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", check], check=True, capture_output=True, text=True
    )
    roots = {name.partition(".")[0] for name in found.stdout.split()}
    assert roots - set(sys.stdlib_module_names) <= {"arkwright", "__main__"}


@pytest.mark.parametrize("attempt_id", ["", "../7.1", "a/b", ".hidden", "x" * 200])
def test_an_attempt_id_that_is_no_plain_name_is_refused(engine, attempt_id):
    with pytest.raises(EngineError, match="cannot name an attempt"):
        engine.launch(attempt(engine, attempt_id, ("true",)))


def test_a_root_that_cannot_be_used_is_refused_with_its_path(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"cannot open the local engine's directory .*file"):
        LocalEngine(tmp_path / "file" / "engine")


def test_a_full_disk_refuses_the_launch_and_starts_nothing(engine, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("arkwright.engines.local.write_record", full)
        with pytest.raises(EngineError, match=r"cannot write the plan of 7\.1 .*No space left"):
            engine.launch(attempt(engine, "7.1", ("sleep", "1000")))
    assert engine.observe(("7.1",))[0].reason == "unknown attempt"
    assert run(engine, attempt(engine, "7.1", ("true",))).exit_code == 0
