"""What the racks of each place may draw together, from the grid connection down.

Every limit is of racks of nodes, basis IT. Site, hall and rack are limited by the factory file;
systems of blocks and pairs of busways by what was designed, with any one part of them lost and
derating counted. Racks of network and storage draw their maximum first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from arkwright import catalog, units
from arkwright.design.blueprint import Rack
from arkwright.design.power_capacity import chain_capacity, connection_rack_kw
from arkwright.design.whole import Design, SiteDesign, whole
from arkwright.factory import Factory, PowerBasis, Site, pue_at
from arkwright.factory.weather import Weather
from arkwright.units import MILLI

_FILE = "the factory file"


class PowerLimit(Struct, frozen=True, kw_only=True):
    """A place in the power tree: `site`, `site/hall`, a part of the chain, or a rack."""

    path: str
    limit_w: int | None
    """Basis IT, racks of nodes only; None sets no limit."""
    parent: str | None = None
    """Path of the place above; None is the nearest that `path` itself names."""
    racks: tuple[str, ...] = ()
    """Racks that hang on this place, where their own paths do not say so."""
    is_designed: bool = False
    """A part of the chain: the design limits it, and not the factory file."""
    basis: str = ""
    """Where the limit is from."""


def power_limits(
    factory: Factory, built: Design | None = None, weather: Mapping[str, Weather] | None = None
) -> tuple[PowerLimit, ...]:
    """Every site, hall, system of blocks and pair of busways, and racks with a limit of their own.

    `built` is the design of `factory` where the caller has it; else it is made here, under
    `weather`. A connection on the basis `ai-capacity` bounds nothing. Watts are rounded down.

    A part that carries its racks at their maximum, whatever is counted for a job, limits them. One
    whose racks a job of no GPU type would be counted above (as that of the hungriest GPU of the
    factory) sets no limit: it would only keep nodes idle that it can feed.
    """
    if built is None and any(site.halls for site in factory.sites.values()):
        built = whole(factory, weather)
    designs = {site.plan.name: site for site in built.sites} if built else {}
    racks = built.blueprint.racks if built else ()
    gpu_kw = max((rack.power_kw_max / rack.gpus for rack in racks if rack.gpus), default=0.0)
    found: list[PowerLimit] = []
    for name, site in factory.sites.items():
        if name in designs:
            mine = {rack.path: rack for rack in racks if rack.site == name}
            found += _designed(site, designs[name], mine, gpu_kw)
        elif site.engine is not None:
            found.append(_undesigned(factory, name))
    return tuple(found)


def _designed(
    site: Site, design: SiteDesign, racks: Mapping[str, Rack], gpu_kw: float
) -> Iterator[PowerLimit]:
    name = design.plan.name
    yield _limit(name, connection_rack_kw(site, design, racks), _connection_basis(site))
    for hall_name, hall in site.halls.items():
        yield _limit(
            f"{name}/{hall_name}", hall.power, _FILE if hall.power else "no limit is given"
        )
    run_of: dict[str, str] = {}
    for part in chain_capacity(design.plant.power.tree):
        mine = [racks[path] for path in part.racks if path in racks]
        if not mine:
            continue
        beside_kw = part.peak_kw - sum(rack.power_kw_max for rack in mine)
        limit_kw: float | None = part.capacity_kw - beside_kw
        if _brakes_for_nothing(mine, part.capacity_kw - beside_kw, gpu_kw):
            limit_kw = None
        hung = tuple(rack.path for rack in mine) if part.is_run else ()
        run_of |= dict.fromkeys(hung, part.path)
        yield _limit(part.path, limit_kw, part.basis, racks=hung, is_designed=True)
    for rack in racks.values():
        own_kw = site.halls[rack.hall].rack_power
        if own_kw is not None:
            yield _limit(rack.path, own_kw, _FILE, run_of.get(rack.path), (rack.path,))


def _brakes_for_nothing(racks: Sequence[Rack], limit_kw: float, gpu_kw: float) -> bool:
    """Whether the racks cannot draw as much, though jobs there may be counted for more."""
    drawn_kw = sum(rack.power_kw_max for rack in racks)
    counted_kw = gpu_kw * sum(rack.gpus for rack in racks)
    return drawn_kw <= limit_kw < counted_kw * (1 - 1e-9)


def _connection_basis(site: Site) -> str:
    connection, basis = site.grid.connection, site.grid.basis
    if connection is None:
        return "no connection is given"
    said = f"{units.render(connection, 'kW')} of {basis.value}"
    if basis is PowerBasis.AI_CAPACITY:
        return f"{said}, which bounds nothing"
    if basis is PowerBasis.IT:
        return f"{said}, less network, storage and servers at their maximum"
    return f"{said}, less network, storage, servers, losses and cooling at their maximum"


def _undesigned(factory: Factory, name: str) -> PowerLimit:
    """A site whose nodes an engine finds has no design: the file's PUE, or the catalogue's, and the
    catalogue's share for what stands beside racks take its place. An estimate."""
    grid = factory.sites[name].grid
    if grid.connection is None or grid.basis is PowerBasis.AI_CAPACITY:
        return _limit(name, None, _connection_basis(factory.sites[name]))
    beside_racks = 1 + catalog.default("ancillary_fraction").value
    pue = 1.0 if grid.basis is PowerBasis.IT else pue_at(factory, name).value
    said = f"{units.render(grid.connection, 'kW')} of {grid.basis.value}"
    basis = f"{said} / PUE {pue:g} / {beside_racks:g} (an estimate: the site is not designed)"
    return _limit(name, grid.connection / pue / beside_racks, basis)


def _limit(
    path: str,
    limit_kw: float | None,
    basis: str,
    parent: str | None = None,
    racks: tuple[str, ...] = (),
    *,
    is_designed: bool = False,
) -> PowerLimit:
    limit_w = None if limit_kw is None else max(0, math.floor(limit_kw * MILLI))
    return PowerLimit(
        path=path,
        limit_w=limit_w,
        parent=parent,
        racks=racks,
        is_designed=is_designed,
        basis=basis,
    )
