"""`arkwright reserve`: nodes kept for a project, or for nobody, in a time to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from arkwright.cli.connection import client_options, connect
from arkwright.cli.show import show_json, table
from arkwright.errors import InputError
from arkwright.units import MS_PER_S, parse

_HEADERS = ("NAME", "PROJECT", "NODES", "FROM", "UNTIL")


@click.command(short_help="Keep nodes for a project in a time to come")
@click.argument("name", required=False)
@click.option("--project", metavar="PATH", help="For whom; without it for nobody (maintenance).")
@click.option("--nodes", metavar="N|NODE,...", help="How many, chosen for you; or which.")
@click.option("--gpu-type", metavar="TYPE", help="With a number of nodes: only of this type.")
@click.option("--from", "start", metavar="TIME", help="When it begins; default now.")
@click.option("--until", "end", metavar="TIME", help="When it ends.")
@click.option("--reason", default="", help="Kept in the log.")
@click.option("--list", "is_list", is_flag=True, help="Show what is reserved.")
@click.option("--cancel", "is_cancel", is_flag=True, help="Give the reservation up.")
@client_options
def reserve(
    name: str | None,
    project: str | None,
    nodes: str | None,
    gpu_type: str | None,
    start: str | None,
    end: str | None,
    reason: str,
    is_list: bool,
    is_cancel: bool,
    factory: str | None,
    is_json: bool,
) -> None:
    """Keep nodes for a project, or for nobody, in a time to come.

    \b
    arkwright reserve launch --project lab --nodes 16 --from 2027-03-01T08:00:00Z --until +48h
    arkwright reserve fans --nodes hall/r01/n01,hall/r01/n02 --until +2h
    arkwright reserve --list
    arkwright reserve launch --cancel

    A TIME is a date and time as in RFC 3339, or +2h from now (for --until: from the start). Jobs of
    others start there only if they are over by then; what already runs is left alone.
    """
    if is_list:
        _list(factory, is_json)
        return
    if name is None:
        raise click.UsageError("name the reservation, or use --list")
    if is_cancel:
        with connect(factory) as client:
            _show(client.withdraw_reservation(name), is_json, "withdrawn")
        return
    if nodes is None or end is None:
        raise click.UsageError("give --nodes and --until")
    now_ms = int(datetime.now(UTC).timestamp() * MS_PER_S)
    from_ms = now_ms if start is None else instant_ms("--from", start, now_ms)
    body: dict[str, Any] = {
        "name": name,
        "project": project,
        "nodes": _nodes(nodes),
        "gpu_type": gpu_type,
        "from_ms": from_ms,
        "until_ms": instant_ms("--until", end, from_ms),
        "reason": reason,
    }
    with connect(factory) as client:
        _show(client.reserve(body), is_json, "reserved")


def instant_ms(option: str, text: str, base_ms: int) -> int:
    """A point in time [ms since the Unix epoch]: RFC 3339, or `+2h` after `base_ms`."""
    if text.startswith("+"):
        try:
            return base_ms + int(parse(text[1:], "s") * MS_PER_S)
        except InputError as error:
            raise click.UsageError(f"{option} {text}: {error}") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        right = "give a time with its zone as 2027-03-01T08:00:00Z, or +2h"
        raise click.UsageError(f"{option} {text}: no time; {right}")
    return int(moment.timestamp() * MS_PER_S)


def _nodes(text: str) -> int | list[str]:
    if text.isascii() and text.isdigit():
        return int(text)
    return [path.strip() for path in text.split(",") if path.strip()]


def _list(factory: str | None, is_json: bool) -> None:
    with connect(factory) as client:
        found = client.reservations()
    if is_json:
        show_json(found)
        return
    rows = [
        (
            each["name"],
            each["project"] or "nobody",
            str(len(each["nodes"])),
            _time(each["from_ms"]),
            _time(each["until_ms"]),
        )
        for each in found["items"]
    ]
    click.echo(table(_HEADERS, rows, right=("NODES",)) if rows else "nothing is reserved")


def _show(made: Mapping[str, Any], is_json: bool, what: str) -> None:
    if is_json:
        show_json(made)
        return
    whom = made["project"] or "nobody"
    span = f"{_time(made['from_ms'])} until {_time(made['until_ms'])}"
    click.echo(f"{made['name']}: {what}, {len(made['nodes'])} nodes for {whom}, {span}")
    for path in made["nodes"]:
        click.echo(f"  {path}")


def _time(at_ms: int) -> str:
    """To the second, here."""
    return datetime.fromtimestamp(at_ms // MS_PER_S).astimezone().isoformat(timespec="seconds")
