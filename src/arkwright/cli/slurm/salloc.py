"""`salloc`, answered by Arkwright: nodes held for a shell or a command, until it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import connect
from arkwright.cli.slurm.words import SlurmCommand
from arkwright.errors import InputError, ServerError

if TYPE_CHECKING:
    from arkwright.client import Client

HOLD = """#!/bin/sh
# An allocation: it holds its nodes until it is cancelled.
trap 'exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""
PAUSE_S = 0.2
_SHOWN = ("SLURM_", "SLURMD_", "CUDA_", "ARKWRIGHT_")
_LEFT_OUT = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_GTIDS", "ARKWRIGHT_PROJECT",
             "ARKWRIGHT_USER", "SLURMD_NODENAME")  # fmt: skip


@click.command(cls=SlurmCommand, short_help="Hold nodes for a shell or a command")
@click.pass_context
def salloc(ctx: click.Context, /, words: Sequence[str] = ()) -> None:
    """Hold nodes: salloc [OPTION...] [COMMAND...]; with neither command nor --no-shell, a shell.

    Waits until the nodes are there, then runs the command here with the job's SLURM_* variables and
    `srun`, which starts tasks on the nodes. Leaving it gives the nodes back. --no-shell returns at
    once and keeps them: `arkwright exec N -- COMMAND` runs beside it, `scancel N` gives them back.
    """
    from arkwright.jobs.sbatch.gather import read_words

    is_kept = "--no-shell" in words
    words = [word for word in words if word != "--no-shell"]
    command = read_words(words, "command line").rest
    options = words[: len(words) - len(command)]
    with connect(None) as client:
        made = client.submit(_spec(options))
        number = made["number"]
        for signal_ in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(signal_, _leave)  # a closed window gives the nodes back, too
        try:
            _await(client, made["id"], number)
            if is_kept:
                return
            code = _run(client, made["id"], command or [os.environ.get("SHELL", "/bin/sh")])
        except BaseException:
            _give_back(made["id"], number)
            raise
        _give_back(made["id"], number)
    ctx.exit(code)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _spec(options: Sequence[str]) -> dict[str, Any]:
    from arkwright.cli.job_file import from_batch_script
    from arkwright.cli.known_factory import known_factory
    from arkwright.cli.submit import with_default_project

    job = from_batch_script(HOLD, "interactive", lambda: known_factory(None), words=options)
    for warning in job.warnings:
        click.echo(f"salloc: warning: {warning}", err=True)
    spec = with_default_project(job.spec)
    # Nothing is written but the job's own log, and a lost node ends an allocation.
    slurm = {key: value for key, value in spec["slurm"].items() if key not in ("output", "requeue")}
    return {**spec, "slurm": {**slurm, "requeue": False}, "retry": {"limit": 0}}


def _await(client: Client, job_id: str, number: int) -> None:
    """Until the allocation runs. Raises InputError when it is over before."""
    is_told = False
    while True:
        job = client.job(job_id)
        if job["state"] == "running":
            click.echo(f"salloc: Granted job allocation {number}", err=True)
            return
        if job["state"] in ("succeeded", "failed", "cancelled", "stopping"):
            raise InputError(f"salloc: job {number} {job['state']}: {job['reason']}")
        if not is_told:
            click.echo(f"salloc: Pending job allocation {number}", err=True)
            is_told = True
        time.sleep(PAUSE_S)


def _run(client: Client, job_id: str, command: Sequence[str]) -> int:
    """Run `command` here, with the variables that the job has on its first node."""
    found = _variables(client.execute(job_id, ["env"])["output"])
    part = found.get("ARKWRIGHT_PART", "")
    if part and not Path(part).is_dir():
        raise ServerError(
            "salloc: the nodes are on another machine, whose engine has no shell for here; use"
            f" --no-shell, and `arkwright exec {job_id} -- COMMAND`"
        )
    return subprocess.run(list(command), env=_environment(found), check=False).returncode & 255


def _environment(job: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in job.items()
        if name.startswith(_SHOWN) and name not in _LEFT_OUT
    }
    if "ARKWRIGHT_PART" in job:  # where Slurm runs the job, its own srun is in PATH
        kept["PATH"] = f"{job.get('PATH', '').partition(':')[0]}:{os.environ.get('PATH', '')}"
    return {**os.environ, **kept}


def _variables(text: str) -> dict[str, str]:
    """What `env` printed; a line without a name goes on with the value before it."""
    found: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.isidentifier():
            found[name], last = value, name
        elif last:
            found[last] += f"\n{line}"
    return found


def _give_back(job_id: str, number: int) -> None:
    """By a connection of its own: what was interrupted may have been in the middle of a request."""
    from arkwright.client import Refused

    with connect(None) as client:
        try:
            client.cancel(job_id, reason="the allocation was left")
        except Refused:
            return  # it is over already
    click.echo(f"salloc: Relinquishing job allocation {number}", err=True)
