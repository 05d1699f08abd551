"""`arkwright submit`: a job file, a script or a command becomes a job."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.after_dashes import AfterDashes, command_after_dashes
from arkwright.cli.connection import client_options, connect
from arkwright.cli.job_text import JobText, from_command, with_options
from arkwright.cli.show import API_VERSION, many, show_json
from arkwright.cli.waiting import wait_for
from arkwright.errors import ServerError

if TYPE_CHECKING:
    from arkwright.client import Client, Refused

COUNT_MAX = 10_000
NO_SUCH_ROUTE = 404


@click.command(cls=AfterDashes, short_help="Submit a job: a file, a script or a command")
@click.argument("file", nargs=-1, metavar="[FILE | -] [-- COMMAND ...]")
@click.option("-f", "--file", "file_option", metavar="FILE", help="The job file; - reads stdin.")
@click.option("--name", help="Name of the job; default the program's or the script's.")
@click.option("--nodes", type=click.IntRange(min=1), help="Nodes of the gang.")
@click.option(
    "--gpus-per-node",
    type=click.FloatRange(0, 1024),
    callback=lambda _ctx, _parameter, value: _finite(value),
    help="GPUs on each node, or a part of one GPU.",
)
@click.option("--ranks-per-node", type=click.IntRange(min=1), help="Processes on each node.")
@click.option(
    "--time", "time_limit", metavar="TIME", help="Time limit, for example '2 h' or 90min."
)
@click.option(
    "--project",
    help="organisation or organisation/project; default $ARKWRIGHT_PROJECT.",
)
@click.option("--priority", type=int, help="Higher goes first.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Set; NAME alone copies yours.")
@click.option("--workdir", type=click.Path(), help="Where it runs; default the current directory.")
@click.option("--held", is_flag=True, help="Do not start it until it is released.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(("job", "sbatch", "script", "skypilot")),
    help="What the file is; default by its content.",
)
@click.option("--array", metavar="LIST", help="Once for every index: 0-99, 0-99:2%8, 1,3,5-9.")
@click.option(
    "--depends-on",
    multiple=True,
    metavar="WHEN:JOB",
    help="afterok:JOB, afterany:, afternotok:, after:JOB+MINUTES, aftercorr:, singleton.",
)
@click.option("--begin", metavar="TIME", help="Not before: RFC 3339, 18:00, tomorrow, now+1hour.")
@click.option("--count", type=click.IntRange(1, COUNT_MAX), default=1, help="Submit N copies.")
@click.option("--wait", "is_waiting", is_flag=True, help="Wait until it is over.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="For --wait.")
@click.option(
    "--dry-run", is_flag=True, help="Show the job and when it would start; submit nothing."
)
@click.option("--idempotency-key", metavar="KEY", help="A key submits once, however often tried.")
@client_options
@click.pass_context
def submit(
    ctx: click.Context,
    /,
    file: tuple[str, ...],
    file_option: str | None,
    format_name: str | None,
    count: int,
    is_waiting: bool,
    timeout: float | None,
    dry_run: bool,
    idempotency_key: str | None,
    factory: str | None,
    is_json: bool,
    **given: Any,
) -> None:
    """Submit a job: a YAML file, a script that begins with #!, or a command after --.

    A script with #SBATCH lines is read as sbatch reads it, a YAML file with SkyPilot's keys as a
    SkyPilot task; what has no meaning here is named in a warning.

    \b
    arkwright submit train.yaml
    arkwright submit --nodes 2 --gpus-per-node 2 --time '1 h' -- python train.py --epochs 3
    arkwright submit -f - < job.yaml
    arkwright submit train.sbatch

    Options override the file. Accepted means stored: the job is then the server's business.
    """
    if timeout is not None and not is_waiting:
        raise click.UsageError("--timeout goes with --wait")
    files = [*file, *([file_option] if file_option else [])]
    text = _text(ctx, files, factory, format_name)
    spec = with_begin(with_options(with_default_project(text.spec), _options(given)))
    for warning in text.warnings:
        click.echo(f"warning: {warning}", err=True)
    is_waiting = is_waiting or "wait" in text.caller
    if dry_run or "test-only" in text.caller:
        from arkwright.cli.job_file import checked

        asked = checked(spec)
        _show_spec(asked, is_json)
        _show_start(asked, factory)
        return
    with connect(factory) as client:
        ids, answer = _submit(client, spec, count, idempotency_key, is_json=is_json)
        said = None if is_json else _said(ids, answer)
        if is_waiting:
            ctx.exit(wait_for(client, ids, timeout, said=said, is_json=is_json))
        elif said is not None:
            click.echo(said)
        else:
            show_json(answer)


def _text(
    ctx: click.Context, files: Sequence[str], factory: str | None, format_name: str | None
) -> JobText:
    command = command_after_dashes(ctx)
    if command is not None and files:
        raise click.UsageError("give a file or a command after --, not both", ctx)
    if command is not None:
        return from_command(command, Path.cwd())
    if not files:
        raise click.UsageError("give a job file, - for standard input, or -- and a command", ctx)
    if len(files) > 1:
        raise click.UsageError(f"one file at a time; to run a command: -- {' '.join(files)}", ctx)
    from arkwright.cli.job_file import Format, from_file
    from arkwright.cli.known_factory import known_factory

    format_ = Format(format_name) if format_name is not None else None
    return from_file(files[0], lambda: known_factory(factory), format_)


def with_default_project(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A default is weaker than the file, an option is stronger."""
    project = os.environ.get("ARKWRIGHT_PROJECT")
    return {**({"project": project} if project else {}), **spec}


def with_begin(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The instant for a begin such as `now+1hour`: it is here that now and the zone are known.

    What cannot be read stays as it is, and is refused with all else that is wrong.
    """
    text = spec.get("begin")
    if not isinstance(text, str) or _is_instant(text):
        return dict(spec)
    from datetime import datetime

    from arkwright.jobs.sbatch.moments import instant

    with suppress(ValueError):
        return {**spec, "begin": instant(text, datetime.now().astimezone())}
    return dict(spec)


def _is_instant(text: str) -> bool:
    from arkwright.units import parse_instant

    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was said on the command line, in the job file's words."""
    keys = (
        "name",
        "nodes",
        "ranks_per_node",
        "time_limit",
        "project",
        "priority",
        "workdir",
        "array",
        "begin",
    )
    options: dict[str, Any] = {key: given[key] for key in keys if given[key] is not None}
    if given["gpus_per_node"] is not None:
        options["resources"] = {"gpus_per_node": given["gpus_per_node"]}
    if given["held"]:
        options["held"] = True
    if given["depends_on"]:
        options["depends_on"] = list(given["depends_on"])
    if given["env"]:
        options["env"] = dict(_variable(text) for text in given["env"])
    return options


def _finite(value: float | None) -> float | None:
    """JSON has no word for what is no number: it would arrive as nothing at all."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of GPUs")
    return value


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if equals:
        return name, value
    if name not in os.environ:
        raise click.BadParameter(f"{name} is not set here; write {name}=VALUE", param_hint="--env")
    return name, os.environ[name]


def _submit(
    client: Client, spec: Mapping[str, Any], count: int, key: str | None, *, is_json: bool
) -> tuple[list[str], dict[str, Any]]:
    """Ids, and the API's answer. With `is_json` a refusal is printed as an object, too."""
    from arkwright.client import Refused

    try:
        if count > 1:
            ids = client.submit_many([spec] * count, idempotency_key=key)
            return ids, many("accepted", [{"id": job_id} for job_id in ids])
        job = client.submit(spec, idempotency_key=key)
    except Refused as error:
        if is_json:
            show_json(_refusal(error))
        raise
    return [str(job["id"])], job


def _said(ids: Sequence[str], answer: Mapping[str, Any]) -> str:
    array = answer.get("array")
    tasks = f": {array['tasks']} tasks, {ids[0]}_{array['indices']}" if array else ""
    return "\n".join(f"submitted {job_id}{tasks}" for job_id in ids)


def _refusal(error: Refused) -> dict[str, Any]:
    return {
        "api_version": API_VERSION,
        "kind": "refusal",
        "status": error.status,
        "detail": str(error),
        "problems": [problem._asdict() for problem in error.problems],
        "reason": error.reason,
    }


def _show_start(spec: Mapping[str, Any], factory: str | None) -> None:
    """When the job would start, on stderr: what is on stdout can be submitted as it is."""
    from arkwright.cli.forecast_text import sentence
    from arkwright.client import Refused

    try:
        with connect(factory) as client:
            found = client.when_new(spec)
    except Refused as error:
        if error.status != NO_SUCH_ROUTE:
            raise
        click.echo("checked here only: the server is too old to say when it would start", err=True)
    except ServerError:
        click.echo("checked here only: no server answers that could say more", err=True)
    else:
        click.echo(sentence(found["forecast"]), err=True)


def _show_spec(spec: Mapping[str, Any], is_json: bool) -> None:
    if is_json:
        show_json({"api_version": API_VERSION, "kind": "job_spec", "spec": dict(spec)})
        return
    from arkwright.cli.yaml_text import yaml_text

    click.echo(yaml_text(spec), nl=False)
