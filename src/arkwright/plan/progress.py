"""The best so far, the bound, the clock, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable

import highspy

from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Floats
from arkwright.plan.schedule import Schedule
from arkwright.plan.solution import Price, Progress, relative_gap

QUIET_S = 0.5
"""After so long without a report there is one, so that Ctrl-C is heard."""


class Search:
    """What every phase of a solve reads and improves."""

    def __init__(
        self,
        *,
        gap: float,
        limit_s: float,
        clock: Callable[[], float],
        told: Callable[[Progress], None] | None,
        whole: bool = True,
    ) -> None:
        self.whole = whole
        self.gap, self.clock, self.told = gap, clock, told
        self.start = clock()
        self.end = self.start + limit_s
        self.phase = "policy"
        self.bound = float("inf")
        self.best: Outcome | None = None
        self.divisible: Outcome | None = None
        self.policy: Outcome | None = None
        self.points: tuple[Schedule, ...] = ()
        self.prices: tuple[Price, ...] = ()
        self.history: list[Progress] = []
        self.interrupted = False

    @property
    def value(self) -> float:
        """Of the best plan."""
        return -float("inf") if self.best is None else self.best.value

    @property
    def divisible_value(self) -> float:
        """Of the best plan whose racks may still be in parts."""
        return -float("inf") if self.divisible is None else self.divisible.value

    @property
    def policy_value(self) -> float:
        """Of the best divisible plan."""
        return -float("inf") if self.policy is None else self.policy.value

    @property
    def left_s(self) -> float:
        """Seconds until the limit."""
        return 0.0 if self.interrupted else self.end - self.clock()

    @property
    def done(self) -> bool:
        """The gap is reached, time is over, or somebody said stop."""
        return (
            self.interrupted or self.left_s <= 0 or relative_gap(self.value, self.bound) <= self.gap
        )

    def over(self) -> bool:
        """Time is over, or somebody said stop."""
        return self.interrupted or self.left_s <= 0

    def lower_bound_to(self, bound: float) -> None:
        """A valid bound; the best of all holds."""
        self.bound = min(self.bound, bound)

    def take_policy(self, found: Outcome | None, bound: float) -> None:
        """A bound, and the best divisible plan so far."""
        self.lower_bound_to(bound)
        if found is not None and found.value > self.policy_value:
            self.policy = found
        self.tell()

    def offer(self, found: Outcome) -> bool:
        """A feasible whole plan; returns whether it is the best."""
        if found.value <= self.value:
            return False
        self.best = found
        self.tell()
        return True

    def tell(self) -> None:
        """Report; who is told may raise KeyboardInterrupt to stop with the best so far."""
        now = Progress(
            seconds=self.clock() - self.start,
            phase=self.phase,
            value=self.value,
            policy=self.policy_value,
            bound=self.bound,
        )
        self.report(now)

    def report(self, now: Progress) -> None:
        """Keep and pass on."""
        self.history.append(now)
        if self.told is None or self.interrupted:
            return
        try:
            self.told(now)
        except KeyboardInterrupt:
            self.interrupted = True

    def watch(self, highs: highspy.Highs, until: float | None = None) -> None:
        """Interrupt a HiGHS run at the limit, at `until`, or when somebody says stop."""
        ends = self.end if until is None else min(until, self.end)
        # Between runs too: hundreds of short ones would otherwise say nothing for minutes.
        self._tell_again()

        def look(event: highspy.HighsCallbackEvent) -> None:
            self._tell_again()
            if self.interrupted or self.clock() >= ends:
                event.interrupt()

        for callback in (highs.cbSimplexInterrupt, highs.cbIpmInterrupt, highs.cbMipInterrupt):
            callback.clear()  # type: ignore[no-untyped-call]
            callback.subscribe(look)

    def _tell_again(self) -> None:
        """Report if the last report is a while ago."""
        quiet_s = self.clock() - self.start - (self.history[-1].seconds if self.history else 0.0)
        if quiet_s > QUIET_S:
            self.tell()


def mixed(a: Floats, b: Floats, share: float) -> Floats:
    """`share` of a and the rest of b."""
    return share * a + (1 - share) * b
