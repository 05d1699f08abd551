"""The rules of a plan by number, as explanations cite them. `docs/plan.md` says them at length."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One rule."""

    number: str
    title: str
    formula: str
    """In every outcome and quarter unless it says otherwise."""


RULES: tuple[Rule, ...] = (
    Rule("R1", "grid", "MW of racks in use at a site ≤ MW energised there"),
    Rule("R2", "halls", "MW of racks in use in a place ≤ MW of its ready halls; racks only where "
         "density and cooling fit"),
    Rule("R3", "deliveries", "racks in use ≤ racks that stand"),
    Rule("R4", "end of life", "racks stand from delivery until they are written off"),
    Rule("R5", "tranches", "each at most once; none before the one ahead of it; a later one only "
         "when racks for its offtake have been ordered at the site"),
    Rule("R6", "building ground", "halls begun in a place ≤ halls it has room for"),
    Rule("R7", "allocation", "racks of a generation ordered in a quarter ≤ what its vendor allots"),
    Rule("R8", "agreed purchases", "racks of a generation ordered so far ≥ what was agreed"),
    Rule("R9", "cash", "cash at the end of the quarter ≥ the least that is allowed"),
    Rule("R10", "loans", "drawn so far ≤ what the lender has released"),
    Rule("R11", "debt cover", "expected margin ≥ cover × expected debt service, in every quarter "
         "with service"),
    Rule("R12", "residency", "a country's own demand is served from its own sites only"),
    Rule("R13", "one vendor", "compute ordered from a vendor ≤ its share of all compute ordered"),
    Rule("R14", "one country", "MW begun in a country ≤ its share of all MW begun"),
    Rule("R15", "one customer", "compute served to a class ≤ its share of the compute that stands"),
    Rule("R16", "hedging", "MW under power contracts in a country ≤ share × MW promised by then"),
)  # fmt: skip
TITLES = {rule.number: rule.title for rule in RULES}
