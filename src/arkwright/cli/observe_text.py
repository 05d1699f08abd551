"""What is observed of a cluster, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from arkwright.cli.show import count, duration, moment, table

if TYPE_CHECKING:
    from arkwright.twin.observed.compare import Comparison, Waits, Whole
    from arkwright.twin.observed.cost import AccountUse
    from arkwright.twin.observed.summary import Summary

_STARTS_SHOWN = 8


def show_summary(found: Summary) -> None:
    """The cluster on a page."""
    version = f", Slurm {found.version}" if found.version else ""
    click.echo(f"{found.cluster or 'cluster'} at {moment(found.now_ms)}{version}")
    states = [
        f"{found.nodes_up:,} in service",
        *([f"{found.nodes_draining:,} draining"] if found.nodes_draining else []),
        *([f"{found.nodes_down:,} down"] if found.nodes_down else []),
    ]
    click.echo(f"  {count(found.nodes, 'node')}: {', '.join(states)}")
    for kind in found.gpus:
        share = kind.used / kind.gpus
        click.echo(
            f"  {kind.gpus:,} GPUs {kind.gpu_type}: {kind.used:g} in use ({share:.0%}), "
            f"{kind.gpus - kind.in_service:,} out of service"
        )
    click.echo(f"  {found.cpus:,} CPUs: {found.cpus_used:,} in use")
    shape = [count(found.leaves, "leaf switch").replace("switchs", "switches")]
    shape += [count(found.blocks, "block")] if found.blocks else []
    click.echo(f"  topology: {', '.join(shape) if found.leaves or found.blocks else 'none'}")
    if found.reservations:
        click.echo(f"  reservations: {', '.join(found.reservations)}")
    click.echo("")
    headers = ("PARTITION", "NODES", "GPUS", "RUNNING", "WAITING", "HELD", "GPUS WANTED", "OLDEST")
    rows = [
        (
            row.pool,
            f"{row.nodes:,}",
            f"{row.gpus:,}",
            f"{row.running:,}",
            f"{row.waiting:,}",
            f"{row.held:,}",
            f"{row.gpus_wanted:,g}",
            "" if row.oldest_s is None else duration(row.oldest_s * 1000),
        )
        for row in found.pools
    ]
    click.echo(table(headers, rows, right=headers[1:]))
    if found.reasons:
        said = ", ".join(f"{word} {number:,}" for word, number in found.reasons)
        click.echo(f"what waits, in Slurm's words: {said}")
    _show_starts(found)
    _show_history(found)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


def show_comparison(found: Comparison) -> None:
    """Slurm's figures beside Arkwright's."""
    span = duration(found.until_ms - found.from_ms)
    click.echo(
        f"{count(found.jobs, 'job')} in {span}, {moment(found.from_ms)} to "
        f"{moment(found.until_ms)}, on {found.units:,g} {found.unit}s"
    )
    headers = ("GPUS", "JOBS", "MEAN", "MEDIAN", "P95", "MEAN", "MEDIAN", "P95")
    rows = [(row.size, f"{row.jobs:,}", *_waits(row.slurm), *_waits(row.arkwright))
            for row in found.sizes]  # fmt: skip
    click.echo("wait                 as it was in Slurm, then as Arkwright decides")
    click.echo(table(headers, rows))
    ways = (
        (found.slurm, "Slurm, as it was"),
        (found.plain, "the same jobs, plain backfill and first fit"),
        (found.arkwright, "the same jobs, Arkwright"),
    )
    click.echo("")
    wholes = [(name, *_waits(whole.waits), *_whole(whole)) for whole, name in ways]
    idle = f"{found.unit}-HOURS IDLE WITH JOBS WAITING"
    click.echo(table(("", "MEAN", "MEDIAN", "P95", "UTILISATION", idle), wholes))
    click.echo(
        f"of the jobs {found.sooner:,} start sooner, {found.later:,} later, {found.same:,} within "
        "a minute of when they did"
    )
    _show_differences(found)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


def show_accounts(rows: Sequence[AccountUse], from_ms: int, until_ms: int) -> None:
    """What each account used."""
    click.echo(f"{moment(from_ms)} to {moment(until_ms)}; energy is an estimate")
    headers = ("ACCOUNT", "JOBS", "GPU-HOURS", "CPU-HOURS", "KWH (ESTIMATE)")
    cells = [
        (
            row.account or "(none)",
            f"{row.jobs:,}",
            f"{row.gpu_hours:,.1f}",
            f"{row.cpu_hours:,.1f}",
            "not known" if row.kwh_estimate is None else f"{row.kwh_estimate:,.0f}",
        )
        for row in rows
    ]
    click.echo(table(headers, cells, right=headers[1:]))


def _show_differences(found: Comparison) -> None:
    if not found.differences:
        return
    headers = ("JOB", "USER", "GPUS", "READY", "WAITED IN SLURM", "WITH ARKWRIGHT")
    listed = [
        (
            row.job,
            row.user,
            f"{row.gpus:g}",
            moment(row.ready_ms),
            duration(row.slurm_ms - row.ready_ms),
            duration(row.arkwright_ms - row.ready_ms),
        )
        for row in found.differences
    ]
    click.echo("")
    click.echo(table(headers, listed, right=("GPUS", "WAITED IN SLURM", "WITH ARKWRIGHT")))


def _show_starts(found: Summary) -> None:
    starts = found.would_start
    if not starts:
        click.echo("Arkwright would start nothing more at this instant")
        return
    more = f" and {len(starts) - _STARTS_SHOWN:,} more" if len(starts) > _STARTS_SHOWN else ""
    click.echo(f"Arkwright would start now: {', '.join(starts[:_STARTS_SHOWN])}{more}")


def _show_history(found: Summary) -> None:
    if not found.history:
        return
    click.echo("")
    headers = ("GPUS", "JOBS", "GPU-HOURS", "WAIT MEAN", "MEDIAN", "P95")
    rows = [
        (row.size, f"{row.jobs:,}", f"{row.gpu_hours:,.1f}", *_waits(row.waits))
        for row in found.history
    ]
    since = moment(found.history_from_ms) if found.history_from_ms is not None else ""
    click.echo(f"jobs since {since}; `arkwright observe slurm compare` decides them anew")
    click.echo(table(headers, rows, right=headers[1:]))


def _waits(waits: Waits) -> tuple[str, str, str]:
    mean, median, p95 = (
        duration(seconds * 1000) for seconds in (waits.mean_s, waits.median_s, waits.p95_s)
    )
    return mean, median, p95


def _whole(whole: Whole) -> tuple[str, str]:
    return f"{whole.utilisation:.1%}", f"{whole.idle_waiting_h:,.1f}"
