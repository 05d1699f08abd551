"""What the rules of the first stage cost: one more rack allotted, one more M of loan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from arkwright.plan.answers.wording import money
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Names, Rollout
from arkwright.plan.rule_table import TITLES
from arkwright.plan.solution import Price

_UNITS = {
    "R5": "MW of offtake", "R6": "hall", "R7": "rack", "R8": "rack less", "R9": "M of cash",
    "R10": "M of loan", "R11": "M of margin", "R13": "H100-equivalent", "R14": "MW", "R16": "MW",
}  # fmt: skip
"""What one more of is meant, by rule."""
_NOTHING = 1e-6


class Shadow(Struct, frozen=True, kw_only=True):
    """One limit and what one more of it is worth."""

    rule: str
    title: str
    of: str
    """`gb300`, `narvik/2`; empty for the programme."""
    quarter: int
    """-1 where the rule is of no one quarter."""
    unit: str
    worth: float
    """M of the objective."""


def shadows(rollout: Rollout, futures: Futures, prices: Sequence[Price]) -> tuple[Shadow, ...]:
    """Limits that cost something, the dearest first; those of one quarter are added up over what
    may be known by then."""
    names = _names(rollout.names)
    found: dict[tuple[str, str, str, int], float] = {}
    for price in prices:
        for row, value in enumerate(price.value.tolist()):
            of, quarter = [], -1
            for axis, index in zip(price.axes, price.index, strict=True):
                at = int(index[row])
                if axis == "slot":
                    quarter = int(futures.slot_quarter[at])
                elif axis == "quarter":
                    quarter = at
                elif axis in names:
                    of.append(names[axis][at])
            key = (price.rule, price.words, " ".join(of), quarter)
            found[key] = found.get(key, 0.0) + abs(value)
    lines = [
        Shadow(
            rule=rule,
            title=words or TITLES.get(rule, ""),
            of=of,
            quarter=quarter,
            unit=_UNITS.get(rule, "unit"),
            worth=worth,
        )
        for (rule, words, of, quarter), worth in found.items()
        if worth > _NOTHING and rule in TITLES
    ]
    return tuple(sorted(lines, key=lambda line: (-line.worth, line.rule, line.quarter)))


def shadow_words(one: Shadow, rollout: Rollout) -> str:
    """`R7 allocation of gb300 in 2027-Q2: one rack more is worth 0.31 M USD`."""
    where = f" of {one.of}" if one.of else ""
    when = f" in {rollout.names.quarters[one.quarter]}" if one.quarter >= 0 else ""
    unit = one.unit.removesuffix(" less")
    side = "more" if unit == one.unit else "less"
    worth = money(one.worth, rollout.currency)
    return f"{one.rule} {one.title}{where}{when}: one {unit} {side} is worth {worth}"


def _names(names: Names) -> Mapping[str, tuple[str, ...]]:
    return {
        "tranche": names.tranches, "place": names.places, "generation": names.generations,
        "country": names.countries, "vendor": names.vendors, "facility": names.facilities,
        "offer": names.offers, "site": names.sites, "class": names.classes,
    }  # fmt: skip
