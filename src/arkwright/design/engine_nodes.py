"""Nodes that an engine found on real machines, in the same form as nodes on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from arkwright import catalog
from arkwright.design.blueprint import Node
from arkwright.errors import InternalError
from arkwright.units import MILLI

LOCAL = "local"
"""The hall of the nodes of one machine."""


class Facts(Protocol):
    """What must be known of a node; `engines.port.NodeFacts` has this shape."""

    @property
    def path(self) -> str:
        """`site/hall/rack/tray`."""

    @property
    def gpus(self) -> int: ...  # noqa: D102
    @property
    def gpu_type(self) -> str: ...  # noqa: D102
    @property
    def is_virtual(self) -> bool: ...  # noqa: D102
    @property
    def cpus(self) -> float: ...  # noqa: D102
    @property
    def memory_mib(self) -> int: ...  # noqa: D102
    @property
    def pools(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def features(self) -> tuple[str, ...]: ...  # noqa: D102


def engine_nodes(found: Sequence[Facts]) -> tuple[Node, ...]:
    """`found` as nodes, in the order given.

    Each is its own scale-up domain. Nodes of one machine share rack, hall and site, and with them
    leaf and spine; of a cluster the rack is the leaf, and the hall the spine above it. What a real
    node draws at most is an estimate, from the catalogue; nothing virtual is given watts.
    """
    return tuple(_node(facts) for facts in found)


def kw_max_of(gpu_type: str, gpus: int) -> float | None:
    """An estimate of what a node with so many GPUs draws at most [kW]: of the systems with such
    GPUs the one that draws least with its share of the rack; else what the GPUs alone draw. None
    where the catalogue does not know them."""
    gpu = catalog.gpus().get(gpu_type)
    if gpu is None or not gpus:
        return None
    shares = [row.gpu_power_w_max for row in catalog.systems().values() if row.gpu == gpu.name]
    watts = min(shares, default=gpu.tdp_w)
    return None if watts is None else watts * gpus / MILLI


def _node(facts: Facts) -> Node:
    parts = facts.path.split("/")
    if len(parts) != 4:
        raise InternalError(f"node path {facts.path} is not site/hall/rack/tray")
    site, hall, rack, tray = parts
    hall_path = f"{site}/{hall}"
    rack_path = f"{hall_path}/{rack}"
    # A cluster's racks are its blocks or leaf switches; one machine has no switch within.
    leaf_path = hall_path if hall == LOCAL else rack_path
    return Node(
        path=facts.path,
        site=site,
        hall=hall,
        rack=rack,
        tray=tray,
        system="",
        gpus=facts.gpus,
        gpu_type=facts.gpu_type,
        is_virtual=facts.is_virtual,
        cpus=facts.cpus,
        memory_mib=facts.memory_mib,
        power_kw_max=None if facts.is_virtual else kw_max_of(facts.gpu_type, facts.gpus),
        pools=facts.pools,
        features=facts.features,
        domains=(facts.path, rack_path, leaf_path, hall_path, hall_path, site),
    )
