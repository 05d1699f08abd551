"""What the port promises, held to every engine by the same words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.engines.fake import DEFAULT_NODES, FakeEngine, Script
from arkwright.engines.port import Attempt, AttemptPhase, Engine, Observation, Placement
from arkwright.engines.slurm import pace
from arkwright.errors import EngineError
from engines.gangs import clean_engine
from engines.slurm.bench import Bench

LAUNCHING, RUNNING = AttemptPhase.LAUNCHING, AttemptPhase.RUNNING
STOPPING, ENDED = AttemptPhase.STOPPING, AttemptPhase.ENDED
DEADLINE_S = 20.0
COMMANDS = {"ends": "echo done", "fails": "exit 7", "stays": "sleep 60"}


class Subject:
    """An engine and how to let time pass for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def attempt(self, attempt_id: str, does: str) -> Attempt:
        return Attempt(
            attempt_id=attempt_id,
            job_id=attempt_id.rpartition(".")[0],
            job_name="train",
            project="lab",
            user="ada",
            placements=tuple(
                Placement(node=node.path, gpus=1, cpus=1, memory_mib=0)
                for node in self.engine.capabilities().nodes[:2]
            ),
            ranks_per_node=1,
            command=("/bin/sh", "-c", COMMANDS[does]),
            script=None,
            workdir=None,
            env={},
            checkpoint_dir=None,
            checkpoint_signal=None,
            grace_s=5.0,
            time_limit_s=None,
        )

    def launch(self, attempt_id: str, does: str) -> None:
        self.engine.launch(self.attempt(attempt_id, does))

    def passes(self) -> None:
        time.sleep(0.01)

    def see(self, attempt_id: str) -> Observation:
        return self.engine.observe((attempt_id,))[0]

    def until(self, attempt_id: str, phase: AttemptPhase) -> Observation:
        deadline = time.monotonic() + DEADLINE_S
        while (seen := self.see(attempt_id)).phase is not phase:
            assert time.monotonic() < deadline, f"never {phase}: {seen}"
            self.passes()
        return seen


class Fake(Subject):
    """Its scripts do what the commands would."""

    def __init__(self) -> None:
        self.now_ms = 0
        super().__init__(FakeEngine(lambda: self.now_ms, DEFAULT_NODES))

    def launch(self, attempt_id: str, does: str) -> None:
        code, lasts_ms = {"ends": (0, 100), "fails": (7, 100), "stays": (0, 10**9)}[does]
        assert isinstance(self.engine, FakeEngine)
        script = Script(duration_ms=lasts_ms, launch_ms=10, exit_code=code, output=b"done\n")
        self.engine.script(attempt_id, script)
        super().launch(attempt_id, does)

    def passes(self) -> None:
        self.now_ms += 5


class Slurm(Subject):
    """A round of work whenever it is looked at."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        super().__init__(bench.engine)

    def passes(self) -> None:
        self.bench.engine.work()
        super().passes()


@pytest.fixture(params=["local", "fake", "slurm"])
def subject(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Subject]:
    if request.param == "fake":
        yield Fake()
    elif request.param == "local":
        with clean_engine(tmp_path / "engine") as engine:
            yield Subject(engine)
    else:
        monkeypatch.setattr(pace, "CPU_PER_MINUTE_S", 1e6)
        with closing(Bench(tmp_path, "v0.0.45")) as bench:
            yield Slurm(bench)


def test_an_attempt_runs_and_ends_with_its_code(subject):
    subject.launch("7.1", "ends")
    ended = subject.until("7.1", ENDED)
    assert (ended.exit_code, ended.reason) == (0, "exited")
    assert (ended.failed_nodes, ended.lost_nodes) == ((), ())
    chunk = subject.engine.logs("7.1", 1, 0, 100)
    assert (chunk.data, chunk.is_end) == (b"done\n", True)


def test_one_that_fails_tells_its_code_and_the_reason_is_its_own(subject):
    subject.launch("7.1", "fails")
    ended = subject.until("7.1", ENDED)
    assert (ended.exit_code, ended.reason) == (7, "exited")
    assert ended.failed_nodes


def test_a_second_launch_starts_nothing_and_an_end_stays_an_end(subject):
    subject.launch("7.1", "ends")
    ended = subject.until("7.1", ENDED)
    subject.engine.launch(subject.attempt("7.1", "stays"))
    subject.passes()
    assert subject.see("7.1") == ended


def test_a_stop_returns_at_once_and_an_end_with_its_reason_follows(subject):
    subject.launch("7.1", "stays")
    subject.until("7.1", RUNNING)
    subject.engine.stop("7.1", grace_s=5.0, reason="power limit")
    assert subject.see("7.1").phase in (STOPPING, ENDED)
    subject.engine.stop("7.1", grace_s=5.0, reason="another")
    assert subject.until("7.1", ENDED).reason == "stopped: power limit"
    subject.engine.stop("7.1", grace_s=0.0, reason="too late")


def test_what_was_never_launched_has_ended_and_has_no_logs(subject):
    seen = subject.see("9.1")
    assert (seen.phase, seen.reason) == (ENDED, "unknown attempt")
    subject.engine.stop("9.1", grace_s=1.0, reason="")
    with pytest.raises(EngineError, match="never launched"):
        subject.engine.logs("9.1", 0, 0, 10)


def test_only_what_has_ended_is_forgotten(subject):
    subject.launch("7.1", "stays")
    with pytest.raises(EngineError, match="has not ended"):
        subject.engine.forget("7.1")
    subject.engine.stop("7.1", grace_s=0.0, reason="")
    subject.until("7.1", ENDED)
    subject.engine.forget("7.1")


def test_every_node_has_a_state(subject):
    paths = [node.path for node in subject.engine.capabilities().nodes]
    subject.passes()
    assert [each.path for each in subject.engine.nodes()] == paths
    assert {each.state for each in subject.engine.nodes()} == {"up"}
