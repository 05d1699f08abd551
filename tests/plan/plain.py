"""A programme in round numbers, for answers worked out by hand.

One site of 10 MW to connect, halls of 4 MW, racks of 1 MW that serve 10 H100-equivalents. All is
there in the quarter in which it is decided and paid; money is worth the same in every quarter, and
nothing is worth anything at the end.

| what | M |
|---|---|
| the tranche | 8 |
| a hall | 3, and 0.25 a quarter |
| a rack | 4 |
| an H100-equivalent served for a quarter | 0.5, so 5 for a rack |
| a MW drawn for a quarter | 0.5, so 0.5 for a rack |

A rack thus earns 4.5 a quarter. 60 H100-equivalents are wanted, six racks; five may be ordered in
each quarter.
"""

import numpy as np

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import ANYWHERE, Capital, Market, Names, Power, Rollout, Supply


def plain(sites=1, quarters=2, outcomes=1, tranches=1, generations=1, loans=0, offers=0, path=None):
    """(Rollout, Futures); site s is the only one of country s, generation g the vendor's g."""
    if path is None:
        path = np.tile(np.arange(quarters), (outcomes, 1))
    path = np.asarray(path)
    slot_quarter = np.zeros(path.max() + 1, dtype=np.int64)
    slot_quarter[path] = np.arange(quarters)
    return (
        _rollout(sites, quarters, tranches, generations, loans, offers),
        _futures(sites, quarters, tranches, generations, path, slot_quarter),
    )


def at_once(*shape):
    """Kernels (*shape, T, T) of what is there from its quarter on; the last of `shape` is T."""
    quarters = np.arange(shape[-1])
    there = quarters[:, None] <= quarters
    return np.broadcast_to(there, (*shape[:-1], *there.shape)).copy()


def paid_at_once(cost, quarters):
    """Kernel (*cost.shape, T, T): all in the quarter of the decision."""
    return np.asarray(cost, dtype=float)[..., None, None] * np.eye(quarters)


def after(lead, kernel):
    """A kernel `lead` quarters later."""
    moved = np.zeros_like(kernel)
    moved[..., lead:] = kernel[..., : kernel.shape[-1] - lead]
    return moved


def _rollout(sites, quarters, tranches, generations, loans, offers):
    each, steps = np.arange(sites), np.arange(sites * tranches)
    names = Names(
        quarters=tuple(f"2027-Q{1 + t}" for t in range(quarters)),
        countries=("NO", "GB", "PT")[:sites],
        sites=("narvik", "loughton", "sines")[:sites],
        places=tuple(f"{site}/h1" for site in ("narvik", "loughton", "sines")[:sites]),
        generations=("first", "second")[:generations],
        systems=("rack-1", "rack-2")[:generations],
        vendors=("one", "two")[:generations],
        tranches=tuple(
            f"{('narvik', 'loughton', 'sines')[s]}/{1 + k}"
            for s in range(sites)
            for k in range(tranches)
        ),
        offers=tuple(f"ppa{j}" for j in range(offers)),
        facilities=tuple(f"loan{f}" for f in range(loans)),
        classes=("market",),
        customers=("market",),
    )
    power = Power(
        site_country=each,
        place_site=each,
        mw_now=np.zeros(sites),
        tranche_site=steps // tranches,
        tranche_before=np.where(steps % tranches == 0, -1, steps - 1),
        tranche_mw=np.full(len(steps), 10.0),
        tranche_offtake_mw=np.zeros(len(steps)),
        tranche_lead=np.zeros(len(steps), dtype=np.int64),
        may_start=np.ones((len(steps), quarters), dtype=bool),
        hall_mw=np.full(sites, 4.0),
        hall_count_max=np.full(sites, 3),
        halls_now=np.zeros(sites, dtype=np.int64),
        hall_lead=np.zeros(sites, dtype=np.int64),
        may_build=np.ones((sites, quarters), dtype=bool),
        hall_opex=np.full(sites, 0.25),
    )
    supply = Supply(
        generation_vendor=np.arange(generations),
        rack_gpus=np.full(generations, 72),
        rack_compute=np.full(generations, 10.0),
        rack_mw=np.ones((sites, generations)),
        load_factor=np.ones(sites),
        rack_opex=np.zeros((sites, generations)),
        rack_lead=np.zeros(generations, dtype=np.int64),
        may_order=np.ones((sites, generations, quarters), dtype=bool),
        allocation=np.full((generations, quarters), 5.0),
        minimum=np.zeros((generations, quarters)),
        racks_now=np.zeros((sites, generations, quarters)),
    )
    capital = Capital(
        discount=np.ones(quarters),
        discount_end=1.0,
        cash_now=1000.0,
        cash_min=0.0,
        equity=np.zeros(quarters),
        pay_tranche=paid_at_once(np.full(len(steps), 8.0), quarters),
        pay_hall=paid_at_once(np.full(sites, 3.0), quarters),
        pay_rack=paid_at_once(np.full((sites, generations), 4.0), quarters),
        salvage_tranche=np.zeros((len(steps), quarters)),
        salvage_hall=np.zeros((sites, quarters)),
        salvage_rack=np.zeros((sites, generations, quarters)),
        draw_limit=np.full((loans, quarters), 100.0),
        # A tenth of interest, repaid the quarter after; at the end it is still owed.
        service=np.broadcast_to(1.1 * np.eye(quarters, k=1), (loans, quarters, quarters)).copy(),
        owed=np.broadcast_to(1.1 * (np.arange(quarters) == quarters - 1), (loans, quarters)).copy(),
        cover_min=0.0,
    )
    market = Market(
        class_country=np.array([ANYWHERE]),
        class_customer=np.array([0]),
        class_penalty=np.zeros(1),
        class_share_max=np.ones(1),
        offer_country=np.zeros(offers, dtype=np.int64),
        offer_strike=np.full(offers, 0.3),
        offer_mw_max=np.full(offers, 20.0),
        offer_active=at_once(offers, quarters),
        may_sign=np.ones((offers, quarters), dtype=bool),
        offer_site=np.zeros(offers, dtype=np.int64),
        hedge_share_max=1.0,
        vendor_share_max=np.ones(generations),
        country_share_max=np.ones(sites),
    )
    return Rollout(
        name="plain",
        currency="USD",
        names=names,
        power=power,
        supply=supply,
        capital=capital,
        market=market,
        risk_weight=0.0,
        tail=0.5,
    )


def _futures(sites, quarters, tranches, generations, path, slot_quarter):
    outcomes = len(path)
    shape = (outcomes, quarters)
    return Futures(
        names=tuple(f"outcome {w}" for w in range(outcomes)),
        probability=np.full(outcomes, 1 / outcomes),
        path=path,
        slot_quarter=slot_quarter,
        slot_name=tuple(f"slot {m} 2027-Q{1 + q}" for m, q in enumerate(slot_quarter)),
        price=np.full((1, *shape), 0.5),
        demand=np.full((1, *shape), 60.0),
        energy=np.full((sites, *shape), 0.5),
        spot=np.full((sites, *shape), 0.5),
        powered=at_once(outcomes, sites * tranches, quarters),
        opened=at_once(outcomes, sites, quarters),
        arrived=at_once(outcomes, generations, quarters) * 1.0,
    )
