"""`arkwright reserve`: nodes kept for a project, or for nobody, or GPUs sold, in a time to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from arkwright.cli.connection import client_options, connect
from arkwright.cli.show import many, show_json, table
from arkwright.errors import InputError
from arkwright.units import MS_PER_S, parse

_HEADERS = ("NAME", "PROJECT", "WHAT", "FROM", "UNTIL")


@click.command(short_help="Keep nodes or GPUs for a project in a time to come")
@click.argument("name", required=False)
@click.option("--project", metavar="PATH", help="For whom; without it for nobody (maintenance).")
@click.option("--nodes", metavar="N|NODE,...", help="How many, chosen for you; or which.")
@click.option("--gpus", type=click.IntRange(1), help="Instead: so many GPUs, on any nodes.")
@click.option("--lend", type=click.IntRange(0), help="Of the GPUs: others may borrow so many.")
@click.option("--price", type=click.FloatRange(0), help="Of the GPUs: agreed, USD a GPU-hour.")
@click.option("--gpu-type", metavar="TYPE", help="Only of this type; not with nodes by name.")
@click.option("--from", "start", metavar="TIME", help="When it begins; default now.")
@click.option("--until", "end", metavar="TIME", help="When it ends.")
@click.option("--reason", default="", help="Kept in the log.")
@click.option("--list", "is_list", is_flag=True, help="Show what is reserved.")
@click.option("--cost", "is_cost", is_flag=True, help="What of a contract was paid and used.")
@click.option("--cancel", "is_cancel", is_flag=True, help="Give the reservation up.")
@client_options
def reserve(
    name: str | None,
    project: str | None,
    nodes: str | None,
    gpus: int | None,
    lend: int | None,
    price: float | None,
    gpu_type: str | None,
    start: str | None,
    end: str | None,
    reason: str,
    is_list: bool,
    is_cost: bool,
    is_cancel: bool,
    factory: str | None,
    is_json: bool,
) -> None:
    """Keep nodes or GPUs for a project, or nodes for nobody, in a time to come.

    \b
    arkwright reserve launch --project lab --nodes 16 --from 2027-03-01T08:00:00Z --until +48h
    arkwright reserve fans --nodes hall/r01/n01,hall/r01/n02 --until +2h
    arkwright reserve year --project lab --gpus 256 --until +365d --lend 64
    arkwright reserve --list
    arkwright reserve year --cost
    arkwright reserve launch --cancel

    A TIME is a date and time as in RFC 3339, or +2h from now (for --until: from the start). Jobs of
    others start there only if they are over by then; what already runs is left alone.

    With --gpus it is a contract: the project's whether used or not, on whatever nodes are free.
    Only what it lends is borrowed by others, and taken back from preemptible jobs.
    """
    if is_list:
        _list(factory, is_json)
        return
    if name is None:
        raise click.UsageError("name the reservation, or use --list")
    if is_cost:
        _cost(name, factory, is_json)
        return
    if is_cancel:
        _cancel(name, factory, is_json)
        return
    if (nodes is None) == (gpus is None) or end is None:
        raise click.UsageError("give --nodes or --gpus, and --until")
    if gpus is None and (lend, price) != (None, None):
        raise click.UsageError("--lend and --price go with --gpus")
    if gpus is not None and project is None:
        raise click.UsageError("say with --project who has bought the GPUs")
    now_ms = int(datetime.now(UTC).timestamp() * MS_PER_S)
    from_ms = now_ms if start is None else instant_ms("--from", start, now_ms)
    body: dict[str, Any] = {
        "name": name,
        "project": project,
        "gpu_type": gpu_type,
        "from_ms": from_ms,
        "until_ms": instant_ms("--until", end, from_ms),
        "reason": reason,
    }
    with connect(factory) as client:
        if gpus is None:
            made = client.reserve(body | {"nodes": _nodes(nodes or "")})
        else:
            sold = {"gpus": gpus, "lend": lend or 0, "usd_per_gpu_hour": price}
            made = client.contract(body | sold)
    _show(made, is_json, "reserved" if gpus is None else "sold")


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


def _cost(name: str, factory: str | None, is_json: bool) -> None:
    with connect(factory) as client:
        found = client.contract_cost(name)
    if is_json:
        show_json(found)
        return
    paid, used, unused = (found[f"{key}_gpu_hours"] for key in ("paid", "used", "unused"))
    money = "" if found["usd"] is None else f", {found['usd']:,.2f} USD"
    click.echo(
        f"{name}: {paid:,.1f} GPU-hours paid until {_time(found['until_ms'])}{money}: "
        f"{used:,.1f} used, {unused:,.1f} not used"
    )


def _cancel(name: str, factory: str | None, is_json: bool) -> None:
    """Give up the reservation or the contract of the name: there is one of the two."""
    with connect(factory) as client:
        is_sold = any(each["name"] == name for each in client.contracts()["items"])
        gone = client.withdraw_contract(name) if is_sold else client.withdraw_reservation(name)
    _show(gone, is_json, "ended" if is_sold else "withdrawn")


def _list(factory: str | None, is_json: bool) -> None:
    with connect(factory) as client:
        found = [*client.reservations()["items"], *client.contracts()["items"]]
    found.sort(key=lambda each: (each["from_ms"], each["name"]))
    if is_json:
        show_json(many("reservations", found))
        return
    rows = [
        (
            each["name"],
            each["project"] or "nobody",
            _what(each),
            _time(each["from_ms"]),
            _time(each["until_ms"]),
        )
        for each in found
    ]
    click.echo(table(_HEADERS, rows) if rows else "nothing is reserved")


def _show(made: Mapping[str, Any], is_json: bool, what: str) -> None:
    if is_json:
        show_json(made)
        return
    whom = made["project"] or "nobody"
    span = f"{_time(made['from_ms'])} until {_time(made['until_ms'])}"
    click.echo(f"{made['name']}: {what}, {_what(made)} for {whom}, {span}")
    for path in made.get("nodes", ()):
        click.echo(f"  {path}")


def _what(made: Mapping[str, Any]) -> str:
    if "nodes" in made:
        return f"{len(made['nodes'])} nodes"
    of_type = f" of {made['gpu_type']}" if made["gpu_type"] else ""
    lent = f" ({made['lend']:,} lent)" if made["lend"] else ""
    return f"{made['gpus']:,} GPUs{of_type}{lent}"


def _time(at_ms: int) -> str:
    """To the second, here."""
    return datetime.fromtimestamp(at_ms // MS_PER_S).astimezone().isoformat(timespec="seconds")
