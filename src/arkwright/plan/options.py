"""A roll-out without one of its choices."""

from __future__ import annotations

import difflib

import msgspec
import numpy as np

from arkwright.errors import InputError
from arkwright.plan.rollout import Bools, Rollout


def without(rollout: Rollout, name: str) -> Rollout:
    """`rollout` in which `name` may not be chosen: what it might cost and bring is gone.

    `name` is a tranche (`narvik/2`), a kind of hall (`narvik/h1`), a generation, a power contract
    or a loan, as in `rollout.names`; InputError lists them. Tranches that wait for one that is gone
    are gone with it, by rule R5.
    """
    names = rollout.names
    if name in names.tranches:
        may = _off(rollout.power.may_start, names.tranches.index(name))
        return _replaced(rollout, "power", may_start=may)
    if name in names.places:
        may = _off(rollout.power.may_build, names.places.index(name))
        return _replaced(rollout, "power", may_build=may)
    if name in names.generations:
        allowed = rollout.supply.may_order.copy()
        allowed[:, names.generations.index(name)] = False
        return _replaced(rollout, "supply", may_order=allowed)
    if name in names.offers:
        may = _off(rollout.market.may_sign, names.offers.index(name))
        return _replaced(rollout, "market", may_sign=may)
    if name in names.facilities:
        limit = rollout.capital.draw_limit.copy()
        limit[names.facilities.index(name)] = 0.0
        return _replaced(rollout, "capital", draw_limit=limit)
    known = (
        *names.tranches, *names.places, *names.generations, *names.offers, *names.facilities,
    )  # fmt: skip
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(f"no choice is called {name!r}; {hint}known: {', '.join(known)}")


def reserved(rollout: Rollout, generation: str, racks: float, first: int) -> Rollout:
    """`rollout` with slots reserved at a maker: `racks` a quarter more from quarter `first` on."""
    more = rollout.supply.allocation.copy()
    more[rollout.names.generations.index(generation), first:] += racks
    return _replaced(rollout, "supply", allocation=more)


def _off(may: Bools, row: int) -> Bools:
    left = may.copy()
    left[row] = False
    return left


def _replaced(rollout: Rollout, section: str, **fields: np.ndarray) -> Rollout:
    changed = msgspec.structs.replace(getattr(rollout, section), **fields)
    return msgspec.structs.replace(rollout, **{section: changed})
