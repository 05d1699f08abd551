"""Everything between the nodes of a factory: fabrics, cables, storage, floors, links of sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.design.blueprint import (
    Assumption,
    Blueprint,
    Finding,
    HallPlan,
    Node,
    Rack,
    SitePlan,
)
from arkwright.design.fabric.assumed import assumed, estimates
from arkwright.design.fabric.build import Built, Cluster, FabricPlan, build
from arkwright.design.fabric.fixtures import Fixtures
from arkwright.design.fabric.groups import cluster_name
from arkwright.design.fabric.management import Management, RackDevices, shared_devices
from arkwright.design.fabric.schedule import Devices, Optics, Schedule, optics, schedule
from arkwright.design.fabric.yard import Placed, Spot, Yard
from arkwright.design.floor import FloorPlan, HallRacks, RackKind, floor, limits
from arkwright.design.storage import StoragePlan, storage
from arkwright.design.wide_area import WideAreaLink, wide_area_links
from arkwright.errors import InternalError
from arkwright.factory import Factory, Site

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
_ROUNDS = 12
"""Tries until the number of out-of-band switches settles; two or three are usual."""


class FabricPower(Struct, frozen=True, kw_only=True):
    """What a fabric draws beside the nodes; basis IT. NICs and their modules are the nodes'."""

    fabric: str
    switch_kw_typical: float
    switch_kw_max: float
    """With modules; their makers' maximum where it was read."""
    optics: Optics
    source: str

    @property
    def kw_typical(self) -> float:
        """Switches and the modules in them."""
        return self.switch_kw_typical + self.optics.switch_kw


class SiteNetwork(Struct, frozen=True, kw_only=True, eq=False):
    """The network, storage and floor of one site."""

    site: str
    nodes: int
    """The first so many devices of the schedule, in the blueprint's order."""
    fabrics: tuple[FabricPlan, ...]
    storage: tuple[StoragePlan, ...]
    """One for each system of the site."""
    halls: tuple[HallRacks, ...]
    floor: FloorPlan
    rack_power_kw_max: Floats
    """Of every rack of `floor` [n_racks]; basis IT."""
    schedule: Schedule
    power: tuple[FabricPower, ...]
    servers: int
    """Management servers and fabric managers."""
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def power_kw_typical(self) -> float:
        """Switches and modules of all fabrics; basis IT."""
        return sum(power.kw_typical for power in self.power)

    @property
    def power_kw_max(self) -> float:
        """The same at the makers' maximum."""
        return sum(power.switch_kw_max for power in self.power)

    @property
    def ancillary_kw_typical(self) -> float:
        """Network, storage and servers together: what the racks of nodes do not draw; basis IT."""
        servers_kw = self.servers * parts.rule("server_kw").value
        return self.power_kw_typical + sum(s.power_kw_max for s in self.storage) + servers_kw


class Network(Struct, frozen=True, kw_only=True, eq=False):
    """All sites, and the links between them."""

    sites: tuple[SiteNetwork, ...]
    links: tuple[WideAreaLink, ...]


def network(factory: Factory, plan: Blueprint) -> Network:
    """The network of `plan`, which is the blueprint of `factory`. Pure; the same every time.

    InputError where a fabric cannot be built of the switches that are asked for.
    """
    sites = []
    node = rack = 0
    for site in plan.sites:
        nodes, racks = plan.nodes[node : node + site.nodes], plan.racks[rack : rack + site.racks]
        node, rack = node + site.nodes, rack + site.racks
        if site.racks:
            sites.append(_Site(factory.sites[site.name], site, nodes, racks).built())
    return Network(sites=tuple(sites), links=wide_area_links(factory))


class _Site:
    """One site while it is built. Devices: nodes, what their racks hold, placed, PDUs."""

    def __init__(
        self, asked: Site, plan: SitePlan, nodes: Sequence[Node], racks: Sequence[Rack]
    ) -> None:
        self.asked = asked
        self.plan = plan
        self.nodes = nodes
        self.racks = racks
        self.node_rack = np.repeat(
            np.arange(len(racks), dtype=np.int32), [rack.nodes for rack in racks]
        )
        self.fixtures = Fixtures(racks)
        self.first = len(nodes) + len(self.fixtures.rack)
        self.yard = Yard()
        self.unit_of_rack: list[int] = []

    def built(self) -> SiteNetwork:
        clusters, made, managements = self.wired()
        placed, pdus = self.stacked(managements)
        fabrics = [fabric for built in made for fabric in built.fabrics]
        batches = [batch for built in made for batch in built.batches]
        for built, management in zip(made, managements, strict=True):
            shared = self.shared(management, placed, pdus)
            fabrics.append(management.finish(shared, built.kept))
            batches += management.batches
        halls = self.hall_racks(placed)
        plan = floor(halls)
        devices = self.devices(placed, pdus, plan)
        table = schedule(batches, devices, plan.x_m, plan.y_m)
        power_kw = self.rack_power_kw(placed, plan)
        findings = [finding for built in made for finding in built.findings]
        findings += [finding for cluster in clusters for finding in estimates(cluster)]
        assumptions = [entry for cluster in clusters for entry in assumed(cluster, self.asked)]
        return SiteNetwork(
            site=self.plan.name,
            nodes=len(self.nodes),
            fabrics=tuple(fabrics),
            storage=tuple(cluster.storage for cluster in clusters),
            halls=halls,
            floor=plan,
            rack_power_kw_max=power_kw,
            schedule=table,
            power=tuple(_power(fabric, table) for fabric in fabrics),
            servers=sum("server-" in n or "-manager-" in n for n in self.yard.names),
            findings=(*findings, *limits(plan, halls, power_kw, self.asked.power)),
            assumptions=tuple(assumptions),
        )

    def wired(self) -> tuple[list[Cluster], list[Built], list[Management]]:
        """Clusters, their fabrics and their management.

        Out-of-band switches need ports of fabrics whose switches they manage. Their number is
        found by trying: each round keeps ports for the switches that the last one needed.
        """
        uplinks: dict[str, int] = {}
        for _ in range(_ROUNDS):
            self.yard, self.unit_of_rack = Yard(), []
            clusters = self.clusters(uplinks)
            made = [build(cluster, self.yard, self.first) for cluster in clusters]
            managements = [self.management(cluster) for cluster in clusters]
            self.stacked(managements)
            for management in managements:
                # A round that needs fewer places spares, so that numbers only grow and settle.
                missing = uplinks.get(management.cluster.system, 0) - len(management.numbers)
                management.middle(max(0, missing))
            self.stacked(managements)
            needed = {m.cluster.system: len(m.numbers) for m in managements}
            if needed == uplinks:
                return clusters, made, managements
            uplinks = needed
        raise InternalError(f"site {self.plan.name}: out-of-band switches do not settle")

    def clusters(self, uplinks: Mapping[str, int]) -> list[Cluster]:
        """Halls of one system together, in file order."""
        systems = list(dict.fromkeys(hall.system for hall in self.plan.halls))
        spans = self.spans()
        result = []
        for system in systems:
            mine = [span for span in spans if span[0].system == system]
            spots = [spot for _, _, _, units in mine for spot in dict.fromkeys(units)]
            index = {spot: number for number, spot in enumerate(spots)}
            per_node = [index[spot] for _, _, _, units in mine for spot in units]
            nodes = [np.arange(first, last, dtype=np.int32) for _, first, last, _ in mine]
            result.append(
                Cluster(
                    name=cluster_name(system, systems),
                    system=system,
                    hall=mine[0][0].path,
                    nodes=np.concatenate(nodes),
                    spots=tuple(spots),
                    spot=np.array(per_node, dtype=np.int32),
                    fabric=self.asked.fabric,
                    storage=storage(self.asked.storage, sum(hall.gpus for hall, *_ in mine)),
                    uplinks=uplinks.get(system, 0),
                )
            )
        return result

    def spans(self) -> list[tuple[HallPlan, int, int, list[Spot]]]:
        """Per hall: its first node, the one after its last, and the spot beside each node."""
        found = []
        first = rack = 0
        for hall in self.plan.halls:
            system = catalog.system(hall.system)
            unit_nodes = self.asked.fabric.scalable_unit_nodes or system.scalable_unit_nodes
            # A rack belongs to the unit of its first node: no rack stands in two.
            starts = np.cumsum([0, *(r.nodes for r in self.racks[rack : rack + hall.racks])])[:-1]
            units = (starts // unit_nodes + 1).tolist()
            self.unit_of_rack += units
            spots = [
                spot
                for unit, r in zip(units, self.racks[rack : rack + hall.racks], strict=True)
                for spot in [Spot(hall.path, RackKind.NETWORK, unit)] * r.nodes
            ]
            found.append((hall, first, first + hall.nodes, spots))
            first, rack = first + hall.nodes, rack + hall.racks
        return found

    def management(self, cluster: Cluster) -> Management:
        racks = np.unique(self.node_rack[cluster.nodes])
        fixtures = self.fixtures
        mine = np.isin(fixtures.rack, racks)
        in_rack = np.flatnonzero(mine & fixtures.is_switch)
        other = np.flatnonzero(mine & ~fixtures.is_switch)
        # The unit of a rack is that of its first node.
        first_node = np.searchsorted(self.node_rack[cluster.nodes], racks)
        rack_spot = cluster.spot[first_node]
        number = np.searchsorted(racks, fixtures.rack[other]).astype(np.int32)
        devices = RackDevices(
            device=(other + len(self.nodes)).astype(np.int32),
            spot=rack_spot[number],
            rack=number,
            node_rack=np.searchsorted(racks, self.node_rack[cluster.nodes]).astype(np.int32),
            switches=(in_rack + len(self.nodes)).astype(np.int32).reshape(len(racks), -1),
        )
        found = Management(cluster, devices, self.yard, self.first)
        found.units()
        return found

    def stacked(self, managements: Sequence[Management]) -> tuple[Placed, list[str]]:
        """Racks of everything placed, once every out-of-band port is there; and their PDUs."""
        while True:
            placed = self.yard.stacked()
            pdus = _pdus(placed)
            missing = [m.shared(self.shared(m, placed, pdus)) for m in managements]
            if not any(missing):
                return placed, pdus
            for management, count in zip(managements, missing, strict=True):
                if count:
                    management.middle(count)

    def shared(self, management: Management, placed: Placed, pdus: Sequence[str]) -> Ints:
        """What ends on ports the units left free: the middle, storage, and PDUs of both."""
        cluster = management.cluster
        halls = {spot.hall for spot in cluster.spots}
        first_pdu = self.first + len(self.yard)
        mine = [first_pdu + i for i, path in enumerate(pdus) if _hall_of(path) in halls]
        devices = shared_devices(self.yard, placed, cluster, self.first)
        return np.concatenate([devices, np.array(mine, dtype=np.int32)])

    def hall_racks(self, placed: Placed) -> tuple[HallRacks, ...]:
        """Every hall's racks in the order of their places."""
        result = []
        rack = 0
        for hall in self.plan.halls:
            ordinary: list[tuple[str, RackKind]] = []
            last = rack + hall.racks
            for number in range(rack, last):
                ordinary.append((self.racks[number].path, RackKind.COMPUTE))
                unit = self.unit_of_rack[number]
                if number + 1 == last or self.unit_of_rack[number + 1] != unit:
                    beside = placed.racks.get(Spot(hall.path, RackKind.NETWORK, unit), ())
                    ordinary += [(path, RackKind.NETWORK) for path in beside]
            central = [
                (path, kind)
                for kind in (RackKind.CENTRAL, RackKind.STORAGE)
                for path in placed.racks.get(Spot(hall.path, kind, 0), ())
            ]
            found = HallRacks(
                path=hall.path,
                system=hall.system,
                ordinary=tuple(ordinary),
                central=tuple(central),
            )
            result.append(found)
            rack = last
        return tuple(result)

    def devices(self, placed: Placed, pdus: Sequence[str], plan: FloorPlan) -> Devices:
        """All devices with rack and height, in the order of their numbers."""
        place = {path: index for index, path in enumerate(plan.racks)}
        compute = np.array([place[rack.path] for rack in self.racks], dtype=np.int32)
        first_tray = np.searchsorted(self.node_rack, np.arange(len(self.racks)))
        tray = np.arange(len(self.nodes)) - first_tray[self.node_rack]
        systems = [catalog.system(rack.system) for rack in self.racks]
        heights_m = [parts.rack_body(system.name).height_u for system in systems]
        height_m = np.array(heights_m) * parts.rule("rack_unit_m").value
        trays = np.array([system.nodes_per_rack for system in systems])
        in_racks = self.fixtures.rack
        pdu_racks = [place[path.rpartition("/")[0]] for path in pdus]
        placed_racks = [place[path] for path in placed.rack]
        return Devices(
            path=(
                *(node.path for node in self.nodes),
                *self.fixtures.paths,
                *placed.path,
                *pdus,
            ),
            rack=np.concatenate(
                [
                    compute[self.node_rack],
                    compute[in_racks],
                    np.array(placed_racks + pdu_racks, dtype=np.int32),
                ]
            ),
            z_m=np.concatenate(
                [
                    (tray + 0.5) / trays[self.node_rack] * height_m[self.node_rack],
                    height_m[in_racks] / 2,
                    placed.z_m,
                    np.full(len(pdus), height_m.mean() / 2),
                ]
            ),
            is_switch=np.concatenate(
                [
                    np.zeros(len(self.nodes), dtype=bool),
                    self.fixtures.is_switch,
                    np.array(self.yard.is_switch, dtype=bool),
                    np.zeros(len(pdus), dtype=bool),
                ]
            ),
        )

    def rack_power_kw(self, placed: Placed, plan: FloorPlan) -> Floats:
        """Compute racks at their makers' maximum; the others what stands in them, typically."""
        place = {path: index for index, path in enumerate(plan.racks)}
        power_kw = np.zeros(len(plan.racks))
        for rack in self.racks:
            power_kw[place[rack.path]] = rack.power_kw_max
        index = [place[path] for path in placed.rack]
        np.add.at(power_kw, index, np.array(self.yard.watts) / 1000)
        return power_kw


def _pdus(placed: Placed) -> list[str]:
    """PDUs of the racks that hold no nodes."""
    found = []
    for spot, racks in placed.racks.items():
        body = parts.rack_body("storage" if spot.kind is RackKind.STORAGE else "network")
        found += [f"{rack}/pdu{number + 1}" for rack in racks for number in range(body.pdus)]
    return found


def _hall_of(path: str) -> str:
    return "/".join(path.split("/", 2)[:2])


def _power(fabric: FabricPlan, table: Schedule) -> FabricPower:
    part, modules = parts.switch(fabric.switch), optics(table, fabric.name)
    typical_kw = fabric.switches * part.power_w_typical / 1000
    with_modules = typical_kw + modules.switch_kw
    stated = None if part.power_w_max is None else fabric.switches * part.power_w_max / 1000
    return FabricPower(
        fabric=fabric.name,
        switch_kw_typical=typical_kw,
        switch_kw_max=with_modules if stated is None else stated,
        optics=modules,
        source=f"{part.power_source} ({part.power_grade.value})",
    )
