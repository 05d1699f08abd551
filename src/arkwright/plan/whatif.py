"""A plan made again with something changed, and the difference in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright import documents
from arkwright.documents import Node
from arkwright.errors import InputError, Problem
from arkwright.plan.answers.milestones import GRID, HALL
from arkwright.plan.answers.steps import Step, steps
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import dates, gpus, millions, money, share

_EVEN = 5e-3
"""Of the expected worth: a smaller difference is called none, the gap of a plan may be larger."""


_NEVER = "\N{EN DASH}"


class Difference(Struct, frozen=True, kw_only=True):
    """What a change does to the plan."""

    changes: tuple[str, ...]
    words: tuple[str, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    """Figure, without, with, difference."""
    moves: tuple[tuple[str, str, str], ...]
    """What is begun otherwise: what, without, with."""


def changed(tree: Node, changes: Sequence[str]) -> Node:
    """`tree` with every `KEY=VALUE` laid over it; InputError with every one that cannot be read."""
    problems = []
    for text in changes:
        key, sign, value = text.partition("=")
        if not sign or not value.strip() or not documents.key_steps(key.strip()):
            right = "write KEY=VALUE, for example programme.capital.cash='400 M EUR'"
            problems.append(Problem("--whatif", "", f"found {text!r}", right))
    if problems:
        raise InputError("cannot read what to change", problems)
    for text in changes:
        key, _, value = text.partition("=")
        tree = documents.put(tree, key.strip(), value.strip(), f"--whatif {text}")
    return tree


def difference(changes: Sequence[str], before: Answers, after: Answers) -> Difference:
    """What `after`, made with `changes`, has otherwise than `before`."""
    moves = tuple(_moves(before, after))
    return Difference(
        changes=tuple(changes),
        words=tuple(_words(before, after, len(moves))),
        rows=tuple(_rows(before, after)),
        moves=moves,
    )


def _words(before: Answers, after: Answers, moves: int) -> list[str]:
    currency = after.rollout.currency
    mean = (before.worth.npv.mean, after.worth.npv.mean)
    tail = (before.worth.cvar, after.worth.cvar)
    first = f"The plan is worth {_than(*mean, currency)} in expectation"
    first += f" and {_than(*tail, currency)} in the tail."
    if all(abs(new - old) <= _EVEN * max(abs(old), abs(new)) for old, new in (mean, tail)):
        first = "The plan is worth as much as before, as far as it is proven."
    if not moves:
        return [first, "What is begun, and when, stays the same."]
    things = "thing is" if moves == 1 else "things are"
    return [first, f"{moves} {things} begun otherwise."]


def _than(before: float, after: float, currency: str) -> str:
    """`12.0 M EUR more`."""
    if abs(after - before) <= _EVEN * max(abs(before), abs(after)):
        return "as much"
    return f"{money(abs(after - before), currency)} {'more' if after > before else 'less'}"


def _rows(before: Answers, after: Answers) -> list[tuple[str, str, str, str]]:
    unit = f"M {after.rollout.currency}"
    pairs = [
        (f"expected worth, {unit}", before.worth.npv.mean, after.worth.npv.mean),
        (f"CVaR, {unit}", before.worth.cvar, after.worth.cvar),
        (f"objective, {unit}", before.worth.objective, after.worth.objective),
        (f"paid for building, {unit}", before.worth.capex.mean, after.worth.capex.mean),
        (f"least cash (P10), {unit}", before.worth.cash_least.low, after.worth.cash_least.low),
    ]
    rows = [
        (title, millions(old), millions(new), _signed(new - old, millions))
        for title, old, new in pairs
    ]
    for title, name in (
        ("MW energised at the end", "energised"),
        ("MW used at the end", "utilised"),
    ):
        old, new = (_end(answers, name, "mw") for answers in (before, after))
        rows.append((title, f"{old:,.1f}", f"{new:,.1f}", _signed(new - old, "{:,.1f}".format)))
    old, new = (_end(answers, "installed", "gpus") for answers in (before, after))
    rows.append(("GPUs at the end", gpus(old), gpus(new), _signed(new - old, gpus)))
    used = [answers.overbuild.utilisation.mean for answers in (before, after)]
    for title, (old, new) in (
        ("probability of a loss", (before.worth.loss, after.worth.loss)),
        ("utilisation", used),
    ):
        points = _signed((new - old) * 100, "{:.0f}".format)
        rows.append((title, share(old), share(new), f"{points} points" if points else ""))
    return rows


def _end(answers: Answers, name: str, unit: str) -> float:
    step = next(step for step in answers.funnel if step.name == name)
    band = step.mw if unit == "mw" else step.gpus
    return float(band.mean[-1]) if band is not None else 0.0


def _signed(value: float, render: object) -> str:
    assert callable(render)
    text = str(render(abs(value)))
    if not any(digit in text for digit in "123456789"):
        return ""
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


def _moves(before: Answers, after: Answers) -> list[tuple[str, str, str]]:
    """Things of which something is begun otherwise, by site."""
    old, new = (_by_thing(answers) for answers in (before, after))
    rows = []
    for site, kind, name in dict.fromkeys([*old, *new]):
        key = (site, kind, name)
        ends = (old.get(key, _NEVER), new.get(key, _NEVER))
        if ends[0] != ends[1]:
            what = {GRID: f"grid {name}", HALL: f"halls {name}"}.get(kind, f"{name} at {site}")
            rows.append((what, *ends))
    return rows


def _by_thing(answers: Answers) -> dict[tuple[str, str, str], str]:
    """What is begun of each thing at a site: how many, when, and when the last of it is there."""
    names = answers.rollout.names.quarters
    groups: dict[tuple[str, str, str], list[Step]] = {}
    for step in steps(answers.milestones, names):
        groups.setdefault((step.site, step.kind, step.name), []).append(step)
    found = {}
    for (site, kind, name), group in groups.items():
        last = max(group, key=lambda step: (step.promised, step.high))
        count = "" if kind == GRID else f"{sum(step.amount for step in group):,.0f} in "
        begun = dates(min(s.begun for s in group), max(s.until for s in group), names)
        there = dates(last.low, last.high, names)
        found[(site, kind, name)] = f"{count}{begun}, there {there}"
    return found
