"""`arkwright slurm link`: Slurm's names as small programs in a directory of one's choice."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from arkwright.cli.slurm.group import COMMANDS
from arkwright.errors import InputError

MARK = "# written by `arkwright slurm link`"


@click.command(short_help="Write sbatch, squeue, … into a directory")
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
def link(directory: Path) -> None:
    """Write sbatch, salloc, squeue, scancel and sinfo into DIR, to be put first in PATH.

    Programs that are there already and are not ours stay, and nothing is written.
    """
    found = [directory / name for name in COMMANDS if _is_another(directory / name)]
    if found:
        names = ", ".join(map(str, found))
        raise InputError(f"{names}: there is such a program already; choose another directory")
    directory.mkdir(parents=True, exist_ok=True)
    for name in COMMANDS:
        words = shlex.join([sys.executable, "-m", "arkwright.cli", "slurm", name])
        path = directory / name
        path.write_text(f'#!/bin/sh\n{MARK}\nexec {words} "$@"\n')
        path.chmod(0o755)
    click.echo(f"wrote {', '.join(COMMANDS)} into {directory}; put it into PATH:")
    click.echo(f'export PATH={shlex.quote(str(directory.absolute()))}:"$PATH"')


def _is_another(path: Path) -> bool:
    if not path.exists() and not path.is_symlink():
        return False
    try:
        return MARK not in path.read_text()
    except (OSError, UnicodeDecodeError):
        return True
