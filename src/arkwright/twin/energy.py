"""Energy of a run: every kilowatt-hour of a site's meter, who caused it, and what it was worth.

    energy(record, draws, models, hours)    once per run; pure

Two sums that share nothing but the draws are held against each other: node by node and attempt by
attempt over the whole run on one side, hall by hall and hour by hour on the other. `residual` is
how far they are apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.errors import InternalError
from arkwright.physics.energy import carbon_kg, cost, energy_kwh
from arkwright.physics.steps import HOUR_MS, highest, hour_edges, summed
from arkwright.twin.books import Books, books
from arkwright.twin.draw import Draws
from arkwright.twin.hours import SiteHours, filled, in_one_currency
from arkwright.twin.job_energy import JobEnergy, SiteRates, job_energy
from arkwright.twin.power import NO_FLOATS, Power, SitePower
from arkwright.twin.record import Places, Record
from arkwright.twin.site_account import Account, account_of
from arkwright.twin.site_model import SiteModel
from arkwright.units import MILLI

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_KWH_PER_MWH = MILLI
_L_PER_M3 = 1000.0
_CAP_TOLERANCE = _NOTHING = 1e-9
"""Power that only rounding puts above a cap, or above nothing, is not above it."""


class SiteEnergy(Struct, frozen=True, eq=False, kw_only=True):
    """One site over the run; None is not modelled. The meter is `jobs + idle + loss + cooling`."""

    site: str
    jobs_kwh: float
    """Of the GPUs that jobs held, from the attempts alone."""
    idle_kwh: float
    """Of nodes without a job, from the nodes alone, and of the racks beside them."""
    beside_kwh: float
    """Of it, network, storage and management."""
    loss_kwh: float | None
    cooling_kwh: float | None
    other_kwh: float | None
    """Of it, lighting, controls and ventilation."""
    meter_kwh: float
    """From the hours alone; of IT alone where neither losses nor cooling are modelled."""
    residual: float
    """How far the parts are from the meter, over the meter."""
    pue: float | None
    """Meter over IT energy; None unless losses and cooling are both in it."""
    carbon_kg: float | None
    water_m3: float | None
    cost: float | None
    node_w_max: float
    """The highest draw of its racks of nodes at any instant, basis IT."""
    meter_w_max: float
    """The highest mean of an hour."""
    hours_over_cap: float | None
    """Hours whose mean is above the cap; None where there is no cap."""


class Energy(Struct, frozen=True, eq=False, kw_only=True):
    """The whole run."""

    power: Power
    """Hour by hour, for the report and the tables."""
    sites: tuple[SiteEnergy, ...]
    """Those whose nodes all have a draw."""
    jobs: JobEnergy
    node_kwh: Floats
    rack_kwh: Floats
    row_kwh: Floats
    """Racks of nodes, basis IT, in the order of `Places`; NaN where not modelled."""
    hall_kwh: Floats
    site_kwh: Floats
    """The same and the racks beside them."""
    residual: float
    """The largest of the sites'."""
    notes: tuple[str, ...]
    """Sentences: sources, what was filled, what is not modelled."""


def energy(
    record: Record,
    draws: Draws,
    models: Mapping[str, SiteModel] | None = None,
    hours: Mapping[str, SiteHours] | None = None,
) -> Energy:
    """The energy of `record`, whose jobs and nodes draw what `draws` says.

    `models` and `hours` are by site, as `Places.sites` names it. A site without a model is metered
    at IT; one without hours has no weather, carbon, price or cap. Raises InternalError for
    columns that do not fit, InputError for a series of gaps alone.
    """
    _check(record, draws)
    edges_ms = hour_edges(record.from_ms, record.until_ms)
    found = books(record, draws, edges_ms)
    node_kwh = energy_kwh(found.node_busy + found.node_idle)
    notes = list(draws.notes)
    accounts = []
    priced, currency = in_one_currency(hours or {})
    for code, name in enumerate(record.places.sites):
        if record.until_ms == record.from_ms:
            notes.append(f"{name}: no time passed, so there is nothing to account for.")
            continue
        if np.isnan(node_kwh[record.places.site == code]).any():
            notes.append(f"{name}: not modelled, because what its nodes draw is not known.")
            continue
        told, gaps = filled(name, priced.get(name, SiteHours()), len(edges_ms) - 1)
        model = (models or {}).get(name)
        accounts.append(account_of(record.places, found, edges_ms, code, model, told))
        notes += [*told.sources.values(), *gaps, *_said(accounts[-1], model)]
    sites = tuple(_site_energy(record, found, each, edges_ms) for each in accounts)
    levels = _levels(record.places, node_kwh, accounts)
    rates = [_rates(each) for each in accounts]
    return Energy(
        power=Power(
            sites=tuple(
                _site_power(each, site, edges_ms)
                for each, site in zip(accounts, sites, strict=True)
            ),
            currency=currency,
        ),
        sites=sites,
        jobs=job_energy(found.stretches, record.places, len(draws.job_kind), edges_ms, rates),
        node_kwh=levels["node_kwh"],
        rack_kwh=levels["rack_kwh"],
        row_kwh=levels["row_kwh"],
        hall_kwh=levels["hall_kwh"],
        site_kwh=levels["site_kwh"],
        residual=max((site.residual for site in sites), default=0.0),
        notes=tuple(dict.fromkeys(notes)),
    )


def _check(record: Record, draws: Draws) -> None:
    nodes, jobs = len(record.places.path), len(draws.job_kind)
    wrong = []
    if record.until_ms < record.from_ms:
        wrong.append("the run ends before it begins")
    wrong += [
        f"{name} has {len(getattr(draws, name))} entries for {nodes} nodes"
        for name in ("node_idle_w", "node_out_w", "node_system")
        if len(getattr(draws, name)) != nodes
    ]
    if len(draws.job_w_per_gpu) not in (0, jobs):
        wrong.append(f"job_w_per_gpu has {len(draws.job_w_per_gpu)} entries for {jobs} jobs")
    if int(record.attempts.job.max(initial=-1)) >= jobs:
        wrong.append(f"attempts point to jobs beyond the {jobs} whose draw is told")
    if wrong:
        raise InternalError(f"energy of a run: {'; '.join(wrong)}")


def _site_energy(record: Record, found: Books, account: Account, edges_ms: Ints) -> SiteEnergy:
    """Parts from the nodes on one side, the meter from the hours on the other."""
    own = record.places.site == account.code
    beside_kwh = float(account.beside_kwh.sum()) + account.beside_elsewhere_kwh
    jobs_kwh = energy_kwh(float(found.node_busy[own].sum()))
    idle_kwh = energy_kwh(float(found.node_idle[own].sum())) + beside_kwh
    loss_kwh, cooling_kwh = account.kwh(account.over.loss_w), account.kwh(account.over.cooling_w)
    hourly_kwh = energy_kwh(account.meter_w * account.width_ms)
    meter_kwh = float(hourly_kwh.sum())
    parts_kwh = jobs_kwh + idle_kwh + (loss_kwh or 0.0) + (cooling_kwh or 0.0)
    hours, it_kwh = account.hours, jobs_kwh + idle_kwh
    return SiteEnergy(
        site=account.site,
        jobs_kwh=jobs_kwh,
        idle_kwh=idle_kwh,
        beside_kwh=beside_kwh,
        loss_kwh=loss_kwh,
        cooling_kwh=cooling_kwh,
        other_kwh=account.kwh(account.over.other_w),
        meter_kwh=meter_kwh,
        residual=abs(parts_kwh - meter_kwh) / meter_kwh if meter_kwh else abs(parts_kwh),
        pue=meter_kwh / it_kwh if account.is_whole and it_kwh else None,
        carbon_kg=_sum(carbon_kg(hourly_kwh, hours.carbon_g_per_kwh))
        if len(hours.carbon_g_per_kwh)
        else None,
        water_m3=_water_m3(account),
        cost=_sum(cost(hourly_kwh, hours.price_per_mwh / _KWH_PER_MWH))
        if len(hours.price_per_mwh)
        else None,
        node_w_max=_node_w_max(record.places, found, account.code, edges_ms),
        meter_w_max=float(account.meter_w.max()),
        hours_over_cap=_hours_over_cap(account),
    )


def _sum(values: Floats) -> float:
    return float(values.sum())


def _water_m3(account: Account) -> float | None:
    water = account.over.water_l_per_h
    return _sum(water * account.width_ms) / HOUR_MS / _L_PER_M3 if len(water) else None


def _node_w_max(places: Places, found: Books, code: int, edges_ms: Ints) -> float:
    """Of nodes alone, at any instant: their idle draw, what jobs add, what outages take away."""
    held, changes = found.stretches, found.changes
    is_here = np.zeros(len(places.halls), dtype=np.bool_)
    is_here[places.hall[places.site == code]] = True
    jobs, outs = is_here[held.hall], is_here[changes.hall]
    more_w = held.busy_w[jobs] - held.freed_w[jobs]
    base_w = float(found.always_w[is_here].sum())
    return base_w + highest(
        edges_ms,
        np.concatenate([held.from_ms[jobs], changes.from_ms[outs]]),
        np.concatenate([held.until_ms[jobs], changes.until_ms[outs]]),
        np.concatenate([more_w, changes.more_w[outs]]),
    )


def _hours_over_cap(account: Account) -> float | None:
    if not len(account.cap_w):
        return None
    is_over = account.meter_w > account.cap_w * (1 + _CAP_TOLERANCE)
    return _sum(account.width_ms * is_over) / HOUR_MS


def _site_power(account: Account, site: SiteEnergy, edges_ms: Ints) -> SitePower:
    over, hours = account.over, account.hours
    return SitePower(
        site=account.site,
        t_ms=edges_ms[:-1],
        it_w=account.it_w,
        idle_w=account.idle_w,
        loss_w=over.loss_w,
        cooling_w=over.cooling_w,
        cap_w=account.cap_w,
        price_per_mwh=hours.price_per_mwh,
        carbon_g_per_kwh=hours.carbon_g_per_kwh,
        pue=_per_it(account) if account.is_whole else NO_FLOATS,
        outdoor_c=hours.dry_bulb_c,
        jobs_kwh=site.jobs_kwh,
        idle_kwh=site.idle_kwh,
        loss_kwh=site.loss_kwh,
        cooling_kwh=site.cooling_kwh,
        carbon_kg=site.carbon_kg,
        water_m3=site.water_m3,
        cost=site.cost,
    )


def _rates(account: Account) -> SiteRates:
    hours, meter = account.hours, _per_it(account)
    return SiteRates(
        site=account.code,
        meter=meter,
        carbon_kg=carbon_kg(meter, hours.carbon_g_per_kwh) if len(hours.carbon_g_per_kwh) else None,
        cost=cost(meter, hours.price_per_mwh / _KWH_PER_MWH) if len(hours.price_per_mwh) else None,
    )


def _per_it(account: Account) -> Floats:
    """Metered over IT energy of each hour; 1 where nothing is drawn at all."""
    it_w = account.it_w
    is_on = it_w > it_w.max() * _NOTHING
    return np.asarray(np.where(is_on, account.meter_w / np.where(is_on, it_w, 1.0), 1.0))


def _levels(places: Places, node_kwh: Floats, accounts: Sequence[Account]) -> dict[str, Floats]:
    """Sums over places; the racks beside join at their hall, and at their site."""
    found = {"node_kwh": node_kwh}
    for level in ("rack", "row", "hall", "site"):
        names = getattr(places, f"{level}s")
        found[f"{level}_kwh"] = summed(getattr(places, level), node_kwh, len(names))
    for each in accounts:
        found["hall_kwh"] += each.beside_kwh
        found["site_kwh"][each.code] += each.beside_kwh.sum() + each.beside_elsewhere_kwh
    return found


def _said(account: Account, model: SiteModel | None) -> tuple[str, ...]:
    """What is not modelled at a site, and where its load leaves what it was designed for."""
    site, hours = account.site, account.hours
    said = list(model.notes) if model is not None else []
    if model is None:
        said.append(f"{site}: losses and cooling are not modelled; its meter counts IT alone.")
    elif not account.is_whole:
        said.append(f"{site}: cooling is not modelled: no weather, or no plant, is known.")
    if account.load_max > 1.0:
        said.append(
            f"{site}: IT power reaches {account.load_max:.0%} of what the site was designed for; "
            "losses and cooling are those at 100 %."
        )
    for column, what in (
        (hours.carbon_g_per_kwh, "carbon intensity"),
        (hours.price_per_mwh, "price of energy"),
    ):
        if not len(column):
            said.append(f"{site}: no {what} is known, so nothing is counted of it.")
    return tuple(said)
