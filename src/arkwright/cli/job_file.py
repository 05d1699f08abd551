"""A job file or a script as one job in wire form.

Paths become absolute here, on the user's machine, where it is known what they are relative to.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkwright import documents
from arkwright.cli.job_text import JobText, name_of
from arkwright.errors import InputError, Problem
from arkwright.jobs.sbatch.directives import has_directives
from arkwright.jobs.sense import nonsense
from arkwright.jobs.spec import JobSpec, unsupported

if TYPE_CHECKING:
    from arkwright.jobs.sbatch.local_names import Known

STANDARD_INPUT = "standard input"


class Format(Enum):
    """What a file is, where its author says it instead of its content."""

    JOB = "job"
    SBATCH = "sbatch"
    SCRIPT = "script"
    SKYPILOT = "skypilot"


def from_file(
    name: str,
    known: Callable[[], Known | None] | None = None,
    format_: Format | None = None,
    words: Sequence[str] = (),
) -> JobText:
    """The job in the file `name`, or on standard input for `-`: YAML, JSON or a script.

    Raises InputError with every problem. A YAML job runs in its file's directory unless it says
    otherwise; a script runs in the directory it is submitted from. `known` tells what the factory
    has, for a script in Slurm's words; `words` are options of sbatch's command line for one.
    """
    if name == "-":
        data, source, directory = sys.stdin.buffer.read(), STANDARD_INPUT, Path.cwd()
    else:
        path = Path(name)
        data, source, directory = documents.read(path), path.name, path.absolute().parent
    is_script = data.startswith(b"#!") if format_ is None else format_ in _SCRIPTS
    if is_script:
        text = _text(data, source)
        if format_ is Format.SBATCH or (format_ is None and has_directives(text)):
            return from_batch_script(text, source, known, words=words)
        return _script(text, source)
    node = documents.parse(data, source)
    from arkwright.jobs.skypilot import is_task, read_task

    if format_ is Format.SKYPILOT or (format_ is None and is_task(node)):
        task = read_task(
            node,
            directory=str(directory),
            environment=os.environ,
            known=known() if known is not None else None,
        )
        return JobText(documents.encode(task.spec), task.warnings)
    return JobText(_absolute(documents.encode(documents.decode(node, JobSpec)), directory))


_SCRIPTS = (Format.SBATCH, Format.SCRIPT)


def from_batch_script(
    text: str,
    source: str,
    known: Callable[[], Known | None] | None = None,
    *,
    words: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> JobText:
    """The job of a script with options for sbatch, submitted from the current directory.

    `words` are options of a command line, `arguments` the script's own. Raises InputError.
    """
    from arkwright.jobs.sbatch.script_job import Place, read_script

    place = Place(
        directory=str(Path.cwd()),
        environment=os.environ,
        now=datetime.now().astimezone(),
        known=known() if known is not None else None,
    )
    job = read_script(text, source, place, words=words, arguments=arguments)
    return JobText(documents.encode(job.spec), job.warnings, job.caller)


def checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """`spec` in its shortest form, after the checks that need no factory; raises InputError."""
    job = documents.decode(documents.plain(dict(spec), "job"), JobSpec)
    problems = [Problem("job", key, found, "") for key, found in unsupported(job)]
    problems += [Problem("job", *each) for each in nonsense(job)]
    if problems:
        raise InputError(f"job {job.name} would be refused", problems)
    encoded: dict[str, Any] = documents.encode(job)
    return encoded


def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} is not UTF-8"
        problem = Problem(
            f"{source}:{line}", "", found, "a script is text; submit a program as -- CMD"
        )
        raise InputError(f"cannot read {source}", [problem]) from None


def _script(text: str, source: str) -> JobText:
    name = name_of("job" if source == STANDARD_INPUT else source)
    return JobText({"name": name, "script": text, "workdir": str(Path.cwd())})


def _absolute(spec: dict[str, Any], directory: Path) -> dict[str, Any]:
    workdir = directory / spec.get("workdir", ".")
    absolute = {**spec, "workdir": _normal(workdir)}
    if "checkpoint" in spec:
        checkpoint = spec["checkpoint"]
        absolute["checkpoint"] = {**checkpoint, "dir": _normal(workdir / checkpoint["dir"])}
    return absolute


def _normal(path: Path) -> str:
    """Without `.` and `..`, links left as they are: they may differ on the nodes."""
    return os.path.normpath(path)
