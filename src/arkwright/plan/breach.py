"""A rule that is broken: found by comparing arrays, told in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Bools, Floats, Rollout

TOLERANCE = 1e-6
"""Of what is allowed, and at least of one unit: what solvers leave."""


class Breach(Struct, frozen=True, kw_only=True):
    """A rule that a schedule breaks, where it is broken worst."""

    rule: int
    """Its number: R9 is 9."""
    where: str
    """Site, hall, generation, …"""
    when: str
    """Quarter."""
    outcome: str
    found: float
    allowed: float
    unit: str
    times: int
    """In how many quarters of how many outcomes, in all."""
    words: str
    """The whole of it as a sentence."""


class Bench(Struct, frozen=True, kw_only=True, eq=False):
    """What breaches are told in: names of outcomes and quarters."""

    rollout: Rollout
    futures: Futures

    def above(
        self, rule: int, where: Sequence[str], found: Floats, most: Floats, unit: str, words: str
    ) -> Iterator[Breach]:
        """Where `found` (X, W, T) exceeds `most`, one breach for each X.

        With one quarter on the last axis it is the horizon's end, with one outcome their mean.
        `words` may name {where}, {when}, {found} and {allowed}.
        """
        yield from self._off(rule, where, found, most, unit, words, found - most)

    def below(
        self, rule: int, where: Sequence[str], found: Floats, least: Floats, unit: str, words: str
    ) -> Iterator[Breach]:
        """Where `found` (X, W, T) falls short of `least`."""
        yield from self._off(rule, where, found, least, unit, words, least - found)

    def whole(self, rule: int, where: Sequence[str], found: Floats, unit: str) -> Iterator[Breach]:
        """Decisions (X, W, T) that are no whole number, or negative."""
        nearest = np.maximum(0.0, np.round(found))
        words = f"{{found}} {unit} of {{where}} in {{when}} is no count"
        yield from self._off(rule, where, found, nearest, unit, words, np.abs(found - nearest))

    def negative(
        self, rule: int, where: Sequence[str], found: Floats, unit: str
    ) -> Iterator[Breach]:
        """Amounts (X, W, T) below nothing."""
        words = f"{{found}} {unit} of {{where}} in {{when}} is less than nothing"
        yield from self.below(rule, where, found, np.zeros_like(found), unit, words)

    def forbidden(
        self, rule: int, where: Sequence[str], found: Floats, may: Bools, unit: str
    ) -> Iterator[Breach]:
        """Decisions (X, W, T) in quarters in which `may` (X, T) is false."""
        words = f"{{found}} {unit} of {{where}} in {{when}}, when it may not be"
        limit = np.where(may[:, None, :], found, 0.0)
        yield from self.above(rule, where, found, limit, unit, words)

    def _off(
        self,
        rule: int,
        where: Sequence[str],
        found: Floats,
        allowed: Floats,
        unit: str,
        words: str,
        off: Floats,
    ) -> Iterator[Breach]:
        names = self.rollout.names
        for x in range(len(found)):
            broken = off[x] > TOLERANCE * np.maximum(1.0, np.abs(allowed[x]))
            if not broken.any():
                continue
            w, t = np.unravel_index(np.argmax(np.where(broken, off[x], 0.0)), broken.shape)
            when = names.quarters[t if broken.shape[1] > 1 else -1]
            outcome = self.futures.names[w] if len(broken) > 1 else ""
            if len(self.futures.names) == 1:
                outcome = self.futures.names[0]
            told = words.format(
                where=where[x],
                when=when,
                found=f"{found[x, w, t]:,.6g}",
                allowed=f"{allowed[x, w, t]:,.6g}",
            )
            yield Breach(
                rule=rule,
                where=where[x],
                when=when,
                outcome=outcome or "all outcomes",
                found=float(found[x, w, t]),
                allowed=float(allowed[x, w, t]),
                unit=unit,
                times=int(broken.sum()),
                words=f"R{rule}: {told}" + (f" ({outcome})" if outcome else ""),
            )
