"""One site, small enough to follow by hand: what the answers are tested on.

Four quarters, four outcomes of equal chance. One tranche of 10 MW, promised after one quarter: in
outcomes 0 and 1 it comes then, in 2 a quarter later, in 3 never. Halls of 5 MW come at once, racks
of 1 MW, 8 GPUs and 10 H100-equivalents a quarter after their order. 100 equivalents are asked for
at 0.1 M each and quarter; in outcome 1 only 40. Nothing is discounted, energy is free.
"""

import numpy as np

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import ANYWHERE, Capital, Market, Names, Power, Rollout, Supply
from arkwright.plan.schedule import Schedule

QUARTERS, OUTCOMES = 4, 4
COMES = (1, 1, 2, 9)  # quarters from its start until the tranche is energised
DEMAND = (100.0, 40.0, 100.0, 100.0)


def harbour():
    """(Rollout, Futures)"""
    flat = np.arange(QUARTERS)
    later = flat[None, :] - flat[:, None]
    rollout = Rollout(
        name="harbour",
        currency="EUR",
        names=Names(
            quarters=("2026-Q4", "2027-Q1", "2027-Q2", "2027-Q3"),
            countries=("NO",), sites=("quay",), places=("quay/h",), generations=("g",),
            systems=("rack",), vendors=("maker",), tranches=("quay/1",), offers=(),
            facilities=(), classes=("market",), customers=("buyers",),
        ),
        power=Power(
            site_country=np.array([0]), place_site=np.array([0]), mw_now=np.zeros(1),
            tranche_site=np.array([0]), tranche_before=np.array([-1]),
            tranche_mw=np.array([10.0]), tranche_offtake_mw=np.zeros(1),
            tranche_lead=np.array([1]), may_start=np.ones((1, QUARTERS), bool),
            hall_mw=np.array([5.0]), hall_count_max=np.array([4]), halls_now=np.array([0]),
            hall_lead=np.array([0]), may_build=np.ones((1, QUARTERS), bool),
            hall_opex=np.zeros(1),
        ),
        supply=Supply(
            generation_vendor=np.array([0]), rack_gpus=np.array([8]),
            rack_compute=np.array([10.0]), rack_mw=np.ones((1, 1)), load_factor=np.ones(1),
            rack_opex=np.zeros((1, 1)), rack_lead=np.array([1]),
            may_order=np.ones((1, 1, QUARTERS), bool), allocation=np.full((1, QUARTERS), 99.0),
            minimum=np.zeros((1, QUARTERS)), racks_now=np.zeros((1, 1, QUARTERS)),
        ),
        capital=Capital(
            discount=np.ones(QUARTERS), discount_end=1.0, cash_now=20.0, cash_min=0.0,
            equity=np.zeros(QUARTERS),
            pay_tranche=_at_once(1, 2.0), pay_hall=_at_once(1, 1.0),
            pay_rack=_at_once(1, 0.5)[None], salvage_tranche=np.zeros((1, QUARTERS)),
            salvage_hall=np.zeros((1, QUARTERS)), salvage_rack=np.zeros((1, 1, QUARTERS)),
            draw_limit=np.zeros((0, QUARTERS)), service=np.zeros((0, QUARTERS, QUARTERS)),
            owed=np.zeros((0, QUARTERS)), cover_min=0.0,
        ),
        market=Market(
            class_country=np.array([ANYWHERE]), class_customer=np.array([0]),
            class_penalty=np.zeros(1), class_share_max=np.ones(1),
            offer_country=np.zeros(0, int), offer_strike=np.zeros(0), offer_mw_max=np.zeros(0),
            offer_active=np.zeros((0, QUARTERS, QUARTERS), bool),
            may_sign=np.zeros((0, QUARTERS), bool), offer_site=np.zeros(0, int),
            hedge_share_max=1.0, vendor_share_max=np.ones(1), country_share_max=np.ones(1),
        ),
        risk_weight=0.5,
        tail=0.25,
    )  # fmt: skip
    futures = Futures(
        names=("as promised", "few buyers", "grid late", "no grid"),
        probability=np.full(OUTCOMES, 0.25),
        path=np.tile(flat, (OUTCOMES, 1)),
        slot_quarter=flat,
        slot_name=rollout.names.quarters,
        price=np.full((1, OUTCOMES, QUARTERS), 0.1),
        demand=np.repeat(DEMAND, QUARTERS).reshape(1, OUTCOMES, QUARTERS),
        energy=np.zeros((1, OUTCOMES, QUARTERS)),
        spot=np.zeros((1, OUTCOMES, QUARTERS)),
        powered=np.array([later >= lead for lead in COMES])[:, None],
        opened=np.broadcast_to(later >= 0, (OUTCOMES, 1, QUARTERS, QUARTERS)).copy(),
        arrived=np.broadcast_to((later >= 1) * 1.0, (OUTCOMES, 1, QUARTERS, QUARTERS)).copy(),
    )
    return rollout, futures


def all_at_once():
    """Everything in the first quarter: the tranche, two halls, eight racks."""
    first = np.zeros(QUARTERS)
    first[0] = 1
    return Schedule(
        starts=first[None],
        halls=2 * first[None],
        racks=8 * first[None, None],
        signed=np.zeros((0, QUARTERS)),
        drawn=np.zeros((0, QUARTERS)),
    )


def _at_once(items, amount):
    """(items, T, T) paid in the quarter of the decision."""
    return np.broadcast_to(np.eye(QUARTERS) * amount, (items, QUARTERS, QUARTERS)).copy()
