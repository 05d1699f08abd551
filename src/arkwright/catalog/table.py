"""A catalogue file to rows. Refuses what cannot be traced: no source, no date, no row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from arkwright.catalog.rows import Row
from arkwright.errors import CatalogError

R = TypeVar("R", bound=Row)
_DATE = re.compile(r"(read )?\d{4}(-\d{2}(-\d{2})?)?")


def rows(text: str, file: str, type_: type[R]) -> dict[str, R]:
    """Rows of the CSV `text` by their first column, in file order.

    Raises CatalogError naming file and line: unknown or missing columns, a row without source or
    date, a value of the wrong kind, a name given twice.
    """
    result: dict[str, R] = {}
    key = _columns(text, file, type_)[0]
    for line, cells in _lines(text, file):
        for needed in ("source", "date"):
            if not cells.get(needed):
                raise _wrong(file, line, f"{cells.get(key) or 'the row'} has no {needed}")
        if not _DATE.fullmatch(cells["date"]):
            raise _wrong(file, line, f"{cells['date']!r} is not a date like 2026-11-22")
        given = {column: value for column, value in cells.items() if value}
        try:
            row = msgspec.convert(given, type_, strict=False)
        except msgspec.ValidationError as error:
            raise _wrong(file, line, str(error)) from None
        if cells[key] in result:
            raise _wrong(file, line, f"{cells[key]} is given twice")
        result[cells[key]] = row
    return result


def _columns(text: str, file: str, type_: type[Row]) -> list[str]:
    columns = next(csv.reader(io.StringIO(text)), [])
    known = type_.__struct_fields__
    unknown = [column for column in columns if column not in known]
    if unknown or not columns:
        raise _wrong(file, 1, f"unknown column {', '.join(unknown)}; known: {', '.join(known)}")
    return columns


def _lines(text: str, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for cells in reader:
            if None in cells or None in cells.values():
                raise _wrong(file, reader.line_num, "the row has another number of cells")
            yield reader.line_num, {column: value.strip() for column, value in cells.items()}
    except csv.Error as error:
        raise _wrong(file, reader.line_num, str(error)) from None


def _wrong(file: str, line: int, found: str) -> CatalogError:
    return CatalogError(f"catalogue {file}:{line}: {found}")
