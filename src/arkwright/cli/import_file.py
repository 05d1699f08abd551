"""`arkwright import`: what runs elsewhere as a factory file."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ("nscale",)


@click.command("import", short_help="Make a factory file of another tool's inventory")
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--system", required=True, help="What the servers are, for example gb300-nvl72.")
@click.option("--site", default="site", show_default=True, help="Name of the site.")
@click.option("--country", help="Where it is, as two capital letters.")
@click.option("--factory", "name", help="Name of the factory; the site's where not given.")
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
    system: str,
    site: str,
    country: str | None,
    name: str | None,
    output: Path | None,
) -> None:
    """Make a factory file of FILE, with every server and every scale-up domain.

    nscale is the topology JSON of Nscale's Radar API (server_id or instance_id, network_node_path,
    block_id). A hall is made for each core of the network; nodes.csv says which server is which
    node.
    """
    from arkwright import export, factory

    servers = export.read_nscale(file.read_bytes(), str(file))
    found = export.imported(
        servers, factory=name or site, site=site, system=system, country=country
    )
    text = factory.dump(found.factory)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if output is None:
        click.echo(text, nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    (output / "factory.yaml").write_text(text, encoding="utf-8")
    (output / "nodes.csv").write_text(export.places_csv(found.places), encoding="utf-8")
    click.echo(f"wrote {len(servers):,} servers to {output / 'factory.yaml'} and nodes.csv")
