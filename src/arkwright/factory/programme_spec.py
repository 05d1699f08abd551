"""The `programme` section: what may be built where and when, by whom it is paid and who buys."""

from __future__ import annotations

from msgspec import field

from arkwright.factory.declared_spec import Declared
from arkwright.factory.futures_spec import Futures
from arkwright.factory.section import Section


class Programme(Section, frozen=True, kw_only=True):
    """A roll-out over years."""

    futures: Futures = Futures()
    declared: dict[str, Declared] = field(default_factory=dict)
