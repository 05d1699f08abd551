"""Rules of the `programme` section: capital, power contracts, demand, limits on dependence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from arkwright import catalog, units
from arkwright.catalog import money as figures
from arkwright.errors import UnitError
from arkwright.factory import quarters
from arkwright.factory.programme_spec import (
    Capital,
    Demand,
    DemandKind,
    Limits,
    PowerContract,
    Programme,
)
from arkwright.factory.spec import Factory, Money

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""


def money_rules(factory: Factory, programme: Programme) -> Found:
    """Every broken one."""
    money = factory.money
    yield from _capital(programme, money)
    for name, site in programme.sites.items():
        yield from price(f"programme.sites.{name}.spot", site.spot, money)
    for name, contract in programme.power.contracts.items():
        yield from _contract(f"programme.power.contracts.{name}", programme, contract, money)
    for name, demand in programme.demand.items():
        yield from _demand(f"programme.demand.{name}", factory, programme, demand)
    yield from _limits(factory, programme)
    yield from _rate("programme.carbon_price", programme.carbon_price, "t", money)


def amount(key: str, written: str | None, money: Money) -> Found:
    """Of an amount of money: that it is one, in a currency that has a rate."""
    yield from _readable(key, written, money, units.parse_amount, "for example 300 M USD")


def price(key: str, written: str | None, money: Money) -> Found:
    """Of a price of energy."""
    yield from _readable(key, written, money, units.parse_price, "for example 80 EUR/MWh")


def _rate(key: str, written: str | None, per: str, money: Money) -> Found:
    example = f"for example 2.5 USD/{per}"
    yield from _readable(key, written, money, lambda text: units.parse_rate(text, per), example)


def _readable(
    key: str,
    written: str | None,
    money: Money,
    read: Callable[[str], units.Amount | units.EnergyPrice | units.Rate],
    example: str,
) -> Found:
    if written is None:
        return
    try:
        currency = read(written).currency
    except UnitError as error:
        yield key, str(error), example
        return
    known = figures.exchange_rates()
    given = {money.currency, *money.rates}
    if currency not in given and (currency not in known or money.currency not in known):
        found = f"nobody said what {currency} is worth in {money.currency}"
        yield key, found, f"add money: {{rates: {{{currency}: …}}}}"


def _capital(programme: Programme, money: Money) -> Found:
    capital: Capital = programme.capital
    yield from amount("programme.capital.cash", capital.cash, money)
    yield from amount("programme.capital.reserve", capital.reserve, money)
    for at, equity in enumerate(capital.equity):
        yield from amount(f"programme.capital.equity[{at}].amount", equity.amount, money)
    for name, loan in capital.loans.items():
        path = f"programme.capital.loans.{name}"
        yield from amount(f"{path}.amount", loan.amount, money)
        drawn, due = quarters.known(loan.start), quarters.known(loan.maturity)
        begin = quarters.known(programme.start)
        if drawn is not None and due is not None and due <= drawn:
            found = f"{loan.maturity} is not after it can be drawn, {loan.start}"
            yield f"{path}.maturity", found, "give a later quarter"
        elif begin is not None and due is not None and due <= begin:
            found = f"{loan.maturity} is not after the programme's start, {programme.start}"
            yield f"{path}.maturity", found, "leave it out: what is owed is no decision"


def _contract(path: str, programme: Programme, contract: PowerContract, money: Money) -> Found:
    if contract.site not in programme.sites:
        known = ", ".join(programme.sites) or "none"
        yield f"{path}.site", f"the programme has no site {contract.site}", f"known: {known}"
    yield from price(f"{path}.price", contract.price, money)
    if contract.term <= 0:
        yield f"{path}.term", "a contract for no time", "for example 10 years"
    yield from _order(path, contract.start, contract.end)


def _demand(path: str, factory: Factory, programme: Programme, demand: Demand) -> Found:
    yield from _asked(path, programme, demand)
    yield from _rate(f"{path}.price", demand.price, "GPU-h", factory.money)
    yield from _rate(f"{path}.penalty", demand.penalty, "GPU-h", factory.money)
    yield from amount(f"{path}.value", demand.value, factory.money)
    if demand.price is not None and demand.value is not None:
        yield f"{path}.value", "both a price and a value", "leave one of them out"
    elif demand.kind is not DemandKind.MARKET and demand.price is None and demand.value is None:
        right = "give what was agreed, for example price: 2.7 USD/GPU-h, or value: 6.2 B USD"
        yield f"{path}.price", f"nobody says what {demand.kind.value} pays", right
    lands = _countries(factory, programme)
    if demand.country is None and demand.kind is DemandKind.SOVEREIGN:
        right = f"give the country that it must stay in, for example {next(iter(lands), 'NO')}"
        yield f"{path}.country", "sovereign demand without a country", right
    if demand.country is not None and demand.country not in lands:
        found = f"the programme has no site in {demand.country}"
        yield f"{path}.country", found, f"its countries: {', '.join(lands) or 'none'}"
    yield from _order(path, demand.start, demand.end)
    first, last = quarters.known(demand.start), quarters.known(demand.end)
    begin, end = quarters.known(programme.start), quarters.known(programme.end)
    if first is not None and end is not None and first > end:
        found = f"{demand.start} is after the programme's end, {programme.end}"
        yield f"{path}.from", found, "leave it out, or end later"
    if last is not None and begin is not None and last < begin:
        found = f"{demand.end} is before the programme begins, {programme.start}"
        yield f"{path}.until", found, "leave it out, or give a later quarter"


def _asked(path: str, programme: Programme, demand: Demand) -> Found:
    if demand.compute is not None and demand.gpus is not None:
        yield path, "both compute and gpus", "give one of them"
    elif demand.compute is None and demand.gpus is None:
        right = "give compute: 20000 (H100-equivalents), or gpus with their generation"
        yield path, "neither compute nor gpus", right
    elif demand.gpus is not None and demand.generation is None:
        right = "add which they are, for example generation: gb300"
        yield f"{path}.generation", "GPUs of which generation is not said", right
    if demand.generation is not None and demand.generation not in programme.generations:
        known = ", ".join(programme.generations) or "none"
        found = f"no generation is called {demand.generation}"
        yield f"{path}.generation", found, f"known: {known}"


def _limits(factory: Factory, programme: Programme) -> Found:
    limits: Limits = programme.limits
    systems = [catalog.systems().get(each.system) for each in programme.generations.values()]
    vendors = dict.fromkeys(catalog.gpu(each.gpu).vendor for each in systems if each is not None)
    customers = dict.fromkeys(demand.customer or name for name, demand in programme.demand.items())
    for kind, held, known, one in (
        ("vendors", limits.vendors, vendors, "vendor"),
        ("countries", limits.countries, _countries(factory, programme), "country"),
        ("customers", limits.customers, customers, "customer"),
    ):
        for name in held:
            if name not in known:
                found = f"the programme has no {one} {name}"
                yield f"programme.limits.{kind}.{name}", found, f"known: {', '.join(known)}"
        yield from _together(kind, held, known)


def _together(kind: str, held: Mapping[str, float], known: Mapping[str, None]) -> Found:
    """Shares of a whole that is all of them: nobody buys what no limit lets anybody deliver."""
    if kind == "customers" or not known or set(known) - set(held):
        return
    whole = sum(held[name] for name in known)
    if whole < 1.0 - 1e-9:
        found = f"together they allow {whole:g} of what is built"
        right = "shares of all must reach 1, or leave one without a limit"
        yield f"programme.limits.{kind}", found, right


def _countries(factory: Factory, programme: Programme) -> dict[str, None]:
    sites = (factory.sites.get(name) for name in programme.sites)
    return dict.fromkeys(site.country for site in sites if site is not None and site.country)


def _order(path: str, start: str | None, end: str | None) -> Found:
    first, last = quarters.known(start), quarters.known(end)
    if first is not None and last is not None and last < first:
        yield f"{path}.until", f"{end} is before its start, {start}", "give a later quarter"
