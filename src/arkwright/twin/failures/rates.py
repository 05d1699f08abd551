"""Failures per millisecond of each node, by cause: what is drawn from and what is reckoned with."""

from __future__ import annotations

import numpy as np

from arkwright.twin.failures.places import Topology
from arkwright.twin.failures.spec import (
    MS_PER_DAY,
    OF_A_NODE,
    Bursts,
    Cause,
    FailureSpec,
    Part,
)
from arkwright.twin.record import Places
from arkwright.twin.streams import Floats


def node_rates(spec: FailureSpec, places: Places, topology: Topology) -> dict[str, Floats]:
    """Per cause of a node's own parts: failures per ms of each node, (n_nodes,), lemons apart."""
    gpus = places.gpus.astype(np.float64)
    links = gpus if topology.links is None else topology.links.astype(np.float64)
    many = {Part.GPU: gpus, Part.NODE: np.ones(len(gpus)), Part.LINK: links}
    factors = np.array([spec.gpu_type_factors.get(name, 1.0) for name in places.gpu_types])
    per_type = factors[places.gpu_type] if len(factors) else np.ones(len(gpus))
    result = {}
    for cause in spec.causes:
        if cause.part in OF_A_NODE:
            rate = cause.per_1000_days / (1000.0 * MS_PER_DAY) * many[cause.part]
            result[cause.name] = rate * per_type if cause.part is Part.GPU else rate
    return result


def told_rate(spec: FailureSpec, bursts: Bursts, cause: Cause) -> float:
    """Failures per ms of a cause in the node that bursts are told of; 0 for parts of no node."""
    return spec.rate_of(cause, bursts.node_gpus) / (1000.0 * MS_PER_DAY)
