"""To Slurm through its commands: every version has them, and they print text that changes little.

A command runs as the user it acts for: `{user}` in the prefix says how (`sudo -n -u {user}`). What
a prefix without it starts acts as the server itself, and then only for that one user.
"""

from __future__ import annotations

import getpass
import shlex
import subprocess
from collections.abc import Callable, Sequence
from typing import TypeVar

from arkwright.engines.slurm import text
from arkwright.engines.slurm.records import (
    AnswerLost,
    NotReached,
    Refused,
    SlurmJob,
    SlurmNode,
    Submission,
)
from arkwright.engines.slurm.tokens import USER

Told = TypeVar("Told")
TIMEOUT_S = 30.0
LIST_TIMEOUT_S = 60.0
_NOT_SENT = ("Unable to contact slurm controller (connect failure)", "Connection refused")
_AMBIGUOUS = (
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Unable to contact slurm controller",
    "Unexpected message received",
    "Communication connection failure",
    "Transport endpoint",
    "Connection reset",
    "Connection timed out",
    "Message receive failure",
    "Message send failure",
)
_GONE = ("Invalid job id specified", "Job/step already completing or completed")
_REFUSED = "Batch job submission failed"
_OWN = ("sbatch: error:", "sbatch: fatal:")


class CommandTransport:
    """`records.Transport` through `sbatch`, `squeue`, `scontrol`, `scancel` and `sacct`."""

    def __init__(
        self,
        prefix: Sequence[str],
        operator: str,
        *,
        timeout_s: float = TIMEOUT_S,
        list_timeout_s: float = LIST_TIMEOUT_S,
    ) -> None:
        self._prefix = tuple(prefix)
        self._operator = operator
        self._timeout_s = timeout_s
        self._list_timeout_s = list_timeout_s
        self._has_accounting = True
        self.singles_max = 1

    @property
    def place(self) -> str:
        """The commands, with what stands before them."""
        return f"Slurm's commands ({shlex.join([*self._prefix, 'squeue'])})"

    def argv(self, user: str, *words: str) -> list[str]:
        """A command of Slurm's, run as `user`. Raises Refused when it would run as another."""
        is_said = any(USER in word for word in self._prefix)
        if not is_said and user not in (getpass.getuser(), self._operator):
            raise Refused(
                f"commands would run as {getpass.getuser()}, not as {user}; say in command_prefix"
                " how to become a user, for example [sudo, -n, -u, '{user}']"
            )
        return [*(word.replace(USER, user) for word in self._prefix), *words]

    def submit(self, wanted: Submission) -> int:
        """The script goes in by standard input."""
        argv = self.argv(wanted.user, "sbatch", *sbatch_options(wanted))
        done = self._run(argv, self._timeout_s, given=wanted.script)
        printed = done.stdout.strip().partition(";")[0]
        if done.returncode == 0 and printed.isdigit():
            return int(printed)
        said = done.stderr.strip() or done.stdout.strip() or f"it returned {done.returncode}"
        if any(words in said for words in _NOT_SENT):
            raise NotReached(f"sbatch: {said}")
        is_answered = _REFUSED in said or said.startswith(_OWN)
        if done.returncode == 0 or not is_answered or any(words in said for words in _AMBIGUOUS):
            raise AnswerLost(f"sbatch: {said}")
        raise Refused(f"Slurm refuses: {_plain(said)}")

    def jobs(self) -> tuple[SlurmJob, ...] | None:
        """From `squeue`: no exit codes and no times."""
        printed = self._read("squeue", "-h", "-a", "-t", "all", "-o", text.SQUEUE_FORMAT)
        return self._parsed(text.squeue_jobs, printed)

    def states(self) -> dict[int, tuple[str, ...]] | None:
        """None: `squeue` of a whole queue costs the same either way."""
        return None

    def job(self, job_id: int) -> SlurmJob | None:
        """From `scontrol show job`."""
        argv = self.argv(self._operator, "scontrol", "-o", "show", "job", str(job_id))
        done = self._run(argv, self._timeout_s)
        if done.returncode and any(words in done.stderr + done.stdout for words in _GONE):
            return None
        self._check(argv, done)
        lines = [line for line in done.stdout.splitlines() if line.startswith("JobId=")]
        return self._parsed(text.scontrol_job, lines[0]) if lines else None

    def past(self, name: str) -> tuple[SlurmJob, ...]:
        """From `sacct`; nothing where Slurm keeps no accounts."""
        if not self._has_accounting:
            return ()
        words = ("-X", "-n", "-P", "-S", "now-30days", f"--name={name}", "-o", text.SACCT_FIELDS)
        done = self._run(self.argv(self._operator, "sacct", *words), self._list_timeout_s)
        if done.returncode:
            self._has_accounting = "storage is disabled" not in done.stderr
            return ()
        return self._parsed(text.sacct_jobs, done.stdout)

    def signal(self, job_id: int, user: str, number: int) -> None:
        """`--full`: the batch script too."""
        self._scancel(user, f"--signal={number}", "--full", str(job_id))

    def cancel(self, job_id: int, user: str) -> None:
        """Plain `scancel`."""
        self._scancel(user, str(job_id))

    def nodes(self) -> tuple[SlurmNode, ...] | None:
        """From `scontrol show node`, with what is used of generic resources (`-d`)."""
        printed = self._read("scontrol", "-o", "-a", "-d", "show", "node")
        return self._parsed(text.scontrol_nodes, printed)

    def set_node(self, name: str, state: str, reason: str) -> None:
        """By `scontrol update`."""
        words = [f"NodeName={name}", f"State={state}"] + ([f"Reason={reason}"] if reason else [])
        self._checked("scontrol", "update", *words)

    def topology(self) -> str:
        """What `scontrol show topology` prints; nothing where there is none."""
        argv = self.argv(self._operator, "scontrol", "show", "topology")
        done = self._run(argv, self._timeout_s)
        return "" if done.returncode else done.stdout

    # --- running -------------------------------------------------------------------------------

    def _scancel(self, user: str, *words: str) -> None:
        argv = self.argv(user, "scancel", *words)
        done = self._run(argv, self._timeout_s)
        if done.returncode and not any(each in done.stderr for each in _GONE):
            self._check(argv, done)

    def _read(self, *words: str) -> str:
        argv = self.argv(self._operator, *words)
        done = self._run(argv, self._list_timeout_s)
        self._check(argv, done)
        return done.stdout

    def _checked(self, *words: str) -> None:
        argv = self.argv(self._operator, *words)
        self._check(argv, self._run(argv, self._timeout_s))

    def _check(self, argv: list[str], done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode:
            said = done.stderr.strip() or f"it returned {done.returncode}"
            raise NotReached(f"{self._words(argv)}: {_plain(said)}")

    def _run(
        self, argv: list[str], timeout_s: float, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Raises NotReached when it cannot start, AnswerLost when it takes too long."""
        try:
            return subprocess.run(
                argv,
                input=given,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
                errors="replace",
                stdin=subprocess.DEVNULL if given is None else None,
            )
        except subprocess.TimeoutExpired as error:
            message = f"{self._words(argv)}: no answer within {timeout_s:g} s"
            raise (NotReached if given is None else AnswerLost)(message) from error
        except OSError as error:
            raise NotReached(f"cannot run {argv[0]}: {error.strerror or error}") from error

    def _words(self, argv: list[str]) -> str:
        """The command without what stands before it."""
        return shlex.join(argv[len(self._prefix) :][:3])

    def _parsed(self, read: Callable[[str], Told], printed: str) -> Told:
        try:
            return read(printed)
        except (KeyError, ValueError) as error:
            raise NotReached(f"{self.place} print an unknown form: {error}") from error


def sbatch_options(wanted: Submission) -> list[str]:
    """Options of `sbatch` for a submission; what Arkwright decided comes last, and so wins."""
    count = len(wanted.nodes)
    words = list(wanted.options)
    optional = {
        "account": wanted.account,
        "qos": wanted.qos,
        "licenses": wanted.licenses,
        "constraint": wanted.constraint,
        "partition": wanted.partition,
        "reservation": wanted.reservation,
    }
    words += [f"--{name}={value}" for name, value in optional.items() if value is not None]
    if wanted.gpus_per_node:
        words.append(f"--gres={wanted.gpu_gres}:{wanted.gpus_per_node}")
    if wanted.memory_per_node_mib:
        words.append(f"--mem={wanted.memory_per_node_mib}M")
    if wanted.time_limit_min is not None:
        words.append(f"--time={wanted.time_limit_min}")
    if wanted.is_exclusive:
        words.append("--exclusive")
    return [
        *words,
        "--parsable",
        "--no-requeue",
        "--export=NIL",
        f"--job-name={wanted.name}",
        f"--comment={wanted.comment}",
        f"--chdir={wanted.workdir}",
        f"--output={wanted.output}",
        f"--nodelist={','.join(wanted.nodes)}",
        f"--nodes={count}-{count}",
        f"--ntasks={wanted.tasks}",
        f"--ntasks-per-node={wanted.tasks_per_node}",
        f"--cpus-per-task={wanted.cpus_per_task}",
    ]


def _plain(said: str) -> str:
    """Without the names of the commands before each line."""
    words = [line.partition(": error: ")[2] or line for line in said.splitlines()]
    return "; ".join(dict.fromkeys(words))
