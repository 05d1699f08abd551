"""A job's deadline, from the text of its file to milliseconds since the Unix epoch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def deadline_ms(text: str) -> int:
    """The instant an RFC 3339 text names, for example `2026-05-01T12:00:00+02:00`.

    Raises ValueError for what is no such text or says no offset from UTC.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("it says no offset from UTC")
    return (at - _EPOCH) // timedelta(milliseconds=1)
