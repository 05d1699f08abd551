"""`arkwright power`: the power tree, and limits set or announced for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from arkwright.cli.connection import client_options, connect
from arkwright.cli.show import moment, show_json, table
from arkwright.errors import UnitError
from arkwright.units import MILLI, MS_PER_S, parse, render

_HEADERS = ("PLACE", "USED", "LIMIT", "FROM", "ANNOUNCED")


@click.group(invoke_without_command=True, short_help="Show the power tree; limit a place")
@client_options
@click.pass_context
def power(ctx: click.Context, factory: str | None, is_json: bool) -> None:
    """Show every place of the power tree: what jobs are expected to draw, and its limit.

    Watts are those at the racks. A limit ends nothing: nothing new starts that would exceed it,
    and where it was cut below what runs, jobs are slowed, the least protected first.
    """
    if ctx.invoked_subcommand is not None:
        return
    with connect(factory) as client:
        found = client.power()
    if is_json:
        show_json(found)
        return
    rows = [_row(place) for place in found["items"]]
    click.echo(table(_HEADERS, rows, right=("USED", "LIMIT")) if rows else "no place has a limit")


@power.command(name="set")
@click.argument("place", metavar="PLACE")
@click.argument("limit", metavar="LIMIT", required=False)
@click.option("--percent", type=click.FloatRange(0, 1000), help="Of the factory file's limit.")
@click.option("--from", "start", metavar="TIME", help="Announce it: 2027-01-31T18:00, or 'in 2 h'.")
@click.option("--until", "end", metavar="TIME", help="It holds until then.")
@click.option("--reason", default="", help="Kept in the log.")
@client_options
def set_(
    place: str,
    limit: str | None,
    percent: float | None,
    start: str | None,
    end: str | None,
    reason: str,
    factory: str | None,
    is_json: bool,
) -> None:
    """Limit PLACE to LIMIT (8MW) or to a percentage, from now on or from a time on.

    \b
    arkwright power set narvik/h1 8MW
    arkwright power set narvik --percent 70 --from 2027-01-31T17:00 --until 2027-01-31T20:00

    A limit without a time stands until it is withdrawn, also over a restart and a changed factory
    file. One with a time only lowers: the lowest of those that hold then is in force.
    """
    if (limit is None) == (percent is None):
        raise click.UsageError("give LIMIT, for example 8MW, or --percent")
    asked: dict[str, Any] = {"percent": percent, "reason": reason}
    asked |= {"limit_w": watts(limit) if limit is not None else None}
    now_ms = time.time() * MS_PER_S
    asked |= {"from_ms": _instant(start, now_ms), "until_ms": _instant(end, now_ms)}
    with connect(factory) as client:
        found = client.set_power(place, {k: v for k, v in asked.items() if v is not None})
    _show(found, is_json)


@power.command()
@click.argument("place", metavar="PLACE")
@click.option("--from", "start", metavar="TIME", help="Only the limit announced from then on.")
@click.option("--reason", default="", help="Kept in the log.")
@client_options
def withdraw(
    place: str, start: str | None, reason: str, factory: str | None, is_json: bool
) -> None:
    """Take back what was set and announced for PLACE: the factory file's limit holds again."""
    with connect(factory) as client:
        from_ms = _announced(client.power(), place, start)
        found = client.withdraw_power(place, from_ms=from_ms, reason=reason)
    _show(found, is_json)


def _announced(tree: Mapping[str, Any], place: str, start: str | None) -> int | None:
    """The start of the window meant, to the second: tables show no more."""
    if start is None:
        return None
    wanted = _instant(start, time.time() * MS_PER_S)
    windows = [w for use in tree["items"] if use["path"] == place for w in use["windows"]]
    for window in windows:
        if int(window["from_ms"]) // MS_PER_S == (wanted or 0) // MS_PER_S:
            return int(window["from_ms"])
    return wanted


def watts(text: str) -> int:
    """Whole watts of `8MW`; raises click.BadParameter for what is no power."""
    try:
        return round(parse(text, "kW") * MILLI)
    except UnitError as error:
        raise click.BadParameter(str(error), param_hint="LIMIT") from None


def _instant(text: str | None, now_ms: float) -> int | None:
    """A time in ms since the Unix epoch: ISO 8601, local without an offset, or `in 2 h`."""
    if text is None:
        return None
    try:
        if text.startswith("in "):
            return int(now_ms + parse(text.removeprefix("in "), "s") * MS_PER_S)
        return int(datetime.fromisoformat(text).timestamp() * MS_PER_S)
    except (UnitError, ValueError):
        raise click.BadParameter(
            f"{text!r} is no time; write for example 2027-01-31T18:00 or 'in 2 h'"
        ) from None


def _show(place: Mapping[str, Any], is_json: bool) -> None:
    if is_json:
        show_json(place)
        return
    click.echo(table(_HEADERS, [_row(place)], right=("USED", "LIMIT")))


def _row(place: Mapping[str, Any]) -> tuple[str, ...]:
    limit_w = place["limit_w"]
    over = f" ({_kw(place['over_w'])} over)" if place["over_w"] else ""
    if place.get("capped_w"):
        over = f" (of {_kw(place['used_w'])}, capped){over}"
    open_now = [w for w in place["windows"] if w["limit_w"] == limit_w]
    stands = "design" if place.get("is_designed") else "file"
    source = "set" if place["is_set"] else stands if place["limit_w_file"] is not None else ""
    if limit_w != place["limit_w_file"] and not place["is_set"] and open_now:
        source = "announced"
    return (
        place["path"],
        _kw(place["used_w"] - place.get("capped_w", 0)) + over,
        "none" if limit_w is None else _kw(limit_w),
        source,
        "; ".join(_window(window) for window in place["windows"]),
    )


def _window(window: Mapping[str, Any]) -> str:
    until_ms = window["until_ms"]
    end = f" to {moment(until_ms)}" if until_ms is not None else " on"
    return f"{_kw(window['limit_w'])} from {moment(window['from_ms'])}{end}"


def _kw(watts: float) -> str:
    return render(watts / MILLI, "kW")
