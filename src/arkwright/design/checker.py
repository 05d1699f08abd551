"""The checker: a pass over a finished design that trusts nothing in it.

It adds up again what the design says, from cables, racks and the catalogue (K, C, P, H), holds it
against limits (L), removes any one part (R), and compares it with what was published (B).
"""

from __future__ import annotations

from collections.abc import Iterable

from arkwright.design.blueprint import Severity
from arkwright.design.rules import bands, budget, cables, counts, heat, limits, loss, power, swing
from arkwright.design.rules.fault import Fault
from arkwright.design.whole import Design
from arkwright.factory import Factory

_SUBJECTS = "KCPHLRBM"
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check(factory: Factory, design: Design) -> tuple[Fault, ...]:
    """Every fault of `design`, worst first. No error and no warning: the checker passes it."""
    return _sorted([*check_network(factory, design), *check_plant(factory, design)])


def check_network(factory: Factory, design: Design) -> tuple[Fault, ...]:
    """What is found in racks, cables and switches alone, whatever feeds and cools them."""
    return _sorted([*cables.check(factory, design), *loss.check_network(design)])


def check_plant(factory: Factory, design: Design) -> tuple[Fault, ...]:
    """Every other fault."""
    subjects = (counts.check, power.check, heat.check, limits.check,
                swing.check, loss.check_plant, bands.check, budget.check)  # fmt: skip
    return _sorted([fault for subject in subjects for fault in subject(factory, design)])


def _sorted(found: Iterable[Fault]) -> tuple[Fault, ...]:
    """Worst first; of one severity by subject, in the order found."""

    def place(fault: Fault) -> tuple[int, int]:
        return _ORDER.index(fault.severity), _SUBJECTS.index(fault.rule[0])

    return tuple(sorted(found, key=place))


def passes(faults: tuple[Fault, ...]) -> bool:
    """Whether nothing worse than a note was found."""
    return all(fault.severity is Severity.NOTE for fault in faults)
