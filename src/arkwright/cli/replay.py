"""`arkwright replay`: take a saved decision again."""

from __future__ import annotations

from pathlib import Path

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, count, moment, show_json

STARTS_SHOWN = 20


@click.command(short_help="Decide again what was decided, from a snapshot or a whole log")
@click.argument("source", metavar="[FILE|LOG]", required=False)
@click.option(
    "--log",
    "is_log",
    is_flag=True,
    help="Decide every cycle of an event log again, from its start.",
)
@click.option(
    "--compiled",
    "is_compiled",
    is_flag=True,
    help="With --log: by compiled kernels, for thousands of nodes; compiled once, in some minutes.",
)
@click.option("--factory", metavar="NAME", help="Whose log; default the factory started last.")
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    source: str | None,
    is_log: bool,
    is_compiled: bool,
    factory: str | None,
    is_json: bool,
) -> None:
    """Decide again from a FILE of `arkwright why --save`, and say whether the bytes are equal.

    With --log, from an event LOG: every cycle is decided again where the log has it, and compared:
    who started, on which nodes and GPUs, who was told to stop for whom. LOG is a server's URL, a
    home, the folder or the store.db of a factory, or a file of `arkwright events --after 0 --json`;
    without one it is the log of this machine's factory, also while its server runs.

    Exit code 1 when they are not equal: then this machine does not decide what the server did.
    """
    if is_log:
        from arkwright.cli.replay_log import replayed_log

        ctx.exit(replayed_log(source, factory, is_json, is_compiled))
    if source is None:
        raise click.UsageError("give a FILE of `arkwright why --save`, or --log", ctx)
    if factory is not None or is_compiled:
        word = "--compiled" if is_compiled else "--factory"
        raise click.UsageError(f"{word} is for --log; leave it out", ctx)
    ctx.exit(_replayed(Path(source), is_json))


def _replayed(file: Path, is_json: bool) -> int:
    from arkwright.errors import InputError
    from arkwright.fleet.snapshot import loaded, replayed

    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
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
    return 0 if found.is_same else 1
