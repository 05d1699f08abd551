"""`sbatch`, answered by Arkwright."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from arkwright.cli.connection import connect
from arkwright.cli.job_text import JobText
from arkwright.cli.slurm.words import SlurmCommand

STDIN_NAME = "sbatch"


@click.command(cls=SlurmCommand, short_help="Submit a script")
@click.pass_context
def sbatch(ctx: click.Context, /, words: Sequence[str] = ()) -> None:
    """Submit a batch script: sbatch [OPTION...] SCRIPT [ARGUMENT...].

    Takes sbatch's options; see docs/scripts.md for what each does here. Says `Submitted batch job
    N`, or N alone with --parsable. --wait returns the job's exit code.
    """
    job = read_job(words)
    for warning in job.warnings:
        click.echo(f"sbatch: warning: {warning}", err=True)
    with connect(None) as client:
        if "test-only" in job.caller:
            from arkwright.cli.forecast_text import sentence

            click.echo(f"sbatch: {sentence(client.when_new(job.spec)['forecast'])}", err=True)
            return
        made = client.submit(job.spec)
        number = made["number"]
        if "parsable" in job.caller:
            click.echo(number)
        elif "quiet" not in job.caller:
            click.echo(f"Submitted batch job {number}")
        if "wait" in job.caller:
            ctx.exit(_code(client.wait(made["id"])))


def read_job(words: Sequence[str]) -> JobText:
    """The job that sbatch's words ask for. Raises InputError, OSError."""
    from arkwright.cli.job_file import from_batch_script
    from arkwright.cli.known_factory import known_factory
    from arkwright.cli.submit import with_default_project
    from arkwright.jobs.sbatch.gather import read_words

    read = read_words(words, "command line")
    options = list(words[: len(words) - len(read.rest)])
    wrap = next((given.value for given in read.options if given.name == "wrap"), None)
    script, *arguments = read.rest or [""]
    if wrap is not None and script:
        raise click.UsageError("sbatch: give a script or --wrap, not both")
    if wrap is not None:
        text = f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{wrap}\n"
        source = "wrap"
    elif script:
        text, source = Path(script).read_text(), Path(script).name
    else:
        text, source = sys.stdin.read(), STDIN_NAME
    job = from_batch_script(
        text, source, lambda: known_factory(None), words=options, arguments=arguments
    )
    return job._replace(spec=with_default_project(job.spec))


def _code(job: Mapping[str, Any]) -> int:
    code = job["exit_code"]
    if job["state"] == "succeeded":
        return 0
    return int(code) & 255 if code else 1
