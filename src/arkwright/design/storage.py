"""Storage: bandwidth by the published guideline and the checkpoint, then nodes, racks and power."""

from __future__ import annotations

import math

from msgspec import Struct

from arkwright.catalog import parts
from arkwright.factory import Storage

_GB_PER_TB = 1000


class StoragePlan(Struct, frozen=True, kw_only=True):
    """Storage beside one fabric."""

    level: str
    product: str
    """Catalogue name."""
    read_gb_s_asked: float
    write_gb_s_asked: float
    capacity_tb_asked: float | None
    nodes: int
    decided_by: str
    """What the number of nodes follows from: read, write, capacity or redundancy."""
    read_gb_s: float
    write_gb_s: float
    capacity_tb: float
    checkpoint_s: float | None
    """To write the checkpoint once; None where none is given."""
    racks: int
    height_u: int
    power_kw_max: float
    """Basis IT."""
    source: str


def storage(asked: Storage, gpus: int) -> StoragePlan:
    """The fewest storage nodes for `gpus` that meet the guideline, the checkpoint and the capacity.

    The guideline is stated for 1,024 GPUs and taken in proportion. Two nodes at least, so that one
    may fail; where nothing states a capacity, it is what those nodes hold.
    """
    rate, product = parts.storage_rate(asked.level.value), parts.storage_product()
    read = rate.read_gb_s * gpus / rate.gpus
    write = rate.write_gb_s * gpus / rate.gpus
    if asked.checkpoint is not None and asked.checkpoint_within:
        write = max(write, asked.checkpoint / asked.checkpoint_within)
    capacity_tb = None if asked.capacity is None else asked.capacity / _GB_PER_TB
    needs = {
        "redundancy": 2,
        "read": math.ceil(read / product.read_gb_s),
        "write": math.ceil(write / product.write_gb_s),
        "capacity": math.ceil((capacity_tb or 0) / product.capacity_tb),
    }
    nodes = max(needs.values())
    per_rack = int(parts.rule("rack_u_usable").value) // product.height_u
    written = nodes * product.write_gb_s
    return StoragePlan(
        level=asked.level.value,
        product=product.name,
        read_gb_s_asked=read,
        write_gb_s_asked=write,
        capacity_tb_asked=capacity_tb,
        nodes=nodes,
        decided_by=max(needs, key=lambda name: needs[name]),
        read_gb_s=nodes * product.read_gb_s,
        write_gb_s=written,
        capacity_tb=nodes * product.capacity_tb,
        checkpoint_s=None if asked.checkpoint is None else asked.checkpoint / written,
        racks=math.ceil(nodes / per_rack),
        height_u=nodes * product.height_u,
        power_kw_max=nodes * product.power_kw,
        source=f"{rate.provenance}; {product.provenance}",
    )
