"""The rules of a programme as limits that can give way, each at a price: how short does it fall?

Columns, rows and cuts are the solver's; `limit_rows` says which limit each row is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from arkwright.plan import blocks
from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns, columns
from arkwright.plan.cuts import cash_cuts, flows, margin_cuts, running_values
from arkwright.plan.futures import Futures
from arkwright.plan.limit_rows import HARD, limit_rows
from arkwright.plan.limits import Limit
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.rollout import Floats, Ints, Rollout
from arkwright.plan.rules import money

ROUNDS_MAX = 60
"""Of cuts on cash and cover; what is not shown to be short by then is taken to be possible."""
NODES_MAX = 2000
"""Of a search over whole starts and halls; what is not shown to be short by then is not."""
ENOUGH = 1e-6
"""A total, of limits, that counts as none."""
SHORT = 1e-7
"""M of cash or margin, of the programme's money, that counts as none."""


class Shortfall(Struct, frozen=True, kw_only=True, eq=False):
    """The least by which a set of limits is broken, L of them in the programme."""

    total: float
    """Sum of shares, as far as proven; 0 where all can be kept."""
    by: Floats
    """(L,) in each limit's unit."""
    price: Floats
    """(L,) what the total falls by for one unit more of each limit; 0 of whole programmes."""
    shortest: tuple[str, ...]
    """(T,) the outcome whose cash is the limit; where there is no price, the one with the least."""


class Elastic:
    """A programme whose limits give way."""

    def __init__(self, rollout: Rollout, futures: Futures) -> None:
        self.rollout, self.futures = rollout, futures
        opened = _opened(rollout)
        self.columns: Columns = columns(opened, futures)
        self.upper = _upper(opened, self.columns)
        self._money = max(1.0, rollout.capital.cash_now + float(rollout.capital.equity.sum()))
        made = limit_rows(rollout, opened, futures, self.columns)
        self._cash = np.array([made.number(*self._cash_of(t)) for t in rollout.names.quarters])
        self._cover = np.array(
            [
                next(
                    (g for g, x in enumerate(made.limits) if x.clause == "cover" and x.when == t),
                    -1,
                )
                for t in rollout.names.quarters
            ]
        )
        self.limits, self.scale = made.limits, np.array(made.scale)
        self._cash_rows: dict[int, tuple[int, int]] = {}  # outcome and quarter of a cut
        self._row_group: list[int] = []
        self._row_lower: list[float] = []
        self._row_upper: list[float] = []
        self._start(made.parts)

    def _cash_of(self, quarter: str) -> tuple[Limit, float]:
        least = self.rollout.capital.cash_min
        return Limit(rule=9, clause="cash", when=quarter, limit=least, unit="M"), self._money

    def named(self, g: int, found: Shortfall) -> Limit:
        """A limit, with the outcome it is felt in."""
        limit = self.limits[g]
        if limit.clause != "cash" or len(self.futures.names) == 1:
            return limit
        return replace(limit, outcome=found.shortest[int(np.flatnonzero(self._cash == g)[0])])

    def rank(self, g: int) -> tuple[int, int]:
        """Limits by their rule's number, then in the programme's own order."""
        return self.limits[g].rule, g

    def shortfall(
        self,
        groups: Sequence[int],
        *,
        whole: bool,
        giving: Sequence[int] | None = None,
        yes_or_no: bool = False,
    ) -> Shortfall:
        """How short it falls with only the limits `groups`, of which `giving` (or all) give way.

        Args:
            groups: limits that are kept.
            whole: with whole starts and halls; otherwise in parts.
            giving: those of them that may be broken.
            yes_or_no: stop as soon as it is known to be short; the amounts are of no use then.

        Raises:
            RuntimeError: nothing in `giving` makes the rest possible.
        """
        self._only(groups, groups if giving is None else giving, whole)
        found, total = None, 0.0
        for _ in range(ROUNDS_MAX):
            total = self._run()
            solution = self.highs.getSolution()
            values = np.array(solution.col_value)
            by = values[self._width :]
            if (yes_or_no and total > ENOUGH) or not len(values):
                break
            found = evaluate(self.rollout, self.futures, self.columns.schedule(values))
            if not self._cut(found, by, set(groups)):
                break
        price, price_of = np.zeros(len(self.limits)), None
        if not whole:
            price_of = np.array(solution.row_dual)
            dual = np.abs(price_of)
            group = np.array(self._row_group)[: len(dual)]  # cuts of the last round are not in it
            np.maximum.at(price, group[group >= 0], dual[group >= 0])
        return Shortfall(
            total=total,
            by=by,
            price=price,
            shortest=() if found is None else self._shortest(found, price_of),
        )

    def _run(self) -> float:
        """The least total, as far as it is proven."""
        for _ in range(2):
            self.highs.run()
            info = self.highs.getInfo()
            if self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
                return -float(info.objective_function_value)
            if self.highs.getModelStatus() == highspy.HighsModelStatus.kSolutionLimit:
                return max(0.0, -float(info.mip_dual_bound))
            self.highs.clearSolver()  # a bad basis: once more from scratch
        raise RuntimeError("the limits that may give way do not make the rest possible")

    def _shortest(self, found: Outcome, dual: Floats | None) -> tuple[str, ...]:
        worst = found.cash.argmin(axis=0)
        if dual is not None:
            most = np.full(len(worst), 1e-9)
            for row, (w, t) in self._cash_rows.items():
                if row < len(dual) and abs(dual[row]) > most[t]:
                    most[t], worst[t] = abs(dual[row]), w
        return tuple(self.futures.names[w] for w in worst)

    def _start(self, parts: list[tuple[Rows, Ints]]) -> None:
        """All of it as one HiGHS; columns of the amounts come last."""
        self._width = len(self.upper)
        extra = len(self.limits)
        lower = np.concatenate([self.columns.lower, np.zeros(extra)])
        upper = np.concatenate([self.upper, np.full(extra, np.inf)])
        cost = np.concatenate([np.zeros(self._width), -1.0 / self.scale])
        none = np.zeros(len(cost), dtype=bool)
        self.highs: Any = blocks.empty(lower, upper, cost, none, 0.0)
        self.highs.setOptionValue("threads", 1)
        self.highs.setOptionValue("mip_rel_gap", 0.0)
        self.highs.setOptionValue("mip_max_nodes", NODES_MAX)
        for block, group in parts:
            self._add(block, group)

    def _add(self, block: Rows, group: Ints) -> None:
        """Rows with the amount by which each may be broken."""
        row = np.flatnonzero(group >= 0)
        sign = np.where(np.isfinite(block.upper[row]), -1.0, 1.0)
        wide = replace(
            block,
            row=np.concatenate([block.row, row]),
            column=np.concatenate([block.column, self._width + group[row]]),
            value=np.concatenate([block.value, sign]),
        )
        blocks.add(self.highs, wide, self._width + len(self.limits))
        self._row_group += group.tolist()
        self._row_lower += block.lower.tolist()
        self._row_upper += block.upper.tolist()

    def _only(self, groups: Sequence[int], giving: Sequence[int], whole: bool) -> None:
        """Leave out the rows of all other limits, and let only some give way."""
        row_group = np.array(self._row_group)
        on = (row_group < 0) | np.isin(row_group, groups)
        every = np.arange(len(on), dtype=np.int32)
        self.highs.changeRowsBounds(
            len(on),
            every,
            np.where(on, self._row_lower, -np.inf),
            np.where(on, self._row_upper, np.inf),
        )
        amounts = np.arange(self._width, self._width + len(self.limits), dtype=np.int32)
        most = np.where(np.isin(np.arange(len(amounts)), giving), np.inf, 0.0)
        self.highs.changeColsBounds(len(amounts), amounts, np.zeros(len(amounts)), most)
        at = np.flatnonzero(self.columns.integral).astype(np.int32)
        self.highs.changeColsIntegrality(len(at), at, np.full(len(at), whole, dtype=np.uint8))

    def _cut(self, found: Outcome, by: Floats, groups: set[int]) -> int:
        """Rows that say where cash or cover is really short; how many."""
        return self._cut_cash(found, by, groups) + self._cut_cover(found, by, groups)

    def _cut_cash(self, found: Outcome, by: Floats, groups: set[int]) -> int:
        missing = self.rollout.capital.cash_min - found.cash - by[self._cash]
        missing[:, ~np.isin(self._cash, list(groups))] = -np.inf
        worst, quarter = missing.argmax(axis=0), np.arange(missing.shape[1])
        some = missing[worst, quarter] > SHORT * self._money
        at = (worst[some], quarter[some])
        if not some.any():
            return 0
        parts = (self.rollout, self.futures, self.columns, found)
        known, running = flows(self.rollout), running_values(self.rollout, self.futures)
        bound = cash_cuts(*parts, known, running, at)
        first = len(self._row_group)
        self._add(money.cash(self.rollout, bound, at), self._cash[at[1]])
        for n, (w, t) in enumerate(zip(*at, strict=True)):
            self._cash_rows[first + n] = (int(w), int(t))
        return len(at[0])

    def _cut_cover(self, found: Outcome, by: Floats, groups: set[int]) -> int:
        probability, least = self.futures.probability, self.rollout.capital.cover_min
        service = probability @ found.money.service
        short = least * service - probability @ found.margin
        short -= np.where(self._cover >= 0, by[self._cover], 0.0)
        active = np.isin(self._cover, list(groups))
        some = active & (service > SHORT) & (short > SHORT * self._money)
        if not some.any():
            return 0
        slope, constant = margin_cuts(self.rollout, self.futures, self.columns, found)
        row, column = np.nonzero(slope)
        n = np.arange(len(slope))
        block = rows(
            "R11",
            "margin",
            [(row, column, -slope[row, column]), (n, self.columns.margin, np.ones(len(n)))],
            upper=constant,
            count=len(n),
        )
        self._add(block, np.full(len(n), HARD))
        return len(n)


def _opened(rollout: Rollout) -> Rollout:
    """With every decision open in every quarter, and room for as much as could ever help."""
    power, supply_, market, capital = (
        rollout.power,
        rollout.supply,
        rollout.market,
        rollout.capital,
    )
    ever = supply_.may_order.any(axis=2, keepdims=True)
    racks = 10 * max(1.0, supply_.allocation.sum() + supply_.minimum.max(initial=0.0))
    price = capital.pay_rack.sum(axis=3).max(initial=0.0)
    loans = 10 * (
        capital.draw_limit.max(initial=1.0)
        + abs(capital.cash_now)
        + capital.equity.sum()
        + price * max(1.0, supply_.minimum.max(initial=0.0))
    )
    return replace(
        rollout,
        power=replace(
            power,
            may_start=np.ones_like(power.may_start),
            may_build=np.ones_like(power.may_build),
            hall_count_max=10 * power.hall_count_max + 10,
        ),
        supply=replace(
            supply_,
            may_order=np.broadcast_to(ever, supply_.may_order.shape),
            allocation=np.full_like(supply_.allocation, racks),
        ),
        market=replace(
            market,
            may_sign=np.ones_like(market.may_sign),
            offer_mw_max=10 * market.offer_mw_max + 10,
        ),
        capital=replace(capital, draw_limit=np.full_like(capital.draw_limit, loans)),
    )


def _upper(opened: Rollout, layout: Columns) -> Floats:
    """Bounds of the columns; none of what is expected."""
    upper = layout.upper.copy()
    if not len(money.due_quarters(opened)):
        upper[layout.in_service] = 0.0
    return upper
