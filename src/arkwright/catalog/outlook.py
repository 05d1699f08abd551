"""What may happen to a plan: how prices wander, how late things are, how long racks are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping

from arkwright.catalog import Default, Row, table
from arkwright.errors import CatalogError, InputError


class Chance(Row, frozen=True, kw_only=True):
    """One of the times that something may take beyond what was promised, or be kept."""

    name: str
    of: str
    """`tranche`, `hall`, `generation` (all: how late) or `life`."""
    quarters: int
    """-1 for never."""
    probability: float


def outlook_figure(name: str) -> Default:
    """The figure called `name`."""
    known = outlook_figures()
    if name not in known:
        raise InputError(f"unknown figure {name}; the catalogue has {', '.join(known)}")
    return known[name]


def chances(of: str) -> tuple[Chance, ...]:
    """What `of` may take, in file order; the probabilities sum to 1."""
    found = tuple(row for row in outlook_chances().values() if row.of == of)
    if not math.isclose(sum(row.probability for row in found), 1.0, abs_tol=1e-9):
        raise CatalogError(f"catalogue outlook_chances.csv: those of {of} do not sum to 1")
    return found


def outlook_figures() -> Mapping[str, Default]:
    """Every figure, in file order."""
    return table("outlook_figures.csv", Default)


def outlook_chances() -> Mapping[str, Chance]:
    """Every chance, in file order."""
    return table("outlook_chances.csv", Chance)


def tables() -> list[tuple[str, Mapping[str, Row]]]:
    """Every table with its title, for the catalogue's page."""
    return [
        ("What may happen to a plan", outlook_figures()),
        ("How late, and how long kept", outlook_chances()),
    ]
