"""What one GPU of a system draws, by Arkwright's own design, on each basis of a megawatt."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from msgspec import Struct

from arkwright import catalog, factory
from arkwright.catalog import audit as held
from arkwright.catalog import plant
from arkwright.design.span import Span
from arkwright.design.whole import whole
from arkwright.factory.declared_spec import DeclaredBasis

_BANDS = {
    "gb200-nvl72": "mw-per-1000-gb200",
    "gb300-nvl72": "mw-per-1000-gb300",
    "vr-nvl72": "mw-per-1000-rubin",
    "dgx-h100": "mw-per-1000-h100",
}
"""Name of the published band of each system, MW per 1,000 GPUs (kW each); basis facility."""


class Watts(Struct, frozen=True, kw_only=True):
    """One GPU with its share of everything, at its maximum, kW; several countries make a range."""

    system: str
    it: Span
    facility: Span
    grid: Span
    middle_kw: float
    """Half way from IT to grid, as a mean over the countries."""
    published: Span | None
    """kW a GPU of announced sites; basis facility."""
    source: str

    def on(self, basis: DeclaredBasis | None) -> Span:
        """On `basis`; what is stated without one lies between IT and the grid."""
        if basis is DeclaredBasis.IT:
            return self.it
        if basis is DeclaredBasis.FACILITY:
            return self.facility
        if basis is DeclaredBasis.GRID:
            return self.grid
        return Span(self.it.low, self.grid.high)

    def plausible(self, basis: DeclaredBasis | None) -> Span:
        """`on(basis)` with what was announced elsewhere, each way by the tolerance."""
        own = self.on(basis)
        if self.published is not None and basis is not DeclaredBasis.IT:
            own = Span(min(own.low, self.published.low), max(own.high, self.published.high))
        slack = held.audit_figure("power_tolerance").middle
        return Span(own.low * (1 - slack), own.high * (1 + slack))


def watts(system: str, countries: Iterable[str | None]) -> Watts:
    """Of `system` at sites in `countries`; none: where the catalogue has no climate of its own."""
    each = [_designed(system, country) for country in sorted({*countries} or {None}, key=str)]
    it, facility, grid = (Span(min(values), max(values)) for values in zip(*each, strict=True))
    band = plant.bands().get(_BANDS.get(system, ""))
    source = f"a hall of {held.audit_figure('reference_racks').middle:.0f} racks by `design`"
    return Watts(
        system=system,
        it=it,
        facility=facility,
        grid=grid,
        middle_kw=sum(one[0] + one[2] for one in each) / 2 / len(each),
        published=Span(band.low, band.high) if band is not None else None,
        source=source + (f"; {band.provenance}" if band is not None else ""),
    )


@cache
def _designed(system: str, country: str | None) -> tuple[float, float, float]:
    """kW of one GPU on the bases IT, facility and grid."""
    racks = round(held.audit_figure("reference_racks").middle)
    site = factory.Site(
        country=country,
        halls={"h1": factory.Hall(system=catalog.system(system).name, racks=racks)},
    )
    power = whole(factory.Factory(factory="reference", sites={"reference": site})).sites[0].power
    gpus = racks * catalog.system(system).gpus_per_rack
    return power.it_kw_max / gpus, power.facility_kw_max / gpus, power.grid_kw_max / gpus
