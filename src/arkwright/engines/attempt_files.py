"""The files by which an engine, a supervisor and the next engine tell each other about an attempt.

Standard library only: supervisors import this, and must start fast and stay small.

    attempts/<attempt>/plan.json            all that was decided; written before anything starts
                      /script               the job's script, where it has one
                      /stop.json            the order to stop
                      /requeue.json         the script asked to be queued again
                      /step.json            number of the last job step
                      /node-K/steps         socket on which part K starts tasks of job steps
                      /node-K/lock          held by the supervisor of part K for its whole life
                      /node-K/started.json  part K has a supervisor: no other may ever start it
                      /node-K/running.json  every rank of part K runs its program
                      /node-K/failed.json   a rank ended badly while others still run
                      /node-K/usage.json    CPU time and energy so far
                      /node-K/closing       no command may start beside part K any more
                      /node-K/exit.json     no process of part K is left, and how it ended
                      /node-K/rank-R.log    output of rank R (global number)

Every record appears whole, by rename. `plan.json` and `exit.json` are also on disk before they
appear; the others describe processes, which do not survive what would lose them.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, TypedDict


class PartPlan(TypedDict):
    """The part of a gang on one node; `gpu_indices` are NVML's, empty for virtual GPUs."""

    node: str
    gpus: int
    gpu_indices: list[int]
    cpus: float
    memory_mib: int
    shared_gpu: int | None
    """The scheduler's number of the GPU it shares with others; None for whole GPUs. Plans of
    before there were fractions do not have it."""
    gpu_fraction: float | None
    group: str
    """Name of the part's control groups, unique on this machine."""
    ranks: int
    """Processes of the part. Plans of before there were groups of nodes do not have it."""
    gang_group: str | None
    """Its group of the gang, where it has groups; nor this."""


class GroupRoots(TypedDict):
    """Directories in which control groups may be made; an empty text where that is impossible."""

    unified: str
    memory: str
    cpu: str
    pids: str


class Plan(TypedDict):
    """One attempt, complete: what a supervisor does depends on this and `stop.json` alone."""

    attempt_id: str
    job_id: str
    job_name: str
    project: str
    user: str
    parts: list[PartPlan]
    ranks_per_node: int
    argv: list[str]
    workdir: str
    env: dict[str, str]
    checkpoint_dir: str | None
    checkpoint_signal: str | None
    grace_s: float
    time_limit_s: float | None
    master_port: int
    boot_id: str
    written_ms: int
    is_virtual: bool
    cpu_quota: bool
    """True: `cpus` is a ceiling. False: a weight, for nodes that promise more than there is."""
    groups: GroupRoots
    number: int
    """The job's number, 0 for none. Plans of before there were batch scripts do not have it."""
    array: dict[str, Any] | None
    """Which task of an array, an `ArrayTask` as a record; nor this."""
    batch: dict[str, Any] | None
    """A `BatchPlan`, where a script starts its tasks itself; nor this."""


def ranks_of(plan: Plan) -> list[int]:
    """How many processes each part has: they are numbered part after part."""
    return [part.get("ranks", plan["ranks_per_node"]) for part in plan["parts"]]


class Usage(TypedDict):
    """What a part has used so far."""

    cpu_s: float
    energy_j: float | None
    method: str


class StopOrder(TypedDict):
    """`count` grows with every order; `reason` and `at_ms` are the first order's."""

    count: int
    grace_s: float
    reason: str
    at_ms: int


class Started(TypedDict):
    """The supervisor, so that a reused process number is not taken for it."""

    pid: int
    start_ticks: int
    boot_id: str
    at_ms: int


class RankEnd(TypedDict):
    """How one rank ended; `told` is true when it had been told to end before."""

    rank: int
    code: int
    at_ms: int
    told: bool


class Exit(TypedDict):
    """How a part ended. `cause_ms` is when its end was caused, the order among parts."""

    reason: str
    exit_code: int | None
    failed: bool
    lost: bool
    cause_ms: int
    ended_ms: int
    cpu_s: float
    energy_j: float | None
    energy_method: str
    ranks: list[RankEnd]


class AttemptFiles:
    """Names within one attempt's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plan = directory / "plan.json"
        self.script = directory / "script"
        self.stop = directory / "stop.json"
        self.requeue = directory / "requeue.json"
        self.step = directory / "step.json"
        self.cap = directory / "cap.json"
        self.forgotten = directory / "forgotten"
        self.lock = directory / "lock"
        self.supervisor_log = directory / "supervisor.log"

    def node(self, index: int) -> NodeFiles:
        """Files of part `index`."""
        return NodeFiles(self.directory / f"node-{index}")


class NodeFiles:
    """Names within one part's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = directory / "lock"
        self.started = directory / "started.json"
        self.running = directory / "running.json"
        self.failed = directory / "failed.json"
        self.closing = directory / "closing"
        self.usage = directory / "usage.json"
        self.exit = directory / "exit.json"

    def log(self, rank: int) -> Path:
        """Output of the rank with this global number."""
        return self.directory / f"rank-{rank}.log"


def read_record(path: Path) -> Any:
    """The record, or None when there is none or it was torn by a crash of the machine."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def write_record(path: Path, record: Any, *, is_durable: bool = False) -> None:
    """Make `record` appear at `path` whole; when durable, on disk first. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            data = memoryview(json.dumps(record).encode())
            while data:
                data = data[os.write(handle, data) :]
            if is_durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if is_durable:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make names created in `directory` survive a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def take_lock(path: Path, *, patience_s: float) -> int | None:
    """An exclusive lock as an open descriptor, or None when another held it all that time."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return None
            time.sleep(0.01)
        else:
            return handle


def wall_ms() -> int:
    """Milliseconds since the Unix epoch, from the machine's clock."""
    return time.time_ns() // 1_000_000
