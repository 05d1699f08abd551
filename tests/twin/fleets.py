"""Fleets of nodes in racks and halls, as the failure model sees them."""

import numpy as np

from arkwright.twin.failures import Cause, FailureSpec, Part, Repair
from arkwright.twin.record import Places

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
START_MS = 1_767_225_600_000  # 2026-01-01


def fleet(nodes, *, gpus=8, per_rack=4, per_hall=None, gpu_types=("h100",)):
    """`nodes` nodes in racks of `per_rack`, halls of `per_hall` (None: one), one site."""
    node = np.arange(nodes)
    rack = node // per_rack
    hall = node // (per_hall or max(nodes, 1))
    none = np.zeros(nodes, np.int64)
    return Places(
        path=[f"s/h{h}/r{r}/t{n % per_rack}" for n, r, h in zip(node, rack, hall, strict=True)],
        site=none,
        hall=hall,
        row=rack,
        rack=rack,
        gpus=none + gpus,
        gpu_type=node % len(gpu_types),
        sites=["s"],
        halls=[f"s/h{k}" for k in range(int(hall.max(initial=0)) + 1)],
        rows=[f"row{k}" for k in range(int(rack.max(initial=0)) + 1)],
        racks=[f"r{k}" for k in range(int(rack.max(initial=0)) + 1)],
        gpu_types=list(gpu_types),
    )


def repair_of(hours):
    """Every repair takes so long."""
    return Repair(shares=(0.0, 1.0), within=(hours * 3600.0, hours * 3600.0))


def cause(name="node", part=Part.NODE, per_1000_days=6.5, hours=1.0):
    return Cause(name=name, part=part, per_1000_days=per_1000_days, repair=repair_of(hours))


def model(*causes, **more):
    return FailureSpec(causes=causes or (cause(),), **more)
