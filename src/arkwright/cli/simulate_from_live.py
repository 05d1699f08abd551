"""`arkwright simulate --from-live`: the live factory run ahead from where it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkwright.cli.show import API_VERSION, count, duration, moment, show_json, table

if TYPE_CHECKING:
    from arkwright.sched import Kernels
    from arkwright.twin.drift import ForetoldJob, Prediction

JOBS_SHOWN = 30


def run_from_live(
    output: Path | None,
    is_json: bool,
    *,
    log: str | None = None,
    factory: str | None = None,
    horizon_s: float | None = None,
    now_ms: int | None = None,
    kernels_of: Callable[[int], Kernels] | None = None,
) -> int:
    """Run ahead from the state that a log ends with, until all known jobs are over.

    `log` as in `log_source.log_from`. A log of a server that runs is taken to stand as it is until
    now; one of a file ends with its last event. `output` is a folder for prediction.json and
    report.html, or a file ending in .json for the prediction alone. `kernels_of` gives the
    scheduler's kernels for so many jobs; interpreted ones without it.
    """
    from arkwright.cli.log_source import log_from
    from arkwright.fleet.log_replay import absent_at_the_end, past_of
    from arkwright.sched import INTERPRETED
    from arkwright.twin import drift
    from arkwright.twin.from_live import Origin, of_scene, told
    from arkwright.twin.report import report_html

    read = log_from(log, factory)
    past = past_of(read())
    is_file = log is not None and Path(log).is_file()
    at_ms = past.last_ms if is_file else max(past.last_ms, int(time.time() * 1000))
    at_ms = at_ms if now_ms is None else now_ms
    fleet = past.fleet(at_ms, absent_at_the_end(read()))
    scene = fleet.scene(at_ms, visits=1)
    found = of_scene(
        scene,
        Origin(past.factory_name, past.last_seq),
        None if horizon_s is None else at_ms + round(horizon_s * 1000),
        factory=past.factory,
        kernels=kernels_of(len(scene.waiting())) if kernels_of else INTERPRETED,
    )
    made = found.prediction
    if output is not None:
        file = output if output.suffix == ".json" else output / "prediction.json"
        _write(file, drift.written(made))
        if file is not output:
            _write(output / "report.html", report_html([told(found)]).encode())
    if is_json:
        show_json({"api_version": API_VERSION, "kind": "prediction"} | _plain(made))
        return 0
    _show(made, len(fleet.nodes))
    if output is not None:
        click.echo(f"wrote {file}; later: arkwright drift {file}")
    return 0


def _show(made: Prediction, nodes: int) -> None:
    waiting = [job for job in made.jobs if job.is_waiting]
    running = len(made.jobs) - len(waiting)
    ahead = duration(made.until_ms - made.now_ms)
    click.echo(
        f"{made.factory} at {moment(made.now_ms)}: {count(nodes, 'node')}, "
        f"{count(running, 'job')} placed, {len(waiting):,} waiting; run ahead {ahead}, "
        f"to {moment(made.until_ms)}"
    )
    headers = ("job", "name", "state", "GPUs", "starts", "ends", "kWh", "nodes")
    rows = [_row(job, made) for job in made.jobs[:JOBS_SHOWN]]
    if rows:
        click.echo(table(headers, rows, right=("GPUs", "starts", "ends", "kWh")))
    if len(made.jobs) > JOBS_SHOWN:
        click.echo(f"and {len(made.jobs) - JOBS_SHOWN:,} more; --json lists all")
    never = sum(job.start_ms is None for job in waiting)
    if never:
        click.echo(f"{count(never, 'job')} not expected to start, as things stand")
    click.echo(f"decisions {made.decisions_sha256}")


def _row(job: ForetoldJob, made: Prediction) -> tuple[str, ...]:
    more = f" and {len(job.nodes) - 2} more" if len(job.nodes) > 2 else ""
    starts = _from_now(job.start_ms, made.now_ms) if job.is_waiting else "–"
    return (
        job.job_id[-8:],
        job.name,
        job.state,
        f"{job.gpus:g}",
        starts,
        _from_now(job.end_ms, made.now_ms),
        "–" if job.kwh is None else f"{job.kwh:,.3g}",
        ", ".join(job.nodes[:2]) + more,
    )


def _from_now(at_ms: int | None, now_ms: int) -> str:
    if at_ms is None:
        return "not seen"
    return "now" if at_ms <= now_ms else f"in {duration(at_ms - now_ms)}"


def _write(path: Path, data: bytes) -> None:
    from arkwright.errors import InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _plain(made: Prediction) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(made)
    return plain
