"""The commands that batch scripts find first in PATH: small files that start `tool_main`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

TOOLS = ("srun", "scontrol")
MAIN = Path(__file__).with_name("tool_main.py")


def write_tools(directory: Path, python: Sequence[str]) -> Path:
    """Write them anew where they differ; the directory. Raises OSError."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for tool in TOOLS:
        words = shlex.join([*python, str(MAIN), tool])
        _write(directory / tool, f'#!/bin/sh\nexec {words} "$@"\n', 0o755)
    path = shlex.quote(str(directory))
    _write(directory / ".path", f"unset BASH_ENV\nPATH={path}:$PATH\n", 0o644)
    return directory


def _write(path: Path, text: str, mode: int) -> None:
    """By rename: a script may be running the old one."""
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.chmod(mode)
    draft.rename(path)
