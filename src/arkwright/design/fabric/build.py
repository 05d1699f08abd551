"""The fabrics of one cluster: the halls of a site that hold the same system.

Compute, storage and in-band fabrics are Clos networks by the rule of `size`, wired by `wiring`;
their leaves stand beside the nodes they serve and everything above in the middle of the hall. In an
in-band fabric each node has a port in each of two planes, so that either half may fail.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.catalog.parts import LinkKind, Switch, SystemNetwork
from arkwright.design.blueprint import Finding, Severity
from arkwright.design.fabric import wiring
from arkwright.design.fabric.schedule import Batch, Tier
from arkwright.design.fabric.size import Ask, FabricSize, Layout, layout, size
from arkwright.design.fabric.yard import Spot, Yard
from arkwright.design.floor import RackKind
from arkwright.design.storage import StoragePlan
from arkwright.errors import InputError
from arkwright.factory import Fabric

Ints = NDArray[np.int32]


class Role(Enum):
    """What a fabric is for."""

    COMPUTE = "compute"
    STORAGE = "storage"
    IN_BAND = "in-band"
    OUT_OF_BAND = "out-of-band"


class FabricPlan(Struct, frozen=True, kw_only=True):
    """One fabric, counted."""

    name: str
    role: Role
    system: str
    switch: str
    """Catalogue name."""
    port_gbit_s: float
    """Of one link."""
    ask: Ask | None
    """None for out-of-band, which has one tier and no rule of its own."""
    size: FabricSize | None
    switches: int
    manager_links: int = 0
    bisection_gbit_s: float | None = None
    """Between two halves of the nodes, one way; the narrowest tier decides."""


class Cluster(Struct, frozen=True, kw_only=True, eq=False):
    """The nodes of one system at one site, in order."""

    name: str
    """Empty where the site has one cluster; else it ends the names of its fabrics."""
    system: str
    hall: str
    """Path of the first hall: its middle takes spines and managers."""
    nodes: Ints
    """Device numbers [n_nodes]."""
    spots: tuple[Spot, ...]
    """Beside the units."""
    spot: Ints
    """Per node, an index in `spots` [n_nodes]."""
    fabric: Fabric
    storage: StoragePlan
    uplinks: int
    """Out-of-band switches that will want ports in the in-band fabric, or in the storage fabric
    where in-band traffic goes over it."""


class Built(Struct, frozen=True, kw_only=True, eq=False):
    """What a cluster adds to its site; device numbers of the yard start at `first_placed`."""

    fabrics: list[FabricPlan]
    batches: list[Batch]
    findings: list[Finding]
    kept: list[Kept]


class Kept(Struct, frozen=True, kw_only=True, eq=False):
    """Leaf ports kept for out-of-band switches that are placed later: columns of one length."""

    fabric: str
    plane: int
    index: Ints
    """Which of the switches, from 0."""
    port: Ints
    """Which of its uplinks."""
    leaf: Ints
    leaf_port: Ints


class ComputeFabric(NamedTuple):
    """What a compute fabric is built of, and what it must connect."""

    switch: Switch
    gbit_s: float
    """Of one link."""
    ask: Ask


class _Attached(Struct, frozen=True, kw_only=True, eq=False):
    """Who hangs on a fabric: nodes, then appliances or servers as nodes with as many NICs."""

    device: Ints
    first_port: Ints


def build(cluster: Cluster, yard: Yard, first_placed: int) -> Built:
    """Place the switches of the cluster's fabrics in `yard` and wire them."""
    network = parts.system_network(cluster.system)
    work = _Work(cluster, network, yard, first_placed)
    work.compute()
    work.storage()
    if network.inband_nics:
        work.in_band()
    return Built(fabrics=work.fabrics, batches=work.batches, findings=work.findings, kept=work.kept)


class _Work:
    """What grows while a cluster is wired."""

    def __init__(
        self, cluster: Cluster, network: SystemNetwork, yard: Yard, first_placed: int
    ) -> None:
        self.cluster = cluster
        self.network = network
        self.yard = yard
        self.first = first_placed
        self.fabrics: list[FabricPlan] = []
        self.batches: list[Batch] = []
        self.findings: list[Finding] = []
        self.servers: list[int] = []
        self.kept: list[Kept] = []
        # A fabric of one switch needs no middle: all stands beside the first unit.
        self.middle = cluster.spots[0]

    def compute(self) -> None:
        cluster = self.cluster
        part, gbit_s, ask = compute_fabric(
            cluster.fabric, cluster.system, len(cluster.nodes), cluster.hall
        )
        if laid_out(ask, cluster.hall).tiers > 1:
            self.middle = Spot(cluster.hall, RackKind.CENTRAL, 0)
        nodes = _Attached(device=self.cluster.nodes, first_port=np.zeros_like(self.cluster.nodes))
        self.clos(Role.COMPUTE, part, gbit_s, ask, nodes)
        server_w = parts.rule("server_kw").value * 1000
        for number in range(int(parts.rule("management_servers").value)):
            name = self.named(f"server-{number + 1}")
            self.servers.append(
                self.yard.place(name, self.middle, 1, server_w, is_switch=False) + self.first
            )

    def storage(self) -> None:
        network, product = self.network, parts.storage_product(self.cluster.storage.product)
        part = parts.switch(network.storage_switch)
        nics, gbit_s = network.storage_nics, network.storage_gbit_s
        spot = Spot(self.cluster.hall, RackKind.STORAGE, 0)
        devices: list[int] = []
        first_ports: list[int] = []
        for number in range(self.cluster.storage.nodes):
            name = self.named(f"storage-{number + 1:03d}")
            watts = product.power_kw * 1000
            device = self.yard.place(name, spot, product.height_u, watts, is_switch=False)
            for port in range(0, product.ports, nics):
                devices.append(device + self.first)
                first_ports.append(port)
        if not network.inband_nics:
            others = [*self.servers, *self.later()]
            devices += others
            first_ports += [0] * len(others)
        attached = self.attached(devices, first_ports)
        share = parts.rule("storage_port_share").value
        ask = Ask(
            nodes=len(attached.device),
            nics_per_node=nics,
            radix=int(radix(part, gbit_s, self.cluster.hall) * share),
            oversubscription=parts.rule("storage_oversubscription").value,
        )
        self.clos(Role.STORAGE, part, gbit_s, ask, attached)

    def in_band(self) -> None:
        network = self.network
        part, gbit_s = parts.switch(network.inband_switch), network.inband_gbit_s or 0.0
        others = [*self.servers, *self.later()]
        attached = self.attached(others, [0] * len(others))
        ask = Ask(
            nodes=len(attached.device),
            nics_per_node=1,
            radix=radix(part, gbit_s, self.cluster.hall),
            planes=network.inband_nics,
            oversubscription=parts.rule("inband_oversubscription").value,
        )
        self.clos(Role.IN_BAND, part, gbit_s, ask, attached)

    def later(self) -> list[int]:
        """Out-of-band switches, which have no numbers yet: -1 is the first, -2 the second."""
        return [-1 - index for index in range(self.cluster.uplinks)]

    def attached(self, devices: list[int], first_ports: list[int]) -> _Attached:
        """The nodes of the cluster, and then others."""
        nodes = self.cluster.nodes
        more = np.array(devices, dtype=np.int32)
        ports = np.array(first_ports, dtype=np.int32)
        return _Attached(
            device=np.concatenate([nodes, more]),
            first_port=np.concatenate([np.zeros_like(nodes), ports]),
        )

    def clos(self, role: Role, part: Switch, gbit_s: float, ask: Ask, attached: _Attached) -> None:
        """Place and wire one fabric, plane by plane, and its managers."""
        plane, name = laid_out(ask, self.cluster.hall), self.named(role.value)
        managers = 0
        for number in range(ask.planes):
            label = f"{name}-p{number + 1}" if ask.planes > 1 else name
            leaves, spines, cores = self.switches(label, part, plane)
            ends = wiring.node_leaf(plane, ask.nodes, ask.nics_per_node)
            port = (attached.first_port[ends.a] + ends.a_port) * ask.planes + number
            device, leaf = attached.device[ends.a], leaves[ends.b]
            now = device >= 0
            self.batch(name, Tier.NODE_LEAF, number, gbit_s, (device[now], port[now]), (
                leaf[now], ends.b_port[now]))  # fmt: skip
            self.keep(name, number, ~now, (-1 - device, port), (leaf, ends.b_port))
            up = wiring.leaf_spine(plane)
            self.batch(name, Tier.LEAF_SPINE, number, gbit_s, (leaves[up.a], up.a_port), (
                spines[up.b], up.b_port))  # fmt: skip
            top = wiring.spine_core(plane, ask.radix)
            self.batch(name, Tier.SPINE_CORE, number, gbit_s, (spines[top.a], top.a_port), (
                cores[top.b], top.b_port))  # fmt: skip
            if part.kind is LinkKind.INFINIBAND:
                managers += self.managers(name, number, gbit_s, ask, leaves)
        built = size(ask)
        cables = built.cables
        tiers = [cables.node_leaf, cables.leaf_spine, cables.spine_core][: built.tiers]
        self.fabrics.append(
            FabricPlan(
                name=name,
                role=role,
                system=self.cluster.system,
                switch=part.name,
                port_gbit_s=gbit_s,
                ask=ask,
                size=built,
                switches=built.switches,
                manager_links=managers,
                bisection_gbit_s=min(tiers) * gbit_s * ask.planes / 2,
            )
        )

    def switches(self, label: str, part: Switch, plane: Layout) -> tuple[Ints, Ints, Ints]:
        """Device numbers of the leaves, spines and cores of one plane."""
        nodes, spots = self.cluster.nodes, self.cluster.spots
        leaves = []
        for index in range(plane.leaf):
            first = index // plane.rails * plane.down
            spot = spots[self.cluster.spot[first]] if first < len(nodes) else self.middle
            leaves.append(self.switch(f"{label}-leaf-{index + 1:03d}", spot, part))
        above = [
            [
                self.switch(f"{label}-{tier}-{index + 1:03d}", self.middle, part)
                for index in range(count)
            ]
            for tier, count in (("spine", plane.spine), ("core", plane.core))
        ]
        leaf, spine, core = (np.array(found, dtype=np.int32) for found in (leaves, *above))
        return leaf, spine, core

    def switch(self, name: str, spot: Spot, part: Switch) -> int:
        placed = self.yard.place(name, spot, part.height_u, part.power_w_typical)
        return self.first + placed

    def managers(self, fabric: str, plane: int, gbit_s: float, ask: Ask, leaves: Ints) -> int:
        """A pair of managers on ports that no node uses; returns their links."""
        count = int(parts.rule("managers_per_fabric").value)
        each = int(parts.rule("manager_links").value)
        leaf, port = wiring.free_leaf_ports(layout(ask), ask.nodes, ask.nics_per_node, count * each)
        watts = parts.rule("server_kw").value * 1000
        placed = [
            self.yard.place(f"{fabric}-manager-{index + 1}", self.middle, 1, watts, is_switch=False)
            for index in range(count)
        ]
        links = np.arange(len(leaf), dtype=np.int32)
        device = np.array(placed, dtype=np.int32)[links % count] + self.first
        self.servers += [number + self.first for number in placed]
        lower = (device, links // count)
        self.batch(fabric, Tier.MANAGER, plane, gbit_s, lower, (leaves[leaf], port))
        if len(leaf) < count * each:
            text = (
                f"fabric {fabric} has ports for {len(leaf)} of {count * each} links of its "
                "managers; leave a node out, as published designs do"
            )
            where = self.cluster.hall
            self.findings.append(Finding(severity=Severity.NOTE, where=where, text=text))
        return len(leaf)

    def keep(
        self,
        fabric: str,
        plane: int,
        which: NDArray[np.bool_],
        lower: tuple[Ints, Ints],
        upper: tuple[Ints, Ints],
    ) -> None:
        if which.any():
            self.kept.append(
                Kept(
                    fabric=fabric,
                    plane=plane,
                    index=lower[0][which],
                    port=lower[1][which],
                    leaf=upper[0][which],
                    leaf_port=upper[1][which],
                )
            )

    def batch(
        self,
        fabric: str,
        tier: Tier,
        plane: int,
        gbit_s: float,
        lower: tuple[Ints, Ints],
        upper: tuple[Ints, Ints],
    ) -> None:
        if len(lower[0]):
            self.batches.append(
                Batch(
                    fabric=fabric,
                    tier=tier,
                    plane=plane,
                    gbit_s=gbit_s,
                    a=lower[0],
                    a_port=lower[1],
                    b=upper[0],
                    b_port=upper[1],
                )
            )

    def named(self, name: str) -> str:
        return f"{name}-{self.cluster.name}" if self.cluster.name else name


def compute_fabric(asked: Fabric, system: str, nodes: int, where: str) -> ComputeFabric:
    """What a compute fabric of `nodes` nodes of `system` is built of, by the file or its maker.

    InputError that names `where`, when the switch is slower than a link.
    """
    network = parts.system_network(system)
    part = parts.switch(asked.switch or network.compute_switch)
    planes = asked.planes or network.compute_planes
    gbit_s = network.compute_gbit_s / planes
    ask = Ask(
        nodes=nodes,
        nics_per_node=network.compute_nics,
        radix=radix(part, gbit_s, where),
        planes=planes,
        oversubscription=asked.oversubscription,
    )
    return ComputeFabric(part, gbit_s, ask)


def laid_out(ask: Ask, where: str) -> Layout:
    """One plane. InputError that names `where`, when three tiers do not connect the nodes."""
    try:
        return layout(ask)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def radix(part: Switch, gbit_s: float, where: str) -> int:
    """Ports of the switch at `gbit_s`. InputError where a port is slower than the link."""
    split = int(part.port_gbit_s // gbit_s) if gbit_s else 0
    if split < 1:
        planes = -(-gbit_s // part.port_gbit_s)
        raise InputError(
            f"{where}: links of {gbit_s:g} Gbit/s do not fit {part.title} with ports of "
            f"{part.port_gbit_s:g} Gbit/s; use a faster switch, or fabric: {{planes: {planes:g}}}"
        )
    return part.ports * split
