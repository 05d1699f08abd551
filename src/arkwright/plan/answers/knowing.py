"""What waiting, planning for all outcomes, and knowing them would be worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from msgspec import Struct

from arkwright.errors import InfeasibleError
from arkwright.plan.futures import Futures, branches
from arkwright.plan.rollout import Rollout
from arkwright.plan.value import (
    Solve,
    Solved,
    Worth,
    perfect_information,
    stochastic_solution,
    waiting,
)


class Knowing(Struct, frozen=True, kw_only=True):
    """One difference of two plans, M."""

    name: str
    value: float | None
    """None where the other plan cannot be carried out."""
    low: float
    high: float | None
    words: str


def knowing(
    rollout: Rollout, futures: Futures, solve: Solve, solve_one: Solve, plan: Solved
) -> tuple[Knowing, ...]:
    """Waiting (of a tree), the stochastic solution, perfect information. `plan` is of these
    futures; `solve_one` is used for each outcome by itself."""
    return tuple(_told(one) for one in _worths(rollout, futures, solve, solve_one, plan))


def _worths(
    rollout: Rollout, futures: Futures, solve: Solve, solve_one: Solve, plan: Solved
) -> Iterator[Worth]:
    asked: list[Callable[[], Worth]] = [
        lambda: stochastic_solution(rollout, futures, solve, plan),
        lambda: perfect_information(rollout, futures, solve_one, plan),
    ]
    if branches(futures):
        asked.insert(0, lambda: waiting(rollout, futures, solve, plan))
    for ask in asked:
        try:
            yield ask()
        except InfeasibleError:
            # No other plan to compare with was found in the time: nothing can be said.
            continue


def _told(worth: Worth) -> Knowing:
    return Knowing(
        name=worth.name,
        value=worth.value if math.isfinite(worth.value) else None,
        low=worth.low,
        high=worth.high if math.isfinite(worth.high) else None,
        words=worth.words,
    )
