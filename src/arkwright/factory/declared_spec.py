"""The `programme.declared` section: what was announced or contracted, with source and date."""

from __future__ import annotations

from arkwright.factory.section import Section


class Declared(Section, frozen=True, kw_only=True):
    """One statement about a programme, as it was made."""
