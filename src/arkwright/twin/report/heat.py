"""Which share of every rack, or node, was busy or out, in every bin of time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from arkwright.twin.record import Record
from arkwright.twin.report.told import Floats, Ints

Shares = npt.NDArray[np.uint8]

FULL = 250
"""A share of 1 in a heat map: shares are bytes, 0 through FULL."""
_CHUNK = 1 << 20


class Heat(NamedTuple):
    """[n_groups, n_bins]: shares of the GPUs of a group, over the run in equal bins."""

    busy: Shares
    out: Shares


def heat(record: Record, group: Ints, n_groups: int, n_bins: int) -> Heat:
    """`group` [n_nodes] says which row of the map each node adds to."""
    attempts, outages, places = record.attempts, record.outages, record.places
    node_milli = places.gpus * 1000
    capacity: Floats = np.bincount(group, node_milli, minlength=n_groups).astype(np.float64)
    of_pair = np.repeat(np.arange(len(attempts.job)), np.diff(attempts.node_first))
    area = _Area(record.from_ms, record.until_ms, n_groups, n_bins)
    for at in range(0, len(of_pair), _CHUNK):
        some = of_pair[at : at + _CHUNK]
        node = attempts.node[at : at + _CHUNK]
        milli = attempts.gpu_milli[at : at + _CHUNK]
        area.add(group[node], attempts.start_ms[some], attempts.end_ms[some], milli)
    gone = _Area(record.from_ms, record.until_ms, n_groups, n_bins)
    gone.add(group[outages.node], outages.from_ms, outages.until_ms, node_milli[outages.node])
    return Heat(area.shares(capacity), gone.shares(capacity))


class _Area:
    """Sums of amount times time per group and bin, from the corners of every span.

    An amount that begins in a bin, a part `late` of it gone, fills `1 - late` of that bin and all
    of the later ones: two additions a corner, and one running sum at the end.
    """

    def __init__(self, from_ms: int, until_ms: int, n_groups: int, n_bins: int) -> None:
        self.from_ms, self.bin_ms = from_ms, (until_ms - from_ms) / n_bins
        self.n_groups, self.n_bins = n_groups, n_bins
        self.corners: Floats = np.zeros(n_groups * (n_bins + 2))

    def add(self, group: Ints, up_ms: Ints, down_ms: Ints, amount: Ints) -> None:
        for at_ms, sign in ((up_ms, 1.0), (down_ms, -1.0)):
            place = np.clip((at_ms - self.from_ms) / self.bin_ms, 0, self.n_bins)
            bin_ = place.astype(np.int64)
            late = place - bin_
            cell = group * (self.n_bins + 2) + bin_
            size = len(self.corners)
            self.corners += np.bincount(cell, sign * amount * (1 - late), size)
            self.corners += np.bincount(cell + 1, sign * amount * late, size)

    def shares(self, capacity: Floats) -> Shares:
        area = np.cumsum(self.corners.reshape(self.n_groups, -1), axis=1)[:, : self.n_bins]
        share = area / np.maximum(capacity, 1)[:, None]
        return np.rint(np.clip(share, 0, 1) * FULL).astype(np.uint8)
