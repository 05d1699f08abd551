"""The fake engine does what its scripts say, when its clock says, and checks control's promises."""

from __future__ import annotations

import pytest

from arkwright.engines.fake import DEFAULT_NODES, FakeEngine, Script
from arkwright.engines.port import Attempt, AttemptPhase, Engine, Placement
from arkwright.errors import EngineError

LAUNCHING, RUNNING = AttemptPhase.LAUNCHING, AttemptPhase.RUNNING
STOPPING, ENDED = AttemptPhase.STOPPING, AttemptPhase.ENDED
N1, N2 = DEFAULT_NODES[0].path, DEFAULT_NODES[1].path


class Clock:
    now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock) -> FakeEngine:
    return FakeEngine(clock)


def attempt(attempt_id: str, nodes: int = 1, gpus: int = 8, first: int = 0) -> Attempt:
    return Attempt(
        attempt_id=attempt_id,
        job_id=attempt_id.partition(".")[0],
        job_name="train",
        project="lab",
        user="ada",
        placements=tuple(
            Placement(node=node.path, gpus=gpus, cpus=8, memory_mib=0)
            for node in DEFAULT_NODES[first : first + nodes]
        ),
        ranks_per_node=1,
        command=("train",),
        script=None,
        workdir=None,
        env={},
        checkpoint_dir=None,
        checkpoint_signal=None,
        grace_s=10.0,
        time_limit_s=None,
    )


def seen(engine: FakeEngine, attempt_id: str = "7.1"):
    return engine.observe((attempt_id,))[0]


def test_it_stands_behind_the_port(engine):
    port: Engine = engine
    assert port.capabilities().engine == "fake"
    assert sum(node.gpus for node in port.capabilities().nodes) == 32


def test_an_attempt_launches_runs_and_ends_at_the_scripted_times(engine, clock):
    engine.script("7", Script(launch_ms=100, duration_ms=500, exit_code=3))
    engine.launch(attempt("7.1"))
    assert seen(engine).phase is LAUNCHING
    clock.now_ms += 100
    assert (seen(engine).phase, seen(engine).started_ms) == (RUNNING, 1_100)
    clock.now_ms += 499
    assert seen(engine).phase is RUNNING
    clock.now_ms += 1
    end = seen(engine)
    assert (end.phase, end.exit_code, end.reason, end.ended_ms) == (ENDED, 3, "exited", 1_600)
    assert end.failed_nodes == (N1,)


def test_an_attempts_own_script_wins_over_its_jobs(engine, clock):
    engine.script("7", Script(exit_code=1))
    engine.script("7.2", Script(exit_code=0))
    engine.launch(attempt("7.1"))
    clock.now_ms += 60_000
    assert seen(engine, "7.1").exit_code == 1
    engine.launch(attempt("7.2"))
    clock.now_ms += 60_000
    assert seen(engine, "7.2").exit_code == 0


def test_a_stop_takes_as_long_as_the_ranks_need_but_not_longer_than_the_grace(engine, clock):
    engine.script("7", Script(term_ms=5_000))
    engine.launch(attempt("7.1"))
    engine.stop("7.1", grace_s=2.0, reason="preempted")
    clock.now_ms += 1_999
    assert seen(engine).phase is STOPPING
    clock.now_ms += 1
    end = seen(engine)
    assert (end.phase, end.exit_code, end.reason) == (ENDED, 143, "stopped: preempted")


def test_a_process_stuck_in_the_kernel_outlives_its_grace(engine, clock):
    engine.script("7", Script(ignores_stop_for_ms=3_000))
    engine.launch(attempt("7.1"))
    engine.stop("7.1", grace_s=0, reason="")
    clock.now_ms += 2_999
    assert engine.live() == ("7.1",)
    clock.now_ms += 1
    assert engine.live() == ()


def test_a_lost_node_leaves_the_rest_running_until_it_is_stopped(engine, clock):
    engine.launch(attempt("7.1", nodes=2))
    engine.lose_node(N2)
    now = seen(engine)
    assert (now.phase, now.lost_nodes, now.reason) == (STOPPING, (N2,), "node lost")
    engine.stop("7.1", grace_s=0, reason="")
    end = seen(engine)
    assert (end.phase, end.exit_code, end.reason) == (ENDED, None, "node lost")


def test_the_loss_of_its_only_node_ends_an_attempt(engine):
    engine.launch(attempt("7.1"))
    engine.lose_node(N1)
    assert seen(engine).phase is ENDED
    engine.launch(attempt("7.2"))
    assert seen(engine, "7.2").phase is RUNNING


def test_one_failed_part_is_told_and_the_others_wait_for_a_stop(engine, clock):
    engine.script("7", Script(duration_ms=10, exit_code=4, fail_node=1))
    engine.launch(attempt("7.1", nodes=2))
    clock.now_ms += 10
    now = seen(engine)
    assert (now.phase, now.failed_nodes, now.exit_code) == (STOPPING, (N2,), None)
    engine.stop("7.1", grace_s=0, reason="a peer failed")
    assert (seen(engine).exit_code, seen(engine).reason) == (4, "exited")


def test_a_launch_can_be_made_to_fail_and_starts_nothing(engine):
    engine.fail_launches(1, "disk full")
    with pytest.raises(EngineError, match="disk full"):
        engine.launch(attempt("7.1"))
    assert seen(engine).reason == "unknown attempt"
    engine.launch(attempt("7.1"))
    assert [each.attempt_id for each in engine.launches] == ["7.1"]
    assert engine.calls == [("launch", "7.1"), ("launch", "7.1")]


def test_a_second_launch_of_an_attempt_starts_nothing_even_after_its_end(engine, clock):
    engine.launch(attempt("7.1"))
    clock.now_ms += 60_000
    engine.launch(attempt("7.1"))
    assert len(engine.launches) == 1
    assert seen(engine).phase is ENDED


def test_two_live_attempts_of_one_job_are_refused_as_a_bug_of_control(engine):
    engine.launch(attempt("7.1"))
    with pytest.raises(AssertionError, match=r"7\.1 and 7\.2"):
        engine.launch(attempt("7.2", first=1))


def test_more_gpus_than_a_node_has_are_refused_as_a_bug_of_control(engine):
    engine.launch(attempt("7.1", gpus=6))
    with pytest.raises(AssertionError, match="9 GPUs in use"):
        engine.launch(attempt("8.1", gpus=3))
    engine.launch(attempt("8.1", gpus=2))


def test_an_attempt_can_be_ended_by_hand(engine, clock):
    engine.launch(attempt("7.1", nodes=2))
    clock.now_ms += 5
    engine.finish("7.1", exit_code=9)
    assert (seen(engine).phase, seen(engine).exit_code) == (ENDED, 9)


def test_logs_come_in_pieces_and_end_with_the_attempt(engine, clock):
    engine.script("7", Script(output=b"loss 1.0\n"))
    engine.launch(attempt("7.1"))
    assert engine.logs("7.1", 0, 5, 3).data == b"1.0"
    assert not engine.logs("7.1", 0, 0, 100).is_end
    clock.now_ms += 60_000
    assert engine.logs("7.1", 0, 0, 100).is_end
    with pytest.raises(EngineError, match="no rank 1"):
        engine.logs("7.1", 1, 0, 1)


def test_only_an_ended_attempt_can_be_forgotten(engine, clock):
    engine.launch(attempt("7.1"))
    with pytest.raises(EngineError, match="has not ended"):
        engine.forget("7.1")
    clock.now_ms += 60_000
    engine.forget("7.1")
    engine.forget("8.1")
