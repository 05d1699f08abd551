"""One engine, the pretended Slurm under it, and a clock that tests move on."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from arkwright.engines.attempt_files import wall_ms
from arkwright.engines.port import Attempt, AttemptPhase, Observation, Placement
from arkwright.engines.slurm.commands import CommandTransport
from arkwright.engines.slurm.engine import SlurmEngine
from arkwright.engines.slurm.records import Transport
from arkwright.engines.slurm.rest import RestTransport
from arkwright.engines.slurm.settings import Settings
from arkwright.engines.slurm.tokens import Tokens
from arkwright.errors import EngineError
from engines.gangs import attempt_of, shell
from engines.slurm.desk import CommandDesk
from engines.slurm.pretend import Job, PretendSlurm
from engines.slurm.rest import PretendRest

WAYS = ("v0.0.38", "v0.0.45", "commands")
DEADLINE_S = 20.0
USER = getpass.getuser() if getpass.getuser() != "root" else "nobody"


class Bench:
    """`engine` can be thrown away and made anew, as after a crash: `restart`."""

    def __init__(self, folder: Path, way: str, **slurm: int) -> None:
        os.environ["PRETEND_PYTHON"] = sys.executable
        self.folder = folder
        self.way = way
        self.slurm = PretendSlurm(folder / "slurm", **slurm)
        self.output_dir = folder / "out"
        (self.output_dir / USER).mkdir(parents=True)
        self.ahead_ms = 0
        """How far a test has moved the clock on."""
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        for user in (USER, "slurm"):
            (self.tokens / user).write_text(f"token-of-{user}")
        self.rest = self.desk = None
        if way == "commands":
            self.desk = CommandDesk(self.slurm, folder)
        else:
            self.rest = PretendRest(self.slurm, int(way.rpartition(".")[2]))
        self.settings = Settings(
            output_dir=self.output_dir,
            command_prefix=self.desk.prefix if self.desk else (),
            users={"ada": USER},
            poll_s=0.0,
        )
        self.restart()

    def restart(self) -> None:
        """A new engine over the same files, as after the server died."""
        commands = CommandTransport(self.desk.prefix, "slurm") if self.desk else None
        self.commands = commands
        transport: Transport
        if self.rest is not None:
            tokens = Tokens(file=f"{self.tokens}/{{user}}")
            transport = RestTransport(tokens, "slurm", url=self.rest.url, timeout_s=5)
        else:
            assert commands is not None
            transport = commands
        self.engine = SlurmEngine(
            self.folder / "engine", "narvik", self.settings, transport, commands,
            clock=self.now_ms, submitters=0,
        )  # fmt: skip

    def now_ms(self) -> int:
        return wall_ms() + self.ahead_ms

    def close(self) -> None:
        self.slurm.close()
        for each in (self.rest, self.desk):
            if each is not None:
                each.close()

    def fail(self, fault: str) -> None:
        """The next submission goes wrong so."""
        if self.rest is not None:
            self.rest.faults.append((fault, "submit"))
        else:
            assert self.desk is not None
            self.desk.faults.append((fault, "sbatch"))

    def submissions(self) -> int:
        """How often Slurm was asked to take a job."""
        if self.rest is not None:
            return self.rest.count("POST", "submit")
        assert self.desk is not None
        return sum(words[0] == "sbatch" for _, words in self.desk.asked)

    def attempt(
        self, attempt_id: str = "7.1", command: str | None = "true", *, nodes: int = 2,
        gpus: int = 8, first: int = 0, ranks: int = 2, **more: object,
    ) -> Attempt:  # fmt: skip
        facts = self.engine.capabilities().nodes
        placements = tuple(
            Placement(node=node.path, gpus=gpus, cpus=8, memory_mib=0)
            for node in facts[first : first + nodes]
        )
        values: dict[str, object] = {
            "job_name": "train it",
            "placements": placements,
            "ranks_per_node": ranks,
            "command": None if command is None else shell(command),
        }
        return attempt_of(attempt_id, **{**values, **more})

    def see(self, attempt_id: str = "7.1") -> Observation:
        """After another round."""
        self.engine.work()
        return self.engine.observe((attempt_id,))[0]

    def until(self, phase: AttemptPhase, attempt_id: str = "7.1") -> Observation:
        """Round after round until the attempt is in `phase`."""
        deadline = time.monotonic() + DEADLINE_S
        told: Observation | EngineError | None = None
        while time.monotonic() < deadline:
            try:
                told = self.see(attempt_id)
                if told.phase is phase:
                    return told
            except EngineError as error:
                told = error
            time.sleep(0.01)
        raise AssertionError(f"{attempt_id} never came to be {phase.value}: {told}")

    def when(self, is_true: Callable[[], object]) -> None:
        """Round after round until it is."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_true():
            assert time.monotonic() < deadline, "it never came true"
            self.engine.work()
            time.sleep(0.01)

    def run(self, attempt: Attempt) -> Observation:
        """Launch it and see it end."""
        self.engine.launch(attempt)
        return self.until(AttemptPhase.ENDED, attempt.attempt_id)

    def job(self, attempt_id: str = "7.1") -> Job:
        """The one job of an attempt in Slurm."""
        (job,) = self.slurm.named(attempt_id)
        return job

    def log(self, rank: int = 0, attempt_id: str = "7.1") -> str:
        return self.engine.logs(attempt_id, rank, 0, 1 << 20).data.decode()
