"""`summary.json`: every headline figure with its unit in its name, and what stands behind them.

The same inputs and seed give the same bytes: no clock, no path, no version of a library.
"""

from __future__ import annotations

import math
from typing import Any, Final

from msgspec import structs

from arkwright.twin.energy import SiteEnergy
from arkwright.twin.goodput import goodput_of
from arkwright.twin.headline import UNITS
from arkwright.twin.outcome import Outcome, Simulated
from arkwright.units import render_instant

API_VERSION: Final = "v1"
_SUMMED: Final = (
    "jobs_kwh", "idle_kwh", "loss_kwh", "cooling_kwh", "meter_kwh", "carbon_kg", "water_m3", "cost",
)  # fmt: skip
"""Figures of sites that add up."""
_GOODPUT_UNITS: Final = {"goodput": "1", "ettr_mean": "1", "nodes_out_mean": "nodes"}


def document(simulated: Simulated) -> dict[str, Any]:
    """The whole summary as JSON values; a figure that there is nothing to take of is null."""
    return {
        "api_version": API_VERSION,
        "kind": "simulation",
        "name": simulated.name,
        "is_complete": simulated.is_complete,
        "left_out": list(simulated.left_out),
        "runs": [_run(outcome) for outcome in simulated.outcomes],
        "units": UNITS | _GOODPUT_UNITS,
        "note": "names of figures end in their unit: _s, _h, _kwh, _kg, _m3; shares are 0..1",
    }


def row(outcome: Outcome) -> dict[str, Any]:
    """The figures of one run in one line, for a table over many: headline, goodput, energy."""
    figures = structs.asdict(outcome.headline)
    energy = _energy(outcome) or {}
    flat = {key: value for key, value in energy.items() if not isinstance(value, dict | list)}
    return {key: _number(value) for key, value in {**figures, **_goodput(outcome), **flat}.items()
            if not isinstance(value, dict)}  # fmt: skip


def _run(outcome: Outcome) -> dict[str, Any]:
    record = outcome.record
    return {
        "name": outcome.name,
        "factory": outcome.factory,
        "policy": outcome.policy,
        "seed": outcome.seed,
        "nodes": len(record.places.path),
        "gpus": int(record.places.gpus.sum()),
        "from_ms": record.from_ms,
        "until_ms": record.until_ms,
        "from": render_instant(record.from_ms) if outcome.jobs.is_dated else None,
        "until": render_instant(record.until_ms) if outcome.jobs.is_dated else None,
        "is_complete": outcome.is_complete,
        "headline": _numbers(structs.asdict(outcome.headline)),
        "goodput": _numbers(_goodput(outcome)),
        "energy": _energy(outcome),
        "decisions_sha256": record.decisions,
        "modelled": list(outcome.modelled),
        "notes": list(outcome.notes),
    }


def _goodput(outcome: Outcome) -> dict[str, Any]:
    found = goodput_of(outcome.record, outcome.checkpoints)
    return {
        "capacity_gpu_h": found.capacity_gpu_h,
        "held_gpu_h": found.held_gpu_h,
        "productive_gpu_h": found.productive_gpu_h,
        "lost_to_failures_gpu_h": found.lost_to_failures_gpu_h,
        "lost_to_stops_gpu_h": found.lost_to_stops_gpu_h,
        "writing_gpu_h": found.writing_gpu_h,
        "restarting_gpu_h": found.restarting_gpu_h,
        "out_gpu_h": found.out_gpu_h,
        "goodput": found.goodput,
        "ettr_mean": found.ettr_mean,
        "nodes_out_mean": found.nodes_out_mean,
        "failures": sum(found.failures_by_cause.values()),
        "failures_by_cause": found.failures_by_cause,
        "interruptions": found.interruptions,
    }


def _energy(outcome: Outcome) -> dict[str, Any] | None:
    """Of all sites together and each; None where no power was modelled."""
    found = outcome.energy
    if found is None or not found.sites:
        return None
    each = {site.site: _site(site) for site in found.sites}
    totals = {key: _sum([values[key] for values in each.values()]) for key in _SUMMED}
    return {
        **totals,
        "residual": found.residual,
        "currency": found.power.currency or None,
        "sites": each,
    }


def _site(site: SiteEnergy) -> dict[str, Any]:
    figures = {key: value for key, value in structs.asdict(site).items() if key != "site"}
    return _numbers(figures)


def _sum(values: list[Any]) -> float | None:
    """None where a part of it is not modelled."""
    return None if any(value is None for value in values) else math.fsum(values)


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _number(value) for key, value in values.items()}


def _number(value: Any) -> Any:
    """JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
