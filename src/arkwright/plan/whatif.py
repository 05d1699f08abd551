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
from arkwright.plan.answers.wording import dates, gpus, millions, money, quarter, share

_EVEN = 5e-3
"""Of the expected worth: a smaller difference is called none, the gap of a plan may be larger."""


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
    gained = after.worth.npv.mean - before.worth.npv.mean
    tail = after.worth.cvar - before.worth.cvar
    scale = max(abs(before.worth.npv.mean), abs(after.worth.npv.mean), 1e-9)
    if abs(gained) <= _EVEN * scale:
        first = "The plan is worth as much as before, within what it is proven to"
    else:
        side = "more" if gained > 0 else "less"
        first = f"The plan is worth {money(abs(gained), currency)} {side} in expectation"
    side = "more" if tail > 0 else "less"
    first += f", {money(abs(tail), currency)} {side} in the tail."
    if not moves:
        return [first, "What is begun, and when, stays the same."]
    things = "thing is" if moves == 1 else "things are"
    return [first, f"{moves} {things} begun otherwise."]


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
    """Lines of the planner's list that are not the same, by site and thing."""
    old, new = (_by_thing(answers) for answers in (before, after))
    names = after.rollout.names.quarters
    rows = []
    for key in dict.fromkeys([*old, *new]):
        ends = (_line(old.get(key), before.rollout.names.quarters), _line(new.get(key), names))
        if ends[0] != ends[1]:
            site, kind, name, year = key
            what = {GRID: f"grid {name}", HALL: f"halls {name}"}.get(kind, f"{name} at {site}")
            rows.append((f"{what}, {year}" if year else what, *ends))
    return rows


def _by_thing(answers: Answers) -> dict[tuple[str, str, str, str], Step]:
    names = answers.rollout.names.quarters
    found = {}
    for step in steps(answers.milestones, names):
        year = "" if step.kind == GRID else names[step.begun][:4]
        found[(step.site, step.kind, step.name, year)] = step
    return found


def _line(step: Step | None, names: Sequence[str]) -> str:
    if step is None:
        return "\N{EN DASH}"
    count = "" if step.kind == GRID else f"{step.amount:,.0f} from "
    return f"{count}{quarter(step.begun, names)}, there {dates(step.low, step.high, names)}"
