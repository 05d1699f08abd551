"""Links between sites: bandwidth as the file says, latency from the fibre's length."""

from __future__ import annotations

from msgspec import Struct

from arkwright.catalog import parts
from arkwright.factory import Factory, Link, Site
from arkwright.physics.fibre import great_circle_km, latency_ms

_M_PER_KM = 1000


class WideAreaLink(Struct, frozen=True, kw_only=True):
    """One link."""

    a: str
    b: str
    bandwidth_gbit_s: float
    distance_km: float
    """Of fibre."""
    latency_ms: float
    """One way, in the fibre alone."""
    round_trip_ms: float
    is_estimate: bool
    """The distance follows from the sites' locations."""
    source: str


def wide_area_links(factory: Factory) -> tuple[WideAreaLink, ...]:
    """Every link of the file, in file order. Validation has seen to it that distances are known."""
    return tuple(
        _link(name, other, link, factory.sites[name], factory.sites[other])
        for name, site in factory.sites.items()
        for other, link in site.links.items()
    )


def _link(a: str, b: str, link: Link, here: Site, there: Site) -> WideAreaLink:
    index = parts.rule("fibre_index")
    source = f"given; {index.provenance}"
    if link.distance is not None:
        distance_km = link.distance / _M_PER_KM
    else:
        assert here.location is not None
        assert there.location is not None
        straight_km = great_circle_km(
            (here.location.latitude, there.location.latitude),
            (here.location.longitude, there.location.longitude),
            parts.rule("earth_radius_km").value,
        )
        factor = parts.rule("fibre_route_factor")
        distance_km = float(straight_km) * factor.value
        source = f"great circle times {factor.value:g}: {factor.provenance}; {index.provenance}"
    one_way_ms = float(latency_ms(distance_km, index.value))
    return WideAreaLink(
        a=a,
        b=b,
        bandwidth_gbit_s=link.bandwidth,
        distance_km=distance_km,
        latency_ms=one_way_ms,
        round_trip_ms=2 * one_way_ms,
        is_estimate=link.distance is None,
        source=source,
    )
