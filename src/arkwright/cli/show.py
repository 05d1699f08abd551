"""Printing: JSON as the API gives it, tables, colours on a terminal, times a person reads."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

API_VERSION = "v1"
_COLOURS = {
    "running": "green",
    "succeeded": "green",
    "up": "green",
    "failed": "red",
    "down": "red",
    "starting": "yellow",
    "stopping": "yellow",
    "draining": "yellow",
    "held": "bright_black",
    "cancelled": "bright_black",
}


def show_json(value: Any) -> None:
    """Print one JSON value, indented."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_json_line(value: Any) -> None:
    """Print one JSON value on one line, for streams."""
    import json

    click.echo(json.dumps(value, ensure_ascii=False))


def many(kind: str, items: Sequence[Any]) -> dict[str, Any]:
    """A list as the API gives one, every page in it."""
    return {"api_version": API_VERSION, "kind": kind, "items": list(items), "next_cursor": None}


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A table with fixed columns; those named in `right` are aligned right.

    On a terminal the last column is cut at its edge, and words that are states have colours.
    """
    cells = [list(headers), *([_clean(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    lines = []
    for number, row in enumerate(cells):
        parts = []
        for i, cell in enumerate(row):
            is_last = i == len(row) - 1
            if is_last and room:
                cell = _cut(cell, room - sum(widths[:i]) - 2 * i)
            padded = cell.rjust(widths[i]) if headers[i] in right else cell.ljust(widths[i])
            parts.append(paint(padded, "" if number == 0 or is_last else cell))
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def paint(text: str, word: str) -> str:
    """`text` in the colour of `word`, on a terminal that wants colours."""
    colour = _COLOURS.get(word)
    if colour is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=colour)


def age(ms: float) -> str:
    """A duration in one unit: `42 s`, `3 min`, `5 h`, `12 d`."""
    seconds = max(0, int(ms // 1000))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def duration(ms: float) -> str:
    """A duration in its two largest units: `0.4 s`, `42 s`, `3 min 12 s`, `5 h 4 min`."""
    if ms < 10_000:
        return f"{max(0.0, ms) / 1000:.1f} s"
    seconds = int(ms // 1000)
    units = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    for (size, unit), (lesser, lesser_unit) in pairwise(units):
        if seconds >= size:
            rest = seconds % size // lesser
            return f"{seconds // size} {unit}" + (f" {rest} {lesser_unit}" if rest else "")
    return f"{seconds} s"


def moment(ms: int) -> str:
    """A point in time, local."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1000))


def count(number: int, word: str) -> str:
    """`1 rack`, `72 racks`, `5,184 GPUs`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def gpus(number: float, *, is_virtual: bool) -> str:
    """A number of GPUs; those that CPU slots stand in for say so."""
    return f"{number:g} virtual" if is_virtual and number else f"{number:g}"


def _clean(cell: str) -> str:
    """On one line, without anything that would steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in cell)


def _cut(cell: str, room: int) -> str:
    return cell if len(cell) <= max(room, 8) else cell[: max(room, 8) - 1] + "…"
