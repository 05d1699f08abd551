"""The folder of a simulation, written whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from arkwright.errors import InputError
from arkwright.twin.outcome import Simulated
from arkwright.twin.outputs.summary import document
from arkwright.twin.outputs.tables import TABLES, table_of
from arkwright.twin.outputs.telling import told
from arkwright.twin.report import report_html
from arkwright.twin.tables import write_table

MARK: Final = "summary.json"
"""A folder that holds it was written by a simulation and may be replaced by another."""
SWEEP_MARK: Final = "sweep.json"


def check_folder(folder: Path) -> None:
    """InputError where `write_outputs` would not write there: to be asked before a long run."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write to {folder}: it is a file; name a folder")
    is_ours = any((folder / mark).exists() for mark in (MARK, SWEEP_MARK))
    if folder.is_dir() and any(folder.iterdir()) and not is_ours:
        raise InputError(
            f"cannot write to {folder}: it holds files of something else; name a new folder"
        )
    parent = next(place for place in folder.absolute().parents if place.exists())
    if not parent.is_dir():
        raise InputError(f"cannot write to {folder}: {parent} is a file")


def write_outputs(folder: Path, simulated: Simulated) -> list[Path]:
    """Tables, summary and report into `folder`, in place of an earlier simulation's; the files.

    Until all of them are there, `folder` is as it was. Raises InputError where it cannot be
    written.
    """

    def fill(place: Path) -> None:
        for name, columns in TABLES.items():
            write_table(place / f"{name}.parquet", table_of(columns, simulated.outcomes))
        write_json(place / MARK, document(simulated))
        page = report_html([told(outcome) for outcome in simulated.outcomes], simulated.name)
        (place / "report.html").write_text(page, encoding="utf-8")

    return whole_folder(folder, fill)


def whole_folder(folder: Path, fill: Callable[[Path], None]) -> list[Path]:
    """Let `fill` write into a folder beside, then put that in `folder`'s place; its files."""
    check_folder(folder)
    folder = folder.absolute()
    part = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old")
    try:
        for left in (part, old):
            shutil.rmtree(left, ignore_errors=True)
        part.mkdir(parents=True)
        fill(part)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return sorted(folder.iterdir())


def write_json(path: Path, value: object) -> None:
    """Indented, with a last newline."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")
