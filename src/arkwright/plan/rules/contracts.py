"""R16: how much power may be bought ahead."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Floats, Ints, Rollout


def hedge(rollout: Rollout, futures: Futures, columns: Columns) -> Rows:
    """R16: MW under contract in a country <= share x MW promised to be energised by then.

    In every slot; a contract counts while it is in force, a tranche from its start plus its lead.
    That no more is signed than an offer has is the bound of its column.
    """
    power, market = rollout.power, rollout.market
    countries, slots = len(rollout.names.countries), columns.slots
    country, slot = (x.ravel() for x in np.indices((countries, slots)))
    n = np.arange(len(country))
    quarter = futures.slot_quarter[slot]
    starts = columns.by[columns.kind["starts"]]
    entries = []
    for k in range(len(power.tranche_mw)):
        promised = quarter - power.tranche_lead[k]
        own = (power.site_country[power.tranche_site[k]] == country) & (promised >= 0)
        ancestor = columns.ancestor[slot, np.maximum(promised, 0)]
        mw = np.full(len(n), -market.hedge_share_max * power.tranche_mw[k])
        entries.append((n, np.where(own, starts[k, ancestor], -1), mw))
    entries += _in_force(rollout, columns, country, slot, quarter)
    mw_now = np.bincount(power.site_country, weights=power.mw_now, minlength=countries)
    some = np.isin(country, market.offer_country)
    return rows(
        "R16",
        "power bought ahead",
        entries,
        axes=("country", "slot"),
        index=(country, slot),
        upper=np.where(some, market.hedge_share_max * mw_now[country], np.inf),
        count=len(n),
    )


def _in_force(
    rollout: Rollout, columns: Columns, country: Ints, slot: Ints, quarter: Ints
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Entries for the MW of a country's contracts in force in each row's slot."""
    market = rollout.market
    signed = columns.by[columns.kind["signed"]]
    row = np.arange(len(country))
    one = np.ones(len(row))
    for j in range(len(market.offer_strike)):
        for t in range(market.may_sign.shape[1]):
            mine = (country == market.offer_country[j]) & (quarter >= t)
            active = mine & market.offer_active[j, t, quarter]
            at = columns.ancestor[slot, t]
            before = columns.parent[at]
            yield row, np.where(active, signed[j, at], -1), one
            yield row, np.where(active & (before >= 0), signed[j, before], -1), -one
