"""The checker: a pass over a finished design that trusts nothing in it.

It adds up again what the design says, from cables, racks and the catalogue (K, C, P, H), holds it
against limits (L), removes any one part (R), and compares it with what was published (B).
"""

from __future__ import annotations

from arkwright.design.blueprint import Severity
from arkwright.design.rules import bands, cables, counts, heat, limits, loss, power
from arkwright.design.rules.fault import Fault
from arkwright.design.whole import Design
from arkwright.factory import Factory

_SUBJECTS = (counts, cables, power, heat, limits, loss, bands)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check(factory: Factory, design: Design) -> tuple[Fault, ...]:
    """Every fault of `design`, worst first. No error and no warning: the checker passes it."""
    found = [fault for subject in _SUBJECTS for fault in subject.check(factory, design)]
    return tuple(sorted(found, key=lambda fault: _ORDER.index(fault.severity)))


def passes(faults: tuple[Fault, ...]) -> bool:
    """Whether nothing worse than a note was found."""
    return all(fault.severity is Severity.NOTE for fault in faults)
