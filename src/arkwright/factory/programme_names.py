"""What a programme calls its things, so that its futures can be checked against them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from msgspec import Struct

from arkwright.factory import quarters
from arkwright.factory.spec import Factory

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""

_SAID = {
    "place": "price zone, country or site",
    "class": "class of demand",
    "site": "site",
    "work": "tranche, hall or generation",
    "tranche": "tranche or site",
    "hall": "hall or site",
    "generation": "generation",
}


class ProgrammeNames(Struct, frozen=True, kw_only=True):
    """Names by kind (keys of `_SAID`), and the horizon."""

    known: Mapping[str, tuple[str, ...]]
    """A kind that is not here is not checked."""
    first: str | None = None
    """First quarter; None where the programme does not say."""
    last: str | None = None

    def unknown(self, path: str, name: str, kind: str, *also: str) -> Found:
        """A problem where nothing of `kind` is called `name`."""
        if kind not in self.known or name in (*self.known[kind], *also):
            return
        known = self.known[kind]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        right = f"{hint}known: {', '.join(known)}" if known else "the programme has none"
        yield path, f"no {_SAID[kind]} is called {name!r}", right

    def outside(self, path: str, quarter: str, *, is_after_start: bool = False) -> Found:
        """A problem where `quarter` lies outside the horizon, or is its first and may not be."""
        if self.first is None or self.last is None:
            return
        number, first = quarters.number(quarter), quarters.number(self.first)
        least = first + 1 if is_after_start else first
        if not least <= number <= quarters.number(self.last):
            least_text = quarters.name(least)
            found = f"{quarter} is outside the horizon"
            if number == first:
                found = f"{quarter} is where the programme begins"
            yield path, found, f"from {least_text} to {self.last}"


def programme_names(factory: Factory) -> ProgrammeNames:
    """Those of the factory's programme; what it says wrongly itself is left unchecked here."""
    programme = factory.programme
    if programme is None:
        return ProgrammeNames(known={})
    built = {name: factory.sites[name] for name in programme.sites if name in factory.sites}
    zones = [site.grid.zone for site in built.values() if site.grid.zone]
    countries = [site.country for site in built.values() if site.country]
    tranches = [
        f"{name}/{index + 1}"
        for name, site in programme.sites.items()
        for index in range(len(site.tranches))
    ]
    halls = [f"{name}/{hall}" for name, site in programme.sites.items() for hall in site.halls]
    sites, generations = tuple(programme.sites), tuple(programme.generations)
    return ProgrammeNames(
        known={
            "place": tuple(dict.fromkeys([*zones, *countries, *sites])),
            "class": tuple(programme.demand),
            "site": sites,
            "work": (*tranches, *halls, *generations),
            "tranche": (*tranches, *sites),
            "hall": (*halls, *sites),
            "generation": generations,
        },
        first=_quarter(programme.start),
        last=_quarter(programme.end),
    )


def _quarter(when: str | None) -> str | None:
    """The quarter a `When` names; None where there is no such day."""
    try:
        return None if when is None else quarters.name(quarters.number(when))
    except ValueError:
        return None
