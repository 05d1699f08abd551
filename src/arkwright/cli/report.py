"""`arkwright report`: a design as one page with its drawings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from arkwright.design.report import Report
    from arkwright.factory import Factory


@click.command(short_help="Draw a factory: one HTML page with plans, costs and schedule")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The page to write.",
)
@click.option(
    "--start",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="When planning starts, for the schedule; today unless given.",
)
@click.option(
    "--drawings",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write every drawing as an SVG file too.",
)
def report(file: Path, output: Path, start: object, folder: Path | None) -> None:
    """Turn a factory file into one HTML page that loads nothing from elsewhere.

    Halls, racks, power chain, heat, fabrics, costs as ranges, a schedule as bands, findings, and
    every assumption with its source.
    """
    from arkwright import factory
    from arkwright.design import portrait
    from arkwright.design.report import page

    found = _report(factory.load(file), file, _day(start))
    output.write_text(page(found), encoding="utf-8")
    click.echo(f"wrote {output}: {found.title}")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        written = portrait.drawings(found)
        for name, svg in written.items():
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        click.echo(f"wrote {len(written)} drawings to {folder}")


def _report(read: Factory, file: Path, start_day: int) -> Report:
    from arkwright.design import portrait
    from arkwright.design.budget import funded
    from arkwright.design.checker import check
    from arkwright.factory.series import read_weather

    read, built = funded(read, read_weather(read, file.parent))
    return portrait.report(read, built, check(read, built), start_day)


def _day(start: object) -> int:
    """Days since 1970-01-01."""
    from datetime import UTC, datetime

    moment = start if isinstance(start, datetime) else datetime.now(UTC)
    return (moment.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
