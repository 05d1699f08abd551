"""A chosen plan as dated factory files, which `design` and `simulate` take as they are.

A phase is what stands at the end of a quarter: the energised connection of each site, its halls,
and the racks in them, under one outcome or as promised. Racks that were delivered before a hall is
ready for them stand nowhere yet; a phase names them and leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from msgspec import Struct

from arkwright.factory import Factory, Hall, Link, Organisation, PowerBasis, Site, dump
from arkwright.plan.build import Build
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Floats, Rollout
from arkwright.plan.schedule import Schedule

replace = msgspec.structs.replace

_KW_PER_MW = 1000.0


class Standing(Struct, frozen=True, kw_only=True, eq=False):
    """What stands at the end of a quarter."""

    energised_mw: Floats
    """(S,) at the grid."""
    halls: Floats
    """(P,) that are ready."""
    racks: Floats
    """(P, G) that were delivered and not written off, whole."""


class Phase(Struct, frozen=True, kw_only=True, eq=False):
    """A factory as it stands at the end of a quarter."""

    quarter: str
    """`2027-Q3`."""
    outcome: str
    """What happened until then, as the futures call it."""
    factory: Factory
    """Sites with racks alone, and no programme."""
    waiting: Mapping[tuple[str, str], int]
    """Racks by place and generation that were delivered and have no hall yet."""

    @property
    def text(self) -> str:
        """The factory file, with what it is in a comment."""
        lines = [f"# {self.factory.factory} at the end of {self.quarter}: {self.outcome}."]
        for (place, generation), racks in self.waiting.items():
            lines.append(f"# {racks} racks of {generation} wait for a hall of {place}.")
        return "\n".join([*lines, dump(self.factory)])


def phases(
    build: Build, schedule: Schedule, futures: Futures | None = None, outcome: int = 0
) -> tuple[Phase, ...]:
    """A phase for every quarter in which racks, halls or megawatts are others than before.

    Under `outcome` of `futures`, or with every promise kept. Quarters in which no rack stands in a
    hall have no phase: there is no factory yet.
    """
    known = build.as_promised if futures is None else futures
    found: list[Phase] = []
    for quarter in range(len(build.rollout.names.quarters)):
        at = phase(build, schedule, quarter, known, outcome)
        if at is not None and (not found or at.factory != found[-1].factory):
            found.append(at)
    return tuple(found)


def phase(
    build: Build, schedule: Schedule, quarter: int, futures: Futures, outcome: int = 0
) -> Phase | None:
    """What stands at the end of `quarter`; None where no rack does."""
    names = build.rollout.names
    stands = standing(build.rollout, schedule, futures, outcome)[quarter]
    sites, waiting = _sites(build, stands)
    if not sites:
        return None
    file = build.given.factory
    made = replace(
        file,
        include=(),
        sites=sites,
        organisations=_organisations(build, sites),
        money=replace(file.money, budget=None),
        programme=None,
    )
    return Phase(
        quarter=names.quarters[quarter],
        outcome=futures.names[outcome],
        factory=made,
        waiting=waiting,
    )


def standing(
    rollout: Rollout, schedule: Schedule, futures: Futures, outcome: int = 0
) -> list[Standing]:
    """What stands at the end of every quarter under an outcome, along its path of slots.

    E = now + sum of MW started and powered; H, D alike with halls and racks (see `docs/plan.md`).
    """
    path, power = futures.path[outcome], rollout.power
    starts, halls = schedule.starts[:, path], schedule.halls[:, path]
    racks = schedule.racks[:, :, path]
    powered = np.einsum("ka,kab->kb", starts, futures.powered[outcome])
    opened = np.einsum("pa,pab->pb", halls, futures.opened[outcome])
    arrived = np.einsum("pga,gab->pgb", racks, futures.arrived[outcome])
    found = []
    for quarter in range(len(rollout.names.quarters)):
        energised = power.mw_now + np.bincount(
            power.tranche_site,
            weights=power.tranche_mw * powered[:, quarter],
            minlength=len(power.mw_now),
        )
        stand = rollout.supply.racks_now[:, :, quarter] + arrived[:, :, quarter]
        found.append(
            Standing(
                energised_mw=energised,
                halls=power.halls_now + opened[:, quarter],
                racks=np.floor(stand + 1e-6),
            )
        )
    return found


def _sites(build: Build, stands: Standing) -> tuple[dict[str, Site], dict[tuple[str, str], int]]:
    given, names = build.given, build.rollout.names
    waiting: dict[tuple[str, str], int] = {}
    halls: dict[str, dict[str, Hall]] = {site: {} for site in names.sites}
    for p, place in enumerate(given.axes.places):
        placed, left = _placed(build, p, stands)
        halls[place.site].update(placed)
        for g, racks in left.items():
            waiting[place.name, names.generations[g]] = racks
    sites = {}
    for s, name in enumerate(names.sites):
        if not halls[name]:
            continue
        file = given.factory.sites[name]
        grid = replace(
            file.grid,
            connection=float(stands.energised_mw[s]) * _KW_PER_MW,
            basis=PowerBasis.GRID,
        )
        sites[name] = replace(file, grid=grid, halls=halls[name])
    links = {name: _links(site, sites) for name, site in sites.items()}
    return {name: replace(site, links=links[name]) for name, site in sites.items()}, waiting


def _links(site: Site, sites: Mapping[str, Site]) -> dict[str, Link]:
    return {name: link for name, link in site.links.items() if name in sites}


def _placed(build: Build, p: int, stands: Standing) -> tuple[dict[str, Hall], dict[int, int]]:
    """Racks of a place in its halls, and what is left over by generation.

    Denser compute first where not all fit, as dispatch would run them. Racks fill one hall after
    the other; one that reaches over the end of a hall stands in it, so that the halls together
    hold what the plan says they do.
    """
    rollout = build.rollout
    mw, hall_mw = rollout.supply.rack_mw[p], float(rollout.power.hall_mw[p])
    count = round(float(stands.halls[p]))
    room = count * hall_mw
    best = np.argsort(-rollout.supply.rack_compute / mw, kind="stable")
    fits: dict[int, int] = {}
    left: dict[int, int] = {}
    for g in (int(at) for at in best if stands.racks[p, at] > 0):
        racks = int(stands.racks[p, g])
        taken = min(racks, int(room / mw[g] + 1e-9))
        room -= taken * mw[g]
        fits[g] = taken
        if taken < racks:
            left[g] = racks - taken
    held: dict[tuple[int, int], int] = {}
    filled = 0.0
    for g in sorted(fits):
        for _ in range(fits[g]):
            hall = min(count - 1, int(filled / hall_mw + 1e-9))
            held[hall, g] = held.get((hall, g), 0) + 1
            filled += mw[g]
    return dict(_halls(build, p, held)), left


def _halls(build: Build, p: int, held: Mapping[tuple[int, int], int]) -> Iterator[tuple[str, Hall]]:
    """A hall of the file holds one kind of rack: a second kind in a hall is a part beside it."""
    given = build.given
    place = given.axes.places[p]
    seen: set[int] = set()
    for (number, g), racks in sorted(held.items()):
        kind = given.axes.generations[g]
        name = place.hall if place.kind is None else f"{place.hall}-{number + 1}"
        if number in seen:
            name = f"{name}-{kind.name}"
        seen.add(number)
        if place.kind is None:
            stands = given.factory.sites[place.site].halls[place.hall]
            if stands.system == kind.system:
                yield name, replace(stands, racks=racks, gpus=None, nodes=None, budget=None)
                continue
        yield name, Hall(system=kind.system, racks=racks)


def _organisations(build: Build, sites: Mapping[str, Site]) -> dict[str, Organisation]:
    """Tenants of the file who may run somewhere here; without any, the programme's customers."""
    file = build.given.factory
    here = {*sites, *(site.country for site in sites.values())}
    if not file.organisations:
        return {customer: Organisation() for customer in build.given.axes.customers}
    found = {}
    for name, organisation in file.organisations.items():
        allowed = tuple(place for place in organisation.residency if place in here)
        if organisation.residency and not allowed:
            continue
        projects = {
            key: project
            for key, project in organisation.projects.items()
            if not project.residency or set(project.residency) & here
        }
        found[name] = replace(organisation, residency=allowed, projects=projects)
    return found
