"""What `arkwright plan` prints: what to build where and when, and what it is worth."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from arkwright.cli.show import table

if TYPE_CHECKING:
    from arkwright.plan.answers.bands import Band
    from arkwright.plan.answers.whole import Answers
    from arkwright.plan.whatif import Difference

WIDTH = 100
_STEPS_MAX = 40
_YEARS_MAX = 6


def show_plan(found: Answers) -> None:
    """The whole of it, in `WIDTH` columns."""
    from arkwright.plan.answers.words import sentences

    names = found.rollout.names.quarters
    outcomes = len(found.futures.probability)
    click.echo(
        f"{found.rollout.name}: {names[0]} to {names[-1]}, {outcomes:,} outcomes; money in M "
        f"{found.rollout.currency}"
    )
    click.echo()
    for sentence in sentences(found):
        click.echo(_wrapped(sentence))
    if found.milestones:
        click.echo()
        _show_steps(found, names)
    if found.deals:
        click.echo()
        _show_deals(found, names)
    click.echo()
    _show_funnel(found, names)
    click.echo()
    _show_binding(found, names)
    if len(found.frontier) > 1:
        click.echo()
        _show_frontier(found)
    if any(bar.again_lower is not None for bar in found.tornado):
        click.echo()
        _show_tornado(found)
    if found.knowing:
        click.echo()
        for one in found.knowing:
            click.echo(_wrapped(one.words))
    show_proof(found)


def show_proof(found: Answers) -> None:
    """How good the plan is known to be, and every rule that it breaks."""
    click.echo()
    click.echo(_wrapped(proof_words(found)))
    for breach in found.breaches or ():
        click.echo(_wrapped(f"error: {breach.words}"))


def proof_words(found: Answers) -> str:
    """How good the plan is known to be."""
    from arkwright.plan.answers.wording import money
    from arkwright.plan.answers.words import checked

    proof, currency = found.proof, found.rollout.currency
    value = f"objective {money(found.worth.objective, currency)}"
    if proof.gap is None or proof.bound is None:
        return f"{value}; {proof.stopped}, {proof.seconds:.1f} s"
    text = (
        f"{value}; no plan is better than {money(proof.bound, currency)} (gap {proof.gap:.2%}); "
        f"{proof.stopped}, {proof.seconds:.1f} s"
    )
    return f"{text}; {checked(found)}" if found.breaches is not None else text


def _show_steps(found: Answers, names: Sequence[str]) -> None:
    from arkwright.plan.answers.steps import steps
    from arkwright.plan.answers.wording import dates, gpus, share

    lines = steps(found.milestones, names)
    rows: list[tuple[str, ...]] = []
    for step in lines[:_STEPS_MAX]:
        count = "" if step.kind == "grid" else f"{step.amount:,.0f} × "
        chance = "" if step.probability == 1 else share(step.probability)
        rows.append(
            (
                dates(step.begun, step.until, names),
                step.site,
                f"{count}{'grid ' if step.kind == 'grid' else ''}{step.name}",
                f"{step.mw:,.1f}",
                gpus(step.gpus) if step.gpus else "",
                dates(step.low, step.high, names),
                share(step.late),
                chance,
            )
        )
    headers: tuple[str, ...] = (
        *("BEGIN", "SITE", "WHAT", "MW", "GPUS", "THERE, P10 TO P90", "LATE", "CHANCE"),
    )
    if all(not row[-1] for row in rows):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    click.echo(table(headers, rows, right=("MW", "GPUS", "LATE", "CHANCE")))
    if lines[_STEPS_MAX:]:
        click.echo(f"and {len(lines) - _STEPS_MAX:,} lines more; -o DIR writes all to plan.csv")


def _show_deals(found: Answers, names: Sequence[str]) -> None:
    from arkwright.plan.answers.deals import LOAN
    from arkwright.plan.answers.wording import dates, megawatts, money, share

    rows: list[tuple[str, ...]] = [
        (
            dates(deal.begun, deal.until, names),
            f"{'draw' if deal.kind == LOAN else 'sign'} {deal.name}",
            money(deal.amount, found.rollout.currency)
            if deal.kind == LOAN
            else megawatts(deal.amount),
            "" if deal.probability == 1 else share(deal.probability),
        )
        for deal in found.deals
    ]
    headers: tuple[str, ...] = ("WHEN", "WHAT", "EXPECTED", "CHANCE")
    if all(not row[-1] for row in rows):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    click.echo(table(headers, rows, right=("EXPECTED", "CHANCE")))


def _show_funnel(found: Answers, names: Sequence[str]) -> None:
    from arkwright.plan.answers.funnel import missing

    ends = [n for n, name in enumerate(names) if name.endswith("Q4") or n == len(names) - 1]
    shown = ends if len(ends) <= _YEARS_MAX else [*ends[: _YEARS_MAX - 1], ends[-1]]
    rows = [
        (step.name, unit, *(_expected(band, n) for n in shown))
        for step in found.funnel
        for unit, band in (("MW", step.mw), ("GPUs", step.gpus))
        if band is not None
    ]
    heads = tuple(names[n] for n in shown)
    click.echo(table(("FUNNEL", "", *heads), rows, right=heads))
    gone = missing(found.funnel)
    if gone:
        click.echo(f"{' and '.join(gone)}: the file declares nothing")


def _expected(band: Band, quarter: int) -> str:
    value = float(band.mean[quarter])
    return "–" if value != value else f"{value:,.0f}"


def _show_binding(found: Answers, names: Sequence[str]) -> None:
    from arkwright.plan.answers.words import bound_words

    rows = []
    last = None
    for bound in found.bounds:
        words = (bound.site, bound.kind)
        if words == last:
            continue
        last = words
        rows.append((names[bound.quarter], bound_words(bound, found.rollout.currency)))
    click.echo(table(("FROM", "WHAT BINDS THE MOST"), rows))


def _show_frontier(found: Answers) -> None:
    from arkwright.plan.answers.wording import gpus, millions

    headers = ("RISK WEIGHT", "E[NPV]", "CVAR", "MW BEGUN", "GPUS AT THE END", "GAP")
    rows = [
        (
            f"{p.risk_weight:g}{' (file)' if p.is_own else ''}",
            millions(p.npv),
            millions(p.cvar),
            f"{p.mw:,.0f}",
            gpus(p.gpus),
            "–" if p.gap is None else f"{p.gap:.1%}",
        )
        for p in found.frontier
    ]
    click.echo(table(headers, rows, right=headers[1:]))


def _show_tornado(found: Answers) -> None:
    from arkwright.plan.answers.tornado import moving
    from arkwright.plan.answers.wording import millions

    rows = [
        (
            bar.name,
            f"{bar.lower}, {bar.higher}",
            millions(bar.objective_lower),
            millions(bar.objective_higher),
            *("–" if v is None else millions(v) for v in (bar.again_lower, bar.again_higher)),
        )
        for bar in moving(found.tornado)
    ]
    click.echo(
        "the objective as each input is moved, with the plan as it is and with one made anew"
    )
    headers = ("INPUT", "MOVED", "AS IS", "AS IS", "ANEW", "ANEW")
    click.echo(table(headers, rows, right=headers[2:]))


def show_difference(found: Difference) -> None:
    """What a change does."""
    click.echo(f"with {', '.join(found.changes)}:")
    for sentence in found.words:
        click.echo(_wrapped(sentence))
    click.echo()
    headers = ("", "WITHOUT", "WITH", "DIFFERENCE")
    click.echo(table(headers, found.rows, right=headers[1:]))
    if found.moves:
        click.echo()
        click.echo(table(("WHAT", "WITHOUT", "WITH"), found.moves))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")
