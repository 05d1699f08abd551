"""Named streams of random numbers from one seed, a whole column at a time.

Counter-based (SplitMix64: Steele, Lea and Flood, OOPSLA 2014): number i of a stream depends on the
seed, the stream's name and i alone. So a new stream, or more numbers of another, reshuffles
nothing. The integers are the same on every machine; logarithms and cosines of them agree to the
last bit or two, which rounding to milliseconds hides.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from arkwright.twin.workload.table import Int64

Float64 = NDArray[np.float64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_ONE = np.uint64(0xBF58476D1CE4E5B9)
_MIX_TWO = np.uint64(0x94D049BB133111EB)
_FRACTION_BITS = 53
_WORD_BITS = 64


class Stream:
    """The numbers of one name; every call goes on where the last one stopped."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
        self._key = np.uint64(int.from_bytes(digest, "little"))
        self._next = 1

    def words(self, count: int) -> NDArray[np.uint64]:
        """Uniform 64-bit words, shape (count,)."""
        mixed = np.arange(self._next, self._next + count, dtype=np.uint64)
        self._next += count
        mixed *= _STEP
        mixed += self._key
        mixed ^= mixed >> np.uint64(30)
        mixed *= _MIX_ONE
        mixed ^= mixed >> np.uint64(27)
        mixed *= _MIX_TWO
        mixed ^= mixed >> np.uint64(31)
        return mixed

    def uniforms(self, count: int) -> Float64:
        """In (0, 1), never 0 and never 1."""
        top = self.words(count) >> np.uint64(_WORD_BITS - _FRACTION_BITS + 1)
        return (top.astype(np.float64) + 0.5) * 2.0 ** -(_FRACTION_BITS - 1)

    def normals(self, count: int) -> Float64:
        """Mean 0, variance 1 (Box and Muller's transform, both of each pair used)."""
        pairs = self.uniforms(count + count % 2).reshape(-1, 2)
        radius = np.sqrt(-2.0 * np.log(pairs[:, 0]))
        angle = (2.0 * np.pi) * pairs[:, 1]
        # Pair by pair, so that a longer draw begins with a shorter one's numbers.
        both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return both.reshape(-1)[:count]

    def exponentials(self, count: int) -> Float64:
        """Mean 1."""
        return -np.log(self.uniforms(count))

    def picks(self, count: int, weights: Float64) -> Int64:
        """Indexes into `weights`, each as often as its share of their sum."""
        edges = np.cumsum(weights)
        found = np.searchsorted(edges, self.uniforms(count) * edges[-1], side="right")
        picked: Int64 = np.minimum(found, len(weights) - 1)
        return picked
