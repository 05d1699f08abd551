"""M: what the factory costs against what it may cost."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright.design.blueprint import Severity
from arkwright.design.budget import over_budget
from arkwright.design.rules.fault import Fault
from arkwright.design.span import Span
from arkwright.design.whole import Design
from arkwright.factory import Factory


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """M1: the high end of what it costs to build is within `money.budget`."""
    for cost, limit in over_budget(factory, design):
        currency = factory.money.currency
        even = "even at the low end " if cost.low > limit else ""
        yield Fault(
            rule="M1",
            severity=Severity.WARNING,
            where=factory.factory,
            margin=f"-{Span(cost.high - limit, cost.high - limit).text(currency)}",
            text=f"it costs {cost.text(currency)} to build, {even}more than the budget of "
            f"{factory.money.budget}",
            fix="build fewer racks, or leave one hall without a number: it gets what is left",
        )
