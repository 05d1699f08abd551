"""A programme in numbers: what can be decided, what it costs and what limits it. No future in it.

Everything is an array over the same few axes, so that one quarter of one outcome costs no Python:

| axis | letter | what |
|---|---|---|
| country | R | |
| site | S | a place with its own connection |
| place | P | one kind of hall at one site; racks stand in places |
| generation | G | one kind of rack |
| tranche | K | one step of a site's grid connection |
| offer | J | a power purchase agreement that can be signed |
| facility | F | a loan that can be drawn |
| class | C | one demand: a customer, a country's own, or the market |
| quarter | T | from the programme's first |

Units: power MW at the grid connection, money in millions of `currency`, compute in H100-equivalents
that can be sold, rates per quarter. A kernel `x[…, a, b]` is what a decision in quarter `a` means
in quarter `b`.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOURS_PER_QUARTER = 8760 / 4
ANYWHERE = -1
"""`class_country` of a demand that any country may serve."""


class Names(Struct, frozen=True, kw_only=True):
    """What the axes stand for, in order."""

    quarters: tuple[str, ...]
    """`2026-Q4`."""
    countries: tuple[str, ...]
    sites: tuple[str, ...]
    places: tuple[str, ...]
    """`narvik/h1`."""
    generations: tuple[str, ...]
    """As the programme calls them."""
    systems: tuple[str, ...]
    """Catalogue name of each generation's rack."""
    vendors: tuple[str, ...]
    tranches: tuple[str, ...]
    """`narvik/1`, in the order in which a site takes them."""
    offers: tuple[str, ...]
    facilities: tuple[str, ...]
    classes: tuple[str, ...]
    customers: tuple[str, ...]


class Power(Struct, frozen=True, kw_only=True, eq=False):
    """Grid and halls."""

    site_country: Ints
    """(S,)"""
    place_site: Ints
    """(P,)"""
    mw_now: Floats
    """(S,) energised before the first quarter."""
    tranche_site: Ints
    """(K,)"""
    tranche_before: Ints
    """(K,) the tranche that must be started no later, -1 for none."""
    tranche_mw: Floats
    """(K,)"""
    tranche_offtake_mw: Floats
    """(K,) grid MW of racks the site must have ordered before it may start (rule P5)."""
    tranche_lead: Ints
    """(K,) quarters from start to energised, as promised."""
    may_start: Bools
    """(K, T)"""
    hall_mw: Floats
    """(P,) of one hall, at the grid (IT power times the place's PUE at peak)."""
    hall_count_max: Ints
    """(P,) beside those that stand."""
    halls_now: Ints
    """(P,)"""
    hall_lead: Ints
    """(P,) quarters from start to ready, as promised."""
    may_build: Bools
    """(P, T)"""
    hall_opex: Floats
    """(P,) M a quarter, each ready hall."""


class Supply(Struct, frozen=True, kw_only=True, eq=False):
    """Racks."""

    generation_vendor: Ints
    """(G,)"""
    rack_gpus: Ints
    """(G,)"""
    rack_compute: Floats
    """(G,) H100-equivalents a rack sells when it runs (availability in it)."""
    rack_mw: Floats
    """(P, G) at the grid, at maximum. At one site it ranks generations by MW per compute alike in
    every place."""
    load_factor: Floats
    """(S,) mean draw over maximum of racks in use."""
    rack_opex: Floats
    """(P, G) M a quarter, each rack that stands."""
    rack_lead: Ints
    """(G,) quarters from order to ready, as promised."""
    may_order: Bools
    """(P, G, T); false where the hall cannot hold it, or nothing can be ordered yet."""
    allocation: Floats
    """(G, T) racks that may be ordered in a quarter (rule P7)."""
    minimum: Floats
    """(G, T) racks that must have been ordered by the end of a quarter (rule P8)."""
    racks_now: Floats
    """(P, G, T) that stand before the first quarter, until they are written off."""


class Capital(Struct, frozen=True, kw_only=True, eq=False):
    """Money."""

    discount: Floats
    """(T,) worth today of money at the middle of a quarter."""
    discount_end: float
    """The same at the end of the last."""
    cash_now: float
    cash_min: float
    """At the end of every quarter, in every outcome (rule P9)."""
    equity: Floats
    """(T,) paid in during a quarter."""
    pay_tranche: Floats
    """(K, T, T) M paid in the second quarter for a start in the first."""
    pay_hall: Floats
    """(P, T, T)"""
    pay_rack: Floats
    """(P, G, T, T) deposit, then the rest at the promised delivery."""
    salvage_tranche: Floats
    """(K, T) worth at the end of the horizon, of a start in the quarter."""
    salvage_hall: Floats
    """(P, T)"""
    salvage_rack: Floats
    """(P, G, T)"""
    draw_limit: Floats
    """(F, T) that may have been drawn by the end of a quarter (rule P10)."""
    service: Floats
    """(F, T, T) M paid in the second quarter for 1 M drawn in the first: interest and repayment."""
    owed: Floats
    """(F, T) still owed at the end of the horizon for 1 M drawn in the quarter."""
    cover_min: float
    """Least expected margin over debt service, each quarter with service (rule P11); 0: no rule."""


class Market(Struct, frozen=True, kw_only=True, eq=False):
    """Who buys, and power contracts."""

    class_country: Ints
    """(C,) the one country that may serve it (rule P12), or ANYWHERE."""
    class_customer: Ints
    """(C,)"""
    class_penalty: Floats
    """(C,) M per H100-equivalent and quarter of what was agreed and not served."""
    class_share_max: Floats
    """(C,) of the compute that stands; 1: no limit (rule P15)."""
    offer_country: Ints
    """(J,)"""
    offer_strike: Floats
    """(J,) M per MW and quarter."""
    offer_mw_max: Floats
    """(J,)"""
    offer_active: Bools
    """(J, T, T) is a contract signed in the first quarter in force in the second."""
    may_sign: Bools
    """(J, T)"""
    offer_site: Ints
    """(J,) the site whose spot price it is settled against."""
    hedge_share_max: float
    """Of the MW started in a country, most that may be under contract (rule P16)."""
    vendor_share_max: Floats
    """(V,) of the compute ordered (rule P13); 1: no limit."""
    country_share_max: Floats
    """(R,) of the MW started (rule P14); 1: no limit."""


class Rollout(Struct, frozen=True, kw_only=True, eq=False):
    """The whole programme."""

    name: str
    currency: str
    names: Names
    power: Power
    supply: Supply
    capital: Capital
    market: Market
    risk_weight: float
    """Of the tail in what is maximised: (1 - weight) E[NPV] + weight CVaR."""
    tail: float
    """The worst share that CVaR is the mean of, 0.1 for the worst tenth."""
