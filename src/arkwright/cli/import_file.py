"""`arkwright import`: what runs elsewhere as a factory file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from arkwright.factory import Factory

FORMATS = ("nscale", "dps")
BASES = ("grid", "facility", "it")


@click.command("import", short_help="Make a factory file of another tool's inventory")
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--system", help="What the servers are, for example gb300-nvl72; nscale needs it.")
@click.option("--site", default="site", show_default=True, help="Name of the site.")
@click.option("--country", help="Where it is, as two capital letters.")
@click.option("--factory", "name", help="Name of the factory; the site's where not given.")
@click.option(
    "--basis",
    type=click.Choice(BASES),
    help="dps: what the limit at the root counts; without it, what servers draw (it), or the "
    "connection (grid) in a file that Arkwright wrote.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for factory.yaml and nodes.csv. Without it, the factory on standard output.",
)
def import_file(
    format_: str,
    file: Path,
    system: str | None,
    site: str,
    country: str | None,
    name: str | None,
    basis: str | None,
    output: Path | None,
) -> None:
    """Make a factory file of FILE, with every server and every scale-up domain.

    nscale is the topology JSON of Nscale's Radar API (server_id or instance_id, network_node_path,
    block_id). A hall is made for each core of the network.

    dps is the topology JSON of NVIDIA DPS. Its models say what the servers are; --system is for
    models that the catalogue does not know. A hall is made for each root of the power tree, unless
    the servers have Arkwright's own names.

    nodes.csv says which server is which node.
    """
    from arkwright import export
    from arkwright.factory import PowerBasis

    if format_ == "dps":
        fed = export.import_dps(
            file.read_bytes(),
            str(file),
            factory=name or site,
            site=site,
            system=system,
            country=country,
            basis=PowerBasis(basis) if basis else None,
        )
        _write(fed.factory, export.servers_csv(fed.places), fed.notes, len(fed.places), output)
        return
    if system is None:
        raise click.UsageError("nscale does not say what the servers are: give --system")
    servers = export.read_nscale(file.read_bytes(), str(file))
    found = export.imported(
        servers, factory=name or site, site=site, system=system, country=country
    )
    _write(found.factory, export.places_csv(found.places), found.notes, len(servers), output)


def _write(
    made: Factory, table: str, notes: Sequence[str], servers: int, output: Path | None
) -> None:
    """The factory file, the table of servers beside it, and what to know of them."""
    from arkwright import factory

    text = factory.dump(made)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if output is None:
        click.echo(text, nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    (output / "factory.yaml").write_text(text, encoding="utf-8")
    (output / "nodes.csv").write_text(table, encoding="utf-8")
    click.echo(f"wrote {servers:,} servers to {output / 'factory.yaml'} and nodes.csv")
