"""`arkwright quota`: who may hold what, holds what, has borrowed and spent what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from arkwright.cli.connection import client_options, connect
from arkwright.cli.show import many, moment, show_json, table
from arkwright.errors import InputError

_HEADERS = ("PROJECT", "TYPE", "LIMIT", "GUARANTEE", "USED", "BORROWED", "LENT")
_BUDGET_HEADERS = ("PROJECT", "GPU-HOURS", "PER", "SPENT", "PROMISED", "LEFT", "UNTIL")
_CONTRACT_HEADERS = ("PROJECT", "CONTRACT", "TYPE", "GPUS", "USED", "FROM", "UNTIL", "USD/GPU-H")
_SHARE_HEADERS = ("PROJECT", "SHARE", "GPU-HOURS REMEMBERED", "PER SHARE")


@click.command(short_help="Quotas, budgets and shares, and what is used of them")
@click.argument("project", required=False)
@client_options
def quota(project: str | None, factory: str | None, is_json: bool) -> None:
    """Show the quota tree, or PROJECT with all below it: GPUs held, borrowed and lent.

    Contracts, budgets and fair shares follow where there are any. LENT is the most of an unused
    guarantee that neighbours hold now; PROMISED is what running jobs will have used by their
    expected end. USED of a contract is what jobs hold now beyond what is guaranteed besides, of all
    contracts of the project and type together.
    """
    with connect(factory) as client:
        items = client.quotas()["items"]
    if project is not None:
        known = ", ".join(item["project"] for item in items if item["project"])
        items = [item for item in items if f"{item['project']}/".startswith(f"{project}/")]
        if not items:
            raise InputError(f"project {project}: not in this factory; use one of {known}")
    if is_json:
        show_json(many("quotas", items))
        return
    _show(items)


def _show(items: Sequence[Mapping[str, Any]]) -> None:
    rows = [row for item in items for row in _rows(item)]
    click.echo(table(_HEADERS, rows, right=_HEADERS[2:]))
    bought = [(item["project"], each) for item in items for each in item.get("contracts", ())]
    if bought:
        rows = [_contract_row(project, each) for project, each in bought]
        click.echo("\n" + table(_CONTRACT_HEADERS, rows, right=("GPUS", "USED", "USD/GPU-H")))
    budgets = [item for item in items if item["budget"] is not None]
    if budgets:
        rows = [_budget_row(item) for item in budgets]
        click.echo("\n" + table(_BUDGET_HEADERS, rows, right=("GPU-HOURS", *_BUDGET_HEADERS[3:6])))
    shares = [item for item in items if item["share"] is not None]
    if shares:
        rows = [_share_row(item) for item in shares]
        click.echo("\n" + table(_SHARE_HEADERS, rows, right=_SHARE_HEADERS[1:]))


def _rows(item: Mapping[str, Any]) -> list[tuple[str, ...]]:
    name = item["project"] or "(factory)"
    return [
        (name, "all", *_amounts(item)),
        *((name, typed["gpu_type"], *_amounts(typed)) for typed in item["by_type"]),
    ]


def _amounts(item: Mapping[str, Any]) -> tuple[str, ...]:
    limit = "none" if item["gpus_limit"] is None else f"{item['gpus_limit']:g}"
    guarantee = "" if item["guarantee"] is None else f"{item['guarantee']:g}"
    if guarantee and item["lend"] != item["guarantee"]:
        guarantee += f" ({item['lend']:g} lent)"
    used = f"{item['used']:g}"
    return limit, guarantee, used, *(f"{item[key]:g}" for key in ("borrowed", "lent"))


def _contract_row(project: str, contract: Mapping[str, Any]) -> tuple[str, ...]:
    gpus = f"{contract['gpus']:,}" + (f" ({contract['lend']:,} lent)" if contract["lend"] else "")
    price = contract["usd_per_gpu_hour"]
    return (
        project,
        contract["name"],
        contract["gpu_type"] or "any",
        gpus,
        f"{contract['used']:g}" if contract["is_open"] else "",
        moment(contract["from_ms"]),
        moment(contract["until_ms"]),
        "" if price is None else f"{price:g}",
    )


def _budget_row(item: Mapping[str, Any]) -> tuple[str, ...]:
    budget = item["budget"]
    until = "" if budget["end_ms"] is None else moment(budget["end_ms"])
    hours = [budget[f"{key}_gpu_hours"] for key in ("spent", "promised", "left")]
    return (
        item["project"],
        f"{budget['gpu_hours']:,.0f}",
        budget["per"],
        *(f"{each:,.1f}" for each in hours),
        until,
    )


def _share_row(item: Mapping[str, Any]) -> tuple[str, ...]:
    used = item["usage_gpu_hours"]
    return (
        item["project"],
        f"{item['share']:,}",
        f"{used:,.1f}",
        f"{used / item['share']:,.3g}",
    )
