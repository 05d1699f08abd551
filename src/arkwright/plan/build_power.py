"""Grid and halls of a roll-out: megawatts at the connection, when they may be begun, how long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arkwright.catalog import programme as figures
from arkwright.factory import PowerBasis
from arkwright.factory import quarters as calendar
from arkwright.plan.axes import Place, Step
from arkwright.plan.given import Given, racks_standing
from arkwright.plan.rack_power import rack_mw
from arkwright.plan.rollout import Bools, Floats, Ints, Power

_KW_PER_MW = 1000.0


def power(given: Given) -> Power:
    """Everything of `Power`; a hall that stands is a place with one hall and no more to build."""
    lines = given.axes
    tranche_lead = [_tranche_quarters(given, step) for step in lines.steps]
    hall_lead = [_hall_quarters(given, place) for place in lines.places]
    starts = [lines.index(step.tranche.earliest, 0) for step in lines.steps]
    begins = [lines.index(p.kind.earliest, 0) if p.kind else lines.quarters for p in lines.places]
    hall_mw, hall_opex = _halls(given)
    tranches = [step.tranche for step in lines.steps]
    before = [at - 1 if step.number > 1 else -1 for at, step in enumerate(lines.steps)]
    return Power(
        site_country=_ints(lines.site_country),
        place_site=_ints([lines.sites.index(place.site) for place in lines.places]),
        mw_now=_energised(given, hall_mw),
        tranche_site=_ints([lines.sites.index(step.site) for step in lines.steps]),
        tranche_before=_ints(before),
        tranche_mw=np.array([each.power / _KW_PER_MW for each in tranches]),
        tranche_offtake_mw=np.array([each.offtake / _KW_PER_MW for each in tranches]),
        tranche_lead=_ints(tranche_lead),
        may_start=_open(starts, tranche_lead, lines.quarters),
        hall_mw=hall_mw,
        hall_count_max=_ints([place.kind.count if place.kind else 0 for place in lines.places]),
        halls_now=_ints([int(place.kind is None) for place in lines.places]),
        hall_lead=_ints(hall_lead),
        may_build=_open(begins, hall_lead, lines.quarters),
        hall_opex=hall_opex,
    )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)


def _open(first: Sequence[int], lead: Sequence[int], quarters: int) -> Bools:
    """Not before `first`, and completed within the horizon as promised."""
    at = np.arange(quarters)
    begin, takes = _ints(first)[:, None], _ints(lead)[:, None]
    return (at >= begin) & (at + takes < quarters)


def _tranche_quarters(given: Given, step: Step) -> int:
    where = f"{step.site}/{step.number}"
    lead = given.said.months(where, "grid connection", step.tranche.lead, ["grid"])
    return calendar.whole(lead)


def _hall_quarters(given: Given, place: Place) -> int:
    if place.kind is None:
        return 0
    if place.kind.build is not None:
        return calendar.whole(place.kind.build)
    row = figures.figure("hall_build")
    given.said.assume(place.name, "building", f"{row.middle:g} months", row.provenance)
    return calendar.whole(row.middle)


def _halls(given: Given) -> tuple[Floats, Floats]:
    """(P,) MW at the grid of one hall, and M a quarter for each that is ready.

    A hall is built for its IT power whatever comes: its MW at the grid are those of the generation
    with the lowest PUE in the worst hour, its cost of running is the dearest generation's. One that
    stands has the power of its racks.
    """
    purse, mw, opex = given.purse, [], []
    racks = rack_mw(given)
    for p, place in enumerate(given.axes.places):
        held = list(given.at_place(p))
        if place.kind is None:
            g = _generation(given, place)
            count = racks_standing(given.factory, place)
            it_kw = given.halls[p, g].rack_it_kw * count
            mw.append(count * float(racks[p, g]))
        else:
            it_kw = place.kind.power
            mw.append(it_kw * min((f.grid_per_it for f in held), default=1.0) / _KW_PER_MW)
        each = [
            purse.picked(f.staff_per_kw)
            + purse.picked(f.facility_per_kw.times(f.facility_opex_share))
            for f in held
        ]
        opex.append(it_kw * max(each, default=0.0))
    return np.array(mw), np.array(opex)


def _generation(given: Given, place: Place) -> int:
    """What stands in a hall."""
    system = given.factory.sites[place.site].halls[place.hall].system
    kinds = given.axes.generations
    return next(at for at, kind in enumerate(kinds) if kind.system == system)


def _energised(given: Given, hall_mw: Floats) -> Floats:
    """(S,) MW at the grid before the first quarter."""
    found, places = [], given.axes.places
    for name in given.axes.sites:
        grid = given.factory.sites[name].grid
        if grid.connection is None:
            stands = [
                p for p, place in enumerate(places) if (place.site, place.kind) == (name, None)
            ]
            found.append(float(sum(hall_mw[p] for p in stands)))
            source = "no connection is given: what the halls that stand draw at most"
            given.said.assume(name, "energised now", f"{found[-1]:.4g} MW", source)
            continue
        ratio = 1.0
        if grid.basis is PowerBasis.FACILITY:
            source = "on basis facility: what transformers lose is not added"
            given.said.assume(name, "MW at the grid over MW of the facility", "1", source)
        if grid.basis in (PowerBasis.IT, PowerBasis.AI_CAPACITY):
            ratio = max((held.grid_per_it for held in given.at_site(name)), default=1.0)
            source = f"the design's, for a connection on basis {grid.basis.value}"
            given.said.assume(name, "MW at the grid over MW of IT", f"{ratio:.3f}", source)
        found.append(grid.connection * ratio / _KW_PER_MW)
    return np.array(found)
