"""What was drawn, as the prices, demands and kernels that a plan meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from arkwright.plan.hazards import lags
from arkwright.plan.outlook import Outlook
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.samples import Draws
from arkwright.plan.walks import deviations, factors


class Effect(Struct, frozen=True, kw_only=True, eq=False):
    """What an event changes from a quarter on; axes as in `rollout`."""

    start: int
    rental: float
    carbon: float
    demand: Floats
    """(C,) factors."""
    energy: Floats
    """(S,) factors on spot."""
    tranche: Ints
    """(K,) quarters of delay."""
    hall: Ints
    """(P,)"""
    generation: Ints
    """(G,)"""
    supply: Floats
    """(G,) share of what is due that comes."""


class Outcomes(Struct, frozen=True, kw_only=True, eq=False):
    """W outcomes as in `Futures`, without their names, probabilities and slots."""

    price: Floats
    demand: Floats
    energy: Floats
    spot: Floats
    powered: Bools
    opened: Bools
    arrived: Floats
    once: Mapping[str, Ints]
    """(W,) lag of each hazard."""
    rental: Floats
    """(W, T) factor on the market's mean price."""


Adjust = Mapping[str, Floats]
"""(2, T) by walk: what deviations are multiplied by, and what factors are divided by."""


def realise(
    of: Outlook,
    rollout: Rollout,
    drawn: Draws,
    effects: Sequence[Sequence[Effect]] = (),
    adjust: Adjust | None = None,
) -> Outcomes:
    """Outcomes of `drawn`. `effects`: of each outcome, in order of time; none where empty."""
    count = drawn.count
    each = effects or [()] * count
    factor = _factors(of, drawn, adjust or {})
    ones = np.ones((count, of.quarters))
    once = {name: lags(hazard, drawn.once[name]) for name, hazard in of.hazards.items()}
    rental = factor.get("rental", ones) * _over(of, each, lambda e: e.rental)
    price = np.stack([
        mean * (rental if walk else ones)
        for mean, walk in zip(of.price, of.price_walk, strict=True)
    ]) if len(of.price) else np.zeros((0, count, of.quarters))  # fmt: skip
    demand = _demand(of, factor, once, each, ones)
    spot = np.stack([
        mean * factor.get(walk, ones) for mean, walk in zip(of.spot, of.spot_walk, strict=True)
    ]) * _over(of, each, lambda e: e.energy)  # fmt: skip
    carbon = factor.get("carbon", ones) * _over(of, each, lambda e: e.carbon)
    return Outcomes(
        price=price,
        demand=demand,
        energy=spot + of.fees[:, None, None] + of.carbon[:, None, :] * carbon,
        spot=spot,
        powered=_works(of, rollout, "tranche", once, each),
        opened=_works(of, rollout, "hall", once, each),
        arrived=_arrivals(of, rollout, drawn, once, each),
        once=once,
        rental=rental,
    )


def log_deviations(of: Outlook, drawn: Draws) -> dict[str, Floats]:
    """(N, T) by walk."""
    return {name: deviations(of.walks[name], added) for name, added in drawn.steps.items()}


def _factors(of: Outlook, drawn: Draws, adjust: Adjust) -> dict[str, Floats]:
    result: dict[str, Floats] = {}
    for name, deviation in log_deviations(of, drawn).items():
        if name in adjust:
            widened, over = adjust[name]
            result[name] = factors(of.walks[name], deviation * widened) / over
        else:
            result[name] = factors(of.walks[name], deviation)
    return result


def _over(
    of: Outlook, effects: Sequence[Sequence[Effect]], take: Callable[[Effect], float | Floats]
) -> Floats:
    """(…, W, T) product of what `take` takes of each effect from its quarter on."""
    quarters = np.arange(of.quarters)
    known: dict[tuple[int, ...], Floats] = {}
    rows = []
    for own in effects:
        key = tuple(id(effect) for effect in own)
        if key not in known:
            row = np.ones(of.quarters)
            for effect in own:
                row = row * np.where(
                    quarters >= effect.start, np.asarray(take(effect))[..., None], 1.0
                )
            known[key] = row
        rows.append(known[key])
    return np.stack(rows, axis=-2)


def _demand(
    of: Outlook,
    factor: Mapping[str, Floats],
    once: Mapping[str, Ints],
    effects: Sequence[Sequence[Effect]],
    ones: Floats,
) -> Floats:
    if not len(of.demand):
        return np.zeros((0, *ones.shape))
    demand = np.stack([
        mean * (factor.get(walk, ones) if walk else ones)
        for mean, walk in zip(of.demand, of.demand_walk, strict=True)
    ])  # fmt: skip
    quarters = np.arange(of.quarters)
    for leaving in of.leaving:
        gone = quarters >= once[leaving.hazard][:, None]
        demand[leaving.demand] *= np.where(gone, 1.0 - leaving.share, 1.0)
    result: Floats = demand * _over(of, effects, lambda e: e.demand)
    return result


def _works(
    of: Outlook,
    rollout: Rollout,
    kind: str,
    once: Mapping[str, Ints],
    effects: Sequence[Sequence[Effect]],
) -> Bools:
    """(W, X, T, T) whether a work begun in the first quarter is there in the second.

    It is there `lead` and its delay after it was begun; an event delays what is due from then on.
    """
    is_grid = kind == "tranche"
    names = rollout.names.tranches if is_grid else rollout.names.places
    lead = rollout.power.tranche_lead if is_grid else rollout.power.hall_lead
    quarters = np.arange(of.quarters)
    if not names:
        return np.zeros((len(effects), 0, of.quarters, of.quarters), dtype=bool)
    delay = np.stack([once[f"{kind}/{name}"] for name in names], axis=1)
    first = np.array([of.hazards[f"{kind}/{name}"].due for name in names])
    # Begun before it may be, it is there no sooner: else a delay would show before it is seen.
    due = np.maximum(quarters + lead[:, None], first[:, None]) + delay[:, :, None]
    for w, own in enumerate(effects):
        for effect in own:
            late = (effect.tranche if is_grid else effect.hall)[:, None]
            due[w] = np.where(due[w] >= effect.start, due[w] + late, due[w])
    result: Bools = quarters >= due[..., None]
    return result


def _arrivals(
    of: Outlook,
    rollout: Rollout,
    drawn: Draws,
    once: Mapping[str, Ints],
    effects: Sequence[Sequence[Effect]],
) -> Floats:
    """(W, G, T, T) share of an order of the first quarter that stands in the second.

    Due after its lead, but not before the generation's first delivery and its slip; what is due
    in a shock comes in two parts; each part stands for the life.
    """
    names, horizon = rollout.names.generations, of.quarters
    quarters = np.arange(horizon)
    slip = np.stack([once[f"generation/{name}"] for name in names], axis=1)
    start = (of.first + slip)[:, :, None]
    due = np.maximum(quarters + rollout.supply.rack_lead[:, None], start)
    is_short = _is_short(of, drawn, names)
    inside = due < horizon
    hit = inside & np.take_along_axis(is_short, due.clip(max=horizon - 1), axis=2)
    on_time = np.where(hit, of.shocks.delivered, 1.0)
    parts = [(due, on_time), (due + of.shocks.later, 1.0 - on_time)]
    life = np.where(of.life > 0, of.life, once["life"][:, None])[:, :, None, None]
    stands = np.zeros((*due.shape, horizon))
    for when, share in parts:
        when, share = when.copy(), share.copy()
        for w, own in enumerate(effects):
            for effect in own:
                later = when[w] >= effect.start
                share[w] = np.where(later, share[w] * effect.supply[:, None], share[w])
                when[w] = np.where(later, when[w] + effect.generation[:, None], when[w])
        age = quarters - when[..., None]
        stands += share[..., None] * ((age >= 0) & (age < life))
    return stands


def _is_short(of: Outlook, drawn: Draws, names: Sequence[str]) -> Bools:
    """(W, G, T) whether a shock of supply is on."""
    begins = np.stack([drawn.short[name] < of.shocks.chance for name in names], axis=1)
    on = np.zeros_like(begins)
    for age in range(min(of.shocks.lasts, of.quarters)):
        on[:, :, age:] |= begins[:, :, : of.quarters - age]
    return on
