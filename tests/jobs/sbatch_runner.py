"""Runs the cases in `sbatch_scripts` on whatever answers to `sbatch`, and compares the outcome.

An outcome is an exit code and the files that are left, job numbers replaced. Where the commands
run is the caller's: a `Shell` runs one sh command in a directory and says how it ended.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).with_name("sbatch_scripts")
HELD_BACK = ("worker.py",)
"""Files that a script writes for itself."""


_OF_THE_RUN = re.compile(
    r"^(\S+ error: \*\*\* JOB .*|srun: .* lacks support for .*"
    r"|srun: Job \d+ step creation temporarily disabled.*|srun: Step created for .*)\n",
    re.MULTILINE,
)
"""Slurm may write these into a job's output, or not: that it stops a job that is queued again, what
its cluster is not set up for, and that it has not noticed yet that the step before is over."""


class Ended(NamedTuple):
    """How a shell command ended."""

    exit_code: int
    stdout: str
    stderr: str


Shell = Callable[[Path, str], Ended]
"""Runs an sh command in a directory, with `sbatch` in PATH."""


class Case(NamedTuple):
    """One case: its files, and what it is to come to."""

    name: str
    needs: tuple[str, ...]
    is_only_arkwright: bool
    exit_code: int
    files: Mapping[str, tuple[str, str]]
    """By name: how to compare (empty, `sorted`, `matching`) and the content."""

    @property
    def driver(self) -> str:
        """The sh command that submits it."""
        own = SCRIPTS / f"{self.name}.driver"
        return own.read_text() if own.exists() else f"sbatch --wait {self.name}.sh > /dev/null"


def cases() -> list[Case]:
    """Every case, in order."""
    return [_read(path) for path in sorted(SCRIPTS.glob("*.expected"))]


def run_case(case: Case, directory: Path, shell: Shell) -> list[str]:
    """Run it in `directory` (empty, seen by every node); what differs from the expectation."""
    for path in SCRIPTS.glob(f"{case.name}.sh"):
        shutil.copy(path, directory)
    ended = shell(directory, case.driver)
    wrong = []
    if ended.exit_code != case.exit_code:
        wrong.append(f"exit code {ended.exit_code}, not {case.exit_code}: {ended.stderr}")
    found = _files(directory) | {"stdout": _neutral(ended.stdout), "stderr": ended.stderr}
    for name, (how, content) in case.files.items():
        if name not in found:
            wrong.append(f"{name} is not there; there are {sorted(found)}; {ended.stderr}")
        elif not _fits(how, content, found[name]):
            wrong.append(f"{name} has\n{found[name]}not\n{content}")
    more = set(found) - set(case.files) - {"stdout", "stderr", f"{case.name}.sh", *HELD_BACK}
    wrong += [f"{name} is there, too:\n{found[name]}" for name in sorted(more)]
    return wrong


def _read(path: Path) -> Case:
    head, _, rest = f"\n{path.read_text()}".partition("\n== ")
    words = [line.partition(" ") for line in head.splitlines() if line]
    files = {}
    for section in rest.split("\n== ") if rest else ():
        title, _, content = section.partition("\n")
        name, _, how = title.partition(" (")
        files[name] = (how.rstrip(")"), content if not content or content.endswith("\n")
                       else f"{content}\n")  # fmt: skip
    return Case(
        name=path.stem,
        needs=tuple(word for key, _, word in words if key == "needs"),
        is_only_arkwright=any(key == "only" for key, _, _ in words),
        exit_code=next(int(word) for key, _, word in words if key == "exit"),
        files=files,
    )


def _files(directory: Path) -> dict[str, str]:
    """Files by name relative to the directory, both with job numbers replaced."""
    return {
        _neutral_name(str(path.relative_to(directory))): _neutral(path.read_text(errors="replace"))
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _neutral_name(name: str) -> str:
    return re.sub(r"(?<=-)\d+(?=\.(out|err)$)", "JOB", name)


def _neutral(text: str) -> str:
    """Without what differs from run to run, from version to version and with a cluster's setting,
    and nothing else."""
    text = re.sub(r"(?<=batch job )\d+", "JOB", text)
    text = re.sub(r"^srun: Warning: ", "srun: warning: ", text, flags=re.M)
    return _OF_THE_RUN.sub("", text)


def _fits(how: str, wanted: str, found: str) -> bool:
    if how == "sorted":
        return sorted(wanted.splitlines()) == sorted(found.splitlines())
    if how == "matching":
        return all(any(line in other for other in found.splitlines())
                   for line in wanted.splitlines())  # fmt: skip
    return _neutral(wanted) == found
