"""`arkwright up`: a factory file becomes a running factory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, count, show_json
from arkwright.errors import InputError
from arkwright.home import Paths, ServerRecord, home_dir, set_current

if TYPE_CHECKING:
    from arkwright.factory import Factory

PORT = 7460
START_S = 60.0


@click.command(short_help="Start the server of a factory")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--foreground", is_flag=True, help="Stay in this terminal; Ctrl-C stops it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes any."
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where factories keep their files; default $ARKWRIGHT_HOME or ~/.local/state/arkwright.",
)
@json_option
def up(
    file: Path, foreground: bool, host: str, port: int, home: Path | None, is_json: bool
) -> None:
    """Start the server of the factory in FILE, and make it the one other verbs talk to.

    The server goes on by itself until `arkwright down`. Jobs that still run from an earlier
    server are adopted.
    """
    from arkwright import factory
    from arkwright.cli import server_process

    found = factory.load(file, runnable=True)
    paths = Paths(home.absolute() if home else home_dir(os.environ), found.factory).make()
    record = server_process.live(paths)
    if record is not None:
        _refuse_another(paths, record, found)
        set_current(paths.home, paths.factory)
        _show(paths, record, is_json, is_new=False)
        return
    argv = server_process.command(file, paths, host, port)
    if foreground:
        set_current(paths.home, paths.factory)
        os.execv(argv[0], argv)
    record = server_process.start(argv, paths, START_S)
    set_current(paths.home, paths.factory)
    _show(paths, record, is_json, is_new=True)


def _refuse_another(paths: Paths, record: ServerRecord, wanted: Factory) -> None:
    """A running server keeps the file it was started with; another file needs a restart."""
    from arkwright import factory

    try:
        running = factory.loads(paths.factory_yaml.read_bytes(), "factory.yaml")
    except (OSError, InputError):
        running = None
    if running is None or factory.dump(running) != factory.dump(wanted):
        raise InputError(
            f"factory {paths.factory} already runs at {record.url} with another file "
            f"({paths.factory_yaml}); `arkwright down` first, jobs go on meanwhile"
        )


def _show(paths: Paths, record: ServerRecord, is_json: bool, *, is_new: bool) -> None:
    from arkwright.client import Client

    with Client.discover(home=paths.home, factory=paths.factory) as client:
        running = client.factory()
        notice = client.health().get("notice", "")
    if is_json:
        places = {"token": paths.owner_token, "log": paths.server_log, "store": paths.store_db}
        server = {
            "api_version": API_VERSION,
            "kind": "server",
            **record._asdict(),
            "is_new": is_new,
            "home": str(paths.home),
            "paths": {name: str(path) for name, path in places.items()},
            "sites": running["sites"],
            "notice": notice,
        }
        show_json(server)
        return
    already = "is up" if is_new else "is already up"
    click.echo(f"factory {paths.factory} {already} at {record.url}")
    for site in running["sites"]:
        click.echo(f"  {site['name']:<6} {nodes_of(site)}")
    if notice:
        click.echo(f"  {notice}")
    click.echo(f"  token  {paths.owner_token}")
    click.echo(f"  log    {paths.server_log}")
    click.echo(f"  store  {paths.store_db}")
    if paths.home != home_dir(os.environ):
        click.echo(f"for the other verbs: export ARKWRIGHT_HOME={paths.home}")
    elif os.environ.get("ARKWRIGHT_FACTORY", paths.factory) != paths.factory:
        click.echo("other verbs ask the one that ARKWRIGHT_FACTORY names, not this one")


def nodes_of(site: dict[str, Any]) -> str:
    """`4 virtual nodes × 2 virtual GPUs (CPU slots)`, or `1 node × 8 GPUs`."""
    nodes, gpus = site["nodes"], site["gpus"]
    kind = "virtual " if site["is_virtual"] else ""
    slots = " (CPU slots)" if site["is_virtual"] else ""
    if nodes and gpus % nodes == 0:
        return f"{count(nodes, f'{kind}node')} × {count(gpus // nodes, f'{kind}GPU')}{slots}"
    return f"{count(nodes, f'{kind}node')} with {count(gpus, f'{kind}GPU')}{slots}"
