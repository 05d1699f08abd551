"""R13 and R14: how much may hang on one vendor or one country."""

from __future__ import annotations

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Bools, Ints, Rollout


def vendors(rollout: Rollout, futures: Futures, columns: Columns) -> Rows:
    """R13: compute ordered from a vendor <= share x compute ordered, at the end of every path."""
    supply, share = rollout.supply, rollout.market.vendor_share_max
    by = columns.by[columns.kind["racks"]].reshape(*supply.rack_mw.shape, columns.slots)
    vendor, slot = _limited(share < 1.0, futures)
    n = np.arange(len(vendor))
    own = supply.generation_vendor[None, :] == vendor[:, None]  # (n, G)
    value = supply.rack_compute * (own - share[vendor][:, None])
    return rows(
        "R13",
        "share of one vendor",
        [(n[:, None], by[:, :, slot].transpose(0, 2, 1), value[None])],
        axes=("vendor", "slot"),
        index=(vendor, slot),
        upper=0.0,
        count=len(n),
    )


def countries(rollout: Rollout, futures: Futures, columns: Columns) -> Rows:
    """R14: MW started in a country, with those of now, <= share x all, at the end of every path."""
    power, share = rollout.power, rollout.market.country_share_max
    by = columns.by[columns.kind["starts"]]
    country, slot = _limited(share < 1.0, futures)
    n = np.arange(len(country))
    most = share[country]
    own = power.site_country[power.tranche_site][None, :] == country[:, None]  # (n, K)
    now = power.site_country[None, :] == country[:, None]
    return rows(
        "R14",
        "share of one country",
        [(n[:, None], by[:, slot].T, power.tranche_mw * (own - most[:, None]))],
        axes=("country", "slot"),
        index=(country, slot),
        upper=-((now - most[:, None]) * power.mw_now).sum(axis=1),
        count=len(n),
    )


def _limited(limits: Bools, futures: Futures) -> tuple[Ints, Ints]:
    """What has a limit below one, in every slot of the last quarter."""
    last = np.unique(futures.path[:, -1])
    which = np.flatnonzero(limits)
    return np.repeat(which, len(last)), np.tile(last, len(which))
