"""The quick form of `arkwright simulate`: a trace on a bare pool of GPUs, without a scenario."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkwright.cli.progress import Progress
from arkwright.cli.show import show_json
from arkwright.errors import InputError
from arkwright.home import home_dir, write_whole
from arkwright.units import MS_PER_S

if TYPE_CHECKING:
    from arkwright.twin.outcome import Outcome

_ORDERINGS = {"sjf": "shortest-first"}


def quick(
    trace: Path,
    folder: Path | None,
    is_json: bool,
    *,
    gpus: int | None,
    gpus_per_node: int | None,
    order: str | None,
    backfill: str | None,
    starts: Path | None,
    is_together: bool,
) -> int:
    """Read, run, write, print; the exit code."""
    if gpus is None:
        raise click.UsageError("missing --gpus: how many GPUs the pool has")
    from arkwright.cli.simulate_text import show, told_how_far
    from arkwright.twin.outcome import Simulated
    from arkwright.twin.outputs.folder import check_folder, write_outputs
    from arkwright.twin.outputs.summary import document
    from arkwright.twin.quick import Quick, quick_run

    if starts is not None:
        _check_file(starts)
    if folder is not None:
        check_folder(folder)
    asked = Quick(
        gpus=gpus,
        gpus_per_node=gpus_per_node or 8,
        ordering=_ORDERINGS.get(order or "fifo", order or "fifo"),
        backfill=backfill or "easy",
        is_together=is_together,
    )
    with Progress(trace.name) as progress:
        found = quick_run(trace, asked, kernels_folder(), progress.told, notice)
    whole = Simulated(name=trace.stem, outcomes=(found,))
    if found.record.until_ms <= found.record.from_ms:
        return told_how_far(whole)
    if starts is not None:
        _write_starts(starts, found)
    if folder is not None:
        write_outputs(folder, whole)
    if is_json:
        show_json(document(whole))
    else:
        show(whole, folder)
    return told_how_far(whole)


def kernels_folder() -> Path:
    """Where compiled kernels are kept for every simulation of this user."""
    return home_dir(os.environ) / ".kernels"


def notice(text: str) -> None:
    """A line about what takes long, where nothing else would show that something happens."""
    click.echo(text, err=True)


def _check_file(path: Path) -> None:
    """InputError where the file cannot be written, before anything takes long."""
    if path.is_dir() or not path.parent.is_dir():
        found = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise InputError(f"cannot write {path}: {found}")


def _write_starts(path: Path, found: Outcome) -> None:
    """Jobs in the order of the trace; those that never started are left out."""
    from arkwright.twin.headline import spans

    first, _, _ = spans(found.record.attempts, len(found.jobs))
    rows = zip(found.jobs.ids.tolist(), first.tolist(), strict=True)
    lines = [f"{_cell(job)},{_seconds(start_ms)}\n" for job, start_ms in rows if start_ms >= 0]
    try:
        write_whole(path, "job_id,start_s\n" + "".join(lines))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _cell(job: object) -> str:
    text = str(job)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text


def _seconds(at_ms: int) -> str:
    whole, rest = divmod(at_ms, MS_PER_S)
    return str(whole) if rest == 0 else f"{at_ms / MS_PER_S:.3f}"
