"""What binds, and what loosening it is worth."""

from __future__ import annotations

from arkwright.design.report import SiteView, Table
from arkwright.plan.answers.prices import shadow_words
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import millions
from arkwright.plan.answers.words import bound_words, kind_words

_SHADOWS_MAX = 20
"""Lines of the table of rules; the JSON has all."""


def section(found: Answers) -> SiteView:
    """What binds, and what loosening it is worth."""
    names, currency = found.rollout.names.quarters, found.rollout.currency
    by_quarter = Table(
        title="What binds the most in each quarter",
        columns=("Quarter", "What", "One MW more, M"),
        rows=tuple((names[b.quarter], bound_words(b), millions(b.worth)) for b in found.bounds),
        right=("One MW more, M",),
    )
    sooner = Table(
        title="What one quarter sooner is worth, all else as planned",
        columns=(
            "Site",
            "What",
            "Name",
            "MW",
            f"M {currency} for one MW",
            "for all of it, at most",
        ),
        rows=tuple(
            (
                e.site,
                kind_words(e.kind),
                e.name,
                f"{e.mw:,.1f}",
                millions(e.worth),
                millions(e.most),
            )
            for e in found.earlier
        ),
        right=("MW", f"M {currency} for one MW", "for all of it, at most"),
    )
    dear = Table(
        title="What the rules of the first stage cost, in the divisible plan",
        columns=("What one more of a limit is worth",),
        rows=tuple((shadow_words(one, found.rollout),) for one in found.shadows[:_SHADOWS_MAX]),
    )
    tables = (by_quarter, sooner, dear) if dear.rows else (by_quarter, sooner)
    return SiteView(
        name="What binds",
        words="What one more MW in a quarter would earn, all else as planned: dispatched with "
        "it in every outcome, weighted, at its worth today. Where several are short at once, one "
        "alone earns nothing. The first MW is worth the most: all of it at most so much.",
        totals=(),
        figures=(),
        tables=tables,
    )
