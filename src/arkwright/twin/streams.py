"""Randomness as a function: Philox 4x32-10 over arrays, one named stream per source of it.

The same (seed, stream, item, index) give the same numbers, whatever else was drawn and in whichever
order, so adding a rack leaves the failures of every other as they were. An item is usually the hash
of a path (`path_codes`). Philox: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
2011; the tests hold it to the authors' published vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Codes: TypeAlias = npt.NDArray[np.uint64]
Floats: TypeAlias = npt.NDArray[np.float64]

_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLY = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)


class Stream(NamedTuple):
    """A key of 64 bits in two halves."""

    key_0: int
    key_1: int


class Pair(NamedTuple):
    """Two independent uniforms in (0, 1), each of 52 bits."""

    u: Floats
    v: Floats


def stream(seed: int, name: str) -> Stream:
    """The stream called `name` of `seed`."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return Stream(int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little"))


def path_codes(paths: Iterable[str]) -> Codes:
    """64 bits per path, the same in every run: shape (n,)."""
    digests = [hashlib.blake2b(path.encode(), digest_size=8).digest() for path in paths]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def uniforms(source: Stream, item: Codes, index: int | npt.NDArray[np.int64], sub: int = 0) -> Pair:
    """The pair number (`index`, `sub`) of every item; `index` and `sub` in 0..2^32-1.

    Results have the shape of `item` and `index` broadcast together.
    """
    item, counter = np.broadcast_arrays(item, np.asarray(index, np.uint64))
    words = philox(
        (item & _LOW, item >> _SHIFT, counter & _LOW, np.full_like(counter, sub)), source
    )
    return Pair(_uniform(words[0], words[1]), _uniform(words[2], words[3]))


def words(source: Stream, item: Codes, index: npt.NDArray[np.int64]) -> Codes:
    """Four words of 32 bits per (index, item): shape (4 n_index, n_items), four rows an index."""
    item, counter = np.broadcast_arrays(item[None, :], index.astype(np.uint64)[:, None])
    drawn = philox((item & _LOW, item >> _SHIFT, counter & _LOW, np.zeros_like(counter)), source)
    return np.stack(drawn, axis=1).reshape(4 * len(index), item.shape[1])


def philox(counter: tuple[Codes, Codes, Codes, Codes], source: Stream) -> tuple[Codes, ...]:
    """Four words of 32 bits (in 64) per counter of four words of 32 bits: Philox 4x32-10."""
    c0, c1, c2, c3 = counter
    key_0, key_1 = source
    for _ in range(_ROUNDS):
        product_0, product_1 = c0 * _MULTIPLY[0], c2 * _MULTIPLY[1]
        c0 = (product_1 >> _SHIFT) ^ c1 ^ np.uint64(key_0)
        c2 = (product_0 >> _SHIFT) ^ c3 ^ np.uint64(key_1)
        c1, c3 = product_1 & _LOW, product_0 & _LOW
        key_0 = (key_0 + _WEYL[0]) & 0xFFFFFFFF
        key_1 = (key_1 + _WEYL[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def normal(pair: Pair) -> Floats:
    """A standard normal per pair (Box and Muller)."""
    result: Floats = np.sqrt(-2.0 * np.log(pair.u)) * np.cos(2.0 * np.pi * pair.v)
    return result


def _uniform(high: Codes, low: Codes) -> Floats:
    """52 bits of the two words, centred in their step: never 0, never 1."""
    bits = (high << np.uint64(20)) | (low >> np.uint64(12))
    result: Floats = (bits.astype(np.float64) + 0.5) * 2.0**-52
    return result
