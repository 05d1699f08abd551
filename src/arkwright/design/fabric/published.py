"""A third party's table of fabrics, read from CSV text as it was printed."""

from __future__ import annotations

import csv
import io
import re

from msgspec import Struct

from arkwright.errors import InputError, Problem

COUNTS = (
    *("su", "nodes", "gpus", "nics_per_node", "radix", "planes", "leaf", "spine", "core"),
    *("node_leaf", "leaf_spine", "spine_core"),
)
"""Columns that hold numbers; a column may carry `cables_` before its name, or other punctuation."""
NEEDED = ("nodes", "leaf", "spine")
_NOTHING = frozenset({"", "-", "\u2013", "\u2014", "n/a"})
_PORTS = re.compile(r"(\d+)\s*x\s*\d+\s*G", re.IGNORECASE)


class PublishedRow(Struct, frozen=True, kw_only=True):
    """One fabric of the table. None where the table has no such column, 0 where it has a dash."""

    name: str
    """The first column, or the row's number."""
    line: int
    nodes: int
    leaf: int
    spine: int
    su: int | None = None
    gpus: int | None = None
    nics_per_node: int | None = None
    radix: int | None = None
    planes: int | None = None
    core: int | None = None
    node_leaf: int | None = None
    leaf_spine: int | None = None
    spine_core: int | None = None


def published_rows(text: str, source: str) -> list[PublishedRow]:
    """The table's rows. InputError with every cell that is no number and every missing column.

    A column `fabric` or `switch` may say the switch's ports in words (`64x400G`), and that there
    are two planes (`twin-planar`), where the table has no column `radix` or `planes`.
    """
    reader = csv.DictReader(io.StringIO(text))
    names = {_plain(column): column for column in reader.fieldnames or ()}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        known = ", ".join(names) or "nothing"
        raise InputError(
            f"{source}: no column {', '.join(missing)}; it has {known}; a table of fabrics needs "
            f"{', '.join(NEEDED)} and may have {', '.join(n for n in COUNTS if n not in NEEDED)}"
        )
    rows: list[PublishedRow] = []
    problems: list[Problem] = []
    first = (reader.fieldnames or [""])[0]
    for number, cells in enumerate(reader, start=1):
        line = reader.line_num
        found: dict[str, int | None] = {}
        for name in COUNTS:
            if name in names:
                found[name] = _count(cells[names[name]] or "", f"{source}:{line}", name, problems)
        words = " ".join(str(cells.get(names.get(name, "")) or "") for name in ("fabric", "switch"))
        given = _from_words(words) | {k: v for k, v in found.items() if v is not None}
        title = "" if _plain(first) in COUNTS else str(cells[first] or "")
        if all(name in given for name in NEEDED):
            rows.append(PublishedRow(name=title or f"row {number}", line=line, **given))
    if problems:
        raise InputError(f"{source} is not valid", problems)
    return rows


def _plain(column: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", column.strip().lower()).strip("_")
    return plain.removeprefix("cables_").removesuffix("_cables")


def _count(cell: str, where: str, key: str, problems: list[Problem]) -> int | None:
    text = cell.strip().replace(",", "")
    if text.lower() in _NOTHING:
        return 0
    if text.isdigit():
        return int(text)
    problems.append(Problem(where, key, f"found {cell!r}", "write a whole number, or - for none"))
    return None


def _from_words(words: str) -> dict[str, int]:
    """Ports at the speed of a plane (the most that are named) and planes, as far as words tell."""
    found = {}
    if ports := [int(count) for count in _PORTS.findall(words)]:
        found["radix"] = max(ports)
    if re.search(r"(twin|dual|two)[- ]plan", words, re.IGNORECASE):
        found["planes"] = 2
    return found
