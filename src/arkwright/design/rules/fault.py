"""What a rule finds, and how close two figures of the same thing must be."""

from __future__ import annotations

from msgspec import Struct

from arkwright.design.blueprint import Severity

FIGURES = 4
"""Significant figures that a fault says of a power."""
TOLERANCE = 1e-4
"""Share by which two sums of the same kilowatts may differ, for they are added in another order."""


class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong with a finished design."""

    rule: str
    """Letter of its subject and a number, for example C3."""
    severity: Severity
    where: str
    margin: str
    """How far off, with its unit; below zero what is missing."""
    text: str
    fix: str
    source: str = ""


def differs(found: float, right: float) -> bool:
    """Whether two figures of the same thing are not the same."""
    return abs(found - right) > TOLERANCE * max(1.0, abs(found), abs(right))


def contradiction(rule: str, where: str, text: str, margin: str, source: str = "") -> Fault:
    """A fault of the design itself."""
    fix = "the design contradicts itself: please report it with the factory file"
    return Fault(rule=rule, severity=Severity.ERROR, where=where, margin=margin, text=text,
                 fix=fix, source=source)  # fmt: skip


def unequal(rule: str, where: str, what: str, found: float, right: float) -> Fault:
    """A contradiction of two figures."""
    text = f"{what}: {found:,.6g} stated, {right:,.6g} counted"
    return contradiction(rule, where, text, f"{found - right:+,.6g}")
