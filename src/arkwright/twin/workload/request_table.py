"""`RequestTable`: requests to a language model, by time, and the readers of their traces."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct
from numpy.typing import NDArray

from arkwright.errors import InputError
from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Numbers
from arkwright.twin.workload.delimited import Cells
from arkwright.twin.workload.draft import AMOUNT_MAX
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.reading import Reading, Sieve
from arkwright.twin.workload.table import Int64, Labels, unlabelled

BLOCK_TOKENS = 512
"""Tokens of a prefix block in Mooncake's traces, as its README says."""


class RequestTable(Struct, frozen=True, eq=False, kw_only=True):
    """Requests by (time, original order); every column but the last two has one entry each."""

    at_ms: Int64
    """Since the Unix epoch (UTC) where `is_dated`, else since the trace's own zero."""
    input_tokens: Int64
    output_tokens: Int64
    model: Labels
    is_dated: bool
    block_starts: Int64
    """Shape (requests + 1,): request r's prefix blocks are `blocks[starts[r]:starts[r + 1]]`."""
    blocks: Int64
    """Hashes of blocks of `BLOCK_TOKENS` input tokens; equal prefixes can share their cache."""

    def __len__(self) -> int:
        return len(self.at_ms)


def requests(cells: Cells, format_: str, offset_s: float = 0.0) -> Reading[RequestTable]:
    """Azure's LLM inference traces, BurstGPT, and converted tables of requests."""
    found = cells.require(
        "a trace of LLM requests",
        time=("timestamp", "t_ms", "at_ms", "arrival_ms"),
        input=("contexttokens", "input_tokens", "request_tokens", "input_length"),
        output=("generatedtokens", "output_tokens", "response_tokens", "output_length"),
    )
    unit_ms = 1.0 if cells.first("t_ms", "at_ms", "arrival_ms") is not None else None
    at = convert.instants(found["time"], offset_s, unit_ms)
    sieve = cells.sieve()
    sieve.drop(at.junk, "the time cannot be read")
    sieve.drop(~at.told, "no time")
    tokens = {key: _tokens(sieve, found[key], key) for key in ("input", "output")}
    model = cells.first("model")
    return _reading(
        sieve,
        cells.source,
        format_,
        at_ms=at.ms,
        is_dated=at.is_dated if cells.is_dated is None else cells.is_dated,
        input_tokens=tokens["input"],
        output_tokens=tokens["output"],
        model=unlabelled(cells.count) if model is None else convert.labels(model),
        blocks=_block_lists(cells),
    )


_Word = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class _Mooncake(Struct):
    timestamp: float
    input_length: _Word
    output_length: _Word
    hash_ids: list[_Word] = []


def mooncake(file: Opened) -> Reading[RequestTable]:
    """Mooncake's JSON lines: `timestamp` in ms, lengths in tokens, hashes of prefix blocks."""
    decoder = msgspec.json.Decoder(_Mooncake)
    records: list[_Mooncake] = []
    bad, empty = [], []
    lines = file.content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            empty.append(number)
            continue
        try:
            records.append(decoder.decode(line))
        except msgspec.DecodeError:
            bad.append(number)
    if not records:
        raise InputError(f"{file.name} has no line with timestamp, input_length and output_length")
    places = np.array(sorted(number - 1 for number in (*bad, *empty)), dtype=np.int64)
    cells = Cells(file.name, {}, len(records), 1, places, ())
    sieve = cells.sieve()
    sieve.drop_unread(bad, "not a request in JSON")
    at_ms, wild = convert.milliseconds(np.array([record.timestamp for record in records]), 1.0)
    sieve.drop(wild, "the time cannot be read")
    lengths = {
        key: pa.array([getattr(record, f"{key}_length") for record in records])
        for key in ("input", "output")
    }
    return _reading(
        sieve,
        file.name,
        "Mooncake",
        at_ms=at_ms,
        is_dated=False,
        input_tokens=_tokens(sieve, lengths["input"], "input"),
        output_tokens=_tokens(sieve, lengths["output"], "output"),
        model=unlabelled(len(records)),
        blocks=pa.array([record.hash_ids for record in records], pa.list_(pa.int64())),
    )


def _tokens(sieve: Sieve, column: pa.Array, what: str) -> Int64:
    found: Numbers = convert.numbers(column)
    odd = found.junk | ~found.told | (found.values < 0) | (found.values > AMOUNT_MAX)
    sieve.drop(odd, f"no number of {what} tokens")
    return np.rint(np.where(odd, 0, found.values)).astype(np.int64)


def _block_lists(cells: Cells) -> pa.Array:
    column = cells.first("prefix_block_ids", "hash_ids")
    if column is None:
        return pa.array([[]] * cells.count, pa.list_(pa.int64()))
    if pa.types.is_list(column.type):
        return column
    parts = pc.split_pattern_regex(pc.utf8_trim_whitespace(column), r"\s+")
    flat = pc.list_flatten(parts)
    sound = pc.match_substring_regex(flat, r"^\d{1,18}$")
    values = pc.cast(pc.if_else(sound, flat, None), pa.int64())
    return pa.ListArray.from_arrays(parts.offsets, values)


def _reading(
    sieve: Sieve, source: str, format_: str, *, blocks: pa.Array, at_ms: Int64, **columns: Any
) -> Reading[RequestTable]:
    keep = np.flatnonzero(sieve.keep)
    order = keep[np.argsort(at_ms[keep], kind="stable")]
    lists = blocks.take(pa.array(order))
    starts, hashes = _ragged(lists)
    model = columns.pop("model")
    table = RequestTable(
        at_ms=at_ms[order],
        input_tokens=columns.pop("input_tokens")[order],
        output_tokens=columns.pop("output_tokens")[order],
        model=Labels(model.codes[order], model.names),
        block_starts=starts,
        blocks=hashes,
        **columns,
    )
    return sieve.reading(table, source, format_)


def _ragged(lists: pa.Array) -> tuple[Int64, Int64]:
    """Offsets and values without the places that hold no number."""
    flat = lists.flatten()
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    owner = np.repeat(np.arange(len(lists)), sizes)
    sound: NDArray[np.bool_] = pc.is_valid(flat).to_numpy(zero_copy_only=False).astype(np.bool_)
    counts = np.bincount(owner[sound], minlength=len(lists))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    values = pc.drop_null(flat).to_numpy(zero_copy_only=False).astype(np.int64)
    return starts, values
