"""What a site costs: to build by part, to run for a year, and for each used GPU-hour. Ranges.

Prices in another currency are converted by a rate that the result names; where there is no rate,
that is an error and never a sum of two currencies. Where no price was read, the line is left out,
the findings say so, and no figure is given that would need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from arkwright import catalog, units
from arkwright.catalog import money as figures
from arkwright.catalog import parts
from arkwright.design.bill import BillLine
from arkwright.design.blueprint import Assumption, Finding, Severity, SitePlan
from arkwright.design.span import Span, total
from arkwright.errors import InputError
from arkwright.factory import Factory, Money, energy_at

HOURS_PER_YEAR = 8760
_KW_PER_MW = 1000.0
_KW_PER_GW = 1e6
USUAL = Span(1.0, 1.0)
"""Building and plant as published halls have them."""
_IT = ("compute", "network", "storage")
"""Groups that are written off over the life of IT, the rest over the life of the facility."""


class CostLine(Struct, frozen=True, kw_only=True):
    """One part of a cost, in the currency of its `SiteMoney`."""

    group: str
    item: str
    cost: Span
    how: str
    source: str
    is_estimate: bool


class Drawn(NamedTuple):
    """What a site draws; the cooling and power design gives it."""

    it_kw_max: float
    """Racks with network and storage; basis IT."""
    facility_kw_max: float
    """Basis facility."""
    facility_kwh: float
    """Of a year at typical draw; basis facility."""


class Terms(Struct, frozen=True, kw_only=True):
    """Assumptions of the cost of a GPU-hour; fractions and years."""

    utilisation: float
    cost_of_capital: float
    it_life_years: float
    facility_life_years: float


class SiteMoney(Struct, frozen=True, kw_only=True):
    """The money of one site, one currency throughout."""

    site: str
    currency: str
    gpus: int
    facility_kw_max: float
    capex: tuple[CostLine, ...]
    opex: tuple[CostLine, ...]
    """Of a year."""
    terms: Terms
    per_gpu_hour: Span | None
    """For each used GPU-hour; None where a price is missing."""
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def capex_total(self) -> Span:
        """Of the lines that have a price."""
        return total(line.cost for line in self.capex)

    @property
    def opex_total(self) -> Span:
        """Of a year, without write-offs."""
        return total(line.cost for line in self.opex)

    @property
    def capex_per_gw(self) -> Span:
        """Over the facility's power at maximum; basis facility."""
        return self.capex_total.over(self.facility_kw_max / _KW_PER_GW)


class Exchange:
    """Every currency into one. Remembers which rates were used, to name them."""

    def __init__(self, money: Money) -> None:
        self.currency = money.currency
        self.given: Mapping[str, float] = money.rates
        self.used: dict[str, tuple[float, str]] = {}

    def convert(self, span: Span, currency: str) -> Span:
        """`span` of `currency` in the one currency; InputError where no rate is known."""
        if currency == self.currency:
            return span
        if currency not in self.used:
            self.used[currency] = self._rate(currency)
        return span.times(self.used[currency][0])

    def _rate(self, currency: str) -> tuple[float, str]:
        if currency in self.given:
            return self.given[currency], "factory file"
        known = figures.exchange_rates()
        missing = [name for name in (currency, self.currency) if name not in known]
        if missing:
            raise InputError(
                f"nobody said what {currency} is worth in {self.currency}; add "
                f"money: {{currency: {self.currency}, rates: {{{currency}: …}}}} "
                f"(the catalogue has {', '.join(known)})"
            )
        own, other = known[self.currency], known[currency]
        rows = [row.provenance for row in (other, own) if row.currency != "EUR"]
        return own.per_euro / other.per_euro, "; ".join(dict.fromkeys(rows))


def site_money(
    factory: Factory,
    plan: SitePlan,
    drawn: Drawn,
    bill: Sequence[BillLine] = (),
    plant: Span = USUAL,
) -> SiteMoney:
    """The money of the site `plan` of `factory`, which draws `drawn`.

    `bill`: its switches, cables and modules; without them the network is a share of compute.
    `plant`: what building and plant cost over those of published halls (`plant_cost`).
    """
    exchange, terms = Exchange(factory.money), terms_of(factory.money)
    findings: list[Finding] = []
    compute = list(_compute(plan, exchange, findings))
    bought = [line for line in bill if line.site == plan.name and line.group != "nodes"]
    network = list(_network(bought, exchange)) or list(_share("network", compute))
    storage = _share("storage", compute)
    capex = [*compute, *network, *storage, *_building(plan, drawn, exchange, plant)]
    opex = [
        *_energy(factory, plan, drawn, exchange, findings),
        *_maintenance(capex),
        _staff(drawn, exchange),
    ]
    per_hour = None
    if plan.gpus and not findings:
        yearly = write_off(capex, terms) + total(line.cost for line in opex)
        per_hour = yearly.over(plan.gpus * HOURS_PER_YEAR * terms.utilisation)
    return SiteMoney(
        site=plan.name,
        currency=exchange.currency,
        gpus=plan.gpus,
        facility_kw_max=drawn.facility_kw_max,
        capex=tuple(capex),
        opex=tuple(opex),
        terms=terms,
        per_gpu_hour=per_hour,
        findings=tuple(findings),
        assumptions=tuple(_assumed(factory.money, plan.name, exchange)),
    )


def terms_of(money: Money) -> Terms:
    """The file's, else the catalogue's."""

    def pick(given: float | None, name: str) -> float:
        return figures.figure(name).middle if given is None else given

    return Terms(
        utilisation=pick(money.utilisation, "utilisation"),
        cost_of_capital=pick(money.cost_of_capital, "cost_of_capital"),
        it_life_years=pick(money.it_life_years, "it_life"),
        facility_life_years=pick(money.facility_life_years, "facility_life"),
    )


def write_off(capex: list[CostLine], terms: Terms) -> Span:
    """A year's share of `capex` with the cost of capital, as an annuity."""
    lives = {True: terms.it_life_years, False: terms.facility_life_years}
    return total(
        line.cost.times(annuity(terms.cost_of_capital, lives[line.group in _IT])) for line in capex
    )


def annuity(rate: float, years: float) -> float:
    """Equal yearly payment for 1 over `years` at `rate`: r / (1 - (1 + r)^-n); 1 / n at 0."""
    if rate == 0:
        return 1 / years
    return float(rate / (1 - (1 + rate) ** -years))


def published(found: SiteMoney, systems: set[str]) -> list[Finding]:
    """Where ours lies outside what was published for its systems; USD only, as they are."""
    if found.currency != "USD" or found.per_gpu_hour is None:
        return []
    bands = [band for band in figures.cost_bands().values() if band.measure == "capex"]
    mine = [band for band in bands if {band.system} == systems]
    held = mine or [band for band in bands if not band.system]
    widest = Span(min(band.low for band in held), max(band.high for band in held))
    ours = found.capex_per_gw.times(1e-9)
    if ours.overlaps(widest):
        return []
    text = (
        f"building costs {ours.text('USD B/GW')} of facility power; published for such systems "
        f"is {widest.text('USD B/GW')}"
    )
    source = "; ".join(band.provenance for band in held)
    return [Finding(severity=Severity.WARNING, where=found.site, text=text, source=source)]


def _compute(plan: SitePlan, exchange: Exchange, findings: list[Finding]) -> Iterator[CostLine]:
    for hall in plan.halls:
        system, price = catalog.system(hall.system), parts.part_price(hall.system)
        if price is None:
            text = f"no price of {system.title} was read: costs leave it out"
            findings.append(Finding(severity=Severity.WARNING, where=hall.path, text=text))
            continue
        count = hall.racks if price.unit == "rack" else hall.nodes
        each = Span(price.price_low, price.price_high)
        yield CostLine(
            group="compute",
            item=f"{system.title}, hall {hall.name}",
            cost=exchange.convert(each.times(count), price.currency),
            how=f"{count:,} {price.unit}s at {each.text(price.currency)}",
            source=price.provenance,
            is_estimate=price.grade is catalog.Grade.ESTIMATE,
        )


def _network(bought: Sequence[BillLine], exchange: Exchange) -> Iterator[CostLine]:
    """What the bill has a price for beside nodes: switches, cables, modules."""
    priced = [line for line in bought if line.cost is not None]
    if not priced:
        return
    cost = total(exchange.convert(Span(*(line.cost or (0, 0))), line.currency) for line in priced)
    yield CostLine(
        group="network",
        item="Network",
        cost=cost,
        how=f"switches, cables and modules: {len(priced)} lines of the bill, each with its price",
        source="catalogue, prices of parts; every line of the bill names its own",
        is_estimate=True,
    )


def _share(group: str, compute: list[CostLine]) -> Iterator[CostLine]:
    row = figures.figure(f"{group}_share_of_compute")
    share = Span(row.low, row.high)
    if compute:
        how = f"{share.times(100).text('%')} of compute"
        whole = total(line.cost for line in compute)
        yield _line(group, group.capitalize(), whole.times(share), how, row)


def _building(plan: SitePlan, drawn: Drawn, exchange: Exchange, plant: Span) -> Iterator[CostLine]:
    row = figures.build_cost(plan.country)
    each = Span(row.price_per_kw_low, row.price_per_kw_high)
    cost = exchange.convert(each.times(drawn.it_kw_max), row.currency).times(plant)
    price = f"{each.low:,.0f} to {each.high:,.0f} {row.currency}/kW"
    how = f"{units.render(round(drawn.it_kw_max), 'kW')} of IT at {price}"
    if plant != USUAL:
        how += f", times {plant.low:.2f} to {plant.high:.2f} for its plant"
    yield CostLine(
        group="facility",
        item="Building and plant",
        cost=cost,
        how=how,
        source=row.provenance,
        is_estimate=row.grade is catalog.Grade.ESTIMATE,
    )


def _energy(
    factory: Factory,
    plan: SitePlan,
    drawn: Drawn,
    exchange: Exchange,
    findings: list[Finding],
) -> Iterator[CostLine]:
    terms = energy_at(factory, plan.name)
    if terms.price is None or terms.currency is None:
        text = "no price of electricity is known: costs leave it out; give energy: {price: …}"
        findings.append(Finding(severity=Severity.WARNING, where=plan.name, text=text))
        return
    each = Span(terms.price.value, terms.price.value)
    yield CostLine(
        group="energy",
        item="Electricity",
        cost=exchange.convert(each.times(drawn.facility_kwh), terms.currency),
        how=f"{drawn.facility_kwh / 1e6:,.1f} GWh at {terms.price.value:g} {terms.price.unit}",
        source=terms.price.source,
        is_estimate=False,
    )


def _maintenance(capex: list[CostLine]) -> Iterator[CostLine]:
    for name, is_it in (("facility", False), ("IT", True)):
        row = figures.figure(f"{name.lower()}_maintenance_share")
        share = Span(row.low, row.high)
        base = total(line.cost for line in capex if (line.group in _IT) is is_it)
        how = f"{share.times(100).text('%')} of its cost a year"
        yield _line("maintenance", f"Maintenance, {name}", base.times(share), how, row)


def _staff(drawn: Drawn, exchange: Exchange) -> CostLine:
    site, per_mw = figures.figure("staff_per_site"), figures.figure("staff_per_mw")
    each, mw = figures.figure("staff_cost"), drawn.it_kw_max / _KW_PER_MW
    whole = min(1.0, mw / figures.figure("staff_whole_mw").middle)
    people = Span(site.low, site.high).times(whole) + Span(per_mw.low, per_mw.high).times(mw)
    cost = exchange.convert(people.times(Span(each.low, each.high)), "USD")
    return _line("staff", "Staff", cost, f"{people.text('people')}", each)


def _line(group: str, item: str, cost: Span, how: str, row: figures.Figure) -> CostLine:
    return CostLine(
        group=group,
        item=item,
        cost=cost,
        how=how,
        source=row.provenance,
        is_estimate=row.grade is catalog.Grade.ESTIMATE,
    )


def _assumed(money: Money, where: str, exchange: Exchange) -> Iterator[Assumption]:
    named = {
        "utilisation": (money.utilisation, "share of GPU-hours used"),
        "cost_of_capital": (money.cost_of_capital, "cost of capital a year"),
        "it_life": (money.it_life_years, "IT written off over, years"),
        "facility_life": (money.facility_life_years, "facility written off over, years"),
    }
    for name, (given, title) in named.items():
        if given is None:
            row = figures.figure(name)
            value = f"{row.middle:g}"
            yield Assumption(where=where, name=title, value=value, source=row.provenance)
    for currency, (rate, source) in exchange.used.items():
        value = f"{rate:.4g} {exchange.currency}"
        yield Assumption(where=where, name=f"1 {currency}", value=value, source=source)
