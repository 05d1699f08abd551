"""Rules of the `programme` section: futures."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright.factory.spec import Factory

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""


def futures_rules(factory: Factory) -> Found:
    """Every broken one."""
    yield from ()
