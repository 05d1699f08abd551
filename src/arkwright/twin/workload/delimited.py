"""Delimited text to columns of text, quickly, with the line of every record.

Nothing is guessed about types here: every cell stays text until `convert` is asked for numbers,
instants or labels, so that one junk cell costs one record and never the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.errors import InputError, Problem
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.reading import Sieve

_BLOCK_BYTES = 16 * 2**20
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
    content, first_line = file.content, 1
    if names is None:
        header, _, content = content.partition(b"\n")
        first_line = 2
        names = _header(header, delimiter if quoted else None, delimiter, file.name)
    torn: tuple[int, ...] = ()
    if file.is_cut:
        whole_bytes = content.rfind(b"\n") + 1
        if whole_bytes < len(content):
            torn = (first_line + content.count(b"\n"),)
        content = content[:whole_bytes]
    bad: list[tuple[int, str]] = []

    def skip(row: pa.csv.InvalidRow) -> str:
        bad.append((row.number, row.text))
        return "skip"

    table = _parsed(content, file.name, delimiter, quoted, names, skip)
    arrays = [column.combine_chunks() for column in table.columns]
    blank = _blank(arrays, table.num_rows)
    places = np.array(sorted(number - 1 for number, _ in bad), dtype=np.int64)
    cut = tuple(number - 1 + first_line for number, text in bad if text.strip())
    whole = Cells(file.name, {}, table.num_rows, 0, places)
    if blank.any():
        empty = whole.lines(np.flatnonzero(blank))
        places = np.sort(np.concatenate([places, empty]))
        arrays = [array.filter(pa.array(~blank)) for array in arrays]
    columns = {plain(name): array for name, array in zip(names, arrays, strict=True)}
    count = table.num_rows - int(blank.sum())
    return Cells(file.name, columns, count, first_line, places, cut, torn=torn)


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


def _parsed(
    content: bytes, source: str, delimiter: str, quoted: bool, names: Sequence[str], skip: object
) -> pa.Table:
    columns = [str(place) for place in range(len(names))]
    if not content.strip():
        return pa.table({name: pa.array([], pa.string()) for name in columns})
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
        return pyarrow.csv.read_csv(io.BytesIO(content), read, parse, convert)
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            safe = content.decode("utf-8", errors="replace").encode()
            return _parsed(safe, source, delimiter, quoted, names, skip)
        raise InputError(f"{source} cannot be split into columns: {error}") from None


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
