"""`arkwright design --search`: variants of a factory, and those that none beats."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkwright.cli.save import save
from arkwright.cli.show import API_VERSION, count, show_json, table
from arkwright.errors import InputError

if TYPE_CHECKING:
    from arkwright.design.blueprint import Finding
    from arkwright.design.search import Search
    from arkwright.factory import Factory
    from arkwright.factory.weather import Weather

_INFEASIBLE = 2


def run_search(
    file: Path,
    found: Factory,
    weather: dict[str, Weather],
    over: Sequence[str],
    objectives: str | None,
    folder: Path | None,
    *,
    anyway: bool,
    is_json: bool,
) -> int:
    """Search, write, print; the exit code, 2 where no variant is feasible."""
    from arkwright.design.budget import funded, open_halls
    from arkwright.design.search import search
    from arkwright.design.search_space import axes
    from arkwright.factory.files import tree

    names = [name.strip() for name in (objectives or "").split(",") if name.strip()]
    varied = axes(over, tree(file))
    if not varied:
        raise InputError(
            f"{file.name} gives every axis; name what to vary, for example --over supply_c"
        )
    notes: list[Finding] = []
    if open_halls(found):
        found, built = funded(found, weather)
        notes = [finding for finding in built.findings if finding.rule == "budget"]
    result = search(found, varied, names, weather, anyway=anyway, progress=_progress())
    if folder is not None:
        _write(result, folder)
    if is_json:
        from arkwright.design.search_view import search_document

        show_json({"api_version": API_VERSION, "kind": "search"} | search_document(result))
    else:
        for note in notes:
            click.echo(f"note: {note.where}: {note.text}")
        _show(result, folder)
    if result.feasible:
        return 0
    click.echo(f"arkwright: none of {count(len(result.variants), 'variant')} is feasible", err=True)
    return _INFEASIBLE


def _progress() -> Callable[[int, int], None] | None:
    """A line on a terminal that says how far the search is; nowhere else."""
    if not sys.stderr.isatty():
        return None

    def told(done: int, of: int) -> None:
        is_last = done == of
        click.echo(f"\r{done:,} of {count(of, 'variant')}", nl=is_last, err=True)

    return told


def _show(result: Search, folder: Path | None) -> None:
    from arkwright.design.measures import MEASURES
    from arkwright.design.search_view import ROWS, front_table, own_words

    out = len(result.variants) - len(result.feasible)
    for axis in result.axes:
        click.echo(f"{axis.name}: {', '.join(axis.values)}")
    alone = sum(1 for variant in result.front if not variant.like)
    said = (
        f"{count(len(result.variants), 'variant')}: {len(result.feasible):,} feasible, {out:,} out"
    )
    click.echo(f"{said}; {alone:,} different on the front")
    if result.front:
        shown = front_table(result, ROWS)
        click.echo()
        click.echo(table(shown.columns, shown.rows, shown.right))
        if shown.left_out:
            rest = f"{shown.left_out:,} more rows of the front lie between these"
            click.echo(f"{rest}; -o DIR writes all" if folder is None else rest)
        click.echo()
        click.echo(own_words(result))
    for reason, number, detail in result.reasons:
        click.echo(f"out, {number:,}: {reason}; the first: {detail}")
    for name in result.objectives:
        measure = MEASURES[name]
        click.echo(f"{measure.title}: {measure.basis}")


def _write(result: Search, folder: Path) -> None:
    import json

    from arkwright.design.report import page
    from arkwright.design.search_view import search_csv, search_document, search_page, search_svg

    body = {"api_version": API_VERSION, "kind": "search"} | search_document(result)
    save(folder / "search.json", [json.dumps(body, ensure_ascii=False, indent=1), "\n"])
    save(folder / "search.csv", [search_csv(result)])
    save(folder / "search.svg", [search_svg(result)])
    save(folder / "search.html", [page(search_page(result))])
