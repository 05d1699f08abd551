"""What happens once or never, in a quarter that chance decides: an energisation, a withdrawal.

A hazard's lag is counted from a quarter `due`. At the start of quarter q it has been seen to happen
when due + lag < q; else all that is known is that the lag is at least q - due. `conditional` draws
on from there, which makes a tree of samples free of foresight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from arkwright.plan.rollout import Floats, Ints


class Hazard(Struct, frozen=True, kw_only=True):
    """Lags with their probabilities, soonest first; never is the horizon."""

    due: int
    """Quarter that the lags are counted from: the earliest in which it could have been seen."""
    lags: tuple[int, ...]
    shares: tuple[float, ...]


def hazard(due: int, spread: Sequence[tuple[int, float]], horizon: int) -> Hazard:
    """Of (quarters, probability) pairs with -1 for never, which becomes `horizon`."""
    ends = sorted((horizon if lag < 0 else lag, share) for lag, share in spread if share > 0)
    return Hazard(due=due, lags=tuple(e[0] for e in ends), shares=tuple(e[1] for e in ends))


def lags(of: Hazard, uniform: Floats) -> Ints:
    """Lags at uniform numbers, by inverse transform."""
    edges = np.cumsum(of.shares)
    edges[-1] = 1.0
    index = np.searchsorted(edges, uniform, side="right").clip(max=len(of.lags) - 1)
    found: Ints = np.asarray(of.lags, dtype=np.int64)[index]
    return found


def conditional(of: Hazard, uniform: Floats, fresh: Floats, at: int) -> Floats:
    """Uniform numbers of futures that go on from `uniform` at the start of quarter `at`.

    Where it was seen to happen it stays; else `fresh` numbers are drawn among the lags that are
    still possible.
    """
    seen = of.due + lags(of, uniform) < at
    least = at - of.due
    below = sum(share for lag, share in zip(of.lags, of.shares, strict=True) if lag < least)
    below = min(below, 1.0 - 1e-12)
    result: Floats = np.where(seen, uniform, below + (1.0 - below) * fresh)
    return result


def middle(of: Hazard) -> int:
    """The middle lag: as likely as not it is no longer."""
    return int(lags(of, np.array([0.5 - 1e-12]))[0])
