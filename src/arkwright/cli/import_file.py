"""`arkwright import`: what runs elsewhere as a factory file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from arkwright.factory import Factory

FORMATS = ("nscale", "dps", "slurm")
BASES = ("grid", "facility", "it")


@click.command("import", short_help="Make a factory file of another tool's inventory")
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument(
    "file", metavar="[FILE|DIR]", required=False, type=click.Path(path_type=Path, exists=True)
)
@click.option(
    "--system",
    "systems",
    multiple=True,
    metavar="[TYPE=]SYSTEM",
    help="What the servers are, for example gb300-nvl72; nscale needs it. slurm: of all nodes with "
    "GPUs, or of those whose GPUs are of Slurm's TYPE; may be given again.",
)
@click.option("--prefix", metavar="COMMAND", help="slurm: before each command, e.g. 'ssh login1'.")
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
    file: Path | None,
    systems: tuple[str, ...],
    prefix: str | None,
    site: str,
    country: str | None,
    name: str | None,
    basis: str | None,
    output: Path | None,
) -> None:
    """Make a factory file of FILE, with every server and every scale-up domain.

    slurm is a folder of Slurm's configuration (slurm.conf, gres.conf, topology.conf, topology.yaml)
    or of outputs that `arkwright observe slurm --save` kept; without one the running cluster is
    asked, with commands that only read. The factory has an inventory: the cluster's own nodes,
    partitions, switches and blocks.

    nscale is the topology JSON of Nscale's Radar API (server_id or instance_id, network_node_path,
    block_id). A hall is made for each core of the network.

    dps is the topology JSON of NVIDIA DPS. Its models say what the servers are; --system is for
    models that the catalogue does not know. A hall is made for each root of the power tree, unless
    the servers have Arkwright's own names.

    nodes.csv says which server is which node.
    """
    from arkwright import export
    from arkwright.factory import PowerBasis

    if format_ == "slurm":
        _import_slurm(file, systems, prefix, name or site, site, country, output)
        return
    system = _one_system(systems)
    if file is None or file.is_dir():
        raise click.UsageError(f"{format_} is read from one file: name it")
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


def _one_system(systems: Sequence[str]) -> str | None:
    if len(systems) > 1 or any("=" in system for system in systems):
        raise click.UsageError("only slurm takes several systems, or one for a type of GPU")
    return systems[0] if systems else None


def _import_slurm(
    folder: Path | None,
    systems: Sequence[str],
    prefix: str | None,
    name: str,
    site: str,
    country: str | None,
    output: Path | None,
) -> None:
    """A folder of configuration or of outputs, or the cluster itself."""
    from arkwright.cli.observe_source import described
    from arkwright.engines.slurm.description_inventory import inventory_of
    from arkwright.export import slurm_factory

    chosen = {kind: system for kind, _, system in (text.rpartition("=") for text in systems)}
    listed = inventory_of(described(folder, prefix), chosen)
    made = slurm_factory(listed.inventory, factory=name, site=site, country=country)
    _write(made, _nodes_csv(made), listed.notes, _count(made), output)


def _nodes_csv(made: Factory) -> str:
    from arkwright.design import inventory_nodes

    lines = ["server,node,partitions,gpus,gpu_type,cpus,memory_mib"]
    for node in inventory_nodes(made):
        cells = [node.tray, node.path, ";".join(node.pools), node.gpus, node.gpu_type]
        lines.append(",".join(map(str, [*cells, f"{node.cpus:g}", node.memory_mib])))
    return "\n".join(lines) + "\n"


def _count(made: Factory) -> int:
    from arkwright.design import inventory_nodes

    return len(inventory_nodes(made))


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
