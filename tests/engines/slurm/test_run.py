"""Attempts run, are seen, end and are stopped the same way by every way to Slurm."""

from __future__ import annotations

import json

import pytest

from arkwright.engines.port import AttemptPhase, Engine, Placement
from arkwright.engines.slurm.batch_script import FENCE_MS
from arkwright.errors import EngineError
from engines.slurm.bench import USER

LAUNCHING, RUNNING = AttemptPhase.LAUNCHING, AttemptPhase.RUNNING
STOPPING, ENDED = AttemptPhase.STOPPING, AttemptPhase.ENDED
SHOW = 'echo "$RANK $LOCAL_RANK $NODE_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE $ARKWRIGHT_NODE"'


def test_it_stands_behind_the_port_and_tells_the_cluster_s_nodes(bench):
    port: Engine = bench.engine
    found = port.capabilities()
    assert [node.path for node in found.nodes][:2] == ["narvik/hall/rack/n1", "narvik/hall/rack/n2"]
    node = found.nodes[0]
    assert (node.gpus, node.gpu_type, node.cpus, node.memory_mib) == (8, "h100", 16.0, 64_000)
    assert "set_node" in found.verbs


def test_every_rank_knows_its_place_and_writes_its_own_log(bench):
    ended = bench.run(bench.attempt(command=SHOW))
    assert (ended.exit_code, ended.reason, ended.failed_nodes) == (0, "exited", ())
    assert ended.started_ms is not None
    assert ended.ended_ms >= ended.started_ms
    # Two nodes of two ranks: ranks 0 and 1 on the first, 2 and 3 on the second.
    assert [bench.log(rank) for rank in range(4)] == [
        "0 0 0 4 2 narvik/hall/rack/n1\n",
        "1 1 0 4 2 narvik/hall/rack/n1\n",
        "2 0 1 4 2 narvik/hall/rack/n2\n",
        "3 1 1 4 2 narvik/hall/rack/n2\n",
    ]


def test_gang_order_holds_whatever_order_slurm_keeps_nodes_in(bench):
    attempt = bench.attempt(command=SHOW, ranks=1)
    turned = tuple(reversed(attempt.placements))
    bench.run(bench.attempt(command=SHOW, ranks=1, placements=turned))
    assert bench.log(0) == "0 0 0 2 1 narvik/hall/rack/n2\n"
    assert bench.log(1) == "1 0 1 2 1 narvik/hall/rack/n1\n"


def test_the_job_s_variables_arrive_as_they_are_and_ours_win(bench):
    env = {"GREETING": 'it\'s\n"so" $HOME', "RANK": "99"}
    bench.run(bench.attempt(command='printf "%s %s" "$GREETING" "$RANK"', env=env, nodes=1))
    assert bench.log(1) == 'it\'s\n"so" $HOME 1'


def test_a_script_runs_by_its_own_first_line_in_the_job_s_directory(bench, tmp_path):
    script = f"#!{tmp_path}/shell\nnever read as sh\n"
    (tmp_path / "shell").write_text('#!/bin/sh\necho "run by us in $(pwd)"\n')
    (tmp_path / "shell").chmod(0o755)
    bench.run(bench.attempt(command=None, script=script, workdir=str(tmp_path), ranks=1, nodes=1))
    assert bench.log() == f"run by us in {tmp_path}\n"


def test_slurm_is_asked_for_these_nodes_their_gpus_and_the_user_s_name(bench):
    bench.engine.launch(bench.attempt(first=1, gpus=4))
    bench.when(lambda: bench.slurm.named("7.1"))
    job = bench.job()
    assert (job.nodes, job.gpus, job.user) == (["n2", "n3"], 4, USER)


def test_the_first_rank_that_fails_gives_the_code_and_the_node(bench):
    ended = bench.run(bench.attempt(command='[ "$RANK" = 2 ] && exit 7; sleep 60'))
    assert (ended.exit_code, ended.reason) == (7, "exited")
    assert ended.failed_nodes == ("narvik/hall/rack/n2",)


def test_a_stop_ends_ranks_softly_and_says_why(bench):
    trap = 'trap "echo saved; exit 0" TERM; echo ready; sleep 60 & wait'
    bench.engine.launch(bench.attempt(command=trap))
    bench.until(RUNNING)
    bench.when(lambda: all(bench.log(rank) for rank in range(4)))
    bench.engine.stop("7.1", grace_s=5.0, reason="power limit")
    bench.engine.stop("7.1", grace_s=5.0, reason="another")
    ended = bench.until(ENDED)
    assert ended.reason == "stopped: power limit"
    assert bench.log(3) == "ready\nsaved\n"


def test_what_does_not_obey_within_its_grace_is_killed(bench):
    bench.engine.launch(bench.attempt(command='trap "" TERM; sleep 60', grace_s=60.0))
    bench.until(RUNNING)
    bench.engine.stop("7.1", grace_s=2.0, reason="")
    assert bench.see().phase is STOPPING
    bench.ahead_ms += 10_000  # the grace and its margin are over
    ended = bench.until(ENDED)
    assert (ended.reason, ended.exit_code) == ("stopped", 143)


def test_a_job_that_slurm_has_not_begun_is_taken_back_by_a_stop(bench):
    bench.slurm.is_paused = True
    bench.engine.launch(bench.attempt())
    bench.when(lambda: bench.slurm.named("7.1"))
    assert bench.see().phase is LAUNCHING
    bench.engine.stop("7.1", grace_s=5.0, reason="cancelled by ada")
    ended = bench.until(ENDED)
    assert (ended.reason, ended.started_ms) == ("stopped: cancelled by ada", None)
    assert bench.job().states == ["CANCELLED"]


def test_a_stop_before_any_submission_submits_nothing(bench):
    bench.engine.launch(bench.attempt())
    bench.engine.stop("7.1", grace_s=5.0, reason="cancelled by ada")
    assert bench.until(ENDED).reason == "stopped: cancelled by ada"
    assert bench.submissions() == 0


def test_the_time_limit_holds_to_the_second_though_slurm_counts_minutes(bench):
    ended = bench.run(bench.attempt(command="sleep 60", time_limit_s=1.0, grace_s=1.0))
    assert ended.reason == "time limit"


def test_completing_is_not_the_end(bench):
    bench.engine.launch(bench.attempt(command="sleep 60"))
    bench.until(RUNNING)
    with bench.slurm.lock:
        job = bench.job()
        bench.slurm.end(job, "COMPLETED", "COMPLETING")
        job.process.wait()
        job.process = None  # nobody ends the completing but this test
    bench.when(lambda: bench.engine.observe(("7.1",))[0].phase is STOPPING)
    assert bench.see().phase is STOPPING
    job.states = ["COMPLETED"]
    assert bench.until(ENDED).exit_code == 0


@pytest.mark.parametrize(
    ("states", "code", "reason"),
    [
        (("TIMEOUT",), 0, "time limit"),
        (("OUT_OF_MEMORY",), 0, "memory limit"),
        (("CANCELLED",), -15, "cancelled in Slurm, not by Arkwright"),
        (("PREEMPTED",), 0, "preempted in Slurm by a job that is not Arkwright's"),
    ],
)
def test_what_slurm_did_to_a_job_is_said(bench, states, code, reason):
    bench.engine.launch(bench.attempt(command="sleep 60"))
    bench.until(RUNNING)
    bench.slurm.end(bench.job(), *states, code=code)
    ended = bench.until(ENDED)
    assert ended.reason == reason
    assert ended.exit_code != 0


def test_a_lost_node_is_named(bench):
    bench.engine.launch(bench.attempt(command="sleep 60"))
    bench.until(RUNNING)
    bench.slurm.nodes["n2"].states = ["DOWN", "NOT_RESPONDING"]
    bench.slurm.end(bench.job(), "NODE_FAIL")
    # What runs on there, out of Slurm's reach, is told to die, and given the time to.
    lease = bench.output_dir / USER / "7.1" / "lease"
    bench.when(lambda: lease.read_text() == "over\n")
    assert bench.see().phase is not ENDED
    bench.ahead_ms += FENCE_MS
    ended = bench.until(ENDED)
    assert (ended.reason, ended.exit_code) == ("node lost", None)
    assert ended.lost_nodes == ("narvik/hall/rack/n2",)


def test_a_refusal_is_told_in_slurm_s_words_and_not_tried_again(bench):
    bench.slurm.refusal = (2000, "Invalid partition name specified")
    ended = bench.run(bench.attempt())
    assert ended.reason.startswith("launch failed: Slurm refuses: ")
    assert "Invalid partition name specified" in ended.reason
    assert bench.submissions() == 1


def test_an_attempt_is_launched_once_and_stays_known_until_it_is_forgotten(bench):
    bench.run(bench.attempt(command="echo once"))
    bench.engine.launch(bench.attempt(command="echo twice"))
    bench.engine.forget("7.1")
    bench.engine.launch(bench.attempt(command="echo thrice"))
    bench.engine.work()
    assert bench.submissions() == 1
    assert bench.log() == "once\n"
    assert bench.engine.logs("7.1", 0, 0, 100).is_end
    with pytest.raises(EngineError, match="ranks are 0 to 3"):
        bench.engine.logs("7.1", 4, 0, 100)


def test_a_live_attempt_is_not_forgotten_and_an_unknown_one_has_ended(bench):
    bench.engine.launch(bench.attempt(command="sleep 60"))
    with pytest.raises(EngineError, match="has not ended"):
        bench.engine.forget("7.1")
    assert bench.engine.observe(("8.1",))[0].reason == "unknown attempt"


def test_what_cannot_run_here_is_refused_at_once(bench):
    with pytest.raises(EngineError, match="9 GPUs are asked of narvik/hall/rack/n1, which has 8"):
        bench.engine.launch(bench.attempt(gpus=9))
    nowhere = Placement(node="narvik/hall/rack/n99", gpus=1, cpus=1, memory_mib=0)
    with pytest.raises(EngineError, match="no node narvik/hall/rack/n99"):
        bench.engine.launch(bench.attempt(placements=(nowhere,)))
    with pytest.raises(EngineError, match="eve has no Unix user"):
        bench.engine.launch(bench.attempt(user="eve"))


def test_gangs_of_different_groups_have_as_many_ranks_as_each_group_says(bench):
    one, other = bench.attempt().placements
    uneven = (
        Placement(node=one.node, gpus=8, cpus=8, memory_mib=0, ranks=1, gang_group="head"),
        Placement(node=other.node, gpus=8, cpus=8, memory_mib=0, ranks=3, gang_group="work"),
    )
    bench.run(bench.attempt(command='echo "$RANK $ARKWRIGHT_GROUP"', placements=uneven))
    assert [bench.log(rank) for rank in range(4)] == [
        "0 head\n",
        "1 work\n",
        "2 work\n",
        "3 work\n",
    ]


def test_commands_run_beside_an_attempt_as_its_user(commands_bench):
    bench = commands_bench
    bench.engine.launch(bench.attempt(command="sleep 60"))
    bench.until(RUNNING)
    result = bench.engine.exec("7.1", ("nvidia-smi",), 10.0)
    assert (result.exit_code, result.output) == (0, b"beside nvidia-smi\n")
    user, words = bench.desk.asked[-1]
    assert user == USER
    assert words[:3] == ["srun", "--overlap", f"--jobid={bench.job().id}"]


def test_without_commands_nothing_runs_beside_an_attempt(rest_bench):
    assert "exec" not in rest_bench.engine.capabilities().verbs
    with pytest.raises(EngineError, match="slurmrestd starts no command"):
        rest_bench.engine.exec("7.1", ("true",), 1.0)


def test_a_tenant_s_file_that_is_not_theirs_is_not_read(rest_bench, tmp_path):
    bench = rest_bench
    bench.run(bench.attempt(nodes=1, ranks=1))
    log = bench.output_dir / USER / "7.1" / "rank-0.log"
    log.unlink()
    log.symlink_to("/dev/zero")
    with pytest.raises(EngineError, match="is not read"):
        bench.engine.logs("7.1", 0, 0, 10)


def test_the_last_word_of_a_script_is_a_record(rest_bench):
    rest_bench.run(rest_bench.attempt(command="exit 3", nodes=1, ranks=1))
    record = json.loads((rest_bench.output_dir / USER / "7.1" / "exit.json").read_text())
    assert (record["job"], record["code"], record["why"]) == (1, 3, "exited")
