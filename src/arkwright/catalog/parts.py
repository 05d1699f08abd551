"""Parts of halls and networks: switches, cables, racks, storage, and the rules they are laid by.

Read like the other tables of the catalogue. Functions raise InputError for an unknown name and list
the known ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import TypeVar

from arkwright.catalog import systems, table
from arkwright.catalog.rows import Default, Grade, Row
from arkwright.errors import CatalogError, InputError

R = TypeVar("R", bound=Row)


class LinkKind(Enum):
    """What a switch speaks."""

    INFINIBAND = "infiniband"
    ETHERNET = "ethernet"


class CableKind(Enum):
    """How a link is made."""

    COPPER = "copper"
    AOC = "aoc"
    """Fibre with its modules fixed to it."""
    OPTICS = "optics"
    """A module at each end and a fibre between them."""


class CableEnds(Enum):
    """Where the lower end of a link may be."""

    ANY = "any"
    NODE = "node"
    SWITCH = "switch"


class Switch(Row, frozen=True, kw_only=True):
    """One switch. Ports can be split to a lower speed, never joined to a higher."""

    name: str
    title: str
    vendor: str
    kind: LinkKind
    ports: int
    """At `port_gbit_s`; a twin-port cage is two."""
    port_gbit_s: float
    height_u: int
    mass_kg: float | None = None
    power_w_typical: float
    """Without modules."""
    power_w_max: float | None = None
    """With modules; None was not read."""
    power_source: str
    power_grade: Grade


class SystemNetwork(Row, frozen=True, kw_only=True):
    """How the nodes of a system are attached. No NICs: the fabric does not exist."""

    name: str
    """Of the system."""
    compute_switch: str
    compute_planes: int
    compute_nics: int
    compute_gbit_s: float
    """Of a NIC, all planes together."""
    storage_switch: str
    storage_nics: int
    storage_gbit_s: float
    inband_switch: str = ""
    inband_nics: int
    inband_gbit_s: float | None = None
    oob_switch: str
    oob_ports: int
    """Of a node."""
    is_estimate: bool


class RackBody(Row, frozen=True, kw_only=True):
    """A rack as furniture: of a system, or `network` or `storage`."""

    name: str
    width_m: float
    depth_m: float
    height_u: int
    mass_kg: float
    """Filled."""
    pdus: int
    shelves: int
    """Power shelves."""
    switch_trays: int
    """Of the scale-up network."""
    oob_switches: int
    """Management switches inside the rack; 0 leaves them to the network racks."""


class CablePart(Row, frozen=True, kw_only=True):
    """A way to make a link. Near is the switch's end, the upper switch's between switches."""

    name: str
    title: str
    kind: CableKind
    ends: CableEnds
    gbit_s: float
    reach_m: float
    lengths_m: str
    """Sold, ascending, separated by spaces."""
    power_w_near: float
    power_w_far: float
    """Per link."""
    links_per_module: int

    @property
    def lengths(self) -> tuple[float, ...]:
        """Sold lengths, m, ascending."""
        return tuple(float(text) for text in self.lengths_m.split())


class StorageProduct(Row, frozen=True, kw_only=True):
    """A storage node."""

    name: str
    title: str
    read_gb_s: float
    write_gb_s: float
    capacity_tb: float
    height_u: int
    power_kw: float
    ports: int
    port_gbit_s: float


class StorageRate(Row, frozen=True, kw_only=True):
    """A published guideline: rates for so many GPUs."""

    name: str
    gpus: int
    read_gb_s: float
    write_gb_s: float


class PartPrice(Row, frozen=True, kw_only=True):
    """What a part costs, as a range."""

    name: str
    """Of the part; `sr-400/switch` and `sr-400/far` are the modules at the ends of a cable."""
    unit: str
    """`node`, `rack`, `switch`, `cable` or `module`."""
    price_low: float
    price_high: float
    currency: str
    year: int


def switch(name: str) -> Switch:
    """The switch called `name`, for example `qm9700`."""
    return _one(switches(), name, "switch")


def switches() -> Mapping[str, Switch]:
    """Every switch, in file order."""
    return table("switches.csv", Switch)


def system_network(name: str) -> SystemNetwork:
    """How nodes of the system `name` are attached."""
    return _one(system_networks(), name, "network of the system")


@cache
def system_networks() -> Mapping[str, SystemNetwork]:
    """Every system's network; agrees with the NICs that `systems.csv` states."""
    found = table("system_networks.csv", SystemNetwork)
    for row in found.values():
        system = systems()[row.name]
        if system.nics_per_node not in (None, row.compute_nics) or system.nic_gbit_s not in (
            None,
            row.compute_gbit_s,
        ):
            text = f"{row.name} has other NICs than systems.csv"
            raise CatalogError(f"catalogue system_networks.csv: {text}")
    return found


def rack_body(name: str) -> RackBody:
    """The rack of the system `name`, or `network` or `storage`."""
    bodies: Mapping[str, RackBody] = table("racks.csv", RackBody)
    return _one(bodies, name, "rack")


def cable_parts(gbit_s: float, lower: CableEnds) -> tuple[CablePart, ...]:
    """Ways to make a link of `gbit_s` up from a node or a switch, the shortest reach first."""
    known = table("cables.csv", CablePart).values()
    fitting = [p for p in known if p.gbit_s == gbit_s and p.ends in (CableEnds.ANY, lower)]
    if not fitting:
        speeds = ", ".join(f"{speed:g}" for speed in sorted({part.gbit_s for part in known}))
        raise InputError(f"no cable of {gbit_s:g} Gbit/s; the catalogue has {speeds}")
    return tuple(sorted(fitting, key=lambda part: part.reach_m))


def cable_part(name: str) -> CablePart:
    """The way to make a link called `name`."""
    known: Mapping[str, CablePart] = table("cables.csv", CablePart)
    return _one(known, name, "cable")


def storage_product(name: str = "flash-appliance") -> StorageProduct:
    """The storage node called `name`."""
    products: Mapping[str, StorageProduct] = table("storage_products.csv", StorageProduct)
    return _one(products, name, "storage product")


def storage_rate(level: str) -> StorageRate:
    """The guideline `good`, `better` or `best`."""
    rates: Mapping[str, StorageRate] = table("storage_levels.csv", StorageRate)
    return _one(rates, level, "storage level")


def part_price(name: str) -> PartPrice | None:
    """What the part costs, or None where no price was read."""
    return table("part_prices.csv", PartPrice).get(name)


def rule(name: str) -> Default:
    """A rule of `hall_rules.csv`."""
    rules: Mapping[str, Default] = table("hall_rules.csv", Default)
    return _one(rules, name, "hall rule")


def tables() -> list[tuple[str, Mapping[str, Row]]]:
    """Every table with its title, for the catalogue's page."""
    return [
        ("Switches", switches()),
        ("Networks of systems", system_networks()),
        ("Racks", table("racks.csv", RackBody)),
        ("Cables", table("cables.csv", CablePart)),
        ("Storage products", table("storage_products.csv", StorageProduct)),
        ("Storage guidelines", table("storage_levels.csv", StorageRate)),
        ("Prices of parts", table("part_prices.csv", PartPrice)),
        ("Rules of halls", table("hall_rules.csv", Default)),
    ]


def _one(found: Mapping[str, R], name: str, kind: str) -> R:
    if name not in found:
        raise InputError(f"unknown {kind} {name}; the catalogue has {', '.join(found)}")
    return found[name]
