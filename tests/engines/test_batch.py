"""A batch script on the local engine: what it finds, what its steps are, and how it all ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from arkwright.engines import procfs
from arkwright.engines.port import ArrayTask, Attempt, AttemptPhase, Observation
from arkwright.errors import EngineError
from arkwright.jobs.spec import EarlySignal, OpenMode, SlurmOptions, Starts
from engines.gangs import attempt, await_phase, lines_of, log, processes_of, run, until

pytestmark = pytest.mark.slow
ENDED = AttemptPhase.ENDED


def batch(engine, body: str, where: Path, attempt_id: str = "7.1", **more: object) -> Attempt:
    """An attempt of a script that runs `body` in `where`, on two nodes where nothing else is said.
    Options of Slurm are those whose names it knows."""
    known = set(SlurmOptions.__struct_fields__)
    options = {name: more.pop(name) for name in list(more) if name in known}
    values = {"nodes": 2, "cpus": 2.0, "number": 4711, **more}
    return attempt(
        engine,
        attempt_id,
        script=f"#!/bin/bash\n{body}\n",
        workdir=str(where),
        starts=Starts.BATCH,
        slurm=SlurmOptions(**options),  # type: ignore[arg-type]
        env={"PATH": os.environ["PATH"]},
        **values,  # type: ignore[arg-type]
    )


def said(engine, body: str, where: Path, **more: object) -> list[str]:
    """What the script printed; it must end with 0."""
    result = run(engine, batch(engine, body, where, **more))
    assert (result.exit_code, result.reason) == (0, "exited"), log(engine, "7.1")
    return log(engine, "7.1").splitlines()


def test_the_script_runs_once_and_finds_slurms_words(engine, tmp_path):
    array = ArrayTask(job_id="6", index=3, first=1, last=7, step=2, count=4, number=4700)
    lines = said(engine, "env", tmp_path, ntasks_per_node=3, cpus_per_task=2, cpus=6.0, array=array)
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    expected = {
        "SLURM_JOB_ID": "4711",
        "SLURM_NTASKS": "6",
        "SLURM_NTASKS_PER_NODE": "3",
        "SLURM_TASKS_PER_NODE": "3(x2)",
        "SLURM_CPUS_PER_TASK": "2",
        "SLURM_JOB_NODELIST": "n[01-02]",
        "SLURM_NNODES": "2",
        "SLURM_GPUS_ON_NODE": "1",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_ARRAY_JOB_ID": "4700",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_ARRAY_TASK_MAX": "7",
        "SLURMD_NODENAME": "n01",
    }
    assert {name: found.get(name) for name in expected} == expected
    # torch's words would make every step a liar; a first attempt was never restarted.
    assert {"RANK", "WORLD_SIZE", "SLURM_RESTART_COUNT"} & set(found) == set()
    assert sum(line.startswith("SLURM_JOB_ID=") for line in lines) == 1


def test_without_a_number_of_tasks_slurm_names_none_and_steps_run_one_on_each_node(
    engine, tmp_path
):
    body = "echo ${SLURM_NTASKS-unset}; srun bash -c 'echo $SLURM_PROCID/$SLURM_NTASKS'"
    assert sorted(said(engine, body, tmp_path)) == ["0/2", "1/2", "unset"]


def test_arguments_and_a_login_shell(engine, tmp_path):
    what = batch(engine, 'echo "$1|$2"; srun -N1 -n1 true', tmp_path, arguments=("a b", "c"))
    login = what.script.replace("#!/bin/bash", "#!/bin/bash -l")
    result = run(engine, Attempt(**{f: getattr(what, f) for f in what.__struct_fields__}
                                 | {"script": login}))  # fmt: skip
    assert (result.exit_code, log(engine, "7.1")) == (0, "a b|c\n")


def test_tasks_run_in_the_control_groups_and_under_the_marks_of_their_nodes(engine, tmp_path):
    body = "srun bash -c 'echo \"$SLURM_NODEID $ARKWRIGHT_PART\"; cat /proc/self/cgroup'"
    lines = said(engine, body, tmp_path)
    parts = {line.split()[0]: line.split()[1] for line in lines if "/node-" in line}
    assert {node: Path(part).name for node, part in parts.items()} == {"0": "node-0", "1": "node-1"}
    groups = {line.rpartition("/")[2] for line in lines if "arkwright-" in line}
    if groups:  # where groups can be made at all
        assert {group[-1] for group in groups} == {"0", "1"}


def test_output_goes_to_the_files_that_were_named_and_to_the_log(engine, tmp_path):
    body = "echo one; echo two >&2; srun -N1 -n1 echo three"
    result = run(engine, batch(engine, body, tmp_path, output="%x-%j.out", error="err"))
    assert result.exit_code == 0
    assert (tmp_path / "train-4711.out").read_text() == "one\nthree\n"
    assert (tmp_path / "err").read_text() == "two\n"
    assert sorted(log(engine, "7.1").split()) == ["one", "three", "two"]


def test_a_file_is_emptied_or_appended_to(engine, tmp_path):
    (tmp_path / "out").write_text("before\n")
    append = batch(engine, "echo new", tmp_path, output="out", open_mode=OpenMode.APPEND)
    run(engine, append)
    assert (tmp_path / "out").read_text() == "before\nnew\n"
    assert log(engine, "7.1") == "new\n"
    run(engine, batch(engine, "echo last", tmp_path, "8.1", output="out"))
    assert (tmp_path / "out").read_text() == "last\n"


def test_a_directory_that_is_not_there_fails_the_job_with_what_to_do(engine, tmp_path):
    result = run(engine, batch(engine, "true", tmp_path, output="logs/out"))
    assert result.exit_code == 1
    assert "logs/out: No such file or directory; make its directory" in result.reason


def test_a_node_lost_under_a_step_ends_the_step_and_the_job(engine, tmp_path):
    body = "srun bash -c 'echo $$ > pid.$SLURM_NODEID; sleep 60'; echo srun $? > code; sleep 60"
    engine.launch(batch(engine, body, tmp_path))
    pids = until(lambda: [int(p.read_text() or 0) for p in tmp_path.glob("pid.*")], "two tasks")
    until(lambda: len(list(tmp_path.glob("pid.*"))) == 2, "both tasks")
    engine.lose_node(engine.capabilities().nodes[1].path)
    until(lambda: engine.observe(("7.1",))[0].lost_nodes, "the loss to be seen")
    engine.stop("7.1", grace_s=0.5, reason="node lost")
    result = await_phase(engine, "7.1", ENDED)
    assert (result.reason, len(result.lost_nodes)) == ("node lost", 1)
    assert not any(map(procfs.read_stat, pids))


def test_a_stop_ends_every_task_on_every_node(engine, tmp_path):
    body = "srun bash -c 'echo up >> up; sleep 60' & srun bash -c 'echo up >> up; sleep 60' & wait"
    engine.launch(batch(engine, body, tmp_path))
    until(lambda: len(lines_of(tmp_path / "up")) == 4, "four tasks")
    engine.stop("7.1", grace_s=5, reason="cancelled")
    result = await_phase(engine, "7.1", ENDED)
    assert result.reason == "stopped: cancelled"
    root = Path(engine._root)
    assert processes_of(root, "7.1") == []


def test_when_the_script_ends_its_steps_end_with_it(engine, tmp_path):
    """Slurm does the same: the batch script's end is the job's."""
    body = "srun bash -c 'echo up >> up; sleep 60' & while [ ! -s up ]; do sleep 0.05; done"
    assert said(engine, body, tmp_path) == []


def test_an_srun_that_is_killed_takes_its_tasks_along(engine, tmp_path):
    body = """srun -n1 bash -c 'echo $$ > pid; exec sleep 60' & step=$!
    while [ ! -s pid ]; do sleep 0.05; done
    kill -KILL $step
    for i in $(seq 100); do
      kill -0 $(cat pid) 2>/dev/null || { echo gone; exit 0; }; sleep 0.05
    done
    """
    assert "gone" in said(engine, body, tmp_path, nodes=1)


def test_signals_reach_the_tasks_through_srun(engine, tmp_path):
    body = """srun bash -c 'trap "echo got it; exit 3" USR1; echo up > up; sleep 60 & wait' &
    step=$!
    while [ ! -s up ]; do sleep 0.05; done
    kill -USR1 $step
    wait $step; echo "srun ended with $?"
    """
    lines = said(engine, body, tmp_path, nodes=1)
    assert lines[0] == "got it"
    assert lines[-1] == "srun ended with 3"


def early(batch_only: bool) -> dict[str, object]:
    """A signal at once: 60 s before the end of one minute."""
    signal_ = EarlySignal(name="SIGUSR1", before=60.0, batch_only=batch_only)
    return {"signal": signal_, "time_limit_s": 60.5}


def test_a_signal_before_the_limit_goes_to_the_script_alone(engine, tmp_path):
    body = """trap 'echo script; exit 0' USR1
    srun -N1 -n1 bash -c 'trap "echo task" USR1; sleep 60' & wait"""
    assert said(engine, body, tmp_path, **early(True))[0] == "script"


def test_a_signal_before_the_limit_goes_to_the_tasks_of_all_nodes(engine, tmp_path):
    body = """trap 'echo script' USR1
    srun bash -c 'trap "echo task \\$SLURM_NODEID; exit 0" USR1; sleep 60 & wait'"""
    assert sorted(said(engine, body, tmp_path, **early(False))) == ["task 0", "task 1"]


def requeued(engine, where: Path, **options: object) -> Observation:
    return run(engine, batch(engine, "scontrol requeue $SLURM_JOB_ID || exit 4; sleep 60", where,
                             **options))  # fmt: skip


def test_a_script_asks_to_be_queued_again(engine, tmp_path):
    result = requeued(engine, tmp_path)
    assert result.is_requeued
    assert result.reason == "stopped: the script asked to be queued again"
    again = run(engine, batch(engine, "echo $SLURM_RESTART_COUNT", tmp_path, "7.2"))
    assert (again.exit_code, log(engine, "7.2")) == (0, "1\n")


def test_one_that_may_not_is_told_so_as_slurm_tells_it(engine, tmp_path):
    result = requeued(engine, tmp_path, requeue=False)
    assert (result.exit_code, result.is_requeued) == (4, False)
    assert "Requested operation is presently disabled for job" in log(engine, "7.1")


def test_steps_that_want_their_own_cpus_wait_for_each_other(engine, tmp_path):
    """One node with 2 CPUs: of four steps with one each, never more than two run at a time."""
    body = """for i in 1 2 3 4; do
      srun -Q --exact -n1 bash -c 'echo + >> seen; sleep 0.2; echo - >> seen' &
    done; wait"""
    said(engine, body, tmp_path, nodes=1, ntasks=2)
    running = most = 0
    for mark in lines_of(tmp_path / "seen"):
        running += 1 if mark == "+" else -1
        most = max(most, running)
    assert most == 2


def test_reserved_gpus_are_each_steps_own(engine, tmp_path):
    nodes = engine.capabilities().nodes[:1]
    what = batch(engine, """for i in 1 2; do
      srun --exact -n1 --gpus-per-task=1 bash -c 'echo $SLURM_STEP_GPUS; sleep 0.5' &
    done; wait""", tmp_path, nodes=1, ntasks=2)  # fmt: skip
    both = [type(p)(node=nodes[0].path, gpus=2, cpus=2, memory_mib=0) for p in what.placements]
    values = {f: getattr(what, f) for f in what.__struct_fields__} | {"placements": tuple(both)}
    run(engine, Attempt(**values))
    assert sorted(log(engine, "7.1").split()) == ["0", "1"]


def test_a_step_has_the_streams_it_asks_for(engine, tmp_path):
    body = """printf 'a\\nb\\n' | srun -l -n2 cat
    echo once | srun -n2 --input=1 cat
    srun -n2 --output=t_%t.txt --open-mode=append bash -c 'echo $SLURM_PROCID'
    srun -n2 --input=none cat
    srun -N1 -n1 -o none echo nothing"""
    lines = said(engine, body, tmp_path)
    assert sorted(lines) == ["0: a", "0: b", "1: a", "1: b", "once"]
    assert [(tmp_path / f"t_{t}.txt").read_text() for t in (0, 1)] == ["0\n", "1\n"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--pty bash", "--pty needs a terminal"),
        ("--multi-prog x.conf", "--multi-prog is not run on the local engine"),
        ("-n1 a : -n1 b", "heterogeneous steps"),
        ("-n 1", "No command given to execute"),
        ("--container-image=ubuntu true", "Apptainer is not installed here"),
        ("-w nosuch true", "Invalid node name specified"),
    ],
)
def test_what_a_step_cannot_have_is_said(engine, tmp_path, words, told):
    lines = said(engine, f"PATH=${{PATH%%:*}}:/bin:/usr/bin srun {words}; echo $?", tmp_path)
    assert lines[-1] == "1"
    assert told in lines[0]


def test_a_step_smaller_than_the_job_says_so_as_srun_does(engine, tmp_path):
    lines = said(engine, "srun -n1 echo one; srun -Q -n1 echo quiet", tmp_path)
    warning = "srun: Warning: can't run 1 processes on 2 nodes, setting nnodes to 1"
    assert lines == [warning, "one", "quiet"]


def test_scontrol_shows_names_that_can_be_reached_and_the_job(engine, tmp_path):
    body = "scontrol show hostnames; scontrol show job $SLURM_JOB_ID; scontrol show node x; true"
    lines = said(engine, body, tmp_path)
    assert lines[:3] == ["127.0.1.1", "127.0.1.2", "JobId=4711 JobName=train"]
    assert any("NumNodes=2 NumTasks=2" in line for line in lines)
    assert lines[-1].startswith("scontrol: error: show node: inside a job this scontrol has")


def test_a_container_that_nothing_here_can_run_is_no_launch(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="Apptainer is not installed here"):
        engine.launch(batch(engine, "true", tmp_path, container_image="ubuntu"))


def test_a_task_over_the_memory_of_its_node_ends_the_job(engine, tmp_path):
    """64 MiB on each node; the second task takes more, on the second node."""
    body = """srun bash -c '[ $SLURM_NODEID = 1 ] || exec sleep 60
    python3 -c "b = bytearray(200_000_000); import time; time.sleep(60)"'; sleep 1"""
    engine.launch(batch(engine, body, tmp_path, memory_mib=64))
    until(lambda: engine.observe(("7.1",))[0].failed_nodes, "the failure to be seen")
    engine.stop("7.1", grace_s=0.5, reason="failed")
    result = await_phase(engine, "7.1", ENDED)
    assert (result.reason, result.exit_code) == ("memory limit", 137)
    assert result.failed_nodes == (engine.capabilities().nodes[1].path,)


def test_signals_to_a_reader_that_is_gone_leave_no_traceback(engine, tmp_path):
    lines = said(
        engine, "scontrol show hostnames | head -n 1; srun -l -n2 yes | head -n 1", tmp_path
    )
    assert not any("Traceback" in line for line in lines)
    assert lines[0] == "127.0.1.1"
