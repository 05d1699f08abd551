"""The `programme.declared` section: what was announced or contracted, with source and date.

One entry is one statement, as it was made on one day. A headline, its first phase, the contract
behind it and the money for it are different quantities, so each has a section of its own, and every
megawatt says its basis, if only that none was stated.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, field

from arkwright.catalog import Grade
from arkwright.factory.section import Section
from arkwright.units import AmountText, Kilowatts


class DeclaredKind(Enum):
    """How far a statement goes: six different figures that are easily taken for one."""

    ANNOUNCED = "announced"
    """Somebody said so."""
    CONTRACTED = "contracted"
    """A customer or a supplier has signed."""
    FUNDED = "funded"
    """Money was raised or committed."""
    GRID_SECURED = "grid-secured"
    """A connection of so many megawatts is reserved."""
    ENERGISED = "energised"
    """The building stands and power flows."""
    INSTALLED = "installed"
    """The GPUs stand."""
    UTILISED = "utilised"
    """They are used."""


REACHED = (DeclaredKind.ENERGISED, DeclaredKind.INSTALLED, DeclaredKind.UTILISED)
"""Kinds that tell of a state that was there when it was stated."""


class DeclaredBasis(Enum):
    """Where a declared megawatt is counted."""

    GRID = "grid"
    FACILITY = "facility"
    IT = "it"
    AI_CAPACITY = "ai-capacity"
    """Said so, without a definition."""
    UNSTATED = "unstated"
    """The statement did not say."""


Moment = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}(-(Q[1-4]|H[12]|\d\d(-\d\d)?))?$",
        description="a year, half, quarter, month or day",
        examples=["2026-Q4"],
        # A year alone is a number to YAML.
        extra_json_schema={"type": ["string", "integer"]},
    ),
]
"""`declared_dates.period` reads it."""
Day = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\d$", description="a day", examples=["2025-07-31"])
]
DeclaredGpus = Annotated[int, Meta(ge=1, le=100_000_000)]


class DeclaredSize(Section, frozen=True, kw_only=True):
    """How much by when."""

    gpus: DeclaredGpus | None = None
    power: Kilowatts | None = None
    basis: DeclaredBasis | None = None
    """Of `power`; `unstated` where the statement does not say."""
    start: Moment | None = field(name="from", default=None)
    """When the first of it runs."""
    by: Moment | None = None
    """When all of it runs."""


class DeclaredPhase(DeclaredSize, frozen=True, kw_only=True):
    """A part of the headline with its own size and money."""

    money: AmountText | None = None
    """What the phase costs."""
    equity: AmountText | None = None
    """The part of it that owners pay."""


class DeclaredContract(Section, frozen=True, kw_only=True):
    """What a customer signed for the headline's GPUs."""

    value: AmountText | None = None
    years: Annotated[float, Meta(gt=0, le=50)] | None = None


class DeclaredFunds(Section, frozen=True, kw_only=True):
    """Money that was raised or committed."""

    equity: AmountText | None = None
    debt: AmountText | None = None


class Declared(Section, frozen=True, kw_only=True):
    """One statement about a programme, as it was made."""

    kind: DeclaredKind
    stated: Day
    """When it was said."""
    source: Annotated[str, Meta(min_length=1)]
    grade: Grade = Grade.SECONDARY
    """How far the source can be trusted, as in the catalogue."""
    note: str | None = None
    sites: tuple[str, ...] = ()
    """Of the factory's; none: the programme as a whole."""
    system: str | None = None
    """Catalogue name; none where the statement names no machine."""
    customer: str | None = None
    headline: DeclaredSize | None = None
    """What is promised as a whole."""
    phase: DeclaredPhase | None = None
    ambition: DeclaredSize | None = None
    """What is talked of beyond the headline: options, expansions."""
    contract: DeclaredContract | None = None
    funded: DeclaredFunds | None = None
    within: tuple[str, ...] = ()
    """Statements whose figures hold this one's already: it is not counted beside them."""
    updates: tuple[str, ...] = ()
    """Earlier statements that this one takes the place of."""
    withdraws: tuple[str, ...] = ()
    """Earlier statements that nobody holds to any more."""
