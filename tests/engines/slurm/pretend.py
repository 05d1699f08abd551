"""A Slurm in memory: one controller's jobs and nodes, and processes of this machine for ranks.

Batch scripts really run (`/bin/sh`), with an `srun` and a `scancel` of our own (`pretend_bin`), so
what a test sees of an engine is what its script does. Tests hold jobs back, end them, and make
nodes fail; `rest.PretendRest` and `pretend_command.py` are the ways in.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(__file__).with_name("pretend_bin")
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}


@dataclass
class Job:
    id: int
    name: str
    user: str
    nodes: list[str]
    script: str
    gpus: int
    output: str
    wanted: dict[str, object]
    states: list[str] = field(default_factory=lambda: ["PENDING"])
    reason: str = ""
    exit_code: int = 0
    submit_s: int = 0
    start_s: int = 0
    end_s: int = 0
    process: subprocess.Popen[bytes] | None = None


@dataclass
class Node:
    name: str
    gpus: int = 8
    cpus: int = 16
    states: list[str] = field(default_factory=lambda: ["IDLE"])
    reason: str = ""


class PretendSlurm:
    """`is_paused` leaves new jobs pending; `offset_s` is how far its clock is off."""

    def __init__(self, folder: Path, nodes: int = 4, gpus: int = 8, offset_s: int = 0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.nodes = {f"n{index}": Node(f"n{index}", gpus) for index in range(1, nodes + 1)}
        self.jobs: dict[int, Job] = {}
        self.forgotten: set[int] = set()
        """Jobs past MinJobAge."""
        self.offset_s = offset_s
        self.is_paused = False
        self.refusal: tuple[int, str] | None = None
        """Every submission is refused with this error."""
        self.changed_s = self.now_s()
        self.lock = threading.RLock()
        self._next = 1

    def now_s(self) -> int:
        return int(time.time()) + self.offset_s

    # --- what the ways in ask ------------------------------------------------------------------

    def submit(
        self, name: str, user: str, nodes: list[str], script: str, gpus: int, output: str,
        **wanted: object,
    ) -> int:  # fmt: skip
        with self.lock:
            job = Job(self._next, name, user, nodes, script, gpus, output, wanted)
            job.submit_s = self.now_s()
            self._next += 1
            self.jobs[job.id] = job
            self._advance()
            return job.id

    def known(self) -> list[Job]:
        with self.lock:
            self._advance()
            return [job for job in self.jobs.values() if job.id not in self.forgotten]

    def find(self, job_id: int) -> Job | None:
        return next((job for job in self.known() if job.id == job_id), None)

    def signal(self, job_id: int, number: int | None) -> bool:
        """To the script and all it started, as slurmrestd does; None cancels."""
        job = self.find(job_id)
        if job is None:
            return False
        with self.lock:
            if job.states[0] == "PENDING" and number is None:
                job.states, job.end_s = ["CANCELLED"], self.now_s()
            elif job.process is not None and job.states[0] == "RUNNING":
                if number is None:
                    job.states = ["CANCELLED", "COMPLETING"]
                    self._kill(job, signal.SIGKILL)
                else:
                    self._kill(job, number)
        return True

    def gpus_used(self, node: str) -> int:
        with self.lock:
            return sum(
                job.gpus
                for job in self.jobs.values()
                if node in job.nodes and job.states[0] not in FINAL | {"PENDING"}
            )

    # --- what a test does ----------------------------------------------------------------------

    def named(self, name: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.name == name]

    def foreign(self, node: str, gpus: int = 8) -> Job:
        """A job of somebody who uses `sbatch`; it lasts until it is ended."""
        was, self.is_paused = self.is_paused, False
        job = self.jobs[self.submit("theirs", "bob", [node], "sleep 600\n", gpus, "/dev/null")]
        self.is_paused = was
        return job

    def end(self, job: Job, *states: str, code: int = 0) -> None:
        """End a job in a state of Slurm's, whatever it was doing."""
        with self.lock:
            if job.process is not None:
                self._kill(job, signal.SIGKILL)
            job.states, job.exit_code, job.end_s = list(states), code, self.now_s()

    def close(self) -> None:
        for job in self.jobs.values():
            if job.process is not None:
                self._kill(job, signal.SIGKILL)
                job.process.wait()

    # --- the controller ------------------------------------------------------------------------

    def _advance(self) -> None:
        """Start what can start, see what ended."""
        for job in self.jobs.values():
            if job.states[0] == "PENDING":
                self._try_to_start(job)
            elif job.process is not None and (code := job.process.poll()) is not None:
                if job.states[-1] == "COMPLETING":
                    job.states.pop()
                elif job.states[0] == "RUNNING":
                    job.exit_code = code
                    job.states = ["FAILED" if code else "COMPLETED"]
                if not job.end_s:
                    job.end_s = self.now_s()
                self._kill(job, signal.SIGKILL)

    def _try_to_start(self, job: Job) -> None:
        if job.reason.startswith("JobHeld"):
            return
        is_free = all(
            self.nodes[name].states == ["IDLE"]
            and self.gpus_used(name) + job.gpus <= self.nodes[name].gpus
            for name in job.nodes
        )
        if self.is_paused or not is_free:
            job.reason = "Resources"
            return
        job.reason, job.states, job.start_s = "", ["RUNNING"], self.now_s()
        environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "SLURM_JOB_ID": str(job.id),
            "SLURMD_NODENAME": job.nodes[0],
            "PRETEND": str(self.folder),
            "PRETEND_NODES": " ".join(job.nodes),
        }
        with Path(job.output).open("ab") as out:
            job.process = subprocess.Popen(
                ["/bin/sh", "-c", job.script],
                env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=str(job.wanted.get("workdir", "/")), start_new_session=True,
            )  # fmt: skip

    def _kill(self, job: Job, number: int) -> None:
        """Every process of the job: they are found by its number in their environment."""
        mark = f"SLURM_JOB_ID={job.id}".encode()
        place = f"PRETEND={self.folder}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in told and place in told:
                try:
                    os.kill(int(process.name), number)
                except ProcessLookupError:
                    continue
