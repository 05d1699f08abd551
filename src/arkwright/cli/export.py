"""`arkwright export`: a design in the words of other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkwright.cli.show import count

if TYPE_CHECKING:
    from arkwright.export import Design
    from arkwright.factory import Factory


@click.command(short_help="Write a design for Slurm, Kubernetes, NetBox and others")
@click.argument("format_", metavar="FORMAT")
@click.argument("file", metavar="FACTORY", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE",
    help="Folder to write to; a file where the format has one. Without it, standard output.",
)
@click.option("--site", help="Only this site.")
@click.option("--only", metavar="NAME", help="Only the file of this name.")
def export(
    format_: str, file: Path, output: Path | None, site: str | None, only: str | None
) -> None:
    """Write the design of a factory file as FORMAT.

    \b
    slurm         nodes.conf, gres.conf, topology.yaml, topology.conf (tree) and block
    kubernetes    labels of nodes, Topology objects of Kueue and KAI Scheduler
    topograph     the model that NVIDIA Topograph simulates a fabric from
    nscale        topology JSON as Nscale's Radar API gives it
    netbox        device types as YAML; racks, devices, cables, power feeds as CSV
    dps           NVIDIA DPS topology JSON: the power chain down to every node
    dot           a graph of every fabric, for Graphviz
    cables        every cable with both ends and its length, as CSV
    bill          what to buy, how many, why so many, as CSV
    mlperf-power  MLPerf Endpoints' system_power.json; not verified by MLCommons

    Nodes are called by their paths with hyphens: narvik/h1/r001/t01 is narvik-h1-r001-t01.
    """
    from arkwright import export as formats
    from arkwright import factory

    found = factory.load(file)
    made = _fed(found, file.parent) if format_ == "dps" else _wired(found)
    files = formats.export(format_, made.at(site) if site else made)
    if only is not None:
        if only not in files:
            raise click.UsageError(f"{format_} has no file {only}; it has {_names(files)}")
        files = {only: files[only]}
    _write(format_, files, output)


def _wired(found: Factory) -> Design:
    """Racks and network, which most formats are made of."""
    from arkwright import design as room
    from arkwright import export as formats
    from arkwright.design.network import network

    plan = room.blueprint(found)
    return formats.Design(factory=found, plan=plan, network=network(found, plan))


def _fed(found: Factory, folder: Path) -> Design:
    """The same with the power chain, under the weather of the file."""
    from arkwright import export as formats
    from arkwright.design.network import Network
    from arkwright.design.whole import whole
    from arkwright.factory.series import read_weather

    built = whole(found, read_weather(found, folder))
    return formats.Design(
        factory=found,
        plan=built.blueprint,
        network=Network(sites=tuple(site.network for site in built.sites), links=built.links),
        chains={site.plan.name: site.plant.power.tree for site in built.sites},
    )


def _write(format_: str, files: Mapping[str, Iterable[str]], output: Path | None) -> None:
    if len(files) == 1 and (output is None or (output.suffix and not output.is_dir())):
        (pieces,) = files.values()
        if output is None:
            for piece in pieces:
                click.echo(piece, nl=False)
            return
        _save(output, pieces)
        click.echo(f"wrote {output}")
        return
    if output is None:
        raise click.UsageError(
            f"{format_} makes {len(files)} files: give -o DIR, or --only one of {_names(files)}"
        )
    for name, pieces in files.items():
        _save(output / name, pieces)
    click.echo(f"wrote {count(len(files), 'file')} to {output}")


def _save(path: Path, pieces: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)


def _names(files: Mapping[str, object]) -> str:
    """The first few names."""
    names = list(files)
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
