"""A failure model fitted to a record of faults: rates, repair, lemons, bursts, seasons.

What falls on nodes unevenly and what falls in time unevenly are fitted apart: lemons from the
number of faults per node, bursts from the number per day within each season, seasons from what
bursts leave unexplained of the number per season.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from arkwright.errors import InputError
from arkwright.twin.failures.spec import (
    S_PER_DAY,
    Bursts,
    Cause,
    FailureSpec,
    Lemons,
    Part,
    Repair,
    Seasons,
)
from arkwright.twin.failures.trace import FaultTrace, dispersion, window_counts
from arkwright.twin.record import Ints
from arkwright.twin.streams import Floats
from arkwright.units import S_PER_HOUR

_FAULTS_MIN = 20
"""Fewer of one kind give no distribution of repair times; such kinds are put together."""
_SHARES = np.append(np.arange(0.0, 0.99, 0.02), [0.99, 1.0])
_HOURS_MIN = 0.01
"""Shorter repairs than 36 s count as so long: traces are no finer."""
_WEEK_DAYS, _SEASON_DAYS = 7.0, 30.0
_ROUNDS = 2000
_POINTS = 128
"""Of the discrete Fourier transform; days have fewer faults."""


def fit(trace: FaultTrace) -> FailureSpec:
    """The model whose drawn failures have the rates, repair times and unevenness of `trace`.

    All causes are of nodes: a trace tells which node went out. Raises InputError for a trace too
    short or too empty to tell anything.
    """
    if len(trace.node) < _FAULTS_MIN or trace.days < 2:
        raise InputError(
            f"{len(trace.node)} faults in {trace.days:g} days are too few to fit a failure model; "
            f"at least {_FAULTS_MIN} in 2 days would be right"
        )
    bursts = fit_bursts(trace)
    return FailureSpec(
        causes=tuple(_causes(trace)),
        lemons=fit_lemons(np.bincount(trace.node, minlength=trace.nodes)),
        bursts=bursts,
        seasons=_seasons(trace, bursts),
    )


def fit_repair(out_h: Floats) -> Repair:
    """The distribution of times out [h], by its quantiles."""
    # Hazen: every fault stands for the same share, the longest too.
    hours = np.maximum(np.quantile(out_h, _SHARES, method="hazen"), _HOURS_MIN)
    return Repair(
        shares=tuple(float(share) for share in np.round(_SHARES, 6)),
        within=tuple(float(value) * S_PER_HOUR for value in hours),
    )


def fit_lemons(faults: Ints) -> Lemons | None:
    """Two kinds of nodes from the number of faults of each: a mixture of two Poisson rates.

    Maximum likelihood by expectation and maximisation. Nodes that do not differ give no lemons.
    """
    mean = float(faults.mean())
    if faults.var() <= mean:
        return None
    share, low, high = 0.2, mean / 2, mean * 3
    for _ in range(_ROUNDS):
        odds = (1 - share) / share * np.exp(faults * math.log(low / high) - low + high)
        lemon = 1.0 / (1.0 + odds)
        share = float(lemon.mean())
        low = float(((1 - lemon) @ faults) / (1 - lemon).sum())
        high = float((lemon @ faults) / lemon.sum())
        if low <= 0 or share <= 0:
            return None
    return Lemons(share=round(share, 4), factor=round(max(high / low, 1.0), 3))


def fit_bursts(trace: FaultTrace) -> Bursts | None:
    """Share, size and spread of bursts from the number of faults of each day.

    Maximum likelihood over a grid: a day has Poisson faults of the season's mean rate, a share of
    them in bursts of Poisson sizes whose mean is log-normal.
    """
    days = window_counts(trace, 1.0)
    if days.var() <= days.mean():
        return None
    best = max(_candidates(days, trace.nodes), key=lambda candidate: candidate.likelihood)
    if best.share == 0:
        return None
    return Bursts(
        share=best.share,
        hit_mean=best.hits / trace.nodes,
        hit_cv=best.cv,
        spread=_spread_h(trace) * S_PER_HOUR,
    )


class _Candidate(NamedTuple):
    likelihood: float
    share: float
    hits: float
    cv: float


def _candidates(days: Ints, nodes: int) -> list[_Candidate]:
    """The likelihood of the days at every point of the grid."""
    shares = np.linspace(0.0, 0.9, 19)
    season = (np.arange(len(days)) // _SEASON_DAYS).astype(np.int64)
    mean = np.bincount(season, weights=days) / np.bincount(season)
    circle = np.exp(-2j * np.pi * np.arange(_POINTS) / _POINTS)
    z, weight = np.polynomial.hermite_e.hermegauss(24)
    weight = weight / weight.sum()
    result = []
    for cv in (0.25, 0.5, 1.0, 1.5, 2.0, 3.0):
        spread = math.sqrt(math.log1p(cv * cv))
        for hits in np.geomspace(0.4, min(16.0, nodes / 4), 16):
            sizes = np.minimum(hits * np.exp(spread * z - spread * spread / 2), nodes)
            of_burst = weight @ np.exp(sizes[:, None] * (circle - 1)) - 1
            # Generating function of a day, per share and season.
            exponent = (1 - shares)[:, None] * (circle - 1) + (shares / hits)[:, None] * of_burst
            chance = np.fft.ifft(np.exp(mean[None, :, None] * exponent[:, None, :]), axis=2).real
            seen = np.maximum(chance[:, season, np.minimum(days, _POINTS - 1)], 1e-12)
            for share, likelihood in zip(shares, np.log(seen).sum(axis=1), strict=True):
                result.append(_Candidate(float(likelihood), float(share), float(hits), cv))
    return result


def _spread_h(trace: FaultTrace) -> float:
    """Mean delay within a burst from how much less uneven a tenth of a day is than a day.

    Two exponential delays of mean h differ by more than t with chance e^(-t/h), so they share a
    window w with chance 1 - h/w (1 - e^(-w/h)).
    """
    short, long = dispersion(trace, 0.1) - 1, dispersion(trace, 1.0) - 1
    hours = np.geomspace(0.02, 24, 200)

    def together(window_h: float) -> Floats:
        return np.asarray(1 - hours / window_h * -np.expm1(-window_h / hours))

    ratio = together(2.4) / together(24.0)
    return float(hours[np.argmin(np.abs(ratio - max(short, 0.0) / max(long, 1e-9)))])


def _seasons(trace: FaultTrace, bursts: Bursts | None) -> Seasons | None:
    """Var/mean of the faults of a window w = that of bursts + mean x cv^2 x (1 - w / (3 season)).

    The last factor, because windows and seasons do not begin together: a window of w lies over two
    seasons with chance w / season, and then f^2 + (1 - f)^2 of the variance is left, 2/3 on
    average. cv^2 by least squares of the relative misfit in weeks and in whole seasons.
    """
    if trace.days < 3 * _SEASON_DAYS:
        return None
    of_bursts = 1.0
    if bursts is not None:
        of_bursts += bursts.share * bursts.hit_mean * trace.nodes * (1 + bursts.hit_cv**2)
    above = below = 0.0
    for days in (_WEEK_DAYS, _SEASON_DAYS):
        seen = dispersion(trace, days)
        slope = len(trace.node) / trace.days * days * (1 - days / _SEASON_DAYS / 3)
        above += slope * (seen - of_bursts) / seen**2
        below += slope**2 / seen**2
    if above <= 0:
        return None
    return Seasons(cv=math.sqrt(above / below), length=_SEASON_DAYS * S_PER_DAY)


def _causes(trace: FaultTrace) -> list[Cause]:
    """One per kind with enough faults, and one for all the others."""
    number = np.bincount(trace.kind, minlength=len(trace.kinds))
    often = [kind for kind in range(len(trace.kinds)) if number[kind] >= _FAULTS_MIN]
    groups = [(trace.kinds[kind], trace.kind == kind) for kind in often]
    rest = ~np.isin(trace.kind, often)
    if rest.any():
        groups.append(("other", rest))
    return [
        Cause(
            name=name,
            part=Part.NODE,
            per_1000_days=1000.0 * float(which.sum()) / (trace.nodes * trace.days),
            repair=fit_repair(trace.out_h[which]),
        )
        for name, which in groups
    ]
