"""Texts that several sections of the factory file have in common."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,30}$",
        description="a short name of lower-case letters, digits and hyphens",
        examples=["narvik"],
    ),
]
Country = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{2}$",
        description="a country as two capital letters (ISO 3166)",
        examples=["NO"],
    ),
]
Currency = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{3}$",
        description="a currency as three capital letters (ISO 4217)",
        examples=["EUR"],
    ),
]
UnixUser = Annotated[
    str,
    Meta(
        pattern=r"^[a-z_][a-z0-9_.-]{0,63}$",
        description="the name of a Unix user",
        examples=["ada"],
    ),
]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
GpuCount = Annotated[int, Meta(ge=0, le=100_000_000)]
Instant = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$",
        description="a day (its first instant, UTC), or a time as in RFC 3339",
        examples=["2027-01-01"],
    ),
]
When = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-(Q[1-4]|\d\d-\d\d)$",
        description="a quarter, or a day that stands for the quarter it lies in",
        examples=["2027-Q2"],
    ),
]
"""`quarters.number` reads it."""
