"""A small programme as text, with the futures that a test wants; and told-apart checks."""

from functools import cache

import numpy as np

from arkwright.factory import loads
from arkwright.plan.build import build
from arkwright.plan.draw import futures

TEXT = """
factory: fjords
sites:
  narvik: {country: NO, grid: {connection: 0 MW, zone: NO4}, energy: {price: 40 EUR/MWh, carbon: 30 g/kWh}}
  loughton: {country: GB, grid: {connection: 0 MW}, energy: {price: 90 EUR/MWh, carbon: 200 g/kWh}}
MORE_SITES
programme:
  from: 2027-Q1
  until: 2029-Q4
  sites:
    narvik: {tranches: [{power: 8 MW, lead: 2 quarters}, {power: 8 MW, lead: 4 quarters, earliest: 2027-Q2}], halls: {h1: {power: 6 MW, count: 2, build: 3 quarters}}}
    loughton: {tranches: [{power: 8 MW, lead: 6 quarters}], halls: {h1: {power: 6 MW, count: 1, build: 3 quarters}}}
MORE_PLACES
  generations:
    gb300: {system: gb300-nvl72, lead: 2 quarters, life: 5 years}
    rubin: {system: vr-nvl72, available: 2027-Q4, lead: 3 quarters, price: 5 M USD}
  capital: {cash: 500 M USD}
  demand:
    lab: {kind: take-or-pay, compute: 5000, price: 3 USD/GPU-h}
    state: {kind: sovereign, country: GB, compute: 2000, price: 3 USD/GPU-h}
    market: {compute: 20000}
  carbon_price: 70 EUR/t
"""  # noqa: E501

STILL = """
    delays: {tranches: {0 quarters: 1}, halls: {0 quarters: 1}, generations: {0 quarters: 1}}
    lives: {5 years: 1}
    allocation: {per_year: 0}
    rental: {volatility: 0, jumps: {per_year: 0}}
    energy: {"*": {volatility: 0}}
    carbon_price: {volatility: 0}
    demand: {"*": {volatility: 0}}
"""
"""Futures in which nothing is by chance."""


@cache
def programme(section="", sites="", places=""):
    """(factory, Build) with the lines of `section` below `futures`."""
    text = TEXT.replace("MORE_SITES", sites).replace("MORE_PLACES", places)
    factory = loads((text + f"  futures:\n    seed: 7\n{section}").encode())
    return factory, build(factory)


def met(section="", **given):
    """Futures of the programme."""
    sites, places = given.pop("sites", ""), given.pop("places", "")
    factory, built = programme(section, sites, places)
    return futures(factory, built.rollout, promised=built.as_promised, **given)


def seen_before(future, w, t):
    """Everything of outcome w that is known when quarter t is decided: of the quarters before."""
    return (
        future.price[:, w, :t],
        future.demand[:, w, :t],
        future.energy[:, w, :t],
        future.spot[:, w, :t],
        future.powered[w, :, :, :t],
        future.opened[w, :, :, :t],
        future.arrived[w, :, :, :t],
    )


def foresight(future, stages=(), alike=lambda one, other: True):
    """(one, other, quarter, what) where two outcomes share a slot and differ in what was seen.

    Seen is what was realised before the stage began: between stages nothing is decided anew.
    """
    outcomes, quarters = future.path.shape
    begins = [max((s for s in (0, *stages) if s <= t), default=0) for t in range(quarters)]
    found = []
    for t in range(quarters):
        for one in range(outcomes):
            for other in range(one):
                if future.path[one, t] != future.path[other, t] or not alike(one, other):
                    continue
                seen = [seen_before(future, w, begins[t]) for w in (one, other)]
                found += [
                    (one, other, t, what)
                    for what, (a, b) in enumerate(zip(*seen, strict=True))
                    if not np.array_equal(a, b)
                ]
    return found
