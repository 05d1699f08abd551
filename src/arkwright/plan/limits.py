"""The limits that decisions are under, one by one, with the words to tell them in.

A rule has many rows: one for each generation and quarter, outcome, slot. A **limit** is what
somebody could change: the allocation of a generation in a quarter, the cash at the end of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

CLAUSES = {
    # key: (as a clause, what would give way)
    "once": ("R5 wants {where} after {other}", "start {where} without {other}"),
    "offtake": (
        "R5 wants {limit} MW of racks ordered at its site before {where} starts",
        "ask for {by} MW less of racks before {where}",
    ),
    "start": ("R5 lets {where} start {when}", "let {where} start at another time"),
    "halls": ("R6 has room for {limit} halls of {where}", "make room for {by} more of {where}"),
    "build": (
        "R6 lets halls of {where} begin {when}",
        "let {by} halls of {where} begin at another time",
    ),
    "allocation": (
        "R7 allows {limit} racks of {where} in {when}",
        "get {by} more racks of {where} allocated in {when}",
    ),
    "order": (
        "R7 lets {where} be ordered {when}",
        "let {by} racks of {where} be ordered at another time",
    ),
    "minimum": (
        "R8 wants {limit} racks of {where} ordered by {when}",
        "agree to {by} fewer racks of {where} by {when}",
    ),
    "cash": (
        "R9 wants {limit} M of cash left at the end of {when}{outcome}",
        "find {by} M of cash by {when}",
    ),
    "loan": (
        "R10 lets {limit} M of {where} be drawn by {when}",
        "borrow {by} M more of {where} by {when}",
    ),
    "cover": (
        "R11 wants {limit} times the debt service of {when} earned",
        "accept a margin that is {by} M short of cover in {when}",
    ),
    "vendor": (
        "R13 lets {limit} % of the compute ordered be of {where}",
        "accept {by} H100-equivalents more of {where} than its share",
    ),
    "country": (
        "R14 lets {limit} % of the MW started be in {where}",
        "accept {by} MW more in {where} than its share",
    ),
    "offer": ("R16 has {limit} MW of {where}", "have {by} MW more of {where} offered"),
    "sign": (
        "R16 lets {where} be signed {when}",
        "let {by} MW of {where} be signed at another time",
    ),
    "hedge": (
        "R16 lets {limit} % of the MW started in {where} be under contract in {when}",
        "accept {by} MW more under contract in {where} in {when}",
    ),
}

WHOLE = ("racks", "halls")
"""Units that give way by whole ones only."""


class Limit(Struct, frozen=True, kw_only=True):
    """One limit of one rule."""

    rule: int
    """Its number: R7 is 7."""
    clause: str
    """Which of the rule's formulas, a key of `CLAUSES`."""
    limit: float
    """What may be or must be, in `unit`; of shares, %."""
    unit: str
    """Also of what it gives way by."""
    where: str = ""
    """Generation, tranche, country, …; empty where there is only one."""
    when: str = ""
    """Quarter; empty where it holds for all."""
    other: str = ""
    """What else it names."""
    outcome: str = ""
    """For cash: where it is shortest."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells limits apart."""
        return self.clause, self.where, self.when

    @property
    def words(self) -> str:
        """As a clause of a sentence."""
        return self._told(CLAUSES[self.clause][0], 0.0)

    def relaxed(self, by: float) -> str:
        """What to do, in the imperative."""
        return self._told(CLAUSES[self.clause][1], by)

    def all_relaxed(self, same: Sequence[tuple[Limit, float]]) -> str:
        """What to do about several limits that differ in their quarter only."""
        if len(same) == 1:
            return same[0][0].relaxed(same[0][1])
        most = max(by for _, by in same)
        when = _listed([limit.when for limit, _ in same])
        return f"{replace(self, when=when).relaxed(most)}, or less in some of them"

    def together(self, same: Sequence[Limit]) -> str:
        """The clause of several limits that differ in their quarter only."""
        if len(same) == 1:
            return self.words
        quarters = [limit.when for limit in same]
        if self.clause == "allocation":
            total = sum(limit.limit for limit in same)
            return replace(self, limit=total, when=_listed(quarters)).words
        if len({limit.limit for limit in same}) == 1:
            return replace(self, when=_listed(quarters)).words
        return "; ".join(limit.words for limit in same)

    def _told(self, words: str, by: float) -> str:
        return words.format(
            where=self.where,
            when=self.when,
            limit=_number(self.limit),
            by=_number(float(math.ceil(by - 1e-6)) if self.unit in WHOLE else by),
            other=self.other,
            outcome=f" in {self.outcome}" if self.outcome else "",
        )


def _listed(quarters: Sequence[str]) -> str:
    if len(quarters) == 2:
        return " and ".join(quarters)
    return f"{quarters[0]} to {quarters[-1]} ({len(quarters)} quarters)"


def _number(x: float) -> str:
    return f"{x:,.6g}" if abs(x) < 1e6 else f"{x:,.0f}"
