"""A job file or a script as one job in wire form.

Paths become absolute here, on the user's machine, where it is known what they are relative to.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arkwright import documents
from arkwright.cli.job_text import JobText, name_of
from arkwright.errors import InputError, Problem
from arkwright.jobs.spec import JobSpec, unsupported

STANDARD_INPUT = "standard input"


def from_file(name: str) -> JobText:
    """The job in the file `name`, or on standard input for `-`: YAML, JSON or a script.

    Raises InputError with every problem. A YAML job runs in its file's directory unless it says
    otherwise; a script runs in the directory it is submitted from.
    """
    if name == "-":
        data, source, directory = sys.stdin.buffer.read(), STANDARD_INPUT, Path.cwd()
    else:
        path = Path(name)
        data, source, directory = documents.read(path), path.name, path.absolute().parent
    if data.startswith(b"#!"):
        return _script(data, source)
    spec = documents.decode(documents.parse(data, source), JobSpec)
    return JobText(_absolute(documents.encode(spec), directory))


def checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """`spec` in its shortest form, after the checks that need no factory; raises InputError."""
    job = documents.decode(documents.plain(dict(spec), "job"), JobSpec)
    problems = [Problem("job", key, found, "") for key, found in unsupported(job)]
    if (job.command is None) == (job.script is None):
        found = "neither is given" if job.command is None else "both are given"
        problems.append(Problem("job", "command, script", found, "give exactly one of them"))
    if problems:
        raise InputError(f"job {job.name} would be refused", problems)
    encoded: dict[str, Any] = documents.encode(job)
    return encoded


def _script(data: bytes, source: str) -> JobText:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} is not UTF-8"
        problem = Problem(
            f"{source}:{line}", "", found, "a script is text; submit a program as -- CMD"
        )
        raise InputError(f"cannot read {source}", [problem]) from None
    spec = {
        "name": name_of("job" if source == STANDARD_INPUT else source),
        "script": text,
        "workdir": str(Path.cwd()),
    }
    if not any(line.startswith("#SBATCH") for line in text.splitlines()):
        return JobText(spec)
    warning = f"{source}: not yet: its #SBATCH lines are ignored; give options of submit instead"
    return JobText(spec, (warning,))


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
