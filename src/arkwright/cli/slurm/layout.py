"""Slurm's output formats: `%.18i %9P` and `JobID:.18,Name`, and tables made with them.

Meaning: squeue(1) and sinfo(1), --format and --Format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from arkwright.errors import InputError

Row = TypeVar("Row")
_FIELD = re.compile(r"%([.#]?)(\d*)([A-Za-z%])([^%]*)")


class Column(NamedTuple):
    """One column: which field, how wide (0: as it is), aligned right, and the text behind it."""

    letter: str
    width: int
    is_right: bool
    behind: str


class Field(NamedTuple):
    """What a letter stands for: its heading and how to get it of a row."""

    heading: str
    value: Callable[[Any], Any]


def columns_of(text: str) -> list[Column]:
    """The columns of a `--format`. Raises InputError where it has none."""
    found = [
        Column(letter, int(width or 0), flag == ".", behind)
        for flag, width, letter, behind in _FIELD.findall(text)
    ]
    if not found:
        raise InputError(f"--format={text!r}: it has no field; write for example '%i %j %T'")
    return found


def long_columns(text: str, letters: Mapping[str, str]) -> list[Column]:
    """The columns of a `--Format`: names with widths, 20 where none is given."""
    found = []
    for item in text.split(","):
        name, _, size = item.strip().partition(":")
        letter = letters.get(name.lower())
        if letter is None:
            raise InputError(f"--Format: {name} is no field known here; use {', '.join(letters)}")
        width = int(re.sub(r"\D", "", size) or 20)
        found.append(Column(letter, width, size.startswith("."), ""))
    return found


def shown(
    rows: Sequence[Row], columns: Sequence[Column], fields: Mapping[str, Field], *, head: bool
) -> list[str]:
    """Lines of the table, with headings first. A field nobody knows is `?`, as a heading too."""
    lines = [_line([_heading(column, fields) for column in columns], columns)] if head else []
    for row in rows:
        cells = [str(fields[c.letter].value(row)) if c.letter in fields else "?" for c in columns]
        lines.append(_line(cells, columns))
    return lines


def _heading(column: Column, fields: Mapping[str, Field]) -> str:
    return fields[column.letter].heading if column.letter in fields else "?"


def _line(cells: Sequence[str], columns: Sequence[Column]) -> str:
    text = ""
    for cell, column in zip(cells, columns, strict=True):
        if column.width:
            cut = cell[: column.width]
            cell = cut.rjust(column.width) if column.is_right else cut.ljust(column.width)
        text += cell + column.behind
    return text.rstrip()


def clock(seconds: float | None) -> str:
    """A duration as Slurm writes it.

    >>> clock(93_784), clock(65), clock(None)
    ('1-02:03:04', '1:05', 'UNLIMITED')
    """
    if seconds is None:
        return "UNLIMITED"
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}-{hours:02d}:{minutes:02d}:{whole % 60:02d}"
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"
