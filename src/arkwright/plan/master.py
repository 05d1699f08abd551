"""The first stage as one programme for HiGHS: columns, rules, and the cuts so far.

    max sum_t discount[t] (1 - weight) margin[t] + linear terms + weight CVaR

The same object is solved as a linear programme (simplex, warm from the last basis) and, copied with
integers, as a mixed-integer one.
"""

from __future__ import annotations

import highspy
import numpy as np

from arkwright.plan import blocks
from arkwright.plan.blocks import Rows
from arkwright.plan.columns import Columns, columns
from arkwright.plan.cuts import (
    Flows,
    Values,
    cash_cuts,
    flows,
    margin_cuts,
    pull,
    running_values,
    standing_margin,
    tail_cut,
)
from arkwright.plan.futures import Futures, branches, by_slot
from arkwright.plan.mean import Mean, grouped, mean
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.rules import contracts, dependence, grid, money, order, supply
from arkwright.plan.schedule import Schedule

IDLE_MAX = 8
"""Rounds after which a cut that did not bind is dropped."""
SLACK = 1e-6
"""How far a row may be broken, relative to what is in it."""
CASH_CUTS = 8
"""Most cash cuts a round: the outcomes that fell shortest, in different quarters first."""


class Master:
    """Rules and cuts of one programme."""

    def __init__(self, rollout: Rollout, futures: Futures) -> None:
        self.rollout, self.futures = rollout, futures
        self.columns: Columns = columns(rollout, futures)
        self.known: Flows = flows(rollout)
        self.running: Values = running_values(rollout, futures)
        self.cost, self.offset, running, now = self._objective()
        self.rules: list[Rows] = self._rules(running, now)
        self.upper = self._upper()
        inside = self._mean()
        self.without_mean = len(self.rules)
        self.rules += inside.rows
        extra = len(inside.upper)
        self.lower = np.append(self.columns.lower, np.zeros(extra))
        self.upper = np.append(self.upper, inside.upper)
        self.cost = np.append(self.cost, np.zeros(extra))
        self.fixed = sum(len(block) for block in self.rules)
        self.cut_rows: list[tuple[Ints, Floats]] = []  # columns and values, lower <= … <= upper
        self.cut_lower: list[float] = []
        self.cut_upper: list[float] = []
        self.cut_of: list[tuple[str, int, int]] = []
        self.idle: list[int] = []
        self.cut_at: list[int] = []  # which of `points` a cut was taken at
        self.points: list[Schedule] = []
        self.highs = self.programme(np.zeros(len(self.cost), dtype=bool))

    def _mean(self) -> Mean:
        """The mean outcome; of a tree, one for each of its branches."""
        group = grouped(self.futures)
        return mean(self.rollout, self.futures, self.columns, group, self.known, self.running)

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.cost)

    def programme(self, integral: Bools) -> highspy.Highs:
        """All of it as a new HiGHS."""
        highs = blocks.empty(self.lower, self.upper, self.cost, integral, self.offset)
        for block in self.rules:
            blocks.add(highs, block, self.width)
        self._append(highs, 0)
        return highs

    def cut(self, found: Outcome) -> int:
        """Add the cuts of one schedule; returns how many."""
        parts = (self.rollout, self.futures, self.columns, found)
        self.points.append(found.schedule)
        first = len(self.cut_rows)
        coefficients, constant = margin_cuts(*parts)
        for t in range(len(constant)):
            self._keep(coefficients[t], int(self.columns.margin[t]), constant[t], ("margin", t, 0))
        if self.rollout.risk_weight > 0:
            slope, start = tail_cut(*parts, self.known, self.running)
            self._keep(slope, self.columns.tail, start, ("tail", 0, 0))
        short = self._short(found)
        if len(short[0]):
            bound = cash_cuts(*parts, self.known, self.running, short)
            for n, (w, t) in enumerate(zip(*short, strict=True)):
                lower = self.rollout.capital.cash_min - bound[1][n]
                self._keep(bound[0][n], -1, lower, ("cash", int(w), int(t)))
        self._append(self.highs, first)
        return len(self.cut_rows) - first

    def binding_points(self) -> tuple[Schedule, ...]:
        """Where the cuts that bind at the last optimum were taken, the most binding first."""
        dual = np.abs(np.array(self.highs.getSolution().row_dual)[self.fixed :])
        weight = np.bincount(self.cut_at, weights=dual, minlength=len(self.points))
        order = np.argsort(-weight, kind="stable")
        return tuple(self.points[i] for i in order if weight[i] > 0)

    def cash_rows(self) -> Rows:
        """R9 as far as cuts know it."""
        some = [i for i, (name, _, _) in enumerate(self.cut_of) if name == "cash"]
        return blocks.rows(
            "R9",
            "cash",
            [(np.full(len(self.cut_rows[i][0]), n), *self.cut_rows[i]) for n, i in enumerate(some)],
            lower=np.array([self.cut_lower[i] for i in some]),
            count=len(some),
        )

    def hold(self) -> None:
        """Never drop the cuts that bind now: they are what makes the bound."""
        dual = np.array(self.highs.getSolution().row_dual)[self.fixed :]
        for i in np.flatnonzero(np.abs(dual) > 1e-9):
            self.idle[i] = -1

    def forget_mean(self) -> None:
        """In two stages: leave the mean outcome out from now on, and start from no basis.

        It finds the first good policies; around a good plan the cuts say as much, and its rows are
        most of the simplex's work. A tree keeps it: its branches' outcomes say more than cuts.
        """
        n = len(self.columns.lower)
        if self.width == n or branches(self.futures):
            return
        del self.rules[self.without_mean :]
        self.fixed = sum(len(block) for block in self.rules)
        self.lower, self.upper, self.cost = self.lower[:n], self.upper[:n], self.cost[:n]
        self.highs = self.programme(np.zeros(n, dtype=bool))

    def fix(self, sums: Floats | None, items: Bools | None = None) -> None:
        """Hold the running sums (I, M) of some items; None: let all go free again."""
        layout = self.columns
        some = layout.by >= 0
        if items is not None:
            some &= items[:, None]
        columns = np.unique(layout.by[some]).astype(np.int32)
        if sums is None:
            lower, upper = self.lower[columns], self.upper[columns]
        else:
            value = np.zeros(self.width)
            value[layout.by[some]] = sums[some]
            lower = upper = value[columns]
        self.highs.changeColsBounds(len(columns), columns, lower, upper)

    def fix_columns(self, columns: Ints, values: Floats) -> None:
        """Hold columns at values."""
        self.highs.changeColsBounds(len(columns), columns.astype(np.int32), values, values)

    def free_columns(self, columns: Ints) -> None:
        """Give columns their own bounds again."""
        self.highs.changeColsBounds(
            len(columns), columns.astype(np.int32), self.lower[columns], self.upper[columns]
        )

    def broken(self, found: Outcome) -> list[tuple[str, float]]:
        """Rules that a schedule breaks, with by how much: first-stage rows, bounds, R9 and R11."""
        layout, capital = self.columns, self.rollout.capital
        values = np.append(layout.values(found.schedule), np.zeros(self.width - len(layout.lower)))
        out = []
        for block in self.rules[: self.first_stage]:
            some = block.column >= 0
            left = np.bincount(
                block.row[some],
                weights=block.value[some] * values[block.column[some]],
                minlength=len(block),
            )
            over = np.maximum(block.lower - left, left - block.upper).max(initial=0.0)
            if over > SLACK * (1 + np.abs(left).max(initial=0.0)):
                out.append((block.rule, float(over)))
        beyond = float((values - self.upper).max())
        if beyond > SLACK:
            out.append(("bound", beyond))
        short = float((capital.cash_min - found.cash).max())
        if short > SLACK * (1 + abs(capital.cash_now)):
            out.append(("R9", short))
        if capital.cover_min > 0:
            probability = self.futures.probability
            service = probability @ found.money.service
            missing = capital.cover_min * service - probability @ found.margin
            lacks = float(np.where(service > SLACK, missing, 0.0).max())
            if lacks > SLACK * (1 + abs(capital.cash_now)):
                out.append(("R11", lacks))
        return out

    def drop_idle(self) -> None:
        """Forget cuts that have not bound for a while; call after a solve."""
        dual = np.array(self.highs.getSolution().row_dual)[self.fixed :]
        for i, value in enumerate(dual):
            if self.idle[i] >= 0:
                self.idle[i] = 0 if abs(value) > 1e-9 else self.idle[i] + 1
        gone = np.flatnonzero(np.array(self.idle) > IDLE_MAX)
        if len(gone) < max(50, len(dual) // 5):
            return
        self.highs.deleteRows(len(gone), (gone + self.fixed).astype(np.int32))
        stay = np.setdiff1d(np.arange(len(dual)), gone)
        for name in ("cut_rows", "cut_lower", "cut_upper", "cut_of", "idle", "cut_at"):
            old = getattr(self, name)
            setattr(self, name, [old[i] for i in stay])

    def _keep(self, slope: Floats, of: int, constant: float, what: tuple[str, int, int]) -> None:
        """of - slope x <= constant; without a column: slope x >= constant."""
        column = np.flatnonzero(slope)
        if of >= 0:
            column, value = np.append(column, of), np.append(-slope[column], 1.0)
            lower, upper = -np.inf, constant
        else:
            value, lower, upper = slope[column], constant, np.inf
        self.cut_rows.append((column, value))
        self.cut_lower.append(lower)
        self.cut_upper.append(upper)
        self.cut_of.append(what)
        self.idle.append(0)
        self.cut_at.append(len(self.points) - 1)

    def _append(self, highs: highspy.Highs, first: int) -> None:
        some = self.cut_rows[first:]
        if not some:
            return
        sizes = np.array([len(column) for column, _ in some])
        blocks.add_compressed(
            highs,
            np.array(self.cut_lower[first:]),
            np.array(self.cut_upper[first:]),
            np.cumsum(sizes) - sizes,
            np.concatenate([column for column, _ in some]),
            np.concatenate([value for _, value in some]),
        )

    def _short(self, found: Outcome) -> tuple[Ints, Ints]:
        """Outcomes and quarters to cut off: the shortest of a quarter, worst quarters first."""
        missing = self.rollout.capital.cash_min - found.cash
        worst = missing.argmax(axis=0)
        by_quarter = missing[worst, np.arange(missing.shape[1])]
        some = np.argsort(-by_quarter, kind="stable")[:CASH_CUTS]
        some = some[by_quarter[some] > 1e-7]
        return worst[some], some

    def _objective(self) -> tuple[Floats, float, Floats, Floats]:
        """Cost of the columns, its constant, and expected running margin (T, n) with constant."""
        rollout, futures, layout = self.rollout, self.futures, self.columns
        weights = np.broadcast_to(futures.probability[:, None], futures.path.shape)
        by_quarter = pull(rollout, futures, self.running, weights)
        running = layout.coefficients(by_quarter)
        share = by_slot(futures, futures.probability)
        worth = self.known.worth[:, futures.slot_quarter] * share
        discount, risk = rollout.capital.discount, rollout.risk_weight
        cost = (1 - risk) * (discount @ running + layout.coefficients(worth))
        cost[layout.margin] = (1 - risk) * discount
        cost[layout.tail] = risk
        now = standing_margin(rollout)
        return cost, float((1 - risk) * (discount @ now)), running, now

    def _rules(self, running: Floats, now: Floats) -> list[Rows]:
        rollout, futures, layout = self.rollout, self.futures, self.columns
        found: list[Rows] = [
            order.begun_stays_begun(layout),
            grid.tranche_order(rollout, layout),
            grid.tranche_offtake(rollout, layout),
            supply.allocation(rollout, futures, layout),
            supply.minimum(rollout, futures, layout),
            dependence.vendors(rollout, futures, layout),
            dependence.countries(rollout, futures, layout),
            contracts.hedge(rollout, futures, layout),
        ]
        self.first_stage = sum(1 for block in found if len(block))
        if len(money.due_quarters(rollout)):
            found += money.cover(rollout, futures, layout, running, now)
        return [block for block in found if len(block)]

    def _upper(self) -> Floats:
        """Bounds; the expectations cannot be more than all demand served for nothing."""
        rollout, futures, layout = self.rollout, self.futures, self.columns
        upper = layout.upper.copy()
        best = futures.probability @ (np.maximum(0.0, futures.price) * futures.demand).sum(axis=0)
        upper[layout.margin] = best
        positive = np.maximum(0.0, self.known.worth).max(axis=1, initial=0.0)
        held = layout.by.max(axis=1)
        some = held >= 0
        most = np.where(np.isfinite(upper[held]), upper[held], 0.0)
        upper[layout.tail] = 10 * (
            (np.maximum(0.0, futures.price) * futures.demand).sum(axis=(0, 2)).max()
            + float((positive * most)[some].sum())
            + np.abs(futures.spot).max(initial=0.0) * rollout.market.offer_mw_max.sum() * 1e3
        )
        if not len(money.due_quarters(rollout)):
            upper[layout.in_service] = 0.0
        return upper
