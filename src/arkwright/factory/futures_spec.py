"""The `programme.futures` section: what may happen, and how it is drawn.

Everything has a default in the catalogue. Prices and demand are walks around a mean that the file
says; delays, slips and lives are drawn from the shares that a `Spread` gives; a `tree` names events
after which the plan may go on differently, `stages` has such a tree made from what was drawn.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, field

from arkwright.factory.section import Section
from arkwright.units import (
    CarbonPriceText,
    EnergyPriceText,
    Fraction,
    GpuHourPriceText,
    Months,
)

QuarterText = Annotated[
    str,
    Meta(
        pattern=r"^20[0-9]{2}-Q[1-4]$",
        description="a quarter of a year",
        examples=["2027-Q2"],
    ),
]
EventName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,40}$",
        description="a short name of lower-case letters, digits and hyphens",
        examples=["openai-leaves"],
    ),
]
LagText = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]+ (quarters?|months?|years?)|never)$",
        description="a time in whole quarters, or never",
        examples=["2 quarters"],
    ),
]
"""`parse_lag` reads it."""
Spread: TypeAlias = dict[LagText, Fraction]
"""Probability of each time, for example `{0 quarters: 0.5, 2 quarters: 0.3, never: 0.2}`."""
Factor = Annotated[float, Meta(ge=0.0, le=1000.0)]
"""What something is multiplied by: 0.8 takes a fifth off."""
Volatility = Annotated[float, Meta(ge=0.0, le=5.0)]
"""Standard deviation of a year's change of the logarithm, 0.3 for about 30 %."""
Trend = Annotated[float, Meta(gt=-1.0, le=10.0)]
"""Change in a year as a share: -0.1 is a tenth less each year."""
Correlation = Annotated[float, Meta(ge=-1.0, le=1.0)]


class Jumps(Section, frozen=True, kw_only=True):
    """Sudden changes, which then revert like all others. They leave the mean where it is."""

    per_year: Annotated[float, Meta(ge=0.0, le=20.0)]
    size: Trend = 0.0
    """Of a middling jump: -0.3 takes 30 % off."""
    spread: Annotated[float, Meta(ge=0.0, le=3.0)] = 0.0
    """Standard deviation of a jump's logarithm."""


class Walk(Section, frozen=True, kw_only=True):
    """A price over time. Its mean goes from `start` to `reverts_to`; chance spreads it around."""

    half_life: Months | None = None
    """In which half of a deviation is gone; none takes the catalogue's."""
    volatility: Volatility | None = None
    trend: Trend | None = None
    """Of what it reverts to."""
    jumps: Jumps | None = None
    """None takes the catalogue's; `{per_year: 0}` has none."""


class RentalWalk(Walk, frozen=True, kw_only=True):
    """What an hour of an H100-equivalent rents for on the market."""

    start: GpuHourPriceText | None = None
    """In the first quarter, where a class gives no price; a market that gives one wanders around
    its own."""
    reverts_to: GpuHourPriceText | None = None


class EnergyWalk(Walk, frozen=True, kw_only=True):
    """Electricity at spot."""

    start: EnergyPriceText | None = None
    """In the first quarter; none takes the site's price of the section `energy`."""
    reverts_to: EnergyPriceText | None = None
    """None: where it starts."""


class CarbonWalk(Walk, frozen=True, kw_only=True):
    """What is reckoned for a tonne of CO2e of the electricity drawn."""

    start: CarbonPriceText | None = None
    """In the first quarter; none takes the programme's `carbon_price`."""
    reverts_to: CarbonPriceText | None = None
    """None: where it starts."""


class DemandWalk(Section, frozen=True, kw_only=True):
    """How a class's demand may differ from what the programme says, which is its mean."""

    growth: Trend | None = None
    """In a year, on top of what the programme says."""
    volatility: Volatility | None = None
    half_life: Months | None = None
    """In which half of a deviation is gone; none: deviations stay."""


class Correlations(Section, frozen=True, kw_only=True):
    """How quarterly changes go together; none takes the catalogue's."""

    zones: Fraction | None = None
    """Between the electricity prices of two zones."""
    classes: Fraction | None = None
    """Between the demands of two classes."""
    delays: Fraction | None = None
    """Between the delays of two works at one site."""
    rental_demand: Correlation | None = None
    rental_energy: Correlation | None = None
    rental_carbon: Correlation | None = None
    demand_energy: Correlation | None = None
    demand_carbon: Correlation | None = None
    energy_carbon: Correlation | None = None


class SiteDelays(Section, frozen=True, kw_only=True):
    """How late the works of one site are."""

    tranches: Spread | None = None
    halls: Spread | None = None


class Delays(Section, frozen=True, kw_only=True):
    """How late things are after what was promised. The most particular that is given counts."""

    tranches: Spread | None = None
    """Of every tranche of grid; none takes the catalogue's base rates."""
    halls: Spread | None = None
    generations: Spread | None = None
    """By how much a generation's first deliveries slip, where they still lie ahead."""
    sites: dict[str, SiteDelays] = field(default_factory=dict)
    each: dict[str, Spread] = field(default_factory=dict)
    """Of one tranche (`narvik/1`), one hall (`narvik/h1`) or one generation."""


class AllocationShocks(Section, frozen=True, kw_only=True):
    """Times in which a generation's maker delivers a part of what is due, and the rest later."""

    per_year: Annotated[float, Meta(ge=0.0, le=4.0)] | None = None
    """How often one begins, for each generation."""
    lasts: LagText | None = None
    delivered: Fraction | None = None
    """Share that still comes when it is due."""
    later: LagText | None = None
    """How late the rest is."""


class Withdrawal(Section, frozen=True, kw_only=True):
    """A class that may go."""

    class_: str = field(name="class")
    from_: QuarterText = field(name="from")
    until: QuarterText | None = None
    """Where given, it goes in one of the quarters from `from` to this one, each as likely."""
    probability: Fraction
    share: Fraction = 1.0
    """Of the demand that goes."""


class Event(Section, frozen=True, kw_only=True):
    """A node of the tree: what is known from a quarter on, with what it changes from then on."""

    parent: EventName | None = None
    """The event it follows; none follows the programme's start."""
    probability: Fraction = 1.0
    """After its parent; those of one parent sum to 1."""
    from_: QuarterText | None = field(default=None, name="from")
    """When it is known, before that quarter is decided. None: from the start."""
    demand: dict[str, Factor] = field(default_factory=dict)
    """By class."""
    rental: Factor = 1.0
    energy: dict[str, Factor] = field(default_factory=dict)
    """By zone, country or site."""
    carbon: Factor = 1.0
    tranches: dict[str, LagText] = field(default_factory=dict)
    """Delay of one tranche (`narvik/1`) or, by the name of a site, of all of its tranches: of those
    that are not energised yet."""
    halls: dict[str, LagText] = field(default_factory=dict)
    """The same for halls (`narvik/h1`, or a site)."""
    generations: dict[str, LagText] = field(default_factory=dict)
    """Slip of a generation's deliveries that are due from then on."""
    supply: dict[str, Fraction] = field(default_factory=dict)
    """By generation: share of what is due from then on that comes at all."""


class Futures(Section, frozen=True, kw_only=True):
    """What may happen."""

    outcomes: Annotated[int, Meta(ge=1, le=20_000)] | None = None
    """How many are drawn; 1 draws none: every price at its mean, every delay the middle one."""
    seed: Annotated[int, Meta(ge=0, lt=2**62)] | None = None
    rental: RentalWalk = RentalWalk()
    energy: dict[str, EnergyWalk] = field(default_factory=dict)
    """By zone (`NO4`), country or site; `*` is any other."""
    carbon_price: CarbonWalk = CarbonWalk()
    """Does nothing where neither it nor the programme says a price."""
    demand: dict[str, DemandWalk] = field(default_factory=dict)
    """By class; `*` is any other that is not take-or-pay."""
    correlation: Correlations = Correlations()
    delays: Delays = Delays()
    lives: Spread | None = None
    """How long racks are kept before they are written off; one draw holds for all. None takes each
    generation's own life, else the catalogue's."""
    allocation: AllocationShocks = AllocationShocks()
    withdrawals: tuple[Withdrawal, ...] = ()
    tree: dict[EventName, Event] = field(default_factory=dict)
    stages: tuple[QuarterText, ...] = ()
    """Quarters before which the plan may be changed, by what was seen until then."""
    leaves: Annotated[int, Meta(ge=2, le=4096)] | None = None
    """Most outcomes of the tree that `stages` has made."""


NEVER = -1


def parse_lag(text: str) -> int:
    """Whole quarters of `2 quarters`, `6 months` or `4 years`; NEVER for `never`.

    Raises ValueError for months that are no whole quarters.

    >>> parse_lag("4 years")
    16
    """
    if text == "never":
        return NEVER
    number, unit = text.split()
    months = int(number) * {"month": 1, "quarter": 3, "year": 12}[unit.removesuffix("s")]
    if months % 3:
        raise ValueError("it is no whole number of quarters")
    return months // 3
