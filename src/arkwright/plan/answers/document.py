"""A plan for machines: JSON with every answer, CSV with every decision."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import msgspec
import numpy as np

from arkwright.plan.answers.funnel import missing
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import quarter
from arkwright.plan.answers.words import sentences
from arkwright.plan.rollout import Floats

_COLUMNS = (
    "kind", "site", "place", "name", "begun", "probability", "amount", "mw", "gpus", "promised",
    "p10", "p50", "p90", "late", "never", "quarters_late",
)  # fmt: skip


def document(found: Answers) -> dict[str, Any]:
    """Every answer, without arrays over outcomes; money in M, shares 0..1, quarters by name."""
    rollout = found.rollout
    return {
        "name": rollout.name,
        "currency": rollout.currency,
        "money_unit": "M",
        "quarters": list(rollout.names.quarters),
        "outcomes": len(found.futures.probability),
        "slots": len(found.futures.slot_quarter),
        "risk_weight": rollout.risk_weight,
        "tail": rollout.tail,
        "said": list(sentences(found)),
        "proof": _plain(found.proof),
        "breaches": None if found.breaches is None else [_plain(b) for b in found.breaches],
        "worth": _plain(found.worth),
        "milestones": milestone_rows(found),
        "deals": [_plain(deal) for deal in found.deals],
        "decisions": _decisions(found),
        "funnel": {
            "steps": [_plain(step) for step in found.funnel],
            "not_declared": list(missing(found.funnel)),
        },
        "sites": [_plain(site) for site in found.sites],
        "money": _plain(found.flow),
        "overbuild": _plain(found.overbuild),
        "break_even": _plain(found.break_even),
        "tornado": [_plain(bar) for bar in found.tornado],
        "frontier": [_plain(point) for point in found.frontier],
        "knowing": [_plain(one) for one in found.knowing],
        "binding": [_dated(found, bound) for bound in found.site_bounds],
        "a_quarter_earlier": [_plain(one) for one in found.earlier],
        "limits": [{**_plain(one), "quarter": _named(found, one.quarter)} for one in found.shadows],
        "dependence": [_plain(one) for one in found.dependences],
        "npv": _list(found.outcome.npv),
        "probability": _list(found.futures.probability),
    }


def milestone_rows(found: Answers) -> list[dict[str, Any]]:
    """Everything begun, quarters by name."""
    names = found.rollout.names.quarters
    rows = []
    for one in found.milestones:
        row = {
            "kind": one.kind,
            "site": one.site,
            "place": one.place,
            "name": one.name,
            "begun": names[one.begun],
            "probability": _round(one.probability),
            "amount": _round(one.amount),
            "mw": _round(one.mw),
            "gpus": _round(one.gpus),
            "promised": quarter(one.promised, names),
            "p10": quarter(one.low, names),
            "p50": quarter(one.median, names),
            "p90": quarter(one.high, names),
            "late": _round(one.late),
            "never": _round(one.never),
            "quarters_late": _round(one.quarters_late),
        }
        rows.append(row)
    return rows


def milestones_csv(found: Answers) -> str:
    """The same as a table."""
    out = io.StringIO()
    table = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(milestone_rows(found))
    return out.getvalue()


def _decisions(found: Answers) -> list[dict[str, Any]]:
    """What is decided in each slot; a slot is a quarter at a node of what is known."""
    names, schedule = found.rollout.names, found.outcome.schedule
    slots, quarters = found.futures.slot_name, found.futures.slot_quarter
    places = [f"{g} in {p}" for p in names.places for g in names.generations]
    tables = (
        ("start", names.tranches, schedule.starts),
        ("halls", names.places, schedule.halls),
        ("racks", tuple(places), schedule.racks.reshape(-1, schedule.racks.shape[-1])),
        ("sign_mw", names.offers, schedule.signed),
        ("draw", names.facilities, schedule.drawn),
    )
    rows = []
    for what, items, decided in tables:
        for item, slot in zip(*np.nonzero(np.abs(decided) > 1e-9), strict=True):
            row = {
                "slot": slots[slot],
                "quarter": names.quarters[quarters[slot]],
                "what": what,
                "of": items[item],
                "amount": _round(float(decided[item, slot])),
            }
            rows.append((int(quarters[slot]), int(slot), row))
    return [row for _, _, row in sorted(rows, key=lambda each: each[:2])]


def _dated(found: Answers, bound: Any) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(bound)
    return {**plain, "quarter": found.rollout.names.quarters[bound.quarter]}


def _named(found: Answers, at: int) -> str | None:
    return found.rollout.names.quarters[at] if at >= 0 else None


def _plain(value: Any) -> Any:
    """Structs as mappings, arrays as lists, floats of eight digits; what is no number is null."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, np.ndarray):
        return _list(value)
    if isinstance(value, float):
        return _round(value)
    return value


def _list(values: Floats) -> list[Any]:
    return [_round(float(value)) for value in values]


def _round(value: float) -> float | None:
    return float(f"{value:.8g}") if math.isfinite(value) else None
