"""Forecasts in words, for people: `when`, `whatif` and `submit --dry-run`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from arkwright.cli.show import count, duration

SOON_MS = 1000
_CONDITIONS = {
    "held": "released now, it ",
    "deferred": "if all that it waits for had come, it ",
}


def sentence(forecast: Mapping[str, Any]) -> str:
    """When the job starts, in one line."""
    start_ms, now_ms = forecast["start_ms"], forecast["now_ms"]
    state = forecast["state"]
    if state == "active":
        at = instant(start_ms, now_ms)
        return "it started just now" if at == "now" else f"it started at {at}"
    if start_ms is None:
        return "it does not start as things stand; `arkwright why` says what it lacks"
    condition = _CONDITIONS.get(state, "")
    if start_ms - now_ms < SOON_MS:
        return f"{condition}starts now"
    reckoned = " (reckoned from the work ahead of it)" if forecast["is_estimate"] else ""
    away = duration(start_ms - now_ms)
    line = f"{condition}starts about {instant(start_ms, now_ms)}, in {away}{reckoned}"
    nodes = forecast.get("nodes_now")
    return line + (f"; a gang of {count(nodes, 'node')} would start now" if nodes else "")


def band(forecast: Mapping[str, Any]) -> str:
    """Between when and when; empty where there is nothing to add."""
    now_ms, paths = forecast["now_ms"], forecast["paths"]
    early, late = forecast["start_ms_p10"], forecast["start_ms_p90"]
    if not paths or early is None or (early == late == forecast["start_ms"]):
        return ""
    until = instant(late, now_ms) if late is not None else "never, on some"
    return f"between {instant(early, now_ms)} and {until} on four of five of {paths} paths"


def basis(forecast: Mapping[str, Any]) -> str:
    """What the forecast rests on."""
    known = forecast["experience"]
    if not known:
        return "no finished jobs to judge by yet: every job is taken to use its whole limit"
    latest_ms = forecast["start_ms_by_limits"]
    latest = f"; by their limits {instant(latest_ms, forecast['now_ms'])}" if latest_ms else ""
    return f"judged by {known} finished jobs of the same {forecast['basis']}{latest}"


def by_deadline(forecast: Mapping[str, Any]) -> str:
    """Whether it is over in time; empty without a deadline."""
    is_by = forecast.get("is_by_deadline")
    if is_by is None:
        return ""
    if is_by:
        return "it meets its deadline even if it uses its whole time limit"
    return "it would miss its deadline if it used its whole time limit"


def instant(at_ms: int | None, now_ms: int) -> str:
    """A time of day; with its date where that is not today's; `now` and `never`."""
    if at_ms is None:
        return "never"
    if abs(at_ms - now_ms) < SOON_MS:
        return "now"
    at, now = time.localtime(at_ms / 1000), time.localtime(now_ms / 1000)
    is_near = abs(at_ms - now_ms) < 600_000
    clock = time.strftime("%H:%M:%S" if is_near else "%H:%M", at)
    return clock if at[:3] == now[:3] else time.strftime("%Y-%m-%d ", at) + clock


def change_text(change: Mapping[str, Any]) -> str:
    """Changed fields of a job file on one line."""
    parts = []
    for key, value in change.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{name} {inner}" for name, inner in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        parts.append(f"{key}: {value}")
    return "; ".join(parts) or "as asked"
