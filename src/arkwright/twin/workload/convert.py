"""Columns of text to numbers, instants, durations and labels, whole columns at a time.

Every conversion gives its values and a mask of cells that hold something else than what was asked
for. A cell that says nothing (empty, `NULL`, `Unknown`, …) is not junk: it is not told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arkwright.twin.workload.table import NOT_TOLD, Int64, Labels
from arkwright.units import MS_PER_S

_WORDS = ("na", "n/a", "nan", "null", "none", "(null)", "unknown", "nat")
_SPELT = (spelt for word in _WORDS for spelt in dict.fromkeys((word, word.upper(), word.title())))
_NOTHING = pa.array(["", " ", "-", "NaN", "NaT", *_SPELT])
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_INSTANT = (
    r"^(?P<month>\d{4}-\d\d)-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<part>\.\d+)?)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d\d(?::?\d\d)?)?$"
)
_ELAPSED = (
    r"^(?:(?P<days>\d{1,6})-)?(?:(?P<hours>\d{1,9}):)?(?P<minutes>\d{1,9}):"
    r"(?P<seconds>\d{1,9}(?:\.\d+)?)$"
)
_NUMBER_MAX = 1e18
"""Far beyond milliseconds since 1970 and bytes; products of it with any unit stay finite."""
_MS_MAX = 4 * 10**15
"""Nothing is further from its zero than 120,000 years."""
_EPOCH_MS_FROM = 1e11
"""A bare number of this size is milliseconds since 1970: as seconds it were the year 5138."""


class Numbers(NamedTuple):
    """A column of numbers."""

    values: NDArray[np.float64]
    """NaN where nothing is told, and where the cell is junk."""
    junk: NDArray[np.bool_]

    @property
    def told(self) -> NDArray[np.bool_]:
        """Where there is a number."""
        return ~np.isnan(self.values)


class Instants(NamedTuple):
    """A column of instants."""

    ms: Int64
    """NOT_TOLD where nothing is told, and where the cell is junk."""
    told: NDArray[np.bool_]
    junk: NDArray[np.bool_]
    is_dated: bool
    """True for calendar text and for numbers that can only be since 1970."""


def numbers(column: pa.Array) -> Numbers:
    """Numbers as they are written; infinities and what no trace can mean are junk."""
    told = column if not _is_text(column) else _told(column)
    try:
        values = _floats(pc.cast(told, pa.float64()))
        junk = np.zeros(len(values), dtype=np.bool_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        text = pc.utf8_trim_whitespace(pc.cast(told, pa.string()))
        sound = pc.match_substring_regex(text, _NUMBER)
        values = _floats(pc.cast(pc.if_else(sound, text, None), pa.float64()))
        junk = np.isnan(values) & _mask(pc.is_valid(text))
    wild = np.abs(values) > _NUMBER_MAX
    values = np.where(wild, np.nan, values)
    return Numbers(values, junk | wild)


def instants(column: pa.Array, offset_s: float = 0.0, unit_ms: float | None = None) -> Instants:
    """Instants in milliseconds: ISO 8601 text, or numbers in `unit_ms`.

    Text without a zone is the local time of a clock `offset_s` ahead of UTC. Numbers without a unit
    are seconds, or milliseconds where they are too large for that.
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _arrow_instants(column, offset_s)
    found = numbers(column) if not _is_text(column) or _looks_numeric(column) else None
    if found is None:
        return _calendar(_told(column), offset_s)
    largest = float(np.max(np.abs(found.values), initial=0, where=found.told))
    scale = unit_ms or (1.0 if largest >= _EPOCH_MS_FROM else float(MS_PER_S))
    ms, wild = milliseconds(found.values, scale)
    told = found.told & ~wild
    is_dated = largest * scale >= _EPOCH_MS_FROM
    return Instants(np.where(told, ms, NOT_TOLD), told, found.junk | wild, is_dated)


def milliseconds(values: NDArray[np.float64], unit_ms: float) -> tuple[Int64, NDArray[np.bool_]]:
    """Rounded to integers, 0 where NaN; and a mask of what is too large to be a time."""
    scaled = values * unit_ms
    wild = np.abs(scaled) > _MS_MAX
    safe = np.where(np.isnan(scaled) | wild, 0.0, scaled)
    return np.rint(safe).astype(np.int64), wild


def elapsed_s(column: pa.Array) -> Numbers:
    """Seconds of `[days-][hours:]minutes:seconds`, the durations of Slurm; plain numbers too."""
    found = numbers(column)
    if not found.junk.any():
        return found
    text = pc.utf8_trim_whitespace(_told(column))
    parts = pc.extract_regex(text, _ELAPSED)
    fields = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
    total = np.zeros(len(text))
    for seconds, name in fields:
        field = pc.struct_field(parts, name)
        field = pc.if_else(pc.equal(field, ""), "0", field)
        total += seconds * _floats(pc.cast(field, pa.float64()))
    values = np.where(found.told, found.values, total)
    return Numbers(values, np.isnan(values) & _mask(pc.is_valid(text)))


def labels(column: pa.Array) -> Labels:
    """Codes and names, in the order in which names first come."""
    told = _told(column if _is_text(column) else pc.cast(column, pa.string()))
    coded = pc.dictionary_encode(told)
    codes = pc.fill_null(coded.indices, NOT_TOLD).to_numpy(zero_copy_only=False)
    return Labels(codes.astype(np.int32), tuple(coded.dictionary.to_pylist()))


def looked_up(column: pa.Array, read: Callable[[str], float]) -> NDArray[np.float64]:
    """`read` of every distinct text, NaN where nothing is told: for few texts on many rows."""
    found = labels(column)
    values = np.array([*(read(name) for name in found.names), np.nan], dtype=np.float64)
    return values[found.codes]


def ids(column: pa.Array) -> NDArray[np.int64] | NDArray[np.object_]:
    """Names of jobs: int64 where all are integers as one writes them, else text."""
    if pa.types.is_integer(column.type) and column.null_count == 0:
        return _whole(column)
    text = column if _is_text(column) else pc.cast(column, pa.string())
    text = pc.fill_null(text, "")
    try:
        whole = pc.cast(text, pa.int64())
        if pc.all(pc.equal(pc.cast(whole, pa.string()), text)).as_py() is not False:
            return _whole(whole)
    except pa.ArrowInvalid:
        pass
    names: NDArray[np.object_] = text.to_numpy(zero_copy_only=False).astype(object)
    return names


def flags(column: pa.Array) -> NDArray[np.bool_]:
    """True where a cell says so: `true`, `yes`, `1`."""
    if pa.types.is_boolean(column.type):
        return _mask(column)
    text = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(column, pa.string())))
    return _mask(pc.is_in(text, value_set=pa.array(["true", "t", "yes", "y", "1"])))


def _told(column: pa.Array) -> pa.Array:
    """The column without cells that say nothing."""
    return pc.if_else(pc.is_in(column, value_set=_NOTHING), None, column)


def _looks_numeric(column: pa.Array) -> bool:
    """Whether the first cells that say something are numbers."""
    head = pc.drop_null(_told(column.slice(0, 1000)))
    if len(head) == 0:
        head = pc.drop_null(_told(column))
    sound = pc.match_substring_regex(pc.utf8_trim_whitespace(head), _NUMBER)
    return len(head) == 0 or 2 * (pc.sum(sound).as_py() or 0) > len(head)


def _calendar(text: pa.Array, offset_s: float) -> Instants:
    naive, zoned = pa.timestamp("ns"), pa.timestamp("ns", "UTC")
    for kind in (naive, zoned):
        try:
            found = pc.cast(text, kind)
        except pa.ArrowInvalid:
            continue
        return _arrow_instants(found, offset_s)
    return _calendar_by_parts(text, offset_s)


def _arrow_instants(column: pa.Array, offset_s: float) -> Instants:
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("ms"))
    is_local = column.type.tz is None
    whole = pc.cast(column, pa.timestamp("ms", column.type.tz), safe=False)
    told = _mask(pc.is_valid(whole))
    ms = pc.fill_null(pc.cast(whole, pa.int64()), 0).to_numpy(zero_copy_only=False)
    local_ms = round(offset_s * MS_PER_S) if is_local else 0
    return Instants(np.where(told, ms - local_ms, NOT_TOLD), told, ~told & False, True)


def _calendar_by_parts(text: pa.Array, offset_s: float) -> Instants:
    """Where the quick way fails on a cell: each part by itself, in numpy's calendar."""
    parts = pc.extract_regex(pc.utf8_trim_whitespace(text), _INSTANT)
    sound = _mask(pc.is_valid(parts))

    def number(name: str) -> NDArray[np.float64]:
        field = pc.struct_field(parts, name)
        filled = pc.if_else(pc.equal(field, ""), "0", field)
        return np.nan_to_num(_floats(pc.cast(filled, pa.float64())))

    month = pc.fill_null(pc.struct_field(parts, "month"), "1970-01")
    year_of = _floats(pc.cast(pc.utf8_slice_codeunits(month, 0, 4), pa.float64()))
    month_of = _floats(pc.cast(pc.utf8_slice_codeunits(month, 5, 7), pa.float64()))
    months = ((year_of - 1970) * 12 + month_of - 1).astype(np.int64).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[D]").astype(np.int64) - first
    day, hour, minute, second = (number(name) for name in ("day", "hour", "minute", "second"))
    sound &= (month_of >= 1) & (month_of <= 12) & (day >= 1) & (day <= length)
    sound &= (hour < 24) & (minute < 60) & (second < 60)
    zone_s, has_zone = _zones(pc.struct_field(parts, "zone"))
    of_day = hour * 3600 + minute * 60 + second + number("part")
    total_s = (first + day - 1) * 86_400.0 + of_day - np.where(has_zone, zone_s, offset_s)
    ms = np.floor(np.where(sound, total_s, 0) * MS_PER_S + 1e-6).astype(np.int64)
    junk = ~sound & _mask(pc.is_valid(text))
    return Instants(np.where(sound, ms, NOT_TOLD), sound, junk, True)


def _zones(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    def offset_s(zone: str) -> float:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        if zone in ("Z", "UTC"):
            return 0.0
        return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[0] == "-" else 1)

    found = looked_up(column, offset_s)
    return np.nan_to_num(found), ~np.isnan(found)


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _whole(column: pa.Array) -> Int64:
    values: Int64 = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def _floats(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _mask(column: pa.Array) -> NDArray[np.bool_]:
    values: NDArray[np.bool_] = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return values.astype(np.bool_)
