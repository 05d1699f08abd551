"""NetBox: device types as YAML, and everything that stands and is plugged as CSV for its import.

Import in the order of the files' numbers. Device types follow netbox-community/devicetype-library;
tables have the columns of the import forms of NetBox 4. Nothing is given that the design does not
know: trays of compute racks have no rack unit, and power feeds no second side.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import yaml

from arkwright.catalog import parts, plant
from arkwright.catalog.parts import CableKind, CablePart
from arkwright.design import Blueprint
from arkwright.design.floor import RackKind
from arkwright.design.network import SiteNetwork
from arkwright.export.inventory import Inventory, Kind, inventories
from arkwright.export.names import host_name
from arkwright.factory import Factory
from arkwright.physics.conductor import three_phase_kw

Row = Sequence[object]
GREY = "9e9e9e"
_MILLIMETRES = 1000
_RAILS_IN = 19
"""Of EIA-310, in inches as NetBox counts them."""


def netbox(
    factory: Factory, plan: Blueprint, sites: Sequence[SiteNetwork]
) -> Mapping[str, Iterable[str]]:
    """Every file by its path, each in pieces."""
    found = inventories(plan, sites)
    kinds = _kinds(found)
    makers = sorted({kind.manufacturer for kind in kinds})
    roles = sorted({kind.role for kind in kinds})
    kind_names = [kind.name.lower() for kind in RackKind]
    tables: dict[str, tuple[str, Callable[[], Iterable[Row]]]] = {
        "01-manufacturers": ("name,slug", lambda: [(m, m.lower()) for m in makers]),
        "02-device-roles": ("name,slug,color", lambda: [(r, r, GREY) for r in roles]),
        "03-rack-roles": ("name,slug,color", lambda: [(r, r, GREY) for r in kind_names]),
        "04-sites": ("name,slug,status,latitude,longitude", lambda: _sites(factory, sites)),
        "05-locations": ("site,name,slug,status", lambda: _locations(sites)),
        "06-racks": (
            "site,location,name,status,role,width,u_height,outer_width,outer_depth,outer_unit",
            lambda: _racks(sites),
        ),
        "07-devices": (
            "name,role,manufacturer,device_type,status,site,location,rack,position,face",
            lambda: _devices(found),
        ),
        "08-cables": (
            "side_a_site,side_a_device,side_a_type,side_a_name,"
            "side_b_site,side_b_device,side_b_type,side_b_name,"
            "type,status,length,length_unit",
            lambda: _cables(found),
        ),
        "09-power-panels": ("site,location,name", lambda: _panels(sites)),
        "10-power-feeds": (
            "site,power_panel,location,rack,name,status,type,supply,phase,voltage,amperage,"
            "max_utilization",
            lambda: _feeds(sites),
        ),
    }
    files: dict[str, Iterable[str]] = {
        f"device-types/{kind.manufacturer}/{kind.slug}.yaml": [device_type(kind, ports)]
        for kind, ports in kinds.items()
    }
    return files | {f"{name}.csv": _csv(head, rows) for name, (head, rows) in tables.items()}


def device_type(kind: Kind, others: Mapping[str, str]) -> str:
    """The device type as YAML; `others` are ports beside those of its own fabric."""
    found: dict[str, object] = {
        "manufacturer": kind.manufacturer,
        "model": kind.model,
        "slug": kind.slug,
        "u_height": int(kind.height_u) if kind.height_u == int(kind.height_u) else kind.height_u,
        "is_full_depth": kind.height_u > 0,
    }
    if kind.mass_kg is not None:
        found |= {"weight": round(kind.mass_kg, 2), "weight_unit": "kg"}
    if not kind.is_powered:
        found["is_powered"] = False
    found["comments"] = kind.source
    draw = {"maximum_draw": kind.power_w_max, "allocated_draw": kind.power_w_typical}
    known = {name: watts for name, watts in draw.items() if watts is not None}
    if known:
        found["power-ports"] = [{"name": "power", "type": "other"} | known]
    own = [{"name": f"p{n + 1}", "type": type_} for n, type_ in enumerate(kind.ports)]
    rest = [
        {"name": name, "type": type_} | ({"mgmt_only": True} if _is_management(name) else {})
        for name, type_ in others.items()
    ]
    if own or rest:
        found["interfaces"] = own + rest
    return "---\n" + yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def _is_management(name: str) -> bool:
    return name.startswith("out-of-band-")


def _kinds(found: Sequence[Inventory]) -> dict[Kind, dict[str, str]]:
    """Every kind with the ports that any site uses of it."""
    kinds: dict[Kind, dict[str, str]] = {}
    for inventory in found:
        for kind, others in zip(inventory.kinds, inventory.other_ports(), strict=True):
            kinds.setdefault(kind, {}).update(others)
    return kinds


def _csv(head: str, rows: Callable[[], Iterable[Row]]) -> Iterator[str]:
    """A header, then every row; rows are made when they are read."""
    yield head + "\n"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows():
        writer.writerow(row)
        if text.tell() > io.DEFAULT_BUFFER_SIZE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _sites(factory: Factory, sites: Sequence[SiteNetwork]) -> Iterator[Row]:
    for site in sites:
        place = factory.sites[site.site].location
        at = ("", "") if place is None else (place.latitude, place.longitude)
        yield site.site, site.site, "planned", *at


def _locations(sites: Sequence[SiteNetwork]) -> Iterator[Row]:
    for site in sites:
        for hall in site.halls:
            yield site.site, hall.path.split("/")[1], host_name(hall.path), "planned"


def _racks(sites: Sequence[SiteNetwork]) -> Iterator[Row]:
    for site in sites:
        kinds = [RackKind(kind) for kind in site.floor.kind.tolist()]
        halls = site.floor.hall.tolist()
        for path, kind, hall in zip(site.floor.racks, kinds, halls, strict=True):
            names = {RackKind.COMPUTE: site.halls[hall].system, RackKind.STORAGE: "storage"}
            body = parts.rack_body(names.get(kind, "network"))
            size = (round(body.width_m * _MILLIMETRES), round(body.depth_m * _MILLIMETRES), "mm")
            name, role = path.split("/")[2], kind.name.lower()
            place = site.site, path.split("/")[1], name, "planned", role
            yield *place, _RAILS_IN, body.height_u, *size


def _devices(found: Sequence[Inventory]) -> Iterator[Row]:
    unit_m = parts.rule("rack_unit_m").value
    for inventory in found:
        site, devices = inventory.site, inventory.site.schedule.devices
        kinds = [inventory.kinds[index] for index in inventory.kind.tolist()]
        of_nodes = site.floor.kind[devices.rack] == RackKind.COMPUTE
        columns = zip(devices.path, kinds, devices.z_m.tolist(), of_nodes.tolist(), strict=True)
        for path, kind, z_m, is_compute in columns:
            _, hall, rack, _ = path.split("/")
            at: Row = ("", "")
            if not is_compute and kind.height_u:
                at = (round(z_m / unit_m - kind.height_u / 2) + 1, "front")
            what = kind.role, kind.manufacturer, kind.model, "planned"
            yield host_name(path), *what, site.site, hall, rack, *at


def _cables(found: Sequence[Inventory]) -> Iterator[Row]:
    for inventory in found:
        site, table = inventory.site, inventory.site.schedule
        names = [host_name(path) for path in table.devices.path]
        types = [_cable_type(parts.cable_part(name)) for name in table.parts]
        columns = zip(
            table.a.tolist(),
            inventory.lower_ports(),
            table.b.tolist(),
            table.b_port.tolist(),
            table.part.tolist(),
            np.round(table.length_m.astype(np.float64), 2).tolist(),
            strict=True,
        )
        for a, a_port, b, b_port, part, length_m in columns:
            lower = site.site, names[a], "dcim.interface", a_port
            upper = site.site, names[b], "dcim.interface", f"p{b_port + 1}"
            yield *lower, *upper, types[part], "planned", f"{length_m:g}", "m"


def _cable_type(part: CablePart) -> str:
    """NetBox's word for the cable."""
    if part.kind is CableKind.AOC:
        return "aoc"
    if part.kind is CableKind.COPPER:
        return part.name if part.name.startswith("cat") else "dac-passive"
    return "mmf" if "multimode" in part.title else "smf"


def _panels(sites: Sequence[SiteNetwork]) -> Iterator[Row]:
    for site in sites:
        for hall in site.halls:
            yield site.site, hall.path.split("/")[1], host_name(hall.path)


def _feeds(sites: Sequence[SiteNetwork]) -> Iterator[Row]:
    """One primary feed for each rack, large enough for its maximum at the usual utilisation."""
    volts = parts.rule("busway_v").value
    share = plant.figure("derating")
    kw_each = float(three_phase_kw(volts, 1.0, parts.rule("busway_power_factor").value))
    for site in sites:
        power = site.rack_power_kw_max.tolist()
        for path, kw in zip(site.floor.racks, power, strict=True):
            if not kw:
                continue
            _, hall, rack = path.split("/")
            amperes = math.ceil(kw / (kw_each * share))
            where = site.site, host_name(f"{site.site}/{hall}"), hall, rack, host_name(path)
            how = "planned", "primary", "ac", "three-phase"
            yield *where, *how, f"{volts:g}", amperes, round(share * 100)
