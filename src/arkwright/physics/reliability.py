"""Reliability: time to failure of many parts, checkpoints, effective training time, availability.

Arguments are floats or float arrays that broadcast together; results have their common shape.
Failures are Poisson here, as in the sources: bursts and lemons make a fleet's mean time to failure
no shorter, only less even.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = float | NDArray[np.float64]

HOURS_PER_DAY = 24.0


def mttf_h(nodes: Number, per_1000_node_days: Number) -> Number:
    """Mean time [h] until the first of `nodes` fails, at failures per 1,000 node-days.

    1 / (N r): rates add. Meta's projection (Kokolis et al., HPCA 2025, arXiv 2410.21680): 6.50 at
    2,048 nodes is 1.80 h. Infinite where nothing fails.
    """
    rate_per_h = np.asarray(nodes, np.float64) * per_1000_node_days / (1000.0 * HOURS_PER_DAY)
    with np.errstate(divide="ignore"):
        return 1.0 / rate_per_h


def young_interval_s(cost_s: Number, mttf_s: Number) -> Number:
    """Work [s] between checkpoints that loses least, first order: sqrt(2 cost MTTF).

    Young, CACM 17(9), 530, 1974. Holds where the cost is far below the mean time to failure.
    """
    return np.sqrt(2.0 * np.asarray(cost_s, np.float64) * mttf_s)


def daly_interval_s(cost_s: Number, mttf_s: Number) -> Number:
    """Work [s] between checkpoints that loses least, to higher order.

    Daly, Future Generation Computer Systems 22, 303, 2006: with x = cost / (2 MTTF),
    sqrt(2 cost MTTF) (1 + sqrt(x)/3 + x/9) - cost where x < 1, else the mean time to failure.
    """
    cost = np.asarray(cost_s, np.float64)
    x = cost / (2.0 * np.asarray(mttf_s, np.float64))
    near = young_interval_s(cost, mttf_s) * (1.0 + np.sqrt(x) / 3.0 + x / 9.0) - cost
    return np.where(x < 1.0, near, mttf_s)


def goodput(interval_s: Number, cost_s: Number, restart_s: Number, mttf_s: Number) -> Number:
    """Share of a run's time that becomes lasting progress, waiting for nodes apart.

    Daly 2006 inverted: interval / (M e^(R/M) (e^((interval + cost)/M) - 1)). Exact for failures
    that are Poisson, also while restarting (R) and while writing, and runs of many intervals.
    Without failures (M infinite) it is interval / (interval + cost).
    """
    mttf = np.asarray(mttf_s, np.float64)
    period = np.asarray(interval_s, np.float64) + cost_s
    endless = np.isinf(mttf)
    m = np.where(endless, 1.0, mttf)
    with np.errstate(over="ignore"):
        spent = np.where(endless, period, m * np.exp(restart_s / m) * np.expm1(period / m))
    return interval_s / spent


def ettr(
    nodes: Number,
    per_1000_node_days: Number,
    restart_s: Number,
    interval_s: Number,
    cost_s: Number,
) -> Number:
    """Expected effective training time ratio of a long job, waiting for nodes apart.

    (1 - N r (u0 + dt/2)) / (1 + w/dt), Kokolis et al., HPCA 2025 (arXiv 2410.21680): r the failure
    rate of a node, u0 the restart, dt the interval of work, w the time to write. First order in
    N r dt: below 0 where it no longer holds, and then 0 here.
    """
    mttf_s = mttf_h(nodes, per_1000_node_days) * 3600.0
    lost = (restart_s + np.asarray(interval_s, np.float64) / 2.0) / mttf_s
    return np.maximum(1.0 - lost, 0.0) / (1.0 + cost_s / np.asarray(interval_s, np.float64))


def out_share(load: Number) -> Number:
    """Share of the time that something is out: 1 - e^-load, load = failures per time x mean repair.

    M/G/infinity: failures arrive whether or not it is out already, and the number being repaired is
    Poisson with mean `load` whatever the repair's distribution (Takacs 1962).
    """
    return -np.expm1(-np.asarray(load, np.float64))
