"""Every limit of a programme's decisions, and the rows it stands for.

The rows are the solver's (`rules`). What the solver keeps as bounds, or by leaving a variable out
(when a tranche may start, how many halls there is room for, what may be drawn), is a row here, so
that it can be named and can give way too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.cuts import pull, running_values, standing_margin
from arkwright.plan.futures import Futures
from arkwright.plan.limits import Limit
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.rules import contracts, dependence, grid, money, order, supply

HARD = -1
"""Of rows that are no limit: what the others mean."""


class Numbered:
    """Limits as they are met, each with its number, and the rows of each."""

    def __init__(self, rollout: Rollout, futures: Futures, layout: Columns) -> None:
        self.rollout, self.futures, self.columns = rollout, futures, layout
        self.limits: list[Limit] = []
        self.scale: list[float] = []
        self.parts: list[tuple[Rows, Ints]] = []
        """Rows, and the number of each row's limit or HARD."""
        self._number: dict[tuple[str, str, str], int] = {}

    def number(self, limit: Limit, scale: float = 0.0) -> int:
        """The number of a limit, given when first met; `scale` is what its amounts count by."""
        if limit.key not in self._number:
            self._number[limit.key] = len(self.limits)
            self.limits.append(limit)
            self.scale.append(scale or max(1.0, abs(limit.limit)))
        return self._number[limit.key]

    def add(self, block: Rows, of: Callable[[int, int], tuple[Limit, float]]) -> None:
        """Rows whose limit depends on their two indices."""
        if len(block):
            pairs = zip(*(at.tolist() for at in block.index), strict=True)
            numbers = [self.number(*of(*pair)) for pair in pairs]
            self.parts.append((block, np.array(numbers, dtype=np.int64)))

    def add_hard(self, block: Rows) -> None:
        """Rows that cannot give way."""
        if len(block):
            self.parts.append((block, np.full(len(block), HARD)))

    def quarter(self, slot: int) -> str:
        """Name of a slot's quarter."""
        name: str = self.rollout.names.quarters[self.futures.slot_quarter[slot]]
        return name

    def closed(self, kind: str, may: Bools, of: Ints) -> Rows:
        """Decided in all in quarters in which it may not be, on every path, <= 0.

        Args:
            kind: field of the schedule.
            may: (X, T) when each of its items may be decided.
            of: (X,) the thing whose limit it is; items of one thing are summed.
        """
        by = self.columns.by[self.columns.kind[kind]]
        parent, quarter = self.columns.parent, self.futures.slot_quarter
        before = np.where(parent >= 0, by[:, parent], -1)
        leaves = np.unique(self.futures.path[:, -1])
        ancestor = self.columns.ancestor[leaves]  # (N, T)
        shut = ~may[:, quarter] & (by != before)
        item, leaf, t = np.nonzero(shut[:, ancestor])
        slot = ancestor[leaf, t]
        keys, row = np.unique(of[item] * len(leaves) + leaf, return_inverse=True)
        one = np.ones(len(row))
        return rows(
            "",
            "when",
            [(row, by[item, slot], one), (row, before[item, slot], -one)],
            axes=("thing", "slot"),
            index=(keys // len(leaves), leaves[keys % len(leaves)]),
            upper=0.0,
            count=len(keys),
        )

    def at_most(self, kind: str, most: Floats) -> Rows:
        """Decided so far in every slot <= `most` (X, T)."""
        by = self.columns.by[self.columns.kind[kind]]
        item, slot = np.nonzero(by >= 0)
        n = np.arange(len(item))
        return rows(
            "",
            "most",
            [(n, by[item, slot], np.ones(len(n)))],
            axes=("item", "slot"),
            index=(item, slot),
            upper=most[item, self.futures.slot_quarter[slot]],
            count=len(n),
        )


def limit_rows(rollout: Rollout, opened: Rollout, futures: Futures, layout: Columns) -> Numbered:
    """All limits but cash, which depends on what is earned.

    Args:
        rollout: the programme.
        opened: the same with every decision open, of which `layout` has the columns.
        futures: its outcomes.
        layout: the columns.
    """
    made = Numbered(rollout, futures, layout)
    made.add_hard(order.begun_stays_begun(layout))
    _tranches(made)
    _halls(made)
    _racks(made)
    _loans(made, opened)
    _contracts(made)
    return made


def _tranches(made: Numbered) -> None:
    """R5 and R14."""
    rollout, layout = made.rollout, made.columns
    power, names, market = rollout.power, rollout.names, rollout.market

    def once(k: int, _: int) -> tuple[Limit, float]:
        other = names.tranches[power.tranche_before[k]]
        where = names.tranches[k]
        return Limit(rule=5, clause="once", where=where, limit=1, unit="", other=other), 0.0

    def offtake(k: int, _: int) -> tuple[Limit, float]:
        mw = float(power.tranche_offtake_mw[k])
        return Limit(rule=5, clause="offtake", where=names.tranches[k], limit=mw, unit="MW"), 0.0

    def start(k: int, _: int) -> tuple[Limit, float]:
        when = open_when(power.may_start[k], names.quarters)
        where = names.tranches[k]
        return Limit(rule=5, clause="start", where=where, when=when, limit=1, unit=""), 0.0

    def country(r: int, _: int) -> tuple[Limit, float]:
        share = float(market.country_share_max[r])
        mw = share * float(power.tranche_mw.sum() + power.mw_now.sum())
        limit = Limit(
            rule=14, clause="country", where=names.countries[r], limit=100 * share, unit="MW"
        )
        return limit, max(1.0, mw)

    made.add(grid.tranche_order(rollout, layout), once)
    made.add(grid.tranche_offtake(rollout, layout), offtake)
    made.add(made.closed("starts", power.may_start, np.arange(len(power.may_start))), start)
    made.add(dependence.countries(rollout, made.futures, layout), country)


def _halls(made: Numbered) -> None:
    """R6."""
    power, names = made.rollout.power, made.rollout.names

    def room(p: int, _: int) -> tuple[Limit, float]:
        most = float(power.hall_count_max[p])
        return Limit(rule=6, clause="halls", where=names.places[p], limit=most, unit="halls"), 0.0

    def build(p: int, _: int) -> tuple[Limit, float]:
        when = open_when(power.may_build[p], names.quarters)
        where = names.places[p]
        return Limit(rule=6, clause="build", where=where, when=when, limit=0, unit="halls"), 0.0

    most = np.repeat(power.hall_count_max[:, None] * 1.0, power.may_build.shape[1], axis=1)
    made.add(made.at_most("halls", most), room)
    made.add(made.closed("halls", power.may_build, np.arange(len(power.may_build))), build)


def _racks(made: Numbered) -> None:
    """R7, R8 and R13."""
    rollout, futures, layout = made.rollout, made.futures, made.columns
    stock, names, market = rollout.supply, rollout.names, rollout.market
    kinds = len(names.generations)

    def allocation(g: int, slot: int) -> tuple[Limit, float]:
        racks = float(stock.allocation[g, futures.slot_quarter[slot]])
        return _racks_limit(7, "allocation", names.generations[g], made.quarter(slot), racks), 0.0

    def minimum(g: int, slot: int) -> tuple[Limit, float]:
        racks = float(stock.minimum[g, futures.slot_quarter[slot]])
        return _racks_limit(8, "minimum", names.generations[g], made.quarter(slot), racks), 0.0

    def window(g: int, _: int) -> tuple[Limit, float]:
        may: Bools = np.logical_or.reduce(stock.may_order[:, g])
        when = open_when(may, names.quarters)
        scale = max(1.0, float(stock.allocation[g].max()))
        return _racks_limit(7, "order", names.generations[g], when, 0.0), scale

    def vendor(v: int, _: int) -> tuple[Limit, float]:
        share = float(market.vendor_share_max[v])
        compute = share * float(stock.rack_compute @ stock.allocation.sum(axis=1))
        limit = Limit(
            rule=13,
            clause="vendor",
            where=names.vendors[v],
            limit=100 * share,
            unit="H100-equivalents",
        )
        return limit, max(1.0, compute)

    made.add(supply.allocation(rollout, futures, layout), allocation)
    made.add(supply.minimum(rollout, futures, layout), minimum)
    by_kind = stock.may_order.reshape(-1, stock.may_order.shape[2])
    made.add(made.closed("racks", by_kind, np.arange(len(by_kind)) % kinds), window)
    made.add(dependence.vendors(rollout, futures, layout), vendor)


def _racks_limit(rule: int, clause: str, where: str, when: str, racks: float) -> Limit:
    return Limit(rule=rule, clause=clause, where=where, when=when, limit=racks, unit="racks")


def _loans(made: Numbered, opened: Rollout) -> None:
    """R10 and R11."""
    rollout, futures, layout = made.rollout, made.futures, made.columns
    capital, names = rollout.capital, rollout.names

    def loan(f: int, slot: int) -> tuple[Limit, float]:
        most = float(capital.draw_limit[f, futures.slot_quarter[slot]])
        when = made.quarter(slot)
        where = names.facilities[f]
        return Limit(rule=10, clause="loan", where=where, when=when, limit=most, unit="M"), 0.0

    made.add(made.at_most("drawn", capital.draw_limit), loan)
    due = money.due_quarters(rollout)
    if not len(due):
        return
    weights = np.broadcast_to(futures.probability[:, None], futures.path.shape)
    values = running_values(rollout, futures)
    running = layout.coefficients(pull(rollout, futures, values, weights))
    covered, known = money.cover(opened, futures, layout, running, standing_margin(rollout))
    made.parts.append((covered, np.array([made.number(*_cover(rollout, t)) for t in due.tolist()])))
    made.add_hard(known)


def _cover(rollout: Rollout, t: int) -> tuple[Limit, float]:
    capital = rollout.capital
    service = float(capital.service[:, :, t].max() * capital.draw_limit.max(initial=1.0))
    limit = Limit(
        rule=11,
        clause="cover",
        when=rollout.names.quarters[t],
        limit=capital.cover_min,
        unit="M",
    )
    return limit, max(1.0, service)


def _contracts(made: Numbered) -> None:
    """R16."""
    rollout, futures = made.rollout, made.futures
    power, market, names = rollout.power, rollout.market, rollout.names

    def hedge(r: int, slot: int) -> tuple[Limit, float]:
        share = market.hedge_share_max
        here = power.site_country[power.tranche_site] == r
        limit = Limit(
            rule=16,
            clause="hedge",
            where=names.countries[r],
            when=made.quarter(slot),
            limit=100 * share,
            unit="MW",
        )
        return limit, max(1.0, share * float(power.tranche_mw[here].sum()))

    def offer(j: int, _: int) -> tuple[Limit, float]:
        most = float(market.offer_mw_max[j])
        return Limit(rule=16, clause="offer", where=names.offers[j], limit=most, unit="MW"), 0.0

    def sign(j: int, _: int) -> tuple[Limit, float]:
        when = open_when(market.may_sign[j], names.quarters)
        where = names.offers[j]
        return Limit(rule=16, clause="sign", where=where, when=when, limit=0, unit="MW"), 0.0

    made.add(contracts.hedge(rollout, futures, made.columns), hedge)
    most = np.repeat(market.offer_mw_max[:, None], market.may_sign.shape[1], axis=1)
    made.add(made.at_most("signed", most), offer)
    made.add(made.closed("signed", market.may_sign, np.arange(len(market.may_sign))), sign)


def open_when(may: Bools, quarters: tuple[str, ...]) -> str:
    """`from 2027-Q2 to 2028-Q1`, `never`; (T,) quarters in which something may be decided."""
    some = np.flatnonzero(may)
    if not len(some):
        return "in no quarter"
    first, last = int(some[0]), int(some[-1])
    if first == last:
        return f"in {quarters[first]} only"
    return f"from {quarters[first]} to {quarters[last]} only"
