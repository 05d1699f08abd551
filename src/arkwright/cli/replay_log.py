"""`arkwright replay --log`: a recorded event log, decided again."""

from __future__ import annotations

import os

import click

from arkwright.cli.show import API_VERSION, count, moment, show_json
from arkwright.home import home_dir


def replayed_log(source: str | None, factory: str | None, is_json: bool, is_compiled: bool) -> int:
    """Decide again, say what came of it; 0 when every decision is the same."""
    from arkwright import sched
    from arkwright.cli.log_source import log_from
    from arkwright.fleet.log_replay import replay_log

    log = log_from(source, factory)
    kernels = sched.INTERPRETED
    if is_compiled:
        click.echo("compiling the scheduler, if this version was not yet: minutes", err=True)
        kernels = sched.compiled(str(home_dir(os.environ) / ".kernels"))
    found = replay_log(log, kernels)
    if is_json:
        import msgspec

        head = {"api_version": API_VERSION, "kind": "log_replay", "is_same": found.is_same}
        show_json(head | msgspec.to_builtins(found))
        return 0 if found.is_same else 1
    click.echo(
        f"{found.factory}: {count(found.events, 'event')}, {count(found.cycles, 'cycle')} decided "
        f"again: {count(found.starts, 'start')}, {count(found.notices, 'notice')}; "
        f"state rebuilt {count(found.rebuilds, 'time')}"
    )
    if found.too_old:
        click.echo(
            f"{count(found.too_old, 'cycle')} of an earlier version of Arkwright, which did not "
            "record enough: followed, not decided again"
        )
    if found.other_scheduler:
        click.echo(
            f"{count(found.other_scheduler, 'cycle')} of another version of the scheduler: "
            "followed, not decided again"
        )
    click.echo(f"decisions live      {found.sha256_live}")
    click.echo(f"decisions replayed  {found.sha256}")
    if found.is_same:
        click.echo("the same bytes" if found.cycles else "there was nothing to decide again")
        return 0
    click.echo(f"NOT the same: {count(found.different, 'cycle')} decided otherwise")
    if (first := found.first) is not None:
        click.echo(f"first at event {first.seq} (cycle {first.cycle}, {moment(first.at_ms)}):")
        click.echo(f"  {first.words}")
    return 1
