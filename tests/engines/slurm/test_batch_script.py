"""What is handed to Slurm: the script, and what is asked for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from arkwright.engines.port import ArrayTask, AttemptPhase, Placement
from arkwright.engines.slurm import plan
from arkwright.engines.slurm.entries import Entry
from arkwright.engines.slurm.records import SlurmNode, Submission
from arkwright.jobs.spec import EarlySignal, OpenMode, SlurmOptions, Starts
from engines.slurm.bench import USER, Bench

ENDED, RUNNING = AttemptPhase.ENDED, AttemptPhase.RUNNING


def submission(bench: Bench, memory_mib: int = 64_000, **more: object) -> Submission:
    attempt = bench.attempt(**more)
    entry = Entry(attempt=attempt, unix_user=USER, port=20_001, launched_ms=0)
    nodes = {
        f"n{index}": SlurmNode(
            name=f"n{index}", address=f"10.0.0.{index}", states=("IDLE",), reason="", cpus=16,
            memory_mib=memory_mib, gres="gpu:h100:8", gpus_used=0, cpus_used=0, partitions=(),
        )
        for index in range(1, 5)
    }  # fmt: skip
    folder = bench.engine._rounds.folder(entry)
    return plan.submission_of(entry, nodes, folder, bench.settings)


def test_the_gang_meets_at_the_address_of_its_first_node(rest_bench):
    script = submission(rest_bench, first=2).script
    assert "export MASTER_ADDR=10.0.0.3\n" in script
    assert "export MASTER_PORT=20001\n" in script


def test_slurm_s_limit_in_minutes_comes_after_ours(rest_bench):
    assert submission(rest_bench).time_limit_min is None
    # 90 s and 5 s of grace are less than two minutes, and one more for Slurm to notice.
    assert submission(rest_bench, time_limit_s=90.0).time_limit_min == 3


def test_a_part_of_a_node_takes_its_part_of_the_memory(rest_bench):
    # 2 of 8 GPUs: a quarter of 64,000 MiB. A whole node names no amount and gets it all.
    assert submission(rest_bench, gpus=2).memory_per_node_mib == 16_000
    assert submission(rest_bench, gpus=8).memory_per_node_mib == 0
    assert submission(rest_bench, gpus=2, memory_mib=1).memory_per_node_mib == 0


def test_what_is_asked_for_memory_and_cpus_is_passed_on(rest_bench):
    placement = Placement(node="narvik/hall/rack/n1", gpus=1, cpus=12, memory_mib=5_000)
    wanted = submission(rest_bench, placements=(placement,), ranks=3)
    # 12 CPUs for 3 ranks are 4 each.
    assert (wanted.memory_per_node_mib, wanted.cpus_per_task) == (5_000, 4)
    assert (wanted.tasks, wanted.tasks_per_node, wanted.nodes) == (3, 3, ("n1",))


def test_the_comment_says_whose_it_is_before_what_the_user_said(rest_bench):
    options = SlurmOptions(comment="for the paper", qos="high", account="phys")
    wanted = submission(rest_bench, slurm=options)
    assert wanted.comment == "arkwright 7.1 for the paper"
    assert (wanted.qos, wanted.account) == ("high", "phys")


def test_containers_and_unknown_options_go_to_srun_for_ranks_and_to_sbatch_for_scripts(rest_bench):
    options = SlurmOptions(container_image="a b.sqsh", passthrough=("--network=x",))
    ranks = submission(rest_bench, slurm=options)
    assert "'--container-image=a b.sqsh' --network=x /bin/sh" in ranks.script
    assert ranks.options == ()
    batch = submission(
        rest_bench, slurm=options, starts=Starts.BATCH, script="#!/bin/sh\n", command=None
    )
    assert batch.options == ("--network=x",)


def test_a_batch_script_runs_once_and_its_output_goes_where_it_says(bench, tmp_path):
    script = '#!/bin/sh\necho "$1 on $SLURMD_NODENAME as $SLURM_JOB_NAME"; echo oops >&2\n'
    options = SlurmOptions(output="%x-%j.out", arguments=("hello",))
    ended = bench.run(
        bench.attempt(
            command=None, script=script, slurm=options, starts=Starts.BATCH, workdir=str(tmp_path)
        )
    )
    assert ended.exit_code == 0
    assert (tmp_path / "train it-1.out").read_text() == "hello on n1 as train it\noops\n"
    assert bench.log() == "hello on n1 as train it\noops\n"


def test_a_batch_script_that_asks_to_be_queued_again_is_queued_by_arkwright(bench):
    script = '#!/bin/sh\ntrap "exit 0" TERM\nscontrol requeue $SLURM_JOB_ID\nsleep 60 & wait\n'
    ended = bench.run(bench.attempt(command=None, script=script, starts=Starts.BATCH))
    assert ended.is_requeued
    assert bench.submissions() == 1


def test_the_next_attempt_knows_how_often_it_was_queued_again(rest_bench):
    bench = rest_bench
    script = "#!/bin/sh\necho ${SLURM_RESTART_COUNT:-none} $ARKWRIGHT_ATTEMPT_INDEX\n"
    for attempt_id in ("7.1", "7.3"):
        bench.run(bench.attempt(attempt_id, command=None, script=script, starts=Starts.BATCH))
    assert (bench.log(0, "7.1"), bench.log(0, "7.3")) == ("none 1\n", "2 3\n")


def test_the_early_signal_reaches_the_script_before_the_limit(rest_bench):
    bench = rest_bench
    script = '#!/bin/sh\ntrap "echo early; exit 0" USR1\nsleep 60 &\nwait\n'
    options = SlurmOptions(signal=EarlySignal(name="SIGUSR1", before=59.0, batch_only=True))
    attempt = bench.attempt(command=None, script=script, starts=Starts.BATCH, slurm=options)
    ended = bench.run(replace(attempt, time_limit_s=60.0))
    assert (bench.log(), ended.exit_code) == ("early\n", 0)


def test_a_task_of_an_array_knows_which(rest_bench):
    bench = rest_bench
    task = ArrayTask(job_id="7", index=3, first=1, last=9, step=2, count=5, number=70)
    show = "echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT"
    bench.run(replace(bench.attempt(command=show, nodes=1, ranks=1), array=task))
    assert bench.log() == "70 3 5\n"


def test_a_job_saves_before_it_is_stopped(rest_bench):
    bench = rest_bench
    trap = 'trap "echo saving" USR1; trap "echo ending; exit 0" TERM; echo ready; '
    trap += "while :; do sleep 0.05; done"
    bench.engine.launch(
        bench.attempt(command=trap, nodes=1, ranks=1, checkpoint_signal="SIGUSR1", grace_s=1.0)
    )
    bench.until(RUNNING)
    bench.when(bench.log)
    bench.engine.stop("7.1", grace_s=1.0, reason="")
    bench.until(ENDED)
    assert bench.log() == "ready\nsaving\nending\n"


@pytest.mark.parametrize("name", ["it's", "a\nb", '"$(rm -rf /)"', "%s\\n"])
def test_names_with_anything_in_them_stay_words(rest_bench, name, tmp_path):
    script = submission(rest_bench, job_name=name, env={"A": name}).script
    path = tmp_path / "script"
    path.write_text(script)
    subprocess.run(["/bin/sh", "-n", str(path)], check=True)
    told = rest_bench.attempt(job_name=name, command='printf %s "$ARKWRIGHT_JOB_NAME"', nodes=1)
    rest_bench.run(told)
    assert rest_bench.log() == name


def test_nothing_of_the_server_s_own_environment_reaches_the_job(rest_bench, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    assert "SECRET_OF_THE_SERVER" not in submission(rest_bench).script
    assert Path(submission(rest_bench).workdir) == rest_bench.output_dir / USER


def test_a_batch_script_finds_what_sbatch_would_have_set_by_its_options(rest_bench):
    options = SlurmOptions(ntasks_per_node=4, cpus_per_task=2)
    script = submission(rest_bench, starts=Starts.BATCH, gpus=8, slurm=options).script
    assert "export SLURM_NTASKS_PER_NODE=4\n" in script
    assert "export SLURM_CPUS_PER_TASK=2\n" in script
    assert "export SRUN_CPUS_PER_TASK=2\n" in script
    assert "export SLURM_GPUS_PER_NODE=8\n" in script


def test_options_that_nobody_gave_leave_no_variables(rest_bench):
    """`srun` would take them for its own options: `srun -n 1` with SLURM_NTASKS_PER_NODE=8."""
    script = submission(rest_bench, starts=Starts.BATCH, gpus=0, slurm=SlurmOptions()).script
    names = "SLURM_CPUS_PER_TASK SLURM_NTASKS_PER_NODE SLURM_GPUS_PER_TASK SLURM_GPUS_PER_NODE"
    assert f"unset {names} SLURM_TRES_PER_TASK\n" in script
    assert not any(f"export {name}" in script for name in ("SRUN_CPUS_PER_TASK", *names.split()))


def test_an_output_file_has_the_number_that_the_submitter_was_told(rest_bench):
    """Slurm's own number is another one, and a new one in every attempt."""
    options = SlurmOptions(output="slurm-%j.out", open_mode=OpenMode.APPEND)
    script = submission(rest_bench, starts=Starts.BATCH, slurm=options, number=42).script
    assert 'out="slurm-42.out"\n' in script
