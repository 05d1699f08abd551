"""The master's variables: what has been decided **up to** each slot, and what is expected of it.

A schedule says what is begun in a slot. The master holds the running sums along each path instead
(`by`): a hall is ready when enough was begun early enough, so a cut needs the sums of a few recent
slots where it would need every single decision before; limits on totals become bounds; and the
question that integers are branched on is "begun by then?", which splits evenly. A slot in which
nothing can be decided shares the variable of the slot before it.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.schedule import Schedule

ALL = slice(None)
KINDS = ("starts", "halls", "racks", "signed", "drawn")


class Columns(Struct, frozen=True, kw_only=True, eq=False):
    """Where variables are. Items are tranches, places, place x generation, offers, facilities."""

    parent: Ints
    """(M,) slot before on every path through it, -1 in the first quarter."""
    ancestor: Ints
    """(M, T) slot on its path in each quarter up to its own, -1 after."""
    kind: dict[str, slice]
    """Items of each field of `Schedule`."""
    by: Ints
    """(I, M) column of the running sum, -1 where nothing can have been decided yet."""
    margin: Ints
    """(T,) column of the expected dispatch margin of a quarter."""
    tail: int
    """Column of CVaR."""
    in_service: Ints
    """(T,) column that is 1 where debt is served in the quarter."""
    lower: Floats
    """(n,)"""
    upper: Floats
    integral: Bools
    slots: int
    shapes: dict[str, tuple[int, ...]]

    def coefficients(self, decided: Floats) -> Floats:
        """(..., n) of the columns, from (..., I, M) of single decisions."""
        lead = decided.shape[:-2]
        flat = decided.reshape(-1, *decided.shape[-2:])
        # x[m] = by[m] - by[parent[m]]: a sum's coefficient is its slot's less that of the next.
        step = flat.copy()
        later = np.flatnonzero(self.parent >= 0)
        if self.slots == flat.shape[-1] == self.ancestor.shape[1]:  # one slot a quarter
            step[..., :-1] -= flat[..., 1:]
        else:
            of = np.moveaxis(step, -1, 0)
            np.subtract.at(of, self.parent[later], np.moveaxis(flat, -1, 0)[later])
        noise = 1e-11 * np.abs(flat).max(axis=(1, 2), initial=0.0)
        step[np.abs(step) <= noise[:, None, None]] = 0.0
        out = np.zeros((len(self.lower), len(flat)))
        some = self.by >= 0
        np.add.at(out, self.by[some], step[:, some].T)
        out[np.abs(out) <= noise] = 0.0
        return np.ascontiguousarray(out.T).reshape(*lead, -1)

    def entries(
        self, row: Ints, item: Ints, slot: Ints, value: Floats
    ) -> list[tuple[Ints, Ints, Floats]]:
        """The same for rows in coordinates: x[m] = by[m] - by[parent[m]]."""
        before = np.where(self.parent[slot] >= 0, self.by[item, self.parent[slot]], -1)
        return [(row, self.by[item, slot], value), (row, before, -value)]

    def of(self, items: Bools | slice, slots: Ints | slice = ALL) -> Ints:
        """(n,) columns of some items' running sums, in order, each once."""
        found = np.unique(self.by[items][:, slots])
        return found[found >= 0]

    def whole_items(self, racks: bool = False) -> Bools:
        """(I,) tranches and places, and racks if asked."""
        items = np.zeros(len(self.by), dtype=bool)
        items[self.kind["starts"]] = True
        items[self.kind["halls"]] = True
        items[self.kind["racks"]] = racks
        return items

    def schedule(self, values: Floats) -> Schedule:
        """What is begun in each slot, from a solution."""
        sums = self.sums(values)
        before = np.where(self.parent >= 0, sums[:, self.parent], 0.0)
        begun = np.maximum(0.0, sums - before)
        begun[begun < 1e-9] = 0.0
        parts = {
            name: begun[part].reshape(*self.shapes[name], self.slots)
            for name, part in self.kind.items()
        }
        parts["starts"] = parts["starts"].round(9)
        return Schedule(**parts)

    def sums(self, values: Floats) -> Floats:
        """(I, M) decided up to each slot."""
        return np.where(self.by >= 0, values[self.by], 0.0)

    def values(self, schedule: Schedule) -> Floats:
        """(n,) a schedule as a solution; expectations are left at zero."""
        decided = self.decided(schedule)
        sums = decided.copy()
        for m in np.argsort((self.ancestor >= 0).sum(axis=1), kind="stable"):
            if self.parent[m] >= 0:
                sums[:, m] += sums[:, self.parent[m]]
        out = np.zeros(len(self.lower))
        some = self.by >= 0
        out[self.by[some]] = sums[some]
        return out

    def decided(self, schedule: Schedule) -> Floats:
        """(I, M) a schedule's decisions as one table."""
        fields = (getattr(schedule, name) for name in KINDS)
        return np.concatenate([field.reshape(-1, self.slots) for field in fields])


def columns(rollout: Rollout, futures: Futures) -> Columns:
    """Number the variables of a programme over a tree of slots.

    Raises:
        ValueError: outcomes that share a slot differ in the one before.
    """
    parent, ancestor = _ancestry(futures)
    shapes = _shapes(rollout)
    open_, most = _open(rollout, futures)
    kind, at = {}, 0
    for name in KINDS:
        size = int(np.prod(shapes[name]))
        kind[name] = slice(at, at + size)
        at += size
    by = np.full(open_.shape, -1)
    count = 0
    for m in np.argsort(futures.slot_quarter, kind="stable"):
        if parent[m] >= 0:
            by[:, m] = by[:, parent[m]]
        fresh = np.flatnonzero(open_[:, m])
        by[fresh, m] = np.arange(count, count + len(fresh))
        count += len(fresh)
    quarters = futures.path.shape[1]
    n = count + 2 * quarters + 1
    upper = np.full(n, np.inf)
    some = by >= 0
    np.minimum.at(upper, by[some], most[some])
    in_service = np.arange(n - quarters, n)
    upper[in_service] = 1.0
    lower = np.zeros(n)
    lower[count : count + quarters + 1] = -np.inf
    whole = np.zeros(n, dtype=bool)
    for name in ("starts", "halls"):
        part = by[kind[name]]
        whole[part[part >= 0]] = True
    whole[in_service] = True
    return Columns(
        parent=parent,
        ancestor=ancestor,
        kind=kind,
        by=by,
        margin=np.arange(count, count + quarters),
        tail=count + quarters,
        in_service=in_service,
        lower=lower,
        upper=upper,
        integral=whole,
        slots=len(parent),
        shapes=shapes,
    )


def _ancestry(futures: Futures) -> tuple[Ints, Ints]:
    path = futures.path
    slots, quarters = len(futures.slot_quarter), path.shape[1]
    ancestor = np.full((slots, quarters), -1)
    for t in range(quarters):
        ancestor[path[:, t], : t + 1] = path[:, : t + 1]
        if (ancestor[path[:, t], : t + 1] != path[:, : t + 1]).any():
            raise ValueError(f"outcomes that share a slot in quarter {t} differ before it")
    parent = np.full(slots, -1)
    later = futures.slot_quarter > 0
    parent[later] = ancestor[later, futures.slot_quarter[later] - 1]
    return parent, ancestor


def _shapes(rollout: Rollout) -> dict[str, tuple[int, ...]]:
    return {
        "starts": rollout.power.tranche_mw.shape,
        "halls": rollout.power.hall_mw.shape,
        "racks": rollout.supply.rack_mw.shape,
        "signed": rollout.market.offer_strike.shape,
        "drawn": rollout.capital.draw_limit.shape[:1],
    }


def _open(rollout: Rollout, futures: Futures) -> tuple[Bools, Floats]:
    """(I, M) whether something can be decided in a slot, and the most that can be up to it."""
    quarter = futures.slot_quarter
    power, supply, market = rollout.power, rollout.supply, rollout.market
    racks = supply.may_order & (supply.allocation > 0)
    quarters = racks.shape[2]
    open_ = np.concatenate(
        [
            power.may_start,
            power.may_build & (power.hall_count_max > 0)[:, None],
            racks.reshape(-1, quarters),
            market.may_sign & (market.offer_mw_max > 0)[:, None],
            rollout.capital.draw_limit > 0,
        ]
    )
    total = np.cumsum(np.where(racks, supply.allocation, 0.0), axis=2).reshape(-1, quarters)
    most = np.concatenate(
        [
            np.ones(power.may_start.shape),
            np.broadcast_to(power.hall_count_max[:, None], power.may_build.shape),
            total,
            np.broadcast_to(market.offer_mw_max[:, None], market.may_sign.shape),
            rollout.capital.draw_limit,
        ]
    )
    return open_[:, quarter], most[:, quarter]
