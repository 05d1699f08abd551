"""What the racks of each place may draw together, from the grid connection down."""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct

from arkwright import catalog
from arkwright.design.lower import blueprint
from arkwright.factory import Factory, Hall, PowerBasis, pue_at
from arkwright.units import MILLI


class PowerLimit(Struct, frozen=True, kw_only=True):
    """A place in the power tree: `site`, `site/hall` or `site/hall/rack`."""

    path: str
    limit_w: int | None
    """Basis IT, racks only; None sets no limit."""


def power_limits(factory: Factory) -> tuple[PowerLimit, ...]:
    """Every site, every hall on paper, and the racks that have a limit of their own.

    Racks draw what reaches them: a connection on the basis `grid` or `facility` is divided by the
    PUE, one on the basis `it` is not, and both leave the share that network, storage and management
    take beside the racks (the catalogue's `ancillary_fraction`). A connection on the basis
    `ai-capacity` bounds nothing. Watts are rounded down.
    """
    limits: list[PowerLimit] = []
    for name, site in factory.sites.items():
        if site.halls or site.engine is not None:
            limits.append(PowerLimit(path=name, limit_w=_site_w(factory, name)))
        for hall_name, hall in site.halls.items():
            path = f"{name}/{hall_name}"
            limits.append(PowerLimit(path=path, limit_w=_whole_w(hall.power)))
    return (*limits, *_racks(factory))


def _racks(factory: Factory) -> Iterator[PowerLimit]:
    halls: dict[str, Hall] = {
        f"{site}/{name}": hall
        for site, place in factory.sites.items()
        for name, hall in place.halls.items()
    }
    if any(hall.rack_power is not None for hall in halls.values()):
        for rack in blueprint(factory).racks:
            limit_w = _whole_w(halls[f"{rack.site}/{rack.hall}"].rack_power)
            if limit_w is not None:
                yield PowerLimit(path=rack.path, limit_w=limit_w)


def _site_w(factory: Factory, name: str) -> int | None:
    grid = factory.sites[name].grid
    if grid.connection is None or grid.basis is PowerBasis.AI_CAPACITY:
        return None
    beside_racks = 1 + catalog.default("ancillary_fraction").value
    pue = 1.0 if grid.basis is PowerBasis.IT else pue_at(factory, name).value
    return _whole_w(grid.connection / pue / beside_racks)


def _whole_w(kilowatts: float | None) -> int | None:
    return None if kilowatts is None else math.floor(kilowatts * MILLI)
