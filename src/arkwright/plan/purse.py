"""Money of the factory file and of spans as the plan counts it: millions of one currency."""

from __future__ import annotations

from arkwright import units
from arkwright.design.money import Exchange
from arkwright.design.span import Span
from arkwright.factory import Money
from arkwright.factory.programme_spec import CostEnd

MILLION = 1e6
HOURS_PER_QUARTER = 8760 / 4
_KWH_PER_MWH = 1000.0


class Purse:
    """Every amount into millions of one currency, every range into the end the plan counts with."""

    def __init__(self, money: Money, end: CostEnd) -> None:
        self.exchange = Exchange(money)
        self.end = end

    def amount(self, text: str) -> float:
        """M of `300 M USD`."""
        return self.millions(*units.parse_amount(text))

    def millions(self, value: float, currency: str) -> float:
        """M of a figure in a currency."""
        return self.exchange.convert(Span(value, value), currency).low / MILLION

    def per_mw_quarter(self, text: str) -> float:
        """M for 1 MW through a quarter at `80 EUR/MWh`."""
        price = units.parse_price(text)
        return self.per_kwh(price.per_kwh, price.currency)

    def per_kwh(self, value: float, currency: str) -> float:
        """The same at so much a kWh."""
        return self.millions(value * _KWH_PER_MWH * HOURS_PER_QUARTER, currency)

    def per_gpu_quarter(self, text: str) -> float:
        """M for one GPU through a quarter at `2.4 USD/GPU-h`."""
        rate = units.parse_rate(text, "GPU-h")
        return self.millions(rate.value * HOURS_PER_QUARTER, rate.currency)

    def pick(self, span: Span) -> float:
        """The end of the range that the plan counts with."""
        if self.end is CostEnd.LOW:
            return span.low
        if self.end is CostEnd.HIGH:
            return span.high
        return (span.low + span.high) / 2

    def picked(self, span: Span) -> float:
        """That end, of money already in the one currency, in millions."""
        return self.pick(span) / MILLION
