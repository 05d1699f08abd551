"""Command lines in Slurm's way: options of a small table, taken one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from arkwright.errors import InputError
from arkwright.jobs.sbatch.gather import read_words
from arkwright.jobs.sbatch.options import Table, options_of


class SlurmCommand(click.Command):
    """A command that gets its words as they are, also those that look like our own options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep every word; `--help` alone is click's."""
        if args == ["--help"]:
            return super().parse_args(ctx, args)
        ctx.params["words"] = tuple(args)
        ctx.args = []
        return []


def table(program: str, required: str, none: str, optional: str = "") -> Table:
    """The options of one program, as `name/letter` words."""
    found = {
        option.name: option
        for text, value in ((required, "required"), (none, "none"), (optional, "optional"))
        for option in options_of(text, value)
    }
    letters = {option.letter: option for option in found.values() if option.letter}
    return Table(program, found, letters, {})


def read(words: Sequence[str], options: Table) -> tuple[dict[str, str], list[str]]:
    """Options with their values (the last of each), and the other words, wherever they stand.

    Raises InputError for what is no option of the program.
    """
    found: dict[str, str] = {}
    rest: list[str] = []
    waiting = list(words)
    while waiting:
        got = read_words(waiting, options.program, options)
        if got.problems or got.unknown:
            named = [each.key for each in got.problems] + [f"--{e.name}" for e in got.unknown]
            raise InputError(f"{options.program}: {', '.join(named)} is no option known here")
        found |= {given.name: given.value for given in got.options}
        rest += got.rest[:1]
        waiting = got.rest[1:]
    return found, rest


def listed(text: str | None) -> list[str]:
    """Items between commas.

    >>> listed("a,b")
    ['a', 'b']
    """
    return [item for item in (text or "").split(",") if item]


def said(value: Any) -> str:
    """A value as Slurm shows one that is not there."""
    return "(null)" if value in (None, "") else str(value)
