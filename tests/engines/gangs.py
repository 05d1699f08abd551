"""Small gangs for the local engine's tests, and waiting for conditions instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from arkwright.engines import procfs
from arkwright.engines.local import LocalEngine
from arkwright.engines.port import Attempt, AttemptPhase, Observation, Placement

T = TypeVar("T")
DEADLINE_S = 30.0


def attempt(
    engine: LocalEngine,
    attempt_id: str,
    command: tuple[str, ...] | None = None,
    *,
    nodes: int = 1,
    ranks: int = 1,
    memory_mib: int = 0,
    cpus: float = 1.0,
    **more: object,
) -> Attempt:
    """An attempt on the engine's first `nodes` nodes with one GPU of each."""
    placements = tuple(
        Placement(node=node.path, gpus=1, cpus=cpus, memory_mib=memory_mib)
        for node in engine.capabilities().nodes[:nodes]
    )
    values = {"placements": placements, "ranks_per_node": ranks, "command": command, **more}
    return attempt_of(attempt_id, **values)


def attempt_of(attempt_id: str, **values: object) -> Attempt:
    """An attempt of ada's, who asks for nothing but `values`; they have to name the placements."""
    usual: dict[str, object] = {
        "attempt_id": attempt_id,
        "job_id": attempt_id.rpartition(".")[0],
        "job_name": "train",
        "project": "lab/vision",
        "user": "ada",
        "ranks_per_node": 1,
        "command": None,
        "script": None,
        "workdir": None,
        "env": {},
        "checkpoint_dir": None,
        "checkpoint_signal": None,
        "grace_s": 5.0,
        "time_limit_s": None,
    }
    return Attempt(**{**usual, **values})  # type: ignore[arg-type]


def shell(text: str) -> tuple[str, ...]:
    """A command that runs `text` in a shell."""
    return ("/bin/sh", "-c", text)


def until(probe: Callable[[], T], what: str) -> T:
    """The first true value of `probe`; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {DEADLINE_S} s for {what}"
        time.sleep(0.005)


def await_phase(engine: LocalEngine, attempt_id: str, phase: AttemptPhase) -> Observation:
    """Observe until the attempt is in `phase`."""
    seen: list[Observation] = []

    def is_there() -> Observation | None:
        seen[:] = engine.observe((attempt_id,))
        assert phase is AttemptPhase.ENDED or seen[0].phase is not AttemptPhase.ENDED, seen
        return seen[0] if seen[0].phase is phase else None

    found = until(is_there, f"{attempt_id} to be {phase.value}; last seen {seen}")
    assert found is not None
    return found


def run(engine: LocalEngine, what: Attempt) -> Observation:
    """Launch and wait for the end."""
    engine.launch(what)
    return await_phase(engine, what.attempt_id, AttemptPhase.ENDED)


def log(engine: LocalEngine, attempt_id: str, rank: int = 0) -> str:
    """All a rank has printed so far."""
    return engine.logs(attempt_id, rank, 0, 1 << 20).data.decode()


def lines_of(path: Path) -> list[str]:
    """Lines ranks have written to a file so far; none while there is no file."""
    return path.read_text().splitlines() if path.exists() else []


def processes_of(engine_root: Path, attempt_id: str) -> list[int]:
    """Live processes started for an attempt, found by their environment alone."""
    wanted = f"ARKWRIGHT_PART={engine_root}/attempts/{attempt_id}/node-".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        stat = procfs.read_stat(int(process.name))
        if wanted in environment and stat is not None and stat.state not in "ZX":
            found.append(int(process.name))
    return found


@contextmanager
def clean_engine(root: Path, **options: object) -> Iterator[LocalEngine]:
    """An engine of four virtual nodes; whatever still runs at the end is killed."""
    engine = LocalEngine(root, **{"nodes": 4, "gpus_per_node": 2, **options})  # type: ignore[arg-type]
    try:
        yield engine
    finally:
        for directory in (root / "attempts").iterdir():
            engine.stop(directory.name, grace_s=0, reason="the test is over")
        for directory in (root / "attempts").iterdir():
            await_phase(engine, directory.name, AttemptPhase.ENDED)
        engine.close()
