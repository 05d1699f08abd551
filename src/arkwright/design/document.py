"""A whole design as plain values for JSON: everything but the cable schedule, which is a table."""

from __future__ import annotations

from typing import Any

import msgspec

from arkwright.design.floor import RackKind
from arkwright.design.load_swing import load_swing
from arkwright.design.network import SiteNetwork
from arkwright.design.rules import Fault
from arkwright.design.whole import Design


def document(design: Design, faults: tuple[Fault, ...]) -> dict[str, Any]:
    """The blueprint's keys, and beside them network, plant, power, links, bill and faults."""
    found: dict[str, Any] = msgspec.to_builtins(design.blueprint)
    found |= {
        "network": [_network(site.network) for site in design.sites],
        "plant": [msgspec.to_builtins(site.plant) for site in design.sites],
        "power": [
            {"site": site.plan.name} | msgspec.to_builtins(site.power) for site in design.sites
        ],
        "swing": [
            msgspec.to_builtins(load_swing(design.blueprint.racks, site)) for site in design.sites
        ],
        "links": msgspec.to_builtins(design.links),
        "bill": msgspec.to_builtins(design.bill),
        "faults": msgspec.to_builtins(faults),
    }
    return found


def _network(net: SiteNetwork) -> dict[str, Any]:
    table, plan = net.schedule, net.floor
    columns = zip(
        plan.racks,
        plan.kind.tolist(),
        plan.row.tolist(),
        plan.place.tolist(),
        plan.x_m.round(3).tolist(),
        plan.y_m.round(3).tolist(),
        plan.mass_kg.tolist(),
        net.rack_power_kw_max.round(3).tolist(),
        strict=True,
    )
    return {
        "site": net.site,
        "fabrics": msgspec.to_builtins(net.fabrics),
        "power": msgspec.to_builtins(net.power),
        "storage": msgspec.to_builtins(net.storage),
        "servers": net.servers,
        "cables": len(table),
        "halls": msgspec.to_builtins(plan.halls),
        "racks": [
            {
                "path": path,
                "kind": RackKind(kind).name.lower(),
                "row": row,
                "place": place,
                "x_m": x_m,
                "y_m": y_m,
                "mass_kg": mass_kg,
                "power_kw": power_kw,
            }
            for path, kind, row, place, x_m, y_m, mass_kg, power_kw in columns
        ],
    }
