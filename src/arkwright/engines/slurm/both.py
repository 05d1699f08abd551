"""slurmrestd first, Slurm's commands for what it cannot do in this version."""

from __future__ import annotations

from arkwright.engines.slurm.commands import CommandTransport
from arkwright.engines.slurm.records import SlurmJob, SlurmNode, Submission
from arkwright.engines.slurm.rest import RestTransport


class BothTransports:
    """`records.Transport` through whichever of the two can."""

    def __init__(self, rest: RestTransport, commands: CommandTransport) -> None:
        self._rest = rest
        self._commands = commands
        self.singles_max = rest.singles_max

    @property
    def place(self) -> str:
        """Of slurmrestd."""
        return self._rest.place

    def submit(self, wanted: Submission) -> int:
        """By `sbatch` what has options that only it knows."""
        return (self._commands if wanted.options else self._rest).submit(wanted)

    def jobs(self) -> tuple[SlurmJob, ...] | None:
        """By slurmrestd."""
        return self._rest.jobs()

    def states(self) -> dict[int, tuple[str, ...]] | None:
        """By slurmrestd."""
        return self._rest.states()

    def job(self, job_id: int) -> SlurmJob | None:
        """By slurmrestd."""
        return self._rest.job(job_id)

    def past(self, name: str) -> tuple[SlurmJob, ...]:
        """Where there are accounts: slurmrestd may not reach them, and `sacct` does."""
        return self._rest.past(name) or self._commands.past(name)

    def signal(self, job_id: int, user: str, number: int) -> None:
        """By slurmrestd."""
        self._rest.signal(job_id, user, number)

    def cancel(self, job_id: int, user: str) -> None:
        """By slurmrestd."""
        self._rest.cancel(job_id, user)

    def nodes(self) -> tuple[SlurmNode, ...] | None:
        """By slurmrestd."""
        return self._rest.nodes()

    def set_node(self, name: str, state: str, reason: str) -> None:
        """slurmrestd learnt it with v0.0.39."""
        is_old = self._rest.dialect().is_word_list
        (self._commands if is_old else self._rest).set_node(name, state, reason)
