"""Budget periods: calendar months, quarters and years in UTC, from instants to instants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

_MONTHS: Final[Mapping[str, int]] = {"month": 1, "quarter": 3, "year": 12}


def period_of(at_ms: int, per: str) -> tuple[int, int]:
    """First instant of the period that `at_ms` lies in, and of the next [ms since the epoch]."""
    months = _MONTHS[per]
    month = int(np.datetime64(at_ms, "ms").astype("datetime64[M]").astype(np.int64))
    first = month // months * months
    return _instant(first), _instant(first + months)


def _instant(month: int) -> int:
    return int(np.datetime64(month, "M").astype("datetime64[ms]").astype(np.int64))
