"""What a site draws, part by part, each figure on its basis; and the loads beside its racks."""

from __future__ import annotations

import re

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import Grade, parts
from arkwright.design.floor import RackKind
from arkwright.design.network import FabricPower, SiteNetwork
from arkwright.design.power_layout import RackLoad
from arkwright.design.site_plant import SitePlant
from arkwright.factory import PowerBasis, Site

Floats = NDArray[np.float64]
_OF_FABRIC = re.compile(r"(p\d+-)?(leaf|spine|core)-\d+|\d+")
"""What follows the name of its fabric in the name of a switch."""


class Beside(Struct, frozen=True, kw_only=True):
    """What stands in racks without nodes; switches in racks of nodes are in their maximum."""

    racks: tuple[RackLoad, ...]
    network_kw_max: float
    """Switches with modules at their makers' maximum where it was read; basis IT."""
    network_kw_typical: float
    storage_kw_max: float
    servers_kw_max: float


class SitePower(Struct, frozen=True, kw_only=True):
    """Power of one site. Grid is everything; facility is all but HV/MV transformers' losses."""

    rack_kw_max: float
    """Basis IT: racks of nodes."""
    network_kw_max: float
    network_kw_typical: float
    storage_kw_max: float
    servers_kw_max: float
    it_kw_max: float
    """Basis IT: racks, network, storage and servers at their maximum."""
    it_kw_typical: float
    it_kw_idle: float
    losses_kw_max: float
    cooling_kw_max: float
    other_kw_max: float
    facility_kw_max: float
    """Basis facility, in the hour the cooling is sized for; or IT times the file's PUE."""
    facility_kw_typical: float
    """Basis facility: typical IT power times the yearly PUE."""
    grid_kw_max: float
    """Basis grid."""
    pue: float
    """Yearly mean at typical load, from the cooling model unless the file gives it."""
    pue_is_given: bool
    wue_l_per_kwh: float
    connection_kw: float | None
    connection_basis: str

    def demand_kw(self, basis: PowerBasis) -> float | None:
        """What is held against a connection on `basis`; None where the basis has no definition."""
        return {
            PowerBasis.GRID: self.grid_kw_max,
            PowerBasis.FACILITY: self.facility_kw_max,
            PowerBasis.IT: self.it_kw_max,
        }.get(basis)


def beside(network: SiteNetwork) -> Beside:
    """Every rack without nodes as a load, and what they draw by kind."""
    table, plan = network.schedule, network.floor
    maximum = np.zeros(len(plan.racks))
    typical = np.zeros(len(plan.racks))
    is_beside = plan.kind != RackKind.COMPUTE
    products = [parts.storage_product(plan.product).power_kw for plan in network.storage]
    server_kw = parts.rule("server_kw").value
    each = {power.fabric: power for power in network.power}
    counts = {fabric.name: fabric.switches for fabric in network.fabrics}
    is_bound = {f.name: is_supplies_only(f.switch) for f in network.fabrics}
    network_kw = np.zeros(2)
    storage_kw = servers_kw = 0.0
    for device in range(network.nodes, len(table.devices.path)):
        rack = int(table.devices.rack[device])
        if not is_beside[rack]:
            continue
        name = table.devices.path[device].rpartition("/")[2]
        peak = usual = 0.0
        if table.devices.is_switch[device]:
            power = each[fabric_of(name, counts)]
            peak = switch_kw_max(power, is_bound[power.fabric]) / counts[power.fabric]
            usual = power.kw_typical / counts[power.fabric]
            network_kw += (peak, usual)
        elif name.startswith("storage-"):
            # Appliances of all clusters of a site are of one product.
            peak = usual = products[0]
            storage_kw += peak
        elif "server-" in name or "-manager-" in name:
            peak = usual = server_kw
            servers_kw += peak
        maximum[rack] += peak
        typical[rack] += usual
    loads = tuple(
        RackLoad(
            path=plan.racks[rack],
            peak_kw=float(maximum[rack]),
            typical_kw=float(typical[rack]),
            idle_kw=float(typical[rack]),
        )
        for rack in np.flatnonzero(is_beside & (maximum > 0))
    )
    return Beside(
        racks=loads,
        network_kw_max=float(network_kw[0]),
        network_kw_typical=float(network_kw[1]),
        storage_kw_max=storage_kw,
        servers_kw_max=servers_kw,
    )


def switch_kw_max(power: FabricPower, is_bound: bool) -> float:
    """What all switches of a fabric draw at most, with modules.

    A switch draws much the same at any load. Where its maximum was not read, but is bounded by the
    supplies installed in it, that bound is no draw: typical and every module stand instead.
    """
    return power.kw_typical if is_bound else power.switch_kw_max


def is_supplies_only(switch: str) -> bool:
    """Whether nobody was read who states the switch's maximum."""
    return parts.switch(switch).power_grade is Grade.ESTIMATE


def fabric_of(name: str, fabrics: dict[str, int]) -> str:
    """The fabric of the switch called `name`, for example compute of compute-p1-leaf-001."""
    for fabric in fabrics:
        if name.startswith(f"{fabric}-") and _OF_FABRIC.fullmatch(name[len(fabric) + 1 :]):
            return fabric
    raise KeyError(name)


def site_power(site: Site, rack_kw: float, extra: Beside, plant: SitePlant) -> SitePower:
    """The power of `site`, whose racks of nodes draw `rack_kw` at most."""
    chain, year = plant.power, plant.year
    it_kw_max, it_kw_typical, it_kw_idle = chain.it_kw
    lost_kw = {kind: kw[0] for kind, kw in chain.losses_kw.items()}
    high_kw = lost_kw.get("transformer-hv", 0.0)
    pue = year.pue_mean if site.pue is None else site.pue
    facility_kw = chain.input_kw[0] - high_kw if site.pue is None else it_kw_max * site.pue
    return SitePower(
        rack_kw_max=rack_kw,
        network_kw_max=extra.network_kw_max,
        network_kw_typical=extra.network_kw_typical,
        storage_kw_max=extra.storage_kw_max,
        servers_kw_max=extra.servers_kw_max,
        it_kw_max=it_kw_max,
        it_kw_typical=it_kw_typical,
        it_kw_idle=it_kw_idle,
        losses_kw_max=sum(lost_kw.values()),
        cooling_kw_max=plant.cooling_kw_max,
        other_kw_max=plant.other_kw_max,
        facility_kw_max=facility_kw,
        facility_kw_typical=it_kw_typical * pue,
        grid_kw_max=facility_kw + high_kw,
        pue=pue,
        pue_is_given=site.pue is not None,
        wue_l_per_kwh=year.wue_l_per_kwh,
        connection_kw=site.grid.connection,
        connection_basis=site.grid.basis.value,
    )
