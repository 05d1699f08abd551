"""`arkwright whatif`: what a change would do, before it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from arkwright.cli.connection import client_options, complete_job, connect, short_id
from arkwright.cli.forecast_text import instant
from arkwright.cli.show import count, duration, show_json, table

_HEADERS = ("ID", "NAME", "PROJECT", "WITHOUT", "WITH", "DIFFERENCE")
_STATES = ("up", "draining", "down")


@click.command(short_help="What a change would do: who would start when")
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("--nodes", type=click.IntRange(min=1), help="The job asks for so many nodes.")
@click.option("--gpus-per-node", type=float, help="GPUs on each node of the job.")
@click.option("--time", "time_limit", metavar="TIME", help="The job's time limit, e.g. '2 h'.")
@click.option("--priority", type=int, help="The job's priority.")
@click.option("--sites", metavar="SITE,...", help="Where the job may run.")
@click.option("--over", "is_over", is_flag=True, help="The job is over now.")
@click.option("--node", "node", multiple=True, metavar="PATH=STATE", help="up, draining or down.")
@click.option("--quota", multiple=True, metavar="PROJECT=GPUS", help="GPUS may be none: no limit.")
@click.option(
    "--guarantee", multiple=True, metavar="PROJECT=GPUS", help="GPUs guaranteed, all lent."
)
@click.option("--power", multiple=True, metavar="PLACE=LIMIT", help="8MW, or none: no limit.")
@click.option("--submit", "files", multiple=True, metavar="FILE", help="This job is submitted.")
@client_options
def whatif(
    job: str | None,
    node: Sequence[str],
    quota: Sequence[str],
    guarantee: Sequence[str],
    power: Sequence[str],
    files: Sequence[str],
    factory: str | None,
    is_json: bool,
    **given: Any,
) -> None:
    """Say who would start when if something were different. Nothing is changed.

    \b
    arkwright whatif train --nodes 2
    arkwright whatif --node narvik/h1/r01/t03=down --quota lab=64
    arkwright whatif --power narvik=8MW
    arkwright whatif --submit big.yaml

    Both courses are run with the same durations, so that every difference is the change's.
    """
    changes: dict[str, Any] = {
        "jobs": job_change(job, given),
        "nodes": [node_change(text) for text in node],
        "quotas": [_quota_change(text) for text in quota]
        + [_guarantee(text) for text in guarantee],
        "power": [_power_change(text) for text in power],
        "submit": [_spec(name) for name in files],
    }
    changes = {key: value for key, value in changes.items() if value}
    if not changes:
        raise click.UsageError("nothing would change; give for example JOB --nodes 2")
    with connect(factory) as client:
        found = client.whatif(changes)
    if is_json:
        show_json(found)
        return
    show_moves(found)


def job_change(job: str | None, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the options say of the job; none where none is named. UsageError where they disagree."""
    change = {
        key: value for key, value in given.items() if value is not None and value is not False
    }
    if "sites" in change:
        change["sites"] = [site.strip() for site in change["sites"].split(",") if site.strip()]
    if job is None and change:
        raise click.UsageError("these options change a job: name it")
    if job is not None and not change:
        raise click.UsageError(f"what would be different about {job}? Give for example --nodes 2")
    return [{"job": job, **change}] if job is not None else []


def node_change(text: str) -> dict[str, str]:
    """Of `PATH=STATE`."""
    path, _, state = text.rpartition("=")
    if not path or state not in _STATES:
        raise click.BadParameter(f"{text!r}; write PATH=STATE, STATE one of {', '.join(_STATES)}")
    return {"node": path, "state": state}


def _quota_change(text: str) -> dict[str, Any]:
    project, _, gpus = text.rpartition("=")
    if not project or not (gpus == "none" or gpus.isdigit()):
        raise click.BadParameter(f"{text!r}; write PROJECT=GPUS, or PROJECT=none for no limit")
    return {"project": project} | ({} if gpus == "none" else {"gpus": int(gpus)})


def _guarantee(text: str) -> dict[str, Any]:
    project, _, gpus = text.rpartition("=")
    if not project or not gpus.isdigit():
        raise click.BadParameter(f"{text!r}; write PROJECT=GPUS")
    return {"project": project, "guarantee": int(gpus)}


def _power_change(text: str) -> dict[str, Any]:
    from arkwright.cli.power import watts

    place, _, limit = text.rpartition("=")
    if not place:
        raise click.BadParameter(f"{text!r}; write PLACE=LIMIT, for example narvik/h1=8MW")
    return {"place": place} | ({} if limit == "none" else {"limit_w": watts(limit)})


def _spec(name: str) -> dict[str, Any]:
    from arkwright.cli.job_file import checked, from_file
    from arkwright.cli.submit import with_default_project

    return checked(with_default_project(from_file(name).spec))


def show_moves(found: Mapping[str, Any]) -> None:
    """Who would start at another time, as a person reads it."""
    now_ms = found["now_ms"]
    rows = [_row(move, now_ms) for move in found["moves"]]
    if rows:
        click.echo(table(_HEADERS, rows))
    others = found["moves_of_others"]
    if others:
        click.echo(f"and {count(others, 'job')} of other projects")
    if not rows and not others:
        click.echo("nobody would start at another time")
    parts = [f"{found[key]} {key}" for key in ("sooner", "later") if found[key]]
    if parts:
        click.echo(f"of the jobs that wait {', '.join(parts)}, {found['same']} at the same time")
    if any(move["is_estimate"] for move in found["moves"]):
        click.echo("~ is reckoned from the work ahead, beyond what was run forward")


def _row(move: Mapping[str, Any], now_ms: int) -> tuple[str, ...]:
    before_ms, after_ms = move["before_ms"], move["after_ms"]
    about = "~" if move["is_estimate"] else ""
    difference = ""
    if before_ms is not None and after_ms is not None and before_ms != after_ms:
        side = "later" if after_ms > before_ms else "sooner"
        difference = f"{about}{duration(abs(after_ms - before_ms))} {side}"
    is_new = move["job_id"] is None
    return (
        "new" if is_new else short_id(move["job_id"]),
        move["name"],
        move["project"],
        "" if is_new else instant(before_ms, now_ms),
        about + instant(after_ms, now_ms),
        difference,
    )
