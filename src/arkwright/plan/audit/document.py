"""An audit as plain values, for JSON."""

from __future__ import annotations

from typing import Any

from arkwright.design.timeline import date_text
from arkwright.plan.audit import RULES, Audit, AuditFinding, Funnel, Judged
from arkwright.plan.audit.backtest import Backtest


def document(found: Audit) -> dict[str, Any]:
    """Findings, promises with their odds, the funnel; dates as text, power in kW."""
    return {
        "factory": found.name,
        "as_of": date_text(found.as_of_day),
        "currency": found.currency,
        "statements": [
            {
                "name": said.name,
                "kind": said.kind.value,
                "stated": said.stated,
                "is_in_force": said.is_in_force,
                "source": said.source,
                "grade": said.grade.value,
            }
            for said in found.statements
        ],
        "findings": [_finding(finding) for finding in found.findings],
        "promises": [_promise(promise) for promise in found.promises],
        "funnel": [_funnel(step) for step in found.funnel],
        "rules": dict(RULES),
    }


def record_document(found: Backtest) -> dict[str, Any]:
    """The dated record against the odds of its time."""
    return {
        "inside": found.count("inside"),
        "dated": found.dated,
        "withdrawn": found.count("withdrawn"),
        "open": found.count("open"),
        "items": [
            {
                "name": trial.name,
                "title": trial.title,
                "stated": trial.stated,
                "promised": trial.promised,
                "band": {key: date_text(round(day)) for key, day in trial.band._asdict().items()},
                "probability_in_time": round(trial.on_time, 4),
                "later": trial.later,
                "later_period": trial.later_period or None,
                "verdict": trial.verdict,
                "source": trial.source,
            }
            for trial in found.trials
        ],
    }


def _finding(finding: AuditFinding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.weight.value,
        "statements": list(finding.statements),
        "text": finding.text,
        "figures": finding.figures,
        "sources": list(finding.sources),
    }


def _promise(promise: Judged) -> dict[str, Any]:
    odds, needs = promise.odds, promise.odds.needs
    return {
        "statement": promise.statement.name,
        "milestone": promise.case.milestone,
        "promised": date_text(promise.case.promised.last),
        "probability_in_time": round(odds.on_time, 4),
        "probability_by_then": {name: round(p, 4) for name, p in odds.by_then.items()},
        "built_share": list(promise.built_share) if promise.built_share else None,
        "bands": {
            name: {key: date_text(round(day)) for key, day in band._asdict().items()}
            for name, band in odds.bands.items()
        },
        "quickest": date_text(odds.quickest_day),
        "needs": None
        if needs is None
        else {
            "begun_by": date_text(round(needs.start_by)),
            "begun_by_if_quick": date_text(round(needs.start_by_quick)),
            "gpus_ordered_and_paid_by": date_text(round(needs.orders_by)),
            "power_by": date_text(round(needs.power_by)),
            "power_kw": promise.needs_kw,
            "money_low": promise.needs_money.low if promise.needs_money else None,
            "money_high": promise.needs_money.high if promise.needs_money else None,
        },
        "rests_on": list(odds.rests_on),
    }


def _funnel(step: Funnel) -> dict[str, Any]:
    return {
        "kind": step.kind.value,
        "statements": list(step.statements),
        "gpus": step.gpus,
        "power_kw_stated": step.power_kw,
        "power_kw_drawn_low": step.power_kw_drawn[0],
        "power_kw_drawn_high": step.power_kw_drawn[1],
        "money": step.money,
    }
