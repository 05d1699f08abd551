"""What the plan's worth hangs on: each input a little lower and higher, alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from arkwright.plan.answers.changed import INPUTS, Pair
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import evaluate
from arkwright.plan.rollout import Rollout
from arkwright.plan.schedule import Schedule

SHARE = 0.2
"""By which prices and demand are moved: the same for each, so that bars compare."""
QUARTERS = 1.0
"""By which dates are moved."""


class Bar(Struct, frozen=True, kw_only=True):
    """One input moved both ways; money in M."""

    name: str
    lower: str
    """How it is moved down: `-20 %`, `1 quarter sooner`."""
    higher: str
    npv_lower: float
    """E[NPV] with the schedule as it is."""
    npv_higher: float
    cvar_lower: float
    cvar_higher: float
    objective_lower: float
    """Of the schedule as it is, as the programme weighs mean and tail."""
    objective_higher: float
    again_lower: float | None = None
    """Objective of a plan made anew for it, where that was asked."""
    again_higher: float | None = None

    @property
    def width(self) -> float:
        """How much it moves E[NPV]."""
        return abs(self.npv_higher - self.npv_lower)


def tornado(
    rollout: Rollout,
    futures: Futures,
    schedule: Schedule,
    again: Callable[[Rollout, Futures], float] | None = None,
) -> tuple[Bar, ...]:
    """Inputs by how much they move the expected NPV, widest first.

    `again` plans anew for a changed input and gives the objective; it shows how much of a bar can
    be planned around.
    """
    bars = []
    for one in INPUTS:
        ends = (-QUARTERS, QUARTERS) if one.is_dates else (1 - SHARE, 1 + SHARE)
        pairs = [one.put(rollout, futures, end) for end in ends]
        values = [_worth(pair, schedule) for pair in pairs]
        lower, higher = _words(is_dates=one.is_dates)
        bars.append(
            Bar(
                name=one.name,
                lower=lower,
                higher=higher,
                npv_lower=values[0][0],
                npv_higher=values[1][0],
                cvar_lower=values[0][1],
                cvar_higher=values[1][1],
                objective_lower=values[0][2],
                objective_higher=values[1][2],
                again_lower=again(*pairs[0]) if again else None,
                again_higher=again(*pairs[1]) if again else None,
            )
        )
    return tuple(sorted(bars, key=lambda bar: -bar.width))


def moving(bars: Sequence[Bar]) -> list[Bar]:
    """Those that move anything."""
    widest = max((bar.width for bar in bars), default=0.0)
    return [bar for bar in bars if bar.width > 1e-9 + 1e-6 * widest]


def _worth(pair: Pair, schedule: Schedule) -> tuple[float, float, float]:
    rollout, futures = pair
    outcome = evaluate(rollout, futures, schedule)
    return outcome.expected, outcome.cvar, outcome.value


def _words(*, is_dates: bool) -> tuple[str, str]:
    if is_dates:
        unit = "quarter" if QUARTERS == 1 else "quarters"
        return f"{QUARTERS:g} {unit} sooner", f"{QUARTERS:g} {unit} later"
    return f"\N{MINUS SIGN}{SHARE:.0%}", f"+{SHARE:.0%}"
