"""What came of reading a file: the table, its format, and what was dropped or is worth saying."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

T = TypeVar("T")
_EXAMPLES = 5


class Tally(Struct, frozen=True):
    """How often something was met, and the first lines where."""

    count: int
    lines: tuple[int, ...] = ()
    """Lines of the file, or numbers of records where it has no lines; counted from 1."""

    def __str__(self) -> str:
        if not self.lines:
            return f"{self.count:,}"
        more = ", …" if self.count > len(self.lines) else ""
        word = "line" if self.count == 1 else "lines"
        return f"{self.count:,} ({word} {', '.join(map(str, self.lines))}{more})"


class Reading(Struct, Generic[T], frozen=True, kw_only=True):
    """A table and how it came about."""

    table: T
    source: str
    format: str
    """Name of the format, given or recognised: `read.FORMATS` describes them."""
    rows: int
    """Records in the file, dropped ones included."""
    dropped: dict[str, Tally]
    """Records that are not in the table, by reason."""
    noted: dict[str, Tally]
    """Records that are in the table although something about them is unusual, by what it is."""

    @property
    def dropped_count(self) -> int:
        """Records that are not in the table."""
        return sum(tally.count for tally in self.dropped.values())

    def text(self) -> str:
        """The words a person reads: format, records kept, and every reason with its count."""
        kept = self.rows - self.dropped_count
        lines = [f"{self.source}: {self.format}, {kept:,} of {self.rows:,} records"]
        lines += [f"  dropped {tally}: {reason}" for reason, tally in self.dropped.items()]
        lines += [f"  kept {tally}: {note}" for note, tally in self.noted.items()]
        return "\n".join(lines)


class Sieve:
    """Which records of a file stay. Each is dropped for one reason, the first that is found."""

    def __init__(
        self, count: int, line_of: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    ) -> None:
        """`line_of` turns indexes of records into lines of the file."""
        self.keep: NDArray[np.bool_] = np.ones(count, dtype=np.bool_)
        self.dropped: dict[str, Tally] = {}
        self.noted: dict[str, Tally] = {}
        self._line_of = line_of

    def drop(self, rows: NDArray[np.bool_], reason: str) -> None:
        """Drop the rows of this mask that are still there."""
        self._count(self.dropped, rows & self.keep, reason)
        self.keep &= ~rows

    def note(self, rows: NDArray[np.bool_], what: str) -> None:
        """Say something of rows that stay; ask once nothing more is dropped."""
        self._count(self.noted, rows & self.keep, what)

    def drop_unread(self, lines: list[int], reason: str) -> None:
        """Count records that never became rows."""
        if lines:
            self.dropped[reason] = Tally(len(lines), tuple(lines[:_EXAMPLES]))

    def reading(self, table: T, source: str, format_: str) -> Reading[T]:
        """All of it as one result."""
        unread = sum(tally.count for tally in self.dropped.values()) - int((~self.keep).sum())
        return Reading(
            table=table,
            source=source,
            format=format_,
            rows=len(self.keep) + unread,
            dropped=self.dropped,
            noted=self.noted,
        )

    def _count(self, into: dict[str, Tally], rows: NDArray[np.bool_], what: str) -> None:
        found = np.flatnonzero(rows)
        if len(found):
            examples: Any = self._line_of(found[:_EXAMPLES]).tolist()
            into[what] = Tally(len(found), tuple(examples))
