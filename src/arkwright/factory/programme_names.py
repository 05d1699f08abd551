"""What a programme calls its things, so that its futures can be checked against them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from msgspec import Struct

from arkwright.factory.futures_spec import quarter_number
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
        number, first = quarter_number(quarter), quarter_number(self.first)
        least = first + 1 if is_after_start else first
        if not least <= number <= quarter_number(self.last):
            least_text = quarter_text(least)
            found = f"{quarter} is outside the horizon"
            if number == first:
                found = f"{quarter} is where the programme begins"
            yield path, found, f"from {least_text} to {self.last}"


def programme_names(factory: Factory) -> ProgrammeNames:
    """Those of the factory's programme; none where it has no programme."""
    places = dict.fromkeys(factory.sites)
    return ProgrammeNames(known={"site": tuple(places)})


def quarter_text(number: int) -> str:
    """Inverse of `quarter_number`.

    >>> quarter_text(quarter_number("2027-Q2"))
    '2027-Q2'
    """
    return f"{number // 4}-Q{number % 4 + 1}"
