"""What compute racks hold beside their nodes and is managed: one entry each, rack by rack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arkwright.catalog import parts
from arkwright.design.blueprint import Rack


class Fixtures:
    """PDUs, shelves, scale-up switch trays and management switches in the compute racks."""

    def __init__(self, racks: Sequence[Rack]) -> None:
        self.paths: list[str] = []
        owners: list[int] = []
        switches: list[bool] = []
        names = {system: _fixture_names(system) for system in {rack.system for rack in racks}}
        for number, rack in enumerate(racks):
            for name, is_switch in names[rack.system]:
                self.paths.append(f"{rack.path}/{name}")
                owners.append(number)
                switches.append(is_switch)
        self.rack = np.array(owners, dtype=np.int32)
        self.is_switch = np.array(switches, dtype=bool)


def _fixture_names(system: str) -> list[tuple[str, bool]]:
    body = parts.rack_body(system)
    kinds = (
        ("pdu", body.pdus, False),
        ("shelf", body.shelves, False),
        ("nvl", body.switch_trays, False),
        ("oob", body.oob_switches, True),
    )
    return [(f"{name}{i + 1}", switch) for name, n, switch in kinds for i in range(n)]
