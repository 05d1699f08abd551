"""Nodes that an engine found on real machines, in the same form as nodes on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from arkwright.design.blueprint import Node
from arkwright.errors import InternalError


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


def engine_nodes(found: Sequence[Facts]) -> tuple[Node, ...]:
    """`found` as nodes, in the order given.

    Each is its own scale-up domain; nodes of one machine share rack, hall and site, and with them
    leaf and spine. No power: nothing virtual is given real watts, and real GPUs are measured.
    """
    return tuple(_node(facts) for facts in found)


def _node(facts: Facts) -> Node:
    parts = facts.path.split("/")
    if len(parts) != 4:
        raise InternalError(f"node path {facts.path} is not site/hall/rack/tray")
    site, hall, rack, tray = parts
    hall_path = f"{site}/{hall}"
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
        power_kw_max=None,
        domains=(facts.path, f"{hall_path}/{rack}", hall_path, hall_path, hall_path, site),
    )
