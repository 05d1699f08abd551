"""`arkwright design`: what a factory file becomes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkwright.cli.connection import json_option
from arkwright.cli.save import save
from arkwright.cli.show import API_VERSION, count, show_json, table
from arkwright.errors import InfeasibleError

if TYPE_CHECKING:
    from arkwright.design.rules import Fault
    from arkwright.design.whole import Design

_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Show what a factory file becomes: racks, network, power, cooling, bill")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--anyway", is_flag=True, help="Build it though the grid connection cannot carry it.")
@click.option("--sources", "is_sourced", is_flag=True, help="List every value assumed, by source.")
@click.option("--bill", "bill_file", type=_PATH, metavar="FILE.csv", help="Write what to buy.")
@click.option(
    "--cables", "cables_file", type=_PATH, metavar="FILE.csv", help="Write every cable, both ends."
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write design.json, bill.csv and cables.csv there; of a search CSV, JSON and a page.",
)
@click.option("--search", "is_search", is_flag=True, help="Design variants, show what none beats.")
@click.option(
    "--over",
    multiple=True,
    metavar="AXIS[=A,B]",
    help="Vary system, oversubscription, supply_c, redundancy, cooling_redundancy or ups, though "
    "the file fixes it; without values the usual ones.",
)
@click.option("--objectives", metavar="A,B", help="What a search judges by.")
@json_option
def design(
    file: Path,
    anyway: bool,
    is_sourced: bool,
    bill_file: Path | None,
    cables_file: Path | None,
    folder: Path | None,
    is_search: bool,
    over: tuple[str, ...],
    objectives: str | None,
    is_json: bool,
) -> int:
    """Turn a factory file into racks, network, storage, power chain, cooling and a bill.

    Every figure names its basis. A separate checker then adds everything up again, removes any one
    part, and says what it finds. Exit code 2 when a grid connection cannot carry what the file asks
    for, with the nearest that it can; --anyway builds it and reports that as a finding.

    --search designs every combination of what the file leaves open (fabric oversubscription, supply
    temperature, power redundancy) and of what --over names, and shows those that none beats.
    """
    from arkwright import factory
    from arkwright.design.budget import funded
    from arkwright.design.checker import check
    from arkwright.design.whole import shortfalls
    from arkwright.factory.series import read_weather

    found = factory.load(file)
    weather = read_weather(found, file.parent)
    _refuse(is_search, over, objectives, bill_file, cables_file)
    if is_search:
        from arkwright.cli.design_search import run_search

        return run_search(
            file, found, weather, over, objectives, folder, anyway=anyway, is_json=is_json
        )
    found, built = funded(found, weather)
    if not anyway:
        short = shortfalls(found, built, weather)
        if short:
            reasons = "\n".join(f"  {item.site}: {item}" for item in short)
            hint = "change the file, or see it whole with --anyway"
            raise InfeasibleError(f"the grid cannot carry {file.name}; {hint}\n{reasons}", short)
    faults = check(found, built)
    _write(built, faults, bill_file, cables_file, folder)
    if is_json:
        from arkwright.design.document import document

        show_json({"api_version": API_VERSION, "kind": "blueprint"} | document(built, faults))
    else:
        _show(built, faults, is_sourced)
    return 0


def _refuse(
    is_search: bool,
    over: tuple[str, ...],
    objectives: str | None,
    bill_file: Path | None,
    cables_file: Path | None,
) -> None:
    """Options that say nothing beside each other."""
    if not is_search and (over or objectives):
        raise click.UsageError(f"{'--over' if over else '--objectives'} needs --search")
    if is_search and (bill_file or cables_file):
        name = "--bill" if bill_file else "--cables"
        raise click.UsageError(f"{name} is of one design; a search writes with -o DIR")


def _write(
    built: Design,
    faults: tuple[Fault, ...],
    bill_file: Path | None,
    cables_file: Path | None,
    folder: Path | None,
) -> None:
    from arkwright.design.bill import bill_csv

    bills, cables = [bill_file], [cables_file]
    if folder is not None:
        import json

        from arkwright.design.document import document

        body = {"api_version": API_VERSION, "kind": "blueprint"} | document(built, faults)
        save(folder / "design.json", [json.dumps(body, ensure_ascii=False, indent=1), "\n"])
        bills.append(folder / "bill.csv")
        cables.append(folder / "cables.csv")
    for path in bills:
        if path is not None:
            save(path, [bill_csv(built.bill)])
    for path in cables:
        if path is not None:
            save(path, _cables(built))


def _cables(built: Design) -> Iterator[str]:
    """One table for all sites: paths begin with the site."""
    from arkwright.design.fabric.schedule import HEADER, schedule_csv

    yield HEADER
    for site in built.sites:
        pieces = schedule_csv(site.network.schedule)
        next(pieces)
        yield from pieces


def _show(built: Design, faults: tuple[Fault, ...], is_sourced: bool) -> None:
    from arkwright.design.overview import overview

    rows = [(line.label, line.value, line.basis) for line in overview(built)]
    # Labels are indented by depth, so the table keeps its first column as it is.
    click.echo(table(("WHAT", "VALUE", "BASIS OR NOTE"), rows))
    # What the checker finds again is said by the checker.
    said = {fault.where for fault in faults}
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for finding in built.findings:
        if finding.where not in said or finding.severity.value == "note":
            key = (finding.severity.value, finding.text, finding.source)
            grouped.setdefault(key, []).append(finding.where)
    for (severity, text, by), places in grouped.items():
        source = f" ({by})" if by and is_sourced else ""
        click.echo(f"{severity}: {', '.join(places)}: {text}{source}")
    for fault in faults:
        source = f" ({fault.source})" if fault.source and is_sourced else ""
        click.echo(
            f"{fault.severity.value} {fault.rule}: {fault.where}: {fault.text} "
            f"({fault.margin}); {fault.fix}{source}"
        )
    worse = [fault for fault in faults if fault.severity.value != "note"]
    click.echo(f"checker: {count(len(worse), 'fault')}, {count(len(faults) - len(worse), 'note')}")
    if is_sourced:
        assumed = [(a.where, a.name, a.value, a.source) for a in built.assumptions]
        click.echo(table(("WHERE", "ASSUMED", "VALUE", "SOURCE"), assumed))
    else:
        click.echo(f"{count(len(built.assumptions), 'value')} assumed; --sources lists them")
