"""The out-of-band fabric: one port of everything that has a management port, on one tier.

Everything of a scalable unit ends on switches beside it, as many as its ports need. Systems that
bring management switches in their racks use those. What stands in the middle of the hall or in
storage takes ports the units left free; only what does not fit there gets switches of its own. The
switches themselves hang on the in-band fabric, with one uplink in each plane, or on the storage
fabric where in-band traffic goes over it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.design.fabric.build import Cluster, FabricPlan, Kept, Role
from arkwright.design.fabric.groups import fabric_name
from arkwright.design.fabric.schedule import Batch, Tier
from arkwright.design.fabric.yard import Placed, Spot, Yard
from arkwright.design.floor import RackKind

Ints = NDArray[np.int32]


class RackDevices(Struct, frozen=True, kw_only=True, eq=False):
    """What stands in the compute racks of a cluster beside its nodes: columns [n_fixtures]."""

    device: Ints
    spot: Ints
    """Index in the cluster's spots."""
    rack: Ints
    """Number of its rack, counted over the cluster's racks."""
    node_rack: Ints
    """The same of every node [n_nodes]."""
    switches: Ints
    """Management switches in the racks [n_racks, each]; no columns where racks have none."""


class _Ports(Struct, frozen=True, kw_only=True, eq=False):
    switch: Ints
    port: Ints


class Management:
    """One cluster's out-of-band fabric, while a site is being built."""

    def __init__(self, cluster: Cluster, fixtures: RackDevices, yard: Yard, first: int) -> None:
        network = parts.system_network(cluster.system)
        self.cluster = cluster
        self.fixtures = fixtures
        self.yard = yard
        self.first = first
        self.part = parts.switch(network.oob_switch)
        self.node_ports = network.oob_ports
        self.name = fabric_name(Role.OUT_OF_BAND, cluster.name)
        self.batches: list[Batch] = []
        self.free: list[_Ports] = []
        self.numbers: list[int] = fixtures.switches.ravel().tolist()

    def units(self) -> None:
        """Switches beside every unit, and the links of what stands in it."""
        nodes = np.repeat(self.cluster.nodes, self.node_ports)
        node_spot = np.repeat(self.cluster.spot, self.node_ports)
        ports = np.tile(np.arange(self.node_ports, dtype=np.int32), len(self.cluster.nodes))
        in_racks = self.fixtures.switches.shape[1] > 0
        if in_racks:
            self.racks(nodes, ports)
        by_spot: dict[Spot, list[int]] = {spot: [] for spot in self.cluster.spots}
        for number, spot in enumerate(self.yard.spots):
            if spot in by_spot:
                by_spot[spot].append(number + self.first)
        for index, spot in enumerate(self.cluster.spots):
            placed = np.array(by_spot[spot], dtype=np.int32)
            device, port = placed, np.zeros_like(placed)
            if not in_racks:
                mine = node_spot == index
                beside = self.fixtures.device[self.fixtures.spot == index]
                device = np.concatenate([nodes[mine], beside, placed])
                port = np.concatenate([ports[mine], np.zeros(len(device) - mine.sum(), np.int32)])
            self.link(device, port, self.switches(-(-len(device) // self.part.ports), spot))

    def racks(self, nodes: Ints, ports: Ints) -> None:
        """Nodes and fixtures to the management switches of their own racks, by turns."""
        node_rack = np.repeat(self.fixtures.node_rack, self.node_ports)
        device = np.concatenate([nodes, self.fixtures.device])
        port = np.concatenate([ports, np.zeros_like(self.fixtures.device)])
        rack = np.concatenate([node_rack, self.fixtures.rack])
        order = np.argsort(rack, kind="stable")
        device, port, rack = device[order], port[order], rack[order]
        starts = np.searchsorted(rack, np.arange(len(self.fixtures.switches)))
        turn = np.arange(len(rack)) - starts[rack]
        each = self.fixtures.switches.shape[1]
        self.add(device, port, self.fixtures.switches[rack, turn % each], turn // each)

    def shared(self, device: Ints) -> int:
        """Switches still missing so that `device` finds ports that the units left free."""
        room = sum(len(ports.port) for ports in self.free)
        return max(0, -(-(len(device) - room) // self.part.ports))

    def middle(self, count: int) -> None:
        """`count` more switches, in the middle of the hall."""
        spot = Spot(self.cluster.hall, RackKind.CENTRAL, 0)
        self.link(np.zeros(0, np.int32), np.zeros(0, np.int32), self.switches(count, spot))

    def finish(self, device: Ints, kept: Sequence[Kept]) -> FabricPlan:
        """Link what is shared and the switches' own uplinks, and count."""
        room = _Ports(
            switch=np.concatenate([ports.switch for ports in self.free]),
            port=np.concatenate([ports.port for ports in self.free]),
        )
        count = len(device)
        self.add(device, np.zeros_like(device), room.switch[:count], room.port[:count])
        numbers = np.array(self.numbers, dtype=np.int32)
        for ports in kept:
            self.batches.append(
                Batch(
                    fabric=ports.fabric,
                    tier=Tier.NODE_LEAF,
                    plane=ports.plane,
                    gbit_s=parts.rule("oob_uplink_gbit_s").value,
                    a=numbers[ports.index],
                    # Behind the ports for what is managed.
                    a_port=self.part.ports + ports.port,
                    b=ports.leaf,
                    b_port=ports.leaf_port,
                )
            )
        return FabricPlan(
            name=self.name,
            role=Role.OUT_OF_BAND,
            system=self.cluster.system,
            switch=self.part.name,
            port_gbit_s=self.part.port_gbit_s,
            ask=None,
            size=None,
            switches=len(self.numbers),
        )

    def switches(self, count: int, spot: Spot) -> Ints:
        """Place `count` switches at `spot`."""
        before = len(self.numbers) - self.fixtures.switches.size
        numbers = [
            self.yard.place(
                f"{self.name}-{before + index + 1:03d}",
                spot,
                self.part.height_u,
                self.part.power_w_typical,
            )
            for index in range(count)
        ]
        found = np.array(numbers, dtype=np.int32) + self.first
        self.numbers += found.tolist()
        return found

    def link(self, device: Ints, port: Ints, switches: Ints) -> None:
        """Fill `switches` in order and keep what is left of their ports."""
        slots = np.repeat(switches, self.part.ports)
        slot_ports = np.tile(np.arange(self.part.ports, dtype=np.int32), len(switches))
        count = len(device)
        self.add(device, port, slots[:count], slot_ports[:count])
        self.free.append(_Ports(switch=slots[count:], port=slot_ports[count:]))

    def add(self, device: Ints, port: Ints, switch: Ints, switch_port: Ints) -> None:
        """One link for each entry."""
        if len(device):
            self.batches.append(
                Batch(
                    fabric=self.name,
                    tier=Tier.MANAGEMENT,
                    plane=0,
                    gbit_s=self.part.port_gbit_s,
                    a=device,
                    a_port=port,
                    b=switch,
                    b_port=switch_port,
                )
            )


def shared_devices(yard: Yard, placed: Placed, cluster: Cluster, first: int) -> Ints:
    """Devices of the yard outside the units of `cluster`, in its hall; without its switches."""
    mine = set(cluster.spots)
    own = f"{Role.OUT_OF_BAND.value}-"
    found = [
        number + first
        for number, (spot, name) in enumerate(zip(yard.spots, yard.names, strict=True))
        if spot.hall == cluster.hall and spot not in mine and not name.startswith(own)
    ]
    assert len(placed.path) == len(yard)
    return np.array(found, dtype=np.int32)
