"""Seeded programmes to prove things on: small random ones, and the big one of the benchmarks.

`small(seed)` is one or two sites over two or three quarters and one to four outcomes, in two
stages or on a tree; `big(outcomes)` is 8 sites x 24 quarters x 4 generations in 3 countries. Both
come from `instance(shape, seed)`, with the economics of GB300-like racks: part of what can be built
is worth building, and what halls and connections cost whether used or not decides how much.

Past 400 lines because every field of the numeric contract is drawn here once.

Doing nothing is always allowed in them: tests that want a rule to bind tighten it with `changed`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from hypothesis import strategies as st

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import (
    ANYWHERE,
    HOURS_PER_QUARTER,
    Capital,
    Market,
    Names,
    Power,
    Rollout,
    Supply,
)

M = 1e6  # dollars in a million


@dataclass(frozen=True)
class Shape:
    """How large an instance is, and how long things take in it."""

    countries: int
    sites: int
    places: int  # at each site
    tranches: int  # at each site
    generations: int
    quarters: int
    outcomes: int
    stage_quarters: int = 0  # a tree that branches every so many quarters; 0: two stages
    tranche_mw: tuple[float, float] = (30.0, 60.0)
    tranche_lead: tuple[int, int] = (3, 7)
    hall_mw: tuple[float, float] = (10.0, 20.0)
    hall_count: int = 12
    hall_lead: tuple[int, int] = (3, 5)
    rack_lead: tuple[int, int] = (2, 3)
    delay: int = 5  # longest, of a connection
    life: int = 16  # of a rack
    loans: int = 1
    offers: int = 3
    standing: bool = True  # something is there before the first quarter
    rent: float = 2.8  # dollars an H100-equivalent and hour, at first
    resale: float = 0.85  # of a rack's price, the moment it is paid
    risk_weight: float = 0.3
    tail: float = 0.1


BIG = Shape(countries=3, sites=8, places=1, tranches=3, generations=4, quarters=24, outcomes=200)


def big(outcomes=200, seed=7, tree=False, **shape):
    """The benchmark: 8 sites x 24 quarters x 4 generations; a tree branches every 6 quarters."""
    asked = replace(BIG, outcomes=outcomes, stage_quarters=6 if tree else 0, **shape)
    return instance(asked, seed)


def small(seed, **shape):
    """A programme that an extensive form solves in a fraction of a second; `shape` overrides."""
    rng = np.random.default_rng(seed)
    sites = int(rng.integers(1, 3))
    quarters = int(rng.integers(2, 4))
    drawn = Shape(
        countries=int(rng.integers(1, sites + 1)),
        sites=sites,
        places=int(rng.integers(1, 3)),
        tranches=int(rng.integers(1, 3)),
        generations=int(rng.integers(1, 3)),
        quarters=quarters,
        outcomes=int(rng.integers(1, 5)),
        stage_quarters=int(rng.integers(0, 2)),
        tranche_mw=(1.5, 4.0),
        tranche_lead=(0, 1),
        hall_mw=(0.6, 1.6),
        hall_count=3,
        hall_lead=(0, 1),
        rack_lead=(0, 1),
        delay=1,
        rent=6.0,  # dear, for a year at most must pay for what lasts five
        resale=1.0,
        life=int(rng.integers(1, quarters + 1)),
        loans=int(rng.integers(0, 2)),
        offers=int(rng.integers(0, 2)),
        standing=bool(rng.integers(0, 2)),
        risk_weight=float(rng.choice([0.0, 0.3, 1.0])),
        tail=float(rng.choice([0.2, 0.5])),
    )
    return instance(replace(drawn, **shape), seed)


def smalls(**shape):
    """Hypothesis: small programmes with their futures, simplest seeds first."""
    return st.builds(lambda seed: small(seed, **shape), st.integers(0, 10_000))


def changed(thing, **fields):
    """A copy with fields set, in whichever section they are: `changed(rollout, cash_now=1.0)`."""
    own = {name: value for name, value in fields.items() if hasattr(thing, name)}
    rest = {name: value for name, value in fields.items() if name not in own}
    for section in thing.__struct_fields__:
        inside = getattr(thing, section)
        if isinstance(inside, msgspec.Struct):
            here = {name: rest.pop(name) for name in list(rest) if hasattr(inside, name)}
            if here:
                own[section] = msgspec.structs.replace(inside, **here)
    assert not rest, f"no such field: {', '.join(rest)}"
    return msgspec.structs.replace(thing, **own)


def instance(shape, seed):
    """(Rollout, Futures) of a shape; the same seed gives the same, whatever the machine."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    power = _power(shape, rng)
    supply = _supply(shape, power, rng)
    market = _market(shape, power, rng)
    futures = _futures(shape, power, supply, market, rng)
    capital = _capital(shape, power, supply, market, futures, rng)
    rollout = Rollout(
        name=f"instance-{seed}",
        currency="USD",
        names=_names(shape, power, market),
        power=power,
        supply=supply,
        capital=capital,
        market=market,
        risk_weight=shape.risk_weight,
        tail=shape.tail,
    )
    return rollout, futures


def _names(shape, power, market):
    vendors = min(2, shape.generations)
    return Names(
        quarters=tuple(f"{2027 + t // 4}-Q{1 + t % 4}" for t in range(shape.quarters)),
        countries=("NO", "GB", "PT", "IS")[: shape.countries],
        sites=tuple(f"site{s}" for s in range(shape.sites)),
        places=tuple(f"site{s}/h{p}" for s in range(shape.sites) for p in range(shape.places)),
        generations=tuple(f"g{g}" for g in range(shape.generations)),
        systems=tuple(f"rack-{g}" for g in range(shape.generations)),
        vendors=tuple(f"vendor{v}" for v in range(vendors)),
        tranches=tuple(
            f"site{s}/{k}" for s in range(shape.sites) for k in range(1, shape.tranches + 1)
        ),
        offers=tuple(f"ppa{j}" for j in range(len(market.offer_strike))),
        facilities=tuple(f"loan{f}" for f in range(shape.loans)),
        classes=tuple(f"class{c}" for c in range(len(market.class_penalty))),
        customers=tuple(f"customer{c}" for c in range(market.class_customer.max() + 1)),
    )


def _between(rng, low_high, size):
    low, high = low_high
    return rng.integers(low, high + 1, size)


def _power(shape, rng):
    sites, quarters = shape.sites, np.arange(shape.quarters)
    tranche_site = np.repeat(np.arange(sites), shape.tranches)
    place_site = np.repeat(np.arange(sites), shape.places)
    first = np.arange(len(tranche_site)) % shape.tranches == 0
    tranche_lead = _between(rng, shape.tranche_lead, len(tranche_site))
    hall_lead = _between(rng, shape.hall_lead, len(place_site))
    tranche_mw = rng.uniform(*shape.tranche_mw, len(tranche_site)).round(1)
    earliest = np.where(first, 0, rng.integers(0, max(1, shape.quarters // 4), len(first)))
    standing = shape.standing * (np.arange(sites) == 0)
    hall_mw = rng.uniform(*shape.hall_mw, len(place_site)).round(2)
    halls_now = standing[place_site] * (np.arange(len(place_site)) % shape.places == 0)
    return Power(
        site_country=np.arange(sites) % shape.countries,
        place_site=place_site,
        mw_now=(standing * hall_mw[:: shape.places] * 1.2).round(1),
        tranche_site=tranche_site,
        tranche_before=np.where(first, -1, np.arange(len(first)) - 1),
        tranche_mw=tranche_mw,
        # A site's second step and later want a sixth of it ordered before.
        tranche_offtake_mw=np.where(first, 0.0, (tranche_mw / 6).round(2)),
        tranche_lead=tranche_lead,
        may_start=(quarters >= earliest[:, None])
        & (quarters + tranche_lead[:, None] < shape.quarters),
        hall_mw=hall_mw,
        hall_count_max=np.full(len(place_site), shape.hall_count),
        halls_now=halls_now.astype(np.int64),
        hall_lead=hall_lead,
        may_build=quarters + hall_lead[:, None] < shape.quarters,
        hall_opex=(hall_mw * 0.02).round(4),  # 80,000 a MW and year: staff, land, insurance
    )


def _supply(shape, power, rng):
    generations, quarters = np.arange(shape.generations), np.arange(shape.quarters)
    places = len(power.place_site)
    pue = rng.uniform(1.12, 1.3, places)
    it_mw = 0.142 * 1.35**generations  # a GB300 rack, then denser ones
    # 72 GPUs of twice an H100, three quarters of the hours sold.
    compute = (105 * 1.6**generations).round()
    lead = _between(rng, shape.rack_lead, shape.generations)
    from_quarter = generations * (shape.quarters // (2 * shape.generations))
    dense = rng.random((places, shape.generations)) < np.where(generations == 0, 1.0, 0.8)
    may_order = (
        dense[:, :, None]
        & (quarters >= from_quarter[:, None])
        & (quarters + lead[:, None] < shape.quarters)
    )
    # Two and a half times what the connections carry, in all; more of them as time goes.
    ramp = 1 + (quarters - from_quarter[:, None]).clip(0) / 4
    racks = 2.5 * power.tranche_mw.sum() / (1.2 * it_mw[:, None]) / shape.generations
    racks_now = np.zeros((places, shape.generations, shape.quarters))
    racks_now[:, 0] = (power.halls_now * (power.hall_mw / (0.142 * pue) * 0.5).round())[:, None]
    racks_now[:, 0, shape.quarters // 2 + 1 :] = 0  # the first are written off
    return Supply(
        generation_vendor=generations % 2,
        rack_gpus=np.full(shape.generations, 72),
        rack_compute=compute,
        rack_mw=np.outer(pue, it_mw),
        load_factor=rng.uniform(0.75, 0.9, shape.sites).round(3),
        rack_opex=np.full((places, shape.generations), 0.03),
        rack_lead=lead,
        may_order=may_order,
        allocation=np.ceil(racks * ramp / ramp.sum(1, keepdims=True)),
        minimum=np.zeros((shape.generations, shape.quarters)),
        racks_now=racks_now,
    )


def _market(shape, power, rng):
    """A sovereign demand in every country, one agreed beforehand, and the market."""
    own = shape.countries
    strikes = rng.uniform(42, 62, shape.offers) * HOURS_PER_QUARTER / M
    country = np.arange(shape.offers) % shape.countries
    quarters = np.arange(shape.quarters)
    # In force from the next quarter for three years.
    ahead = quarters[None, :] - quarters[:, None]
    peak_mw = power.tranche_mw.sum() + power.mw_now.sum()
    return Market(
        class_country=np.array([*range(own), ANYWHERE, ANYWHERE]),
        class_customer=np.array([*range(own), own, own + 1]),
        class_penalty=np.array([*[0.0] * own, 0.0003, 0.0]),
        class_share_max=np.array([*[1.0] * own, 0.6, 1.0]),
        offer_country=country,
        offer_strike=strikes,
        offer_mw_max=np.full(shape.offers, (peak_mw / 4).round(1)),
        offer_active=np.broadcast_to(
            (ahead >= 1) & (ahead <= 12), (shape.offers, shape.quarters, shape.quarters)
        ).copy(),
        may_sign=np.ones((shape.offers, shape.quarters), dtype=bool),
        offer_site=np.array(
            [int(np.argmax(power.site_country == r)) for r in country], dtype=np.int64
        ),
        hedge_share_max=0.8,
        vendor_share_max=np.full(min(2, shape.generations), 1.0),
        country_share_max=np.full(shape.countries, 1.0),
    )


def _futures(shape, power, supply, market, rng):
    outcomes, quarters = shape.outcomes, shape.quarters
    path, history = _paths(shape, rng)
    slots = int(path.max()) + 1
    slot_quarter = np.zeros(slots, dtype=np.int64)
    slot_quarter[path] = np.arange(quarters)
    weights = rng.uniform(0.5, 1.5, outcomes)
    rent = shape.rent * _walk(history, 1, rng, 0.1)[0] * 0.975 ** np.arange(quarters)
    rent = rent.clip(0.5 * shape.rent, 1.5 * shape.rent) * HOURS_PER_QUARTER / M
    kinds = len(market.class_country)
    premium = np.where(market.class_penalty > 0, 0.95, 1.0)
    premium[: shape.countries] = 1.2
    price = premium[:, None, None] * rent * (1 + 0.03 * rng.standard_normal((kinds, 1, 1)))
    spot = 55 * _walk(history, shape.sites, rng, 0.18)
    spot = spot.clip(30, 100) * HOURS_PER_QUARTER / M
    names = _quarter_names(shape)
    return Futures(
        names=tuple(f"outcome {w}" for w in range(outcomes)),
        probability=weights / weights.sum(),
        path=path,
        slot_quarter=slot_quarter,
        slot_name=tuple(f"slot{m} {names[slot_quarter[m]]}" for m in range(slots)),
        price=price,
        demand=_demand(shape, power, supply, market, history, rng),
        energy=spot + 0.02,
        spot=spot,
        powered=_from(power.tranche_lead, _delays(rng, outcomes, power.tranche_lead, shape), shape),
        opened=_from(
            power.hall_lead, (rng.random((outcomes, len(power.hall_lead))) < 0.3) * 1, shape
        ),
        arrived=_arrived(shape, supply, rng),
    )


def _quarter_names(shape):
    return [f"{2027 + t // 4}-Q{1 + t % 4}" for t in range(shape.quarters)]


def _paths(shape, rng):
    """(path, history): the slot of each outcome, and a number for what it has seen by then."""
    outcomes, quarters = shape.outcomes, shape.quarters
    if not shape.stage_quarters:
        path = np.tile(np.arange(quarters), (outcomes, 1))
        history = np.arange(outcomes)[:, None] * quarters + np.arange(quarters)
        history[:, 0] = 0
        return path, history
    stages = -(-quarters // shape.stage_quarters)
    # Every stage splits a node's outcomes in parts as equal as they come, four at most.
    node = np.zeros((outcomes, stages), dtype=np.int64)
    for stage in range(1, stages):
        total = 4**stage if outcomes > 4 else min(outcomes, 2**stage)
        node[:, stage] = np.arange(outcomes) * min(total, outcomes) // outcomes
    path = np.zeros((outcomes, quarters), dtype=np.int64)
    slots: dict[tuple[int, int], int] = {}
    for t in range(quarters):
        for w in range(outcomes):
            key = (t, int(node[w, t // shape.stage_quarters]))
            path[w, t] = slots.setdefault(key, len(slots))
    return path, path


def _walk(history, count, rng, sigma):
    """(count, W, T) factors around 1 that revert to it, equal while outcomes share a history."""
    steps = rng.standard_normal((count, int(history.max()) + 1))[:, history] * sigma
    log = np.zeros(steps.shape)
    for t in range(1, log.shape[2]):
        log[:, :, t] = 0.85 * log[:, :, t - 1] + steps[:, :, t]
    return np.exp(log)


def _demand(shape, power, supply, market, history, rng):
    """Sovereigns ask for little, one customer for a fifth and may leave, the market for half."""
    quarters = np.arange(shape.quarters)
    all_mw = power.tranche_mw.sum() + power.mw_now.sum()
    compute_max = all_mw / supply.rack_mw[:, 0].mean() * supply.rack_compute[0]
    share = np.full(len(market.class_country), 0.6)
    share[: shape.countries] = 0.25 / shape.countries
    share[shape.countries] = 0.2
    growth = np.minimum(1.0, 0.15 + (quarters + 1) / max(4, 0.7 * shape.quarters))
    walk = _walk(history, len(share), rng, 0.1)
    demand = share[:, None, None] * compute_max * growth * walk
    leaves = rng.random(shape.outcomes) < 0.25
    when = rng.integers(1, shape.quarters, shape.outcomes)
    gone = leaves[:, None] & (quarters >= when[:, None])
    demand[shape.countries][gone] = 0
    return demand


def _delays(rng, outcomes, lead, shape):
    """Quarters a connection is late: mostly none to two, now and then long."""
    late = rng.geometric(0.5, (outcomes, len(lead))) - 1
    return late.clip(0, shape.delay)


def _from(lead, delay, shape):
    """(W, X, T, T): true from the quarter in which it is there."""
    quarters = np.arange(shape.quarters)
    there = quarters[:, None] + lead[None, :, None, None] + delay[:, :, None, None]
    return quarters >= there


def _arrived(shape, supply, rng):
    """Delivered with a slip, now and then in two halves, and written off after its life."""
    quarters = np.arange(shape.quarters)
    slip = (rng.random((shape.outcomes, shape.generations)) < 0.3) * 1
    half = (rng.random((shape.outcomes, shape.generations)) < 0.3) * 0.5
    age = quarters[None, :] - quarters[:, None] - (supply.rack_lead + slip)[:, :, None, None]
    late = half[:, :, None, None]
    stands = (age >= 0) * (1 - late) + (age >= 1) * late
    return stands * (age < shape.life)


def _capital(shape, power, supply, market, futures, rng):
    quarters = np.arange(shape.quarters)
    end = shape.quarters
    left = (end - quarters) / 4  # years from a quarter to the end
    tranche_cost = power.tranche_mw * rng.uniform(1, 3, len(power.tranche_mw))
    hall_cost = power.hall_mw * rng.uniform(9, 13, len(power.hall_mw))
    # The rack, its network and its storage.
    rack_cost = np.array([4.5 * 1.5**g + 0.7 for g in range(shape.generations)])
    rack_cost = np.broadcast_to(rack_cost, supply.rack_mw.shape)
    worst_penalty = (market.class_penalty[:, None, None] * futures.demand).sum(0).sum(1).max()
    standing_cost = (power.hall_opex * power.halls_now).sum() * shape.quarters + (
        supply.rack_opex[:, :, None] * supply.racks_now
    ).sum()
    loan = 1 / 12 + 0.03  # dearer than the discount: drawn only where cash is short
    after = quarters[None, :] > quarters[:, None]
    # What it takes to use every connection: halls at 11 a MW and racks of the first generation.
    racks_mw = rack_cost[0, 0] / supply.rack_mw[:, 0].mean()
    whole = tranche_cost.sum() + power.tranche_mw.sum() * (11 + racks_mw)
    owed = np.broadcast_to(1.03 * (1 - (end - 1 - quarters) / 12), (shape.loans, end)).clip(0)
    return Capital(
        discount=1.1 ** (-(quarters + 0.5) / 4),
        discount_end=float(1.1 ** (-end / 4)),
        cash_now=float(round(worst_penalty + standing_cost + 0.15 * whole, 1)),
        cash_min=0.0,
        equity=np.full(end, round(0.35 * whole / end, 2)),
        pay_tranche=_spread(tranche_cost, power.tranche_lead, shape),
        pay_hall=_spread(hall_cost, power.hall_lead, shape),
        pay_rack=_deposit(rack_cost, supply.rack_lead, shape),
        salvage_tranche=tranche_cost[:, None] * (1 - left / 30) * 0.9,
        salvage_hall=hall_cost[:, None] * (1 - left / 20) * 0.8,
        salvage_rack=rack_cost[:, :, None] * shape.resale * (1 - left / 5).clip(0),
        draw_limit=np.full((shape.loans, end), round(0.4 * whole, 1)),
        # Twelve quarters of repayment from the quarter after, with interest on what was drawn.
        service=np.broadcast_to(
            after * (quarters[None, :] - quarters[:, None] <= 12) * loan,
            (shape.loans, end, end),
        ).copy(),
        owed=owed.copy(),
        cover_min=0.0,
    )


def _spread(cost, lead, shape):
    """(X, T, T): in equal parts from the start to the quarter of completion."""
    quarters = np.arange(shape.quarters)
    ahead = quarters[None, :] - quarters[:, None]
    during = (ahead >= 0) & (ahead <= lead[:, None, None])
    return during * (cost / (lead + 1))[:, None, None]


def _deposit(cost, lead, shape):
    """(P, G, T, T): a fifth with the order, the rest at the promised delivery."""
    quarters = np.arange(shape.quarters)
    ahead = quarters[None, :] - quarters[:, None]
    kernel = 0.2 * (ahead == 0) + 0.8 * (ahead == lead[:, None, None])
    return cost[:, :, None, None] * kernel[None]
