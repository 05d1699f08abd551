"""The group of Slurm's lookalikes, each loaded when used."""

from __future__ import annotations

import importlib

import click

COMMANDS = ("sbatch", "salloc", "squeue", "scancel", "sinfo")
"""Slurm's names that are answered, in the order of their help."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, "link"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = getattr(importlib.import_module(f"arkwright.cli.slurm.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Group, short_help="sbatch, squeue, scancel, sinfo as Slurm has them")
def slurm() -> None:
    """Slurm's own commands with their options and output, answered by Arkwright.

    `arkwright slurm link DIR` writes them as small programs into DIR, to be put into PATH.
    """
