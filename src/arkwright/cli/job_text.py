"""A job in wire form, before it is sent: from a command, with what options say instead.

Imports nothing heavy: a plain command is checked by the server, which answers as fast as we would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class JobText(NamedTuple):
    """A job in wire form, and what its author should know about how it was read."""

    spec: dict[str, Any]
    warnings: tuple[str, ...] = ()
    caller: Mapping[str, str] = {}
    """Options of a batch script that say how to submit it: `wait`, `test-only`, …"""


def from_command(command: Sequence[str], directory: Path) -> JobText:
    """A job that runs `command` in `directory`, named after the program."""
    return JobText(
        {"name": name_of(command[0]), "command": list(command), "workdir": str(directory)}
    )


def with_options(spec: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """`spec` with what `options` say instead, both in the job file's words.

    `resources` and `env` are merged key by key; a relative `workdir` is relative to here.
    """
    merged = {**spec, **options}
    for key in ("resources", "env"):
        if key in spec and key in options:
            merged[key] = {**spec[key], **options[key]}
    if "workdir" in options:
        merged["workdir"] = str(Path(options["workdir"]).absolute())
    return merged


def name_of(program: str) -> str:
    """A job's name from a file's: what is not allowed in one becomes a hyphen.

    >>> name_of("/home/ada/my train.py")
    'my-train'
    """
    stem = Path(program).name.removesuffix(".sh").removesuffix(".py")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:63].rstrip("._-") or "job"
