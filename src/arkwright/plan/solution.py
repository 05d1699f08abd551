"""What a solve gives back."""

from __future__ import annotations

from msgspec import Struct

from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Floats, Ints
from arkwright.plan.schedule import Schedule


class Progress(Struct, frozen=True, kw_only=True):
    """How far a solve is."""

    seconds: float
    phase: str
    """`policy` (nothing whole yet), `plan`, `whole racks`."""
    value: float
    """Of the best plan so far, M; -inf before the first."""
    policy: float
    """Of the best plan of divisible halls, tranches and racks; -inf before the first."""
    bound: float
    """No plan is worth more, M."""

    @property
    def gap(self) -> float:
        """What the best plan may miss, relative to its value."""
        return relative_gap(self.value, self.bound)


class Price(Struct, frozen=True, kw_only=True, eq=False):
    """What a rule's limits cost: M of the objective for one more unit of each, in the policy."""

    rule: str
    words: str
    axes: tuple[str, ...]
    """What `index` counts: tranche, place, generation, country, vendor, facility, slot, …"""
    index: tuple[Ints, ...]
    value: Floats


class Solution(Struct, frozen=True, kw_only=True, eq=False):
    """The best plan found, and how much better one can be at most."""

    schedule: Schedule
    outcome: Outcome
    """`evaluate` of it."""
    value: float
    bound: float
    gap: float
    stopped: str
    """`gap`, `time`, `interrupted` or `exhausted`."""
    policy: Schedule
    """The best plan of divisible halls, tranches and racks."""
    policy_value: float
    prices: tuple[Price, ...]
    """Of every first-stage rule that binds in the policy."""
    warm: tuple[Schedule, ...]
    """Where cuts were taken that bind: what another solve starts from."""
    history: tuple[Progress, ...]


def relative_gap(value: float, bound: float) -> float:
    """(bound - value) / |value|; 0 if nothing is left, inf without a value."""
    if value == -float("inf"):
        return float("inf")
    left = max(0.0, bound - value)
    return left / abs(value) if abs(value) > 1e-9 else (0.0 if left < 1e-9 else float("inf"))
