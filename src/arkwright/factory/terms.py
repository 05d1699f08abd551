"""What is in force: the file's value, else the catalogue's with its source."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from arkwright import catalog, units
from arkwright.factory.spec import Energy, Factory


class Term(Struct, frozen=True, kw_only=True):
    """A value in force and where it comes from."""

    value: float
    unit: str
    source: str
    is_default: bool
    """True where the factory file did not give it."""


class EnergyTerms(Struct, frozen=True, kw_only=True):
    """What a kilowatt-hour costs and emits at a site; None where nobody knows."""

    price: Term | None
    """Unit is `<currency>/kWh`."""
    currency: str | None
    carbon: Term | None
    """Unit is `g/kWh`, location-based."""


def energy_at(factory: Factory, site: str) -> EnergyTerms:
    """Price and carbon at `site`: the site's own, else the factory's, else the country's mean."""
    place = factory.sites[site]
    own = place.energy or Energy()
    price, currency = _price(own, factory.energy, place.country)
    return EnergyTerms(
        price=price, currency=currency, carbon=_carbon(own, factory.energy, place.country)
    )


def _price(own: Energy, whole: Energy, country: str | None) -> tuple[Term | None, str | None]:
    for energy in (own, whole):
        if energy.price is not None:
            price = units.parse_price(energy.price)
            unit = f"{price.currency}/kWh"
            return _given(price.per_kwh, unit, energy.price_source), price.currency
    row = catalog.price(country)
    if row is None:
        return None, None
    return _taken(row.price_per_kwh, f"{row.currency}/kWh", row), row.currency


def _carbon(own: Energy, whole: Energy, country: str | None) -> Term | None:
    for energy in (own, whole):
        if energy.carbon is not None:
            return _given(energy.carbon, "g/kWh", energy.carbon_source)
    row = catalog.carbon(country)
    return None if row is None else _taken(row.g_per_kwh, "g/kWh", row)


def pue_at(factory: Factory, site: str) -> Term:
    """Facility power over IT power at `site`."""
    pue = factory.sites[site].pue
    return _given(pue, "", None) if pue is not None else _default("pue")


def time_limit_default(factory: Factory) -> Term:
    """Seconds a job that gives no limit may run."""
    limit = factory.policy.time_limit_default
    return _given(limit, "s", None) if limit is not None else _default("time_limit_default")


def half_life(factory: Factory) -> Term:
    """Seconds in which fair share forgets half of what was used."""
    given = factory.policy.half_life
    return _given(given, "s", None) if given is not None else _default("half_life")


def age_per_point(factory: Factory) -> Term:
    """Seconds of waiting that one point of priority is worth under `ordering: age`."""
    given = factory.policy.age_per_point
    return _given(given, "s", None) if given is not None else _default("age_per_point")


def deadline_default(factory: Factory) -> Term:
    """Seconds after submission at which a job without a deadline stands as if due."""
    given = factory.policy.deadline_default
    return _given(given, "s", None) if given is not None else _default("deadline_default")


def restart_grace_at(factory: Factory, site: str) -> Term:
    """Seconds a node of `site` may be silent before its gang is restarted elsewhere."""
    engine = factory.sites[site].engine
    grace = engine.restart_grace if engine is not None else None
    return _given(grace, "s", None) if grace is not None else _default("restart_grace")


def allowed_sites(factory: Factory, project: str) -> tuple[str, ...]:
    """Sites where jobs of `organisation` or `organisation/project` may run, in file order.

    An organisation's residency binds its projects; a project can only narrow it. A project that the
    file does not name is bound by its organisation, an organisation it does not name by nothing.
    """
    name, _, rest = project.partition("/")
    organisation = factory.organisations.get(name)
    limits: list[tuple[str, ...]] = []
    if organisation is not None:
        limits.append(organisation.residency)
        if rest in organisation.projects:
            limits.append(organisation.projects[rest].residency)
    return tuple(
        site
        for site, place in factory.sites.items()
        if all(not limit or site in limit or place.country in limit for limit in limits)
    )


def policy_hash(factory: Factory) -> str:
    """SHA-256 of everything the scheduler's decisions depend on beside nodes and jobs.

    Taken over the canonical JSON of policy and organisations with defaults filled in, so that a
    changed default changes the hash even where the file stayed the same.
    """
    decided = {
        "age_per_point_s": age_per_point(factory).value,
        "deadline_default_s": deadline_default(factory).value,
        "half_life_s": half_life(factory).value,
        "organisations": factory.organisations,
        "policy": factory.policy,
        "power": {
            name: (site.grid, pue_at(factory, name).value, site.halls)
            for name, site in factory.sites.items()
        },
        "residency_countries": {name: site.country for name, site in factory.sites.items()},
        "time_limit_default_s": time_limit_default(factory).value,
    }
    return hashlib.sha256(msgspec.json.encode(decided, order="deterministic")).hexdigest()


def _given(value: float, unit: str, source: str | None) -> Term:
    return Term(value=value, unit=unit, source=source or "factory file", is_default=False)


def _taken(value: float, unit: str, row: catalog.Row) -> Term:
    return Term(value=value, unit=unit, source=row.provenance, is_default=True)


def _default(name: str) -> Term:
    row = catalog.default(name)
    return _taken(row.value, row.unit, row)
