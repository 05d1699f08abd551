"""What passes between the engine and Slurm, whichever way it goes and whatever version answers."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from arkwright.errors import EngineError


class Refused(EngineError):
    """Slurm said no, in its own words: nothing was done, and asking again changes nothing."""


class NotReached(EngineError):
    """Slurm was not asked, or could not take the question: nothing was done. Ask again later."""


class AnswerLost(EngineError):
    """Slurm may have done it: the question left, and no answer that can be trusted came back."""


class SlurmJob(Struct, frozen=True, kw_only=True):
    """A job as Slurm tells it. Times are seconds of the cluster's clock, 0 where there is none."""

    id: int
    name: str
    states: tuple[str, ...]
    """Base state, then flags: `("CANCELLED", "COMPLETING")`."""
    reason: str = ""
    """Why it is pending, or failed, in Slurm's word: `Resources`, `JobHeldAdmin`."""
    detail: str = ""
    user: str = ""
    nodes: str = ""
    """In Slurm's form, `vn[1-4]`."""
    exit_code: int | None = None
    """0, the script's code, or 128 + signal; None when not told."""
    submit_s: int = 0
    start_s: int = 0
    end_s: int = 0
    restarts: int = 0
    failed_node: str = ""


class SlurmNode(Struct, frozen=True, kw_only=True):
    """A node as Slurm tells it."""

    name: str
    address: str
    states: tuple[str, ...]
    """Base state, then flags: `("IDLE", "DRAIN")`."""
    reason: str
    cpus: int
    memory_mib: int
    gres: str
    gpus_used: int
    cpus_used: int
    partitions: tuple[str, ...]
    features: str = ""
    topology: str = ""


class Submission(Struct, frozen=True, kw_only=True):
    """A batch job, complete: nothing is left to Slurm but to start it on these nodes."""

    name: str
    comment: str
    user: str
    """Unix user, whose token or identity submits it."""
    script: str
    workdir: str
    output: str
    nodes: tuple[str, ...]
    gpus_per_node: int
    gpu_gres: str
    """Name of the GPUs in GRES: `gpu`, or `gpu:h100`."""
    tasks: int
    tasks_per_node: int
    cpus_per_task: int
    memory_per_node_mib: int
    """0 asks for nothing."""
    time_limit_min: int | None
    is_exclusive: bool = False
    partition: str | None = None
    reservation: str | None = None
    account: str | None = None
    qos: str | None = None
    licenses: str | None = None
    constraint: str | None = None
    options: tuple[str, ...] = ()
    """As `--name=value`, for `sbatch` as they are."""


class Transport(Protocol):
    """One way to Slurm. Every verb may raise NotReached; those that change something AnswerLost and
    Refused too."""

    singles_max: int
    """So many jobs are better asked for one by one than by a list."""

    @property
    def place(self) -> str:
        """Where Slurm is asked, for messages."""

    def submit(self, wanted: Submission) -> int:
        """The number of the new job."""

    def jobs(self) -> tuple[SlurmJob, ...] | None:
        """Every job Slurm still knows, those that are over for `MinJobAge` included; None when
        nothing changed since the last list."""

    def states(self) -> dict[int, tuple[str, ...]] | None:
        """State of every job, much cheaper than `jobs`; None where Slurm cannot tell it so."""

    def job(self, job_id: int) -> SlurmJob | None:
        """One job; None when Slurm knows it no more."""

    def past(self, name: str) -> tuple[SlurmJob, ...]:
        """Jobs of this name in the accounting database; none where there is no such."""

    def signal(self, job_id: int, user: str, number: int) -> None:
        """Signal every process of the job, its script included; no such job: nothing."""

    def cancel(self, job_id: int, user: str) -> None:
        """End the job, at the latest after Slurm's KillWait; no such job: nothing."""

    def nodes(self) -> tuple[SlurmNode, ...] | None:
        """Every node; None when nothing changed since the last list."""

    def set_node(self, name: str, state: str, reason: str) -> None:
        """`DRAIN` with a reason, or `RESUME`."""
