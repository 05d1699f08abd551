"""What an audit says: one thing about one or more statements, and what it rests on."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Weight(Enum):
    """How much a finding matters, worst first."""

    CONTRADICTION = "contradiction"
    """The figures cannot all be true."""
    DOUBT = "doubt"
    """They can, if something is that nobody stated."""
    NOTE = "note"
    """What a reader should know to read the figures rightly."""
    CONSISTENT = "consistent"
    """Held against something, and it agrees."""


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One finding."""

    rule: str
    """`A1` to `A17`."""
    weight: Weight
    statements: tuple[str, ...]
    text: str
    """In plain words, with the figures."""
    figures: dict[str, float]
    """The same figures for a program, units in the names."""
    sources: tuple[str, ...]
    """What it was held against: source, date and grade."""
