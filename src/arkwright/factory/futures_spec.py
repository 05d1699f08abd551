"""The `programme.futures` section: what may happen, and how it is drawn."""

from __future__ import annotations

from arkwright.factory.section import Section


class Futures(Section, frozen=True, kw_only=True):
    """What may happen."""
