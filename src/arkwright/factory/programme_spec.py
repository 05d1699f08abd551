"""The `programme` section: what may be built where and when, by whom it is paid and who buys.

Whatever has a default is taken from the catalogue and shown as an assumption. Dates are quarters
(`2027-Q2`) or days, which stand for the quarter they lie in.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, field

from arkwright.factory.declared_spec import Declared
from arkwright.factory.futures_spec import Futures
from arkwright.factory.names import Count, Country, Name, When
from arkwright.factory.section import Section
from arkwright.units import (
    AmountText,
    CarbonPriceText,
    EnergyPriceText,
    Fraction,
    GpuHourPriceText,
    Kilowatts,
    Months,
)


class Tranche(Section, frozen=True, kw_only=True):
    """A step of a site's grid connection, beside `grid.connection`; taken in the order written."""

    power: Kilowatts
    """At the connection to the grid."""
    earliest: When | None = None
    """First quarter in which it may be started (ordered and paid for); none: from the beginning."""
    lead: Months | None = None
    """From its start until it is energised, as promised; none takes the catalogue's."""
    cost: AmountText | None = None
    """None takes the catalogue's per megawatt."""
    offtake: Kilowatts = 0.0
    """Power of racks (at the grid) that the site must have ordered before it may start."""


class HallKind(Section, frozen=True, kw_only=True):
    """Halls of one kind that may be built at a site."""

    power: Kilowatts
    """IT power of one hall: racks, network and storage."""
    count: Count
    """How many may be built at most."""
    build: Months | None = None
    """From its start until it is ready, as promised; none takes the catalogue's."""
    density: Kilowatts | None = None
    """Power of the densest rack it takes; none: any."""
    liquid: bool = True
    """Whether it has coolant for racks that need it."""
    earliest: When | None = None
    """First quarter in which one may be begun."""
    cost: AmountText | None = None
    """Building and plant of one hall; none takes what `design` finds."""


class ProgrammeSite(Section, frozen=True, kw_only=True):
    """What may be built at a site of the factory; what stands in its section stands already."""

    tranches: tuple[Tranche, ...] = ()
    halls: dict[Name, HallKind] = field(default_factory=dict)
    since: dict[Name, When] = field(default_factory=dict)
    """For halls that stand: when their racks began to work; none counts them as new."""
    spot: EnergyPriceText | None = None
    """Mean wholesale price that power contracts are settled against; none takes the price of the
    site's electricity."""


class AllocationStep(Section, frozen=True, kw_only=True):
    """How many racks a quarter the supplier lets go, from a quarter on."""

    start: When = field(name="from")
    racks: Annotated[int, Meta(ge=0, le=1_000_000)]


class Generation(Section, frozen=True, kw_only=True):
    """A kind of rack that can be ordered for a time."""

    system: str
    """Catalogue name, for example gb300-nvl72."""
    available: When | None = None
    """First quarter in which it can be ordered."""
    end: When | None = field(name="until", default=None)
    """Last quarter in which it can be ordered."""
    lead: Months | None = None
    """From order until it runs, as promised; none takes the catalogue's."""
    deposit: Fraction | None = None
    """Share of the price paid with the order, the rest at promised delivery; none takes the
    catalogue's."""
    price: AmountText | None = None
    """Of one rack; none takes the catalogue's."""
    life: Months | None = None
    """Until it is written off and gone; none takes the catalogue's."""
    allocation: Annotated[int, Meta(ge=0, le=1_000_000)] | tuple[AllocationStep, ...] | None = None
    """Racks that may be ordered in a quarter; none: no limit."""
    compute: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    """H100-equivalents of one GPU; none takes the catalogue's."""


class Supply(Section, frozen=True, kw_only=True):
    """A contract with a supplier: at least so many by a date. Give `racks` or `gpus`."""

    generation: Name
    racks: Count | None = None
    gpus: Annotated[int, Meta(ge=1, le=100_000_000)] | None = None
    """Whole racks are bought."""
    by: When
    """Last quarter in which they may be ordered."""


class Equity(Section, frozen=True, kw_only=True):
    """Money of owners."""

    amount: AmountText
    paid: When


class Repayment(Enum):
    """How a loan is paid back."""

    AMORTISING = "amortising"
    """In equal parts every quarter, from the one after its grace until maturity."""
    BULLET = "bullet"
    """At maturity, all at once."""


class Loan(Section, frozen=True, kw_only=True):
    """Money that can be borrowed when it is needed."""

    amount: AmountText
    start: When | None = field(name="from", default=None)
    """First quarter in which it can be drawn."""
    maturity: When
    """Quarter in which the last of it is paid back."""
    rate: Annotated[float, Meta(ge=0, le=1)]
    """Interest a year, as a fraction, paid every quarter."""
    repayment: Repayment = Repayment.AMORTISING
    grace: Months = 0.0
    """After a draw, how long nothing is paid; interest is added to what is owed."""


class Capital(Section, frozen=True, kw_only=True):
    """Where money comes from, and what lenders ask."""

    cash: AmountText | None = None
    """At the beginning; none is what equity was paid in before."""
    reserve: AmountText | None = None
    """Cash that must be left at the end of every quarter."""
    equity: tuple[Equity, ...] = ()
    loans: dict[Name, Loan] = field(default_factory=dict)
    cover: Annotated[float, Meta(ge=0, le=100)] = 0.0
    """Least margin over debt service, each quarter with service (DSCR); 0 asks for none."""


class PowerContract(Section, frozen=True, kw_only=True):
    """Electricity at a price agreed for years, settled against spot."""

    site: Name
    price: EnergyPriceText
    power: Kilowatts
    """Most that can be signed."""
    start: When | None = field(name="from", default=None)
    """First quarter in which it can be signed."""
    end: When | None = field(name="until", default=None)
    """Last quarter in which it can be signed."""
    lead: Months = 0.0
    """From signing until it is in force."""
    term: Months
    """How long it is in force."""


class ProgrammePower(Section, frozen=True, kw_only=True):
    """Contracts for electricity."""

    contracts: dict[Name, PowerContract] = field(default_factory=dict)
    hedge_max: Fraction = 1.0
    """Of the megawatts started in a country, most that may be under contract."""


class DemandKind(Enum):
    """Who buys, and how surely."""

    TAKE_OR_PAY = "take-or-pay"
    """Agreed and paid whether used or not; what is not delivered is penalised."""
    SOVEREIGN = "sovereign"
    """A country's own: served within it only."""
    MARKET = "market"
    """Whoever buys at the market's price."""


class Demand(Section, frozen=True, kw_only=True):
    """Compute that somebody buys. Give `gpus` with `generation`, or `compute`."""

    kind: DemandKind = DemandKind.MARKET
    customer: Name | None = None
    """None takes the demand's own name. Several demands may have one customer."""
    country: Country | None = None
    """The one country that may serve it; none: any."""
    gpus: Annotated[int, Meta(ge=1, le=100_000_000)] | None = None
    generation: Name | None = None
    """What the GPUs are."""
    compute: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    """H100-equivalents."""
    start: When | None = field(name="from", default=None)
    """First quarter; none: the programme's."""
    end: When | None = field(name="until", default=None)
    """Last quarter; none: the programme's."""
    price: GpuHourPriceText | None = None
    """Of an hour of one of the GPUs, or of one H100-equivalent; none takes the catalogue's of the
    market."""
    value: AmountText | None = None
    """Of the whole contract, instead of a price."""
    price_change: Annotated[float, Meta(gt=-1, le=10)] | None = None
    """Of the price, a year, as a fraction; none takes the catalogue's for a market, else 0."""
    growth: Annotated[float, Meta(gt=-1, le=10)] = 0.0
    """Of what is asked for, a year, as a fraction."""
    penalty: GpuHourPriceText | None = None
    """For what was agreed and not delivered, beside the price lost; none takes the catalogue's
    share of the price for take-or-pay, else nothing."""


class Limits(Section, frozen=True, kw_only=True):
    """Limits on dependence."""

    vendors: dict[str, Fraction] = field(default_factory=dict)
    """Of the compute ordered, most of one vendor."""
    countries: dict[Country, Fraction] = field(default_factory=dict)
    """Of the megawatts started, most in one country."""
    customers: dict[Name, Fraction] = field(default_factory=dict)
    """Of the compute that stands, most for one customer."""


class Risk(Section, frozen=True, kw_only=True):
    """What is maximised: (1 - weight) x mean + weight x mean of the worst `tail`."""

    weight: Fraction | None = None
    tail: Annotated[float, Meta(gt=0, le=1)] | None = None


class CostEnd(Enum):
    """Which end of the ranges of costs is counted with."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


class Programme(Section, frozen=True, kw_only=True):
    """A roll-out over years. One with `declared` alone is audited and not planned."""

    start: When | None = field(name="from", default=None)
    end: When | None = field(name="until", default=None)
    """Its last quarter."""
    sites: dict[Name, ProgrammeSite] = field(default_factory=dict)
    generations: dict[Name, Generation] = field(default_factory=dict)
    supply: dict[Name, Supply] = field(default_factory=dict)
    capital: Capital = Capital()
    power: ProgrammePower = ProgrammePower()
    demand: dict[Name, Demand] = field(default_factory=dict)
    limits: Limits = Limits()
    carbon_price: CarbonPriceText | None = None
    """What a tonne of CO2e costs, beside the price of electricity."""
    costs: CostEnd = CostEnd.MIDDLE
    risk: Risk = Risk()
    futures: Futures = Futures()
    declared: dict[str, Declared] = field(default_factory=dict)
