"""What binds, and what loosening it is worth."""

from __future__ import annotations

from arkwright.design.report import SiteView, Table
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import millions
from arkwright.plan.answers.words import bound_words, kind_words


def section(found: Answers) -> SiteView:
    """What binds, and what loosening it is worth."""
    names, currency = found.rollout.names.quarters, found.rollout.currency
    by_quarter = Table(
        title="What binds the most in each quarter",
        columns=("Quarter", "What", "M today for one MW"),
        rows=tuple(
            (names[b.quarter], bound_words(b, currency), millions(b.worth)) for b in found.bounds
        ),
        right=("M today for one MW",),
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
    return SiteView(
        name="what binds",
        words="Shadow prices of the dispatch in every outcome, weighted and at their worth today. "
        "The first MW is worth the most: all of it is worth at most so much.",
        totals=(),
        figures=(),
        tables=(by_quarter, sooner),
    )
