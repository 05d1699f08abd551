"""Futures of a programme: what its section says may happen, drawn and laid in slots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arkwright.catalog.outlook import outlook_figure
from arkwright.factory import Factory, quarters
from arkwright.plan.build import build
from arkwright.plan.events import START, Branch, Slots, branches, effects, slots
from arkwright.plan.futures import Futures
from arkwright.plan.grow import grow
from arkwright.plan.outlook import Outlook, outlook
from arkwright.plan.realise import Adjust, Effect, Outcomes, realise
from arkwright.plan.rollout import Floats, Rollout
from arkwright.plan.samples import Draws, draws, joined, middle


def futures(
    factory: Factory,
    rollout: Rollout,
    *,
    promised: Futures | None = None,
    outcomes: int | None = None,
    seed: int | None = None,
) -> Futures:
    """The outcomes that `factory`'s programme may meet; `rollout` is the same programme.

    `promised` is `Build.as_promised`, which is worked out where it is not given.

    With `stages` a tree is grown from samples; with `tree` every branch of it is crossed with the
    same samples; else the samples are told apart too late to decide (two stages). `outcomes` and
    `seed` go before the file's own. The same arguments give the same bytes.
    """
    assert factory.programme is not None
    section = factory.programme.futures
    of = outlook(factory, rollout, promised or build(factory).as_promised)
    count = _given(outcomes, section.outcomes, "outcomes")
    key = _given(seed, section.seed, "seed")
    names = rollout.names
    if section.stages and count > 1:
        first = quarters.number(names.quarters[0])
        stages = [quarters.number(stage) - first for stage in section.stages]
        leaves = _given(None, section.leaves, "leaves")
        tree = grow(of, names.generations, key, stages, leaves, count)
        return _laid(of, rollout, tree.drawn, tree.probability, tree.ways, (), tree.adjust)
    ways = branches(section.tree, names.quarters[0]) or [_only()]
    each = max(1, round(count / len(ways)))
    drawn = (
        draws(of, names.generations, key, each)
        if count > 1
        else middle(of, names.generations)
    )  # fmt: skip
    probability = np.repeat([way.probability for way in ways], drawn.count) / drawn.count
    # The same objects for all outcomes of a way, so that their effects are worked out once.
    happens = [own for way in ways for own in [effects(factory, rollout, way)] * drawn.count]
    crossed = joined([drawn] * len(ways))
    all_ways = [way for way in ways for _ in range(drawn.count)]
    return _laid(of, rollout, crossed, probability, all_ways, happens, None)


def _given(argument: int | None, written: int | None, figure: str) -> int:
    for value in (argument, written):
        if value is not None:
            return value
    return int(outlook_figure(figure).value)


def _only() -> Branch:
    return Branch(name="", probability=1.0, nodes=(START,), starts=(0,))


def _laid(
    of: Outlook,
    rollout: Rollout,
    drawn: Draws,
    probability: Floats,
    ways: Sequence[Branch],
    happens: Sequence[Sequence[Effect]],
    adjust: Adjust | None,
) -> Futures:
    met = realise(of, rollout, drawn, happens, adjust)
    laid: Slots = slots(ways, rollout.names.quarters)
    return Futures(
        names=tuple(_names(of, rollout, met, ways)),
        probability=probability / probability.sum(),
        path=laid.path,
        slot_quarter=laid.quarter,
        slot_name=laid.name,
        price=met.price,
        demand=met.demand,
        energy=met.energy,
        spot=met.spot,
        powered=met.powered,
        opened=met.opened,
        arrived=met.arrived,
    )


def _names(of: Outlook, rollout: Rollout, met: Outcomes, ways: Sequence[Branch]) -> list[str]:
    """Of each outcome: its branch, the market, what is latest, who goes."""
    horizon = of.quarters
    market = met.rental.mean(axis=1)
    late = {
        name.partition("/")[2]: met.once[name]
        for name in of.hazards
        if name.startswith(("tranche/", "generation/"))
    }
    rows = np.array(list(late.values())).reshape(len(late), len(market))
    told = []
    for w, way in enumerate(ways):
        words = [way.name] if way.name else []
        words.append(f"market {market[w]:.2f} of its mean")
        if len(rows) and rows[:, w].max() > 0:
            worst = int(rows[:, w].argmax())
            lag = int(rows[worst, w])
            how = "never comes" if lag >= horizon else f"{lag} quarters late"
            words.append(f"{list(late)[worst]} {how}")
        for leaving in of.leaving:
            at = int(met.once[leaving.hazard][w])
            if at < horizon:
                name = rollout.names.classes[leaving.demand]
                words.append(f"{name} withdraws in {rollout.names.quarters[at]}")
        told.append(", ".join(words))
    return told
