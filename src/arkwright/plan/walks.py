r"""Mean-reverting walks with jumps, a quarter at a time, without error of the step.

The deviation Y of a price's logarithm from its course is an Ornstein-Uhlenbeck process with
compound Poisson jumps, from 0 at the first quarter:

    dY = -k Y dt + s dW + dJ,   jumps L times a year, sizes N(m, d^2) in the logarithm

Over a quarter q = 1/4 year its solution is exact:

    Y(t+q) = exp(-k q) Y(t) + s sqrt((1 - exp(-2 k q)) / 2k) e + sum of size_i exp(-k (t+q - t_i))

The factor on the course is exp(Y - log E[exp Y]), so its mean is 1 at every time and the course is
the mean of the price. E[exp Y(t)] = exp(v/2 + L * integral of (exp(m e^(-ku) + d^2 e^(-2ku)/2) - 1)
du from 0 to t), v the variance of the diffusion (Clewlow and Strickland's spot price consistent
with a forward curve; the jump term is the compound Poisson cumulant).
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from arkwright.plan.rollout import Floats
from arkwright.plan.streams import normals, uniforms

YEARS_PER_QUARTER = 0.25
_TAIL = 1e-12
"""Chance of more jumps in a quarter than are drawn."""
_NODES = 8
"""Of Gauss-Legendre quadrature in each quarter; exact to 1e-12 for what a file may say."""


class WalkTerms(Struct, frozen=True, kw_only=True):
    """Numbers of one walk."""

    reversion: float
    """k, 1/year: ln 2 over the half-life; 0 keeps every deviation."""
    volatility: float
    """s, 1/sqrt(year)."""
    jumps_per_year: float = 0.0
    jump_mean: float = 0.0
    """m, of the logarithm."""
    jump_sd: float = 0.0


def steps(terms: WalkTerms, normal: Floats, seed: int, name: str) -> Floats:
    """(N, T) what each quarter adds to Y beside reversion, from (N, T) standard normal numbers.

    Column 0 is 0: the first quarter is known. Jumps have streams of their own below `name`.
    """
    added = normal * math.sqrt(_integral(2 * terms.reversion) * terms.volatility**2)
    if terms.jumps_per_year > 0:
        added = added + _jumps(terms, normal.shape, seed, name)
    added[:, 0] = 0.0
    return added


def deviations(terms: WalkTerms, added: Floats) -> Floats:
    """(N, T) Y from what each quarter adds."""
    keep = math.exp(-terms.reversion * YEARS_PER_QUARTER)
    path = np.zeros_like(added)
    for t in range(1, added.shape[1]):
        path[:, t] = keep * path[:, t - 1] + added[:, t]
    return path


def factors(terms: WalkTerms, deviation: Floats) -> Floats:
    """(N, T) factors of mean 1 from Y."""
    result: Floats = np.exp(deviation - log_mean(terms, deviation.shape[1]))
    return result


def log_mean(terms: WalkTerms, quarters: int) -> Floats:
    """(T,) log E[exp Y]."""
    years = _years(quarters)
    diffusion = terms.volatility**2 * _integrals(2 * terms.reversion, years)
    return diffusion / 2 + _jump_cumulant(terms, quarters)


def mean(terms: WalkTerms, quarters: int) -> Floats:
    """(T,) E[Y]: of the jumps alone."""
    years = _years(quarters)
    return terms.jumps_per_year * terms.jump_mean * _integrals(terms.reversion, years)


def variance(terms: WalkTerms, quarters: int) -> Floats:
    """(T,) Var[Y] = (s^2 + L (m^2 + d^2)) (1 - exp(-2 k t)) / 2k."""
    years = _years(quarters)
    jumps = terms.jumps_per_year * (terms.jump_mean**2 + terms.jump_sd**2)
    return (terms.volatility**2 + jumps) * _integrals(2 * terms.reversion, years)


def course(
    start: float, level: float, trend_per_year: float, reversion: float, quarters: int
) -> Floats:
    """(T,) the mean: from `start` to a level that grows, the gap in the logarithm halving."""
    years = _years(quarters)
    gap = math.log(start / level) * np.exp(-reversion * years)
    result: Floats = level * (1 + trend_per_year) ** years * np.exp(gap)
    return result


def _jumps(terms: WalkTerms, shape: tuple[int, ...], seed: int, name: str) -> Floats:
    """(N, T) of jumps: as many as Poisson says, anywhere in the quarter, decayed to its end."""
    cumulative = _poisson(terms.jumps_per_year * YEARS_PER_QUARTER)
    most = len(cumulative)
    count = np.searchsorted(cumulative, uniforms(seed, f"{name}/count", shape), side="right")
    left = uniforms(seed, f"{name}/when", (*shape, most)) * YEARS_PER_QUARTER
    size = terms.jump_mean + terms.jump_sd * normals(seed, f"{name}/size", (*shape, most))
    real = np.arange(most) < count[..., None]
    total: Floats = (real * size * np.exp(-terms.reversion * left)).sum(axis=-1)
    return total


def _poisson(expected: float) -> Floats:
    """Cumulative probabilities of 0, 1, … until what is left is negligible."""
    term, total = math.exp(-expected), 0.0
    cumulative: list[float] = []
    while total < 1.0 - _TAIL and len(cumulative) < 1000:
        total += term
        cumulative.append(total)
        term *= expected / len(cumulative)
    return np.array(cumulative)


def _years(quarters: int) -> Floats:
    return np.arange(quarters, dtype=np.float64) * YEARS_PER_QUARTER


def _integral(rate: float) -> float:
    return float(_integrals(rate, np.array([YEARS_PER_QUARTER]))[0])


def _integrals(rate: float, years: Floats) -> Floats:
    """Integral of exp(-rate u) from 0 to each time."""
    result: Floats = years if rate == 0 else -np.expm1(-rate * years) / rate
    return result


def _jump_cumulant(terms: WalkTerms, quarters: int) -> Floats:
    """(T,) L times the integral of (E[exp(size e^(-ku))] - 1) up to each quarter."""
    if terms.jumps_per_year == 0:
        return np.zeros(quarters)
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    inside = (points + 1) / 2 * YEARS_PER_QUARTER
    ages = np.arange(quarters - 1)[:, None] * YEARS_PER_QUARTER + inside
    shrunk = np.exp(-terms.reversion * ages)
    growth = np.expm1(terms.jump_mean * shrunk + (terms.jump_sd * shrunk) ** 2 / 2)
    each = terms.jumps_per_year * (growth * weights / 2 * YEARS_PER_QUARTER).sum(axis=1)
    return np.concatenate([[0.0], np.cumsum(each)])
