"""`arkwright replay`: take a saved decision again."""

from __future__ import annotations

from pathlib import Path

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, count, moment, show_json

STARTS_SHOWN = 20


@click.command(short_help="Take a saved decision again, and compare")
@click.argument(
    "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@json_option
@click.pass_context
def replay(ctx: click.Context, file: Path, is_json: bool) -> None:
    """Decide again from a FILE of `arkwright why --save`, and say whether the bytes are equal.

    Exit code 1 when they are not: then this machine does not decide what the server did.
    """
    from arkwright.errors import InputError
    from arkwright.fleet.snapshot import loaded, replayed

    data = file.read_bytes()
    try:
        snapshot, found = loaded(data), replayed(data)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    if is_json:
        show_json(
            {
                "api_version": API_VERSION,
                "kind": "replay",
                "now_ms": snapshot.now_ms,
                "job": snapshot.job,
                "starts": [{"job_id": job_id, "nodes": nodes} for job_id, nodes in found.starts],
                "reason": {"code": found.reason.code, "message": found.reason.message},
                "sha256": found.sha256,
                "sha256_saved": found.sha256_saved,
                "is_same": found.is_same,
            }
        )
    else:
        head = f"{count(len(snapshot.nodes), 'node')}, {count(len(snapshot.jobs), 'job')}"
        click.echo(f"{moment(snapshot.now_ms)}: {head}, after decision {snapshot.parent}")
        click.echo(f"{count(len(found.starts), 'start')}")
        for job_id, nodes in found.starts[:STARTS_SHOWN]:
            click.echo(f"  {job_id} on {', '.join(nodes)}")
        if len(found.starts) > STARTS_SHOWN:
            click.echo(f"  and {len(found.starts) - STARTS_SHOWN} more; --json lists all")
        click.echo(f"{snapshot.job} [{found.reason.code}]")
        click.echo(f"  {found.reason.message}")
        same = "the same bytes as saved" if found.is_same else "NOT what was saved"
        click.echo(f"decision {found.sha256}: {same}")
    ctx.exit(0 if found.is_same else 1)
