"""Draws from the twin's named streams, a whole column at a time.

Number i of a stream depends on the seed, the stream's name and i alone. So a new stream, or more
numbers of another, reshuffles nothing. The integers are the same on every machine; logarithms and
cosines of them agree to the last bit or two, which rounding to milliseconds hides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arkwright.twin import streams
from arkwright.twin.workload.table import Int64

Float64 = NDArray[np.float64]

_ONE = np.zeros(1, dtype=np.uint64)
"""The only item: a workload's streams are told apart by name alone."""
_AT_ONCE = 2**14
"""Pairs whose arrays fit into a core's cache together."""


class Draws:
    """The numbers of one name; every call goes on where the last one stopped, with a new pair."""

    def __init__(self, seed: int, name: str) -> None:
        self._stream = streams.stream(seed, name)
        self._next = 0

    def pairs(self, count: int) -> Float64:
        """Independent uniforms in (0, 1), shape (count, 2)."""
        found = np.empty((count, 2))
        for first in range(0, count, _AT_ONCE):
            last = min(first + _AT_ONCE, count)
            index = np.arange(self._next + first, self._next + last, dtype=np.int64)
            found[first:last, 0], found[first:last, 1] = streams.uniforms(self._stream, _ONE, index)
        self._next += count
        return found

    def uniforms(self, count: int) -> Float64:
        """In (0, 1), never 0 and never 1."""
        return self.pairs((count + 1) // 2).reshape(-1)[:count]

    def normals(self, count: int) -> Float64:
        """Mean 0, variance 1 (Box and Muller's transform, both of each pair used)."""
        pairs = self.pairs((count + 1) // 2)
        radius = np.sqrt(-2.0 * np.log(pairs[:, 0]))
        angle = (2.0 * np.pi) * pairs[:, 1]
        # Pair by pair, so that a longer draw begins with a shorter one's numbers.
        np.multiply(radius, np.cos(angle), out=pairs[:, 0])
        np.multiply(radius, np.sin(angle), out=pairs[:, 1])
        return pairs.reshape(-1)[:count]

    def exponentials(self, count: int) -> Float64:
        """Mean 1."""
        return -np.log(self.uniforms(count))

    def picks(self, count: int, weights: Float64) -> Int64:
        """Indexes into `weights`, each as often as its share of their sum."""
        edges = np.cumsum(weights)
        found = np.searchsorted(edges, self.uniforms(count) * edges[-1], side="right")
        picked: Int64 = np.minimum(found, len(weights) - 1)
        return picked
