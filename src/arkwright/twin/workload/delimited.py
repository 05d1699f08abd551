"""Delimited text to columns of text, quickly, with the line of every record.

Nothing is guessed about types here: every cell stays text until `convert` is asked for numbers,
instants or labels, so that one junk cell costs one record and never the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.errors import InputError, Problem
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.reading import Sieve

_BLOCK_BYTES = 2**20
"""Measured: the least CPU time of blocks from 1 MiB to the whole file."""
_INK = re.compile(rb"\S")
_HEADER_BYTES_MAX = 64 * 2**10
NOT_IN_JSON = "not a job in the format's JSON"


class Cells(Struct, frozen=True, eq=False):
    """Columns of a table as they were read, and where each record came from."""

    source: str
    columns: dict[str, pa.Array]
    """By plain name (see `plain`); text from CSV, any type from Parquet."""
    count: int
    first_line: int
    skipped: NDArray[np.int64]
    """Places, counted from 0 after the header, of lines that are no record."""
    cut: tuple[int, ...] = ()
    """Lines or records that could not be split into columns."""
    cut_because: str = "another number of cells than the header has"
    torn: tuple[int, ...] = ()
    """The line at which packed data ended: it may be half of one, so it is not used."""
    is_dated: bool | None = None
    """Whether instants count from 1970, where the file says so itself."""

    def sieve(self) -> Sieve:
        """A sieve that knows what was skipped already."""
        sieve = Sieve(self.count, self.lines)
        sieve.drop_unread(list(self.cut), self.cut_because)
        sieve.drop_unread(list(self.torn), "the packed file is cut off in this line")
        return sieve

    def lines(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The line of the file that each record of `rows` came from."""
        before = self.skipped - np.arange(len(self.skipped))
        return rows + np.searchsorted(before, rows, side="right") + self.first_line

    def has(self, *names: str) -> bool:
        """True if every one of these columns is there."""
        return all(name in self.columns for name in names)

    def first(self, *names: str) -> pa.Array | None:
        """The first of these columns that is there."""
        return next((self.columns[name] for name in names if name in self.columns), None)

    def require(self, format_: str, **wanted: Sequence[str]) -> dict[str, pa.Array]:
        """One column for every key, any of its names; InputError naming all that are missing."""
        found = {key: self.first(*names) for key, names in wanted.items()}
        missing = [key for key, column in found.items() if column is None]
        if missing:
            there = ", ".join(self.columns) or "none"
            problems = [
                Problem(f"{self.source}:1", key, f"columns {there}", _one_of(wanted[key]))
                for key in missing
            ]
            raise InputError(f"{self.source} is not {format_}: columns are missing", problems)
        return found


def plain(name: str) -> str:
    """A column's name without case, blanks and dashes: ` Req-GPUs ` is `req_gpus`."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def delimited(
    file: Opened, delimiter: str = ",", quoted: bool = True, names: Sequence[str] | None = None
) -> Cells:
    """The records of `file`; `names` where it has no header line.

    Lines of another number of cells are skipped and counted, empty lines only skipped. Raises
    InputError for a header that names no column, or one column twice.
    """
    start, first = 0, 1
    if names is None:
        header = first_line(file)
        start, first = len(header) + 1, 2
        names = _header(header, delimiter if quoted else None, delimiter, file.name)
    end = len(file.content)
    torn: tuple[int, ...] = ()
    if file.is_cut:
        end = max(file.content.rfind(b"\n") + 1, start)
        if end < len(file.content):
            torn = (first + file.content.count(b"\n", start),)
    found = _split(file, start, end, delimiter, quoted, names)
    arrays = found.arrays
    places = np.array(sorted(number - 1 for number, _ in found.bad), dtype=np.int64)
    cut = tuple(number - 1 + first for number, text in found.bad if text.strip())
    count = len(arrays[0])
    blank = _blank(arrays, count)
    if blank.any():
        empty = Cells(file.name, {}, count, 0, places).lines(np.flatnonzero(blank))
        places = np.sort(np.concatenate([places, empty]))
        arrays = [array.filter(pa.array(~blank)) for array in arrays]
        count -= int(blank.sum())
    columns = {plain(name): array for name, array in zip(names, arrays, strict=True)}
    return Cells(file.name, columns, count, first, places, cut, torn=torn)


def first_line(file: Opened) -> bytes:
    """The first line, without its end."""
    end = file.content.find(b"\n")
    return file.content if end < 0 else file.content[:end]


def _header(line: bytes, quoted: str | None, delimiter: str, source: str) -> list[str]:
    text = line[:_HEADER_BYTES_MAX].decode("utf-8", errors="replace").rstrip("\r")
    names = next(csv.reader([text], delimiter=delimiter), []) if quoted else text.split(delimiter)
    # A line of `sacct -p` ends in a delimiter, and an index column of pandas has no name.
    names = [name if name.strip() else f"unnamed_{place}" for place, name in enumerate(names)]
    twice = sorted({name for name in names if sum(plain(n) == plain(name) for n in names) > 1})
    if twice:
        said = f"column {', '.join(twice)} twice"
        right = "every column once"
        raise InputError(f"{source} has no clear header", [Problem(f"{source}:1", "", said, right)])
    return names


class _Split(NamedTuple):
    """Columns, and number (from 1) and text of every line of another number of cells."""

    arrays: list[pa.Array]
    bad: list[tuple[int, str]]


def _split(
    file: Opened, start: int, end: int, delimiter: str, quoted: bool, names: Sequence[str]
) -> _Split:
    content = file.content
    if _INK.search(content, start, end) is None:
        return _Split([pa.array([], pa.string()) for _ in names], [])
    part = pa.py_buffer(content).slice(start, end - start)
    found = _parsed(part, file.name, delimiter, quoted, len(names))
    if not quoted or content.find(b'"', start, end) < 0:
        return found
    lines = content.count(b"\n", start, end) + (content[end - 1 : end] != b"\n")
    if len(found.arrays[0]) + len(found.bad) == lines:
        return found
    # A quote that is never closed has taken lines with it: then quotes mean nothing, and no line
    # is lost without being counted.
    found = _parsed(part, file.name, delimiter, False, len(names))
    return _Split([pc.utf8_trim(array, '"') for array in found.arrays], found.bad)


def _parsed(part: pa.Buffer, source: str, delimiter: str, quoted: bool, count: int) -> _Split:
    columns = [str(place) for place in range(count)]
    # Arrow's own allocator gives pages back and faults them in again: a third more CPU time.
    pool = pa.system_memory_pool()
    bad: list[tuple[int, str]] = []

    def skip(row: pa.csv.InvalidRow) -> str:
        bad.append((row.number, row.text))
        return "skip"

    read = pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=columns)
    parse = pyarrow.csv.ParseOptions(
        delimiter=delimiter,
        quote_char='"' if quoted else False,
        invalid_row_handler=skip,
        ignore_empty_lines=False,
    )
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
    )
    try:
        table = pyarrow.csv.read_csv(pa.BufferReader(part), read, parse, convert, pool)
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            safe = part.to_pybytes().decode("utf-8", errors="replace").encode()
            return _parsed(pa.py_buffer(safe), source, delimiter, quoted, count)
        raise InputError(f"{source} cannot be split into columns: {error}") from None
    return _Split([column.combine_chunks(pool) for column in table.columns], bad)


def _blank(arrays: list[pa.Array], count: int) -> NDArray[np.bool_]:
    blank = np.ones(count, dtype=np.bool_)
    for array in arrays:
        if not blank.any():
            break
        blank &= pc.equal(array, "").to_numpy(zero_copy_only=False)
    return blank


def _one_of(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"a column called {names[0]}"
    return f"a column called {', '.join(names[:-1])} or {names[-1]}"
