"""The rules by number."""

from __future__ import annotations

from arkwright.design.report import SiteView, Table
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import share
from arkwright.plan.rule_table import RULES


def section(found: Answers) -> SiteView:
    """The rules by number."""
    table = Table(
        title="",
        columns=("Rule", "What", "Formula"),
        rows=tuple((rule.number, rule.title, rule.formula) for rule in RULES),
    )
    weight = found.rollout.risk_weight
    words = (
        f"What is maximised: {1 - weight:g} E[NPV] + {weight:g} CVaR of the worst "
        f"{share(found.rollout.tail)}. Numbers are cited where a rule is named."
    )
    return SiteView(name="Rules", words=words, totals=(), figures=(), tables=(table,))
