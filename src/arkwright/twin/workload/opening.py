"""A trace file's bytes: read whole, unpacked where it is gzip, without a byte order mark."""

from __future__ import annotations

import zlib
from pathlib import Path

from msgspec import Struct

from arkwright.errors import InputError

_BYTES_MAX = 16 * 2**30
"""Unpacked: beyond it a file is no trace, or a bomb."""
_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
_STEP = 64 * 2**20


class Opened(Struct, frozen=True, eq=False):
    """The content of a file."""

    name: str
    """Without its folder, for messages."""
    content: bytes
    is_cut: bool
    """True where packed data ends before its end: the last record may be half there."""


def opened(path: Path) -> Opened:
    """The content of the file at `path`; raises InputError where there is nothing to read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    is_cut = False
    if raw.startswith(_GZIP):
        raw, is_cut = _unpacked(raw, path.name)
    content = raw.removeprefix(_MARK)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path.name} is in UTF-16; save it as UTF-8")
    if not content or content.isspace():
        raise InputError(f"{path.name} is empty; a trace has a line per job")
    return Opened(path.name, content, is_cut)


def _unpacked(packed: bytes, name: str) -> tuple[bytes, bool]:
    """All members of a gzip file, one after the other; what can be had of one that is cut."""
    parts: list[bytes] = []
    size = 0
    rest = packed
    while rest.startswith(_GZIP):
        member = zlib.decompressobj(wbits=31)
        try:
            while not member.eof and rest:
                part = member.decompress(rest, _STEP)
                rest = member.unconsumed_tail
                parts.append(part)
                size += len(part)
                if size > _BYTES_MAX:
                    limit = f"{_BYTES_MAX // 2**30} GiB"
                    raise InputError(f"{name} unpacks to more than {limit}; split it")
                if not part and not rest:
                    break
        except zlib.error as error:
            raise InputError(f"{name} is not a sound gzip file: {error}") from None
        if not member.eof:
            return b"".join(parts), True
        rest = member.unused_data
    return b"".join(parts), False
