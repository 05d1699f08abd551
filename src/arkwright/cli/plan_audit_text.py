"""A plan audit on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click

from arkwright.cli.show import count, table
from arkwright.design.timeline import date_text
from arkwright.plan.audit import RULES, Audit, AuditFinding, Weight
from arkwright.plan.audit.backtest import Backtest
from arkwright.plan.audit.wording import (
    days_text,
    listed,
    month_text,
    power_text,
    share_text,
)

_WIDTH = 100
_INDENT = 5
_TITLES = {
    Weight.CONTRADICTION: ("Contradictions", "the figures cannot all be true", "red"),
    Weight.DOUBT: ("Doubts", "true only if something is that nobody stated", "yellow"),
    Weight.NOTE: ("Notes", "", "bright_black"),
    Weight.CONSISTENT: ("Consistent", "", "green"),
}
_WHAT = {"energised": "power", "first": "first GPUs", "all": "all GPUs"}


def show(found: Audit, is_sourced: bool) -> None:
    """Findings worst first, then odds, what it would take, and the funnel."""
    days = [said.stated_day for said in found.statements]
    click.echo(
        f"{found.name}: {count(len(days), 'statement')} from {date_text(min(days))} to "
        f"{date_text(max(days))}, as known on {date_text(found.as_of_day)}"
    )
    for weight, (title, meaning, colour) in _TITLES.items():
        chosen = found.of(weight)
        if not chosen:
            continue
        click.echo()
        head = f"{title} ({len(chosen)})"
        click.echo(_colour(head, colour) + (f": {meaning}" if meaning else ""))
        replaced = {said.name for said in found.statements if not said.is_in_force}
        if weight is Weight.CONSISTENT:
            lines = _agreed(chosen)
        else:
            lines = _told(chosen, replaced, is_sourced)
        for line in lines:
            click.echo(line)
    _promises(found)
    _funnel(found)
    if is_sourced:
        _statements(found)
    else:
        click.echo("\n--sources names what each finding was held against, and every statement")


def show_record(found: Backtest, is_sourced: bool) -> None:
    """The dated record, misses included, and its score."""
    rows = [
        (
            trial.title,
            trial.stated[:7],
            f"{month_text(trial.band.p10)} to {month_text(trial.band.p90)}",
            f"{trial.later} {trial.later_period}".strip(),
            trial.verdict if trial.verdict != trial.later else "",
        )
        for trial in found.trials
    ]
    click.echo(table(("PROMISE", "STATED", "P10 TO P90", "LATER STATE", "BAND"), rows))
    withdrawn = found.count("withdrawn")
    click.echo(
        f"\n{found.count('inside')} of {found.dated} dates inside the band; "
        f"{found.count('later')} later, {found.count('earlier')} earlier; {withdrawn} withdrawn, "
        f"{found.count('open')} open"
    )
    if is_sourced:
        for trial in found.trials:
            click.echo(_wrapped(f"{trial.name}: {trial.source}"))


def _told(chosen: Sequence[AuditFinding], replaced: set[str], is_sourced: bool) -> Iterator[str]:
    for finding in chosen:
        names = f"{RULES[finding.rule]}: {', '.join(finding.statements)}"
        if finding.statements[0] in replaced and finding.rule != "A15":
            names += " (since replaced)"
        yield f"{finding.rule:<{_INDENT}}{_cut(names, _room() - _INDENT)}"
        yield _wrapped(finding.text)
        if is_sourced:
            for source in finding.sources:
                yield _wrapped(f"held against: {source}")


def _agreed(chosen: Sequence[AuditFinding]) -> Iterator[str]:
    """One line a rule: what agrees needs no words."""
    for rule, title in RULES.items():
        names = dict.fromkeys(f.statements[0] for f in chosen if f.rule == rule)
        if names:
            lines = textwrap.wrap(
                f"{title}: {', '.join(names)}", _room() - _INDENT, break_on_hyphens=False
            )
            yield f"{rule:<{_INDENT}}" + f"\n{' ' * _INDENT}".join(lines)


def _promises(found: Audit) -> None:
    if not found.promises:
        return
    rows: list[tuple[str, ...]] = []
    needs: list[tuple[str, ...]] = []
    for promise in found.promises:
        odds, case = promise.odds, promise.case
        name, due = promise.statement.name, days_text(case.promised)
        band = odds.bands.get(case.milestone)
        ends = [month_text(day) for day in band] if band is not None else ["", "overdue", ""]
        chances = [_chance(odds.by_then.get(step)) for step in _WHAT]
        rows.append((name, due, *chances, _WHAT[case.milestone], *ends))
        if odds.needs is not None:
            money = promise.needs_money
            needs.append(
                (
                    name,
                    month_text(odds.needs.start_by),
                    month_text(odds.needs.orders_by),
                    month_text(odds.needs.power_by),
                    power_text(promise.needs_kw) if promise.needs_kw else "",
                    money.text(found.currency) if money is not None else "",
                )
            )
    click.echo("\nPromises in force: probability by the due date, if they come at all, and a band")
    heads = ("PROMISE", "DUE", "POWER", "FIRST", "ALL", "PROMISED", "P10", "P50", "P90")
    click.echo(table(heads, rows, right=("POWER", "FIRST", "ALL")))
    shares = [promise.built_share for promise in found.promises if promise.built_share]
    if shares:
        click.echo(
            _wrapped(
                f"Of announcements elsewhere {share_text(*shares[0])} were built as said; of "
                "contracts no such figure was read.",
                0,
            )
        )
    click.echo("\nWhat they would take, at median lead times")
    steps = ("PROMISE", "BEGUN BY", "GPUS ORDERED BY", "POWER BY", "POWER", "COST")
    click.echo(table(steps, needs, right=("POWER", "COST")))


def _funnel(found: Audit) -> None:
    rows = []
    for step in found.funnel:
        low, high = step.power_kw_drawn
        rows.append(
            (
                step.kind.value,
                f"{step.gpus:,}" if step.gpus else "",
                power_text(step.power_kw) if step.power_kw else "",
                power_text(low, high) if high else "",
                f"{step.money / 1e9:.1f} B {found.currency}" if step.money else "",
                listed(step.statements),
            )
        )
    click.echo("\nFrom words to use, each counted once")
    heads = ("KIND", "GPUS", "STATED", "GPUS DRAW", "MONEY", "STATEMENTS")
    click.echo(table(heads, rows, right=("GPUS", "STATED", "GPUS DRAW", "MONEY")))


def _chance(share: float | None) -> str:
    if share is None:
        return ""
    return "< 1 %" if share < 0.01 else share_text(share)


def _statements(found: Audit) -> None:
    click.echo("\nStatements")
    for said in found.statements:
        state = "" if said.is_in_force else f" (replaced by {said.replaced_by})"
        if said.is_withdrawn:
            state = f" (withdrawn by {said.replaced_by})"
        click.echo(f"{said.stated}  {said.name}, {said.kind.value}{state}")
        note = f"; {said.note}" if said.note else ""
        click.echo(_wrapped(f"{said.source} ({said.grade.value}){note}", 12))


def _wrapped(text: str, indent: int = _INDENT) -> str:
    pad = " " * indent
    return textwrap.fill(
        text, _room(), initial_indent=pad, subsequent_indent=pad, break_on_hyphens=False
    )


def _room() -> int:
    """Columns for text: a line longer than this is hard to read."""
    return min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _colour(text: str, colour: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=colour, bold=True)
