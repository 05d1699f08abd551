"""What every device of a site is as a box with ports, and which port each cable ends on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.catalog.bodies import DeviceBody, device_body
from arkwright.catalog.parts import LinkKind
from arkwright.design import Blueprint
from arkwright.design.fabric.build import FabricPlan, Role, radix
from arkwright.design.fabric.schedule import Tier
from arkwright.design.network import SiteNetwork

_SPEEDS = {
    (LinkKind.INFINIBAND, 200.0): "infiniband-hdr",
    (LinkKind.INFINIBAND, 400.0): "infiniband-ndr",
    (LinkKind.INFINIBAND, 800.0): "infiniband-xdr",
    (LinkKind.ETHERNET, 1.0): "1000base-t",
    (LinkKind.ETHERNET, 100.0): "100gbase-x-qsfp28",
    (LinkKind.ETHERNET, 200.0): "200gbase-x-qsfp56",
    (LinkKind.ETHERNET, 400.0): "400gbase-x-osfp",
    (LinkKind.ETHERNET, 800.0): "800gbase-x-osfp",
}
"""NetBox's words for a port."""
_IN_RACK = re.compile(r"(pdu|shelf|nvl|oob)\d+")
_FIXTURES = {"pdu": "pdu", "shelf": "power-shelf", "nvl": "switch-tray"}


class Kind(Struct, frozen=True, kw_only=True):
    """A device type."""

    role: str
    manufacturer: str
    model: str
    height_u: float
    mass_kg: float | None = None
    power_w_max: int | None = None
    power_w_typical: int | None = None
    is_powered: bool = True
    """False for what draws nothing of its own: its power is inside the nodes' share of the rack."""
    ports: tuple[str, ...] = ()
    """Types of the ports `p1`, `p2`, … that a switch has for its own fabric."""
    source: str

    @property
    def slug(self) -> str:
        """The name in addresses."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.manufacturer} {self.model}".lower()).strip("-")


class Inventory(Struct, frozen=True, kw_only=True, eq=False):
    """The devices of one site, in the order of its schedule."""

    site: SiteNetwork
    kinds: tuple[Kind, ...]
    kind: NDArray[np.int32]
    """Per device, an index in `kinds`."""
    roles: tuple[str, ...]
    """Per fabric of the schedule: what its ports on other devices are called after."""
    fabric: NDArray[np.int8]
    """Per device, the fabric it is a switch of; -1 for none."""
    is_oob: NDArray[np.bool_]
    """Per device, whether it is a switch for management."""

    def lower_is_own(self) -> NDArray[np.bool_]:
        """Per link: its lower end is a port of a switch, not a NIC or a management port."""
        table = self.site.schedule
        uplink = self.is_oob[table.a] & (table.tier == Tier.NODE_LEAF)
        own: NDArray[np.bool_] = (self.fabric[table.a] == table.fabric) | uplink
        return own

    def lower_ports(self) -> Iterator[str]:
        """Per link: the name of the port at its lower end."""
        table = self.site.schedule
        own = self.lower_is_own().tolist()
        columns = zip(own, table.fabric.tolist(), table.a_port.tolist(), strict=True)
        return (f"{'p' if is_own else f'{self.roles[f]}-'}{p + 1}" for is_own, f, p in columns)

    def other_ports(self) -> list[dict[str, str]]:
        """Per kind: ports that its own fabric does not explain, and their types."""
        table = self.site.schedule
        own = self.lower_is_own().astype(np.int64)
        columns: list[NDArray[np.signedinteger]] = [
            self.kind[table.a],
            own,
            table.fabric,
            table.a_port,
            table.part,
        ]
        found: list[dict[str, str]] = [{} for _ in self.kinds]
        used = np.unique(np.stack([column.astype(np.int64) for column in columns]), axis=1)
        for kind, is_own, fabric, port, part in used.T.tolist():
            name = f"{'p' if is_own else f'{self.roles[fabric]}-'}{port + 1}"
            if is_own and port < len(self.kinds[kind].ports):
                continue
            plan = self.site.fabrics[self._plan(fabric)]
            gbit_s = parts.cable_part(table.parts[part]).gbit_s
            found[kind][name] = port_type(parts.switch(plan.switch).kind, gbit_s)
        return found

    def _plan(self, fabric: int) -> int:
        names = [plan.name for plan in self.site.fabrics]
        return names.index(self.site.schedule.fabrics[fabric])


def inventories(plan: Blueprint, sites: Sequence[SiteNetwork]) -> tuple[Inventory, ...]:
    """Every device of `sites`."""
    return tuple(_inventory(plan, site) for site in sites)


def port_type(kind: LinkKind, gbit_s: float) -> str:
    """NetBox's word for such a port, `other` where it has none."""
    return _SPEEDS.get((kind, gbit_s), "other")


def _inventory(plan: Blueprint, site: SiteNetwork) -> Inventory:
    table = site.schedule
    nodes = [node for node in plan.nodes if node.site == site.site]
    known: dict[Kind, int] = {}
    # Thousands of devices are of a dozen kinds; each name stem is looked up once.
    stems: dict[str, tuple[int, int, bool]] = {}
    found: list[tuple[int, int, bool]] = []
    for index, path in enumerate(table.devices.path):
        is_node = index < site.nodes
        stem = nodes[index].system if is_node else re.sub(r"\d+", "", path.rpartition("/")[2])
        # A rack's own management switch belongs to the fabric of the rack's system.
        key = f"{is_node} {stem} {_system(plan, path) if stem == 'oob' else ''}"
        if key not in stems:
            kind, fabric, is_oob = _kind(plan, site, path, nodes[index].system if is_node else "")
            stems[key] = (known.setdefault(kind, len(known)), fabric, is_oob)
        found.append(stems[key])
    roles = {fabric.name: fabric.role.value for fabric in site.fabrics}
    return Inventory(
        site=site,
        kinds=tuple(known),
        kind=np.array([kind for kind, _, _ in found], dtype=np.int32),
        roles=tuple(roles[name] for name in table.fabrics),
        fabric=np.array([fabric for _, fabric, _ in found], dtype=np.int8),
        is_oob=np.array([is_oob for _, _, is_oob in found], dtype=bool),
    )


def _kind(plan: Blueprint, site: SiteNetwork, path: str, system: str) -> tuple[Kind, int, bool]:
    """Kind, the fabric it switches (-1 for none), and whether that is for management."""
    name = path.rpartition("/")[2]
    if system:
        return _node(system), -1, False
    in_rack = _IN_RACK.fullmatch(name)
    if in_rack is not None and in_rack[1] != "oob":
        role = _FIXTURES[in_rack[1]]
        return _box(device_body(role), role, is_powered=False), -1, False
    fabric = _fabric_of(plan, site, path, name)
    if fabric is not None:
        number = site.schedule.fabrics.index(fabric.name)
        return _switch(fabric, path), number, fabric.role is Role.OUT_OF_BAND
    if "-manager-" in name or name.startswith("server-"):
        role = "manager" if "-manager-" in name else "server"
        power_w = round(parts.rule("server_kw").value * 1000)
        return _box(device_body(role), role, power_w), -1, False
    product = parts.storage_product(site.storage[0].product)
    body = device_body("storage")
    power_w = round(product.power_kw * 1000)
    return _box(body, "storage", power_w, height_u=product.height_u), -1, False


def _fabric_of(plan: Blueprint, site: SiteNetwork, path: str, name: str) -> FabricPlan | None:
    """The fabric that the device called `name` is a switch of."""
    for fabric in site.fabrics:
        tier = r"-\d+" if fabric.role is Role.OUT_OF_BAND else r"(-p\d+)?-(leaf|spine|core)-\d+"
        if re.fullmatch(re.escape(fabric.name) + tier, name):
            return fabric
        is_management = fabric.role is Role.OUT_OF_BAND and name.startswith("oob")
        if is_management and fabric.system == _system(plan, path):
            return fabric
    return None


def _system(plan: Blueprint, path: str) -> str:
    hall = "/".join(path.split("/")[:2])
    return next(found.system for site in plan.sites for found in site.halls if found.path == hall)


def _node(system: str) -> Kind:
    power_w = round(catalog.system(system).node_power_kw_max * 1000)
    return _box(device_body(system), "node", power_w)


def _switch(fabric: FabricPlan, where: str) -> Kind:
    part = parts.switch(fabric.switch)
    ports = radix(part, fabric.port_gbit_s, where)
    split = "" if ports == part.ports else f" {ports} x {fabric.port_gbit_s:g}G"
    return Kind(
        role="switch",
        manufacturer=part.vendor,
        model=part.title + split,
        height_u=part.height_u,
        mass_kg=part.mass_kg,
        power_w_max=None if part.power_w_max is None else round(part.power_w_max),
        power_w_typical=round(part.power_w_typical),
        ports=(port_type(part.kind, fabric.port_gbit_s),) * ports,
        source=part.provenance,
    )


def _box(
    body: DeviceBody,
    role: str,
    power_w: int | None = None,
    *,
    height_u: float | None = None,
    is_powered: bool = True,
) -> Kind:
    return Kind(
        role=role,
        manufacturer=body.manufacturer,
        model=body.model,
        height_u=(body.height_u or 0.0) if height_u is None else height_u,
        power_w_max=power_w,
        is_powered=is_powered,
        source=body.provenance,
    )
