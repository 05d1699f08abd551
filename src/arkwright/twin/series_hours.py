"""Series of prices, carbon and weather laid over the hours of a run.

Beside `hours`, because reading series needs PyArrow and accounting for energy does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from arkwright.physics.steps import HOUR_MS
from arkwright.twin.hours import SiteHours
from arkwright.twin.series import Hours, Kind, Series, hourly
from arkwright.units import MILLI

Ints = NDArray[np.int64]

_COLUMNS: Final[Mapping[Kind, tuple[str, float]]] = {
    Kind.DRY_BULB: ("dry_bulb_c", 1.0),
    Kind.HUMIDITY: ("humidity", 1.0),
    # Series are per kWh, hours per MWh as markets quote them.
    Kind.PRICE: ("price_per_mwh", float(MILLI)),
    Kind.CARBON: ("carbon_g_per_kwh", 1.0),
}
_WORDS: Final = {
    Kind.DRY_BULB: "weather",
    Kind.HUMIDITY: "humidity",
    Kind.PRICE: "price",
    Kind.CARBON: "carbon intensity",
}


def with_series(
    site: str, hours: SiteHours, edges_ms: Ints, series: Mapping[Kind, Series]
) -> SiteHours:
    """`hours` of `site` with the columns of `series` in place of its own.

    The means of each whole hour; what a series lacks is borrowed from another year of it, else
    interpolated, and the notes say how much. Weather without humidity has none: that of another
    year would not go with it. Raises InputError for a series without a value.
    """
    begin_ms = int(edges_ms[0]) // HOUR_MS * HOUR_MS
    changed: dict[str, object] = {}
    sources = dict(hours.sources)
    if Kind.DRY_BULB in series and Kind.HUMIDITY not in series:
        changed["humidity"] = SiteHours().humidity
    for kind, found in series.items():
        column, factor = _COLUMNS[kind]
        each = hourly(found, begin_ms, int(edges_ms[-1]))
        changed[column] = each.values * factor
        if kind is Kind.PRICE:
            changed["currency"] = found.unit.removesuffix("/kWh") or hours.currency
        sources[column] = f"{site}: {_WORDS[kind]} by the hour, {found.label}{_lacking(each)}."
    return replace(hours, **changed, sources=sources)


def _lacking(hours: Hours) -> str:
    if not (hours.borrowed or hours.filled):
        return ""
    return (
        f"; of {len(hours.values):,} hours {hours.borrowed:,} are of another year of it and "
        f"{hours.filled:,} interpolated"
    )
