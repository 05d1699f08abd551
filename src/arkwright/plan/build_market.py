"""Who buys and what limits them; power contracts; limits on dependence."""

from __future__ import annotations

import numpy as np

from arkwright.factory import quarters as calendar
from arkwright.factory.programme_spec import Demand, PowerContract
from arkwright.plan.given import Given
from arkwright.plan.rollout import ANYWHERE, Bools, Floats, Market
from arkwright.plan.sales import Sale, sale

_KW_PER_MW = 1000.0


def market(given: Given) -> Market:
    """Everything of `Market`."""
    lines, programme = given.axes, given.programme
    sold = {name: sale(given, name, demand) for name, demand in lines.demands}
    offers = [offer for _, offer in lines.offers]
    sites = [lines.sites.index(offer.site) for offer in offers]
    quarters = lines.quarters
    active = [_active(given, offer) for offer in offers]
    signing = [_signing(given, offer) for offer in offers]
    limits = programme.limits
    return Market(
        class_country=np.array([_country(given, d) for _, d in lines.demands], np.int64),
        class_customer=np.array(
            [lines.customers.index(d.customer or name) for name, d in lines.demands], np.int64
        ),
        class_penalty=np.array([each.penalty for each in sold.values()]),
        class_share_max=_shares(given, sold),
        offer_country=np.array([lines.site_country[s] for s in sites], np.int64),
        offer_strike=np.array([given.purse.per_mw_quarter(offer.price) for offer in offers]),
        offer_mw_max=np.array([offer.power / _KW_PER_MW for offer in offers]),
        offer_active=np.array(active, bool).reshape(len(offers), quarters, quarters),
        may_sign=np.array(signing, bool).reshape(len(offers), quarters),
        offer_site=np.array(sites, np.int64),
        hedge_share_max=programme.power.hedge_max,
        vendor_share_max=np.array([limits.vendors.get(v, 1.0) for v in lines.vendors]),
        country_share_max=np.array([limits.countries.get(c, 1.0) for c in lines.countries]),
    )


def _country(given: Given, demand: Demand) -> int:
    if demand.country is None:
        return ANYWHERE
    return given.axes.countries.index(demand.country)


def _shares(given: Given, sold: dict[str, Sale]) -> Floats:
    """(C,) of the compute that stands; a customer's limit is split as its demands ask at most."""
    found = []
    peaks = {name: float(each.demand.max(initial=0.0)) for name, each in sold.items()}
    for name, demand in given.axes.demands:
        customer = demand.customer or name
        limit = given.programme.limits.customers.get(customer)
        if limit is None:
            found.append(1.0)
            continue
        whole = sum(
            peaks[other] for other, d in given.axes.demands if (d.customer or other) == customer
        )
        found.append(limit * peaks[name] / whole if whole else limit)
    return np.array(found)


def _active(given: Given, offer: PowerContract) -> Bools:
    """(T, T)"""
    at = np.arange(given.axes.quarters)
    begins = at[:, None] + calendar.whole(offer.lead)
    return (at >= begins) & (at < begins + calendar.whole(offer.term))


def _signing(given: Given, offer: PowerContract) -> Bools:
    at = np.arange(given.axes.quarters)
    first = given.axes.index(offer.start, 0)
    last = given.axes.index(offer.end, given.axes.quarters - 1)
    return (at >= first) & (at <= last)
