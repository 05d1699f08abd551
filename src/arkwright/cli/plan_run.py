"""What `arkwright plan FILE` does: read, draw, solve, answer, write, print."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from arkwright.cli.progress import Progress
from arkwright.cli.save import save
from arkwright.cli.show import API_VERSION, count, show_json
from arkwright.errors import InfeasibleError, InputError

if TYPE_CHECKING:
    from arkwright.documents import Node
    from arkwright.plan.case import Case
    from arkwright.plan.make import Planned
    from arkwright.plan.solution import Progress as Told
    from arkwright.plan.whatif import Difference

INTERRUPTED = 130
_BROKEN = 1
"""The checker found a rule broken: the solver has a bug."""
_WIDTH = 100


class Asked(NamedTuple):
    """The words of the command line."""

    file: Path
    folder: Path | None
    page: Path | None
    gap: float
    limit_s: float
    outcomes: int | None
    seed: int | None
    changes: tuple[str, ...]
    with_frontier: bool
    with_value: bool
    with_tornado: bool
    is_json: bool


def run(asked: Asked) -> int:
    """The exit code."""
    cases = _cases(asked)
    with Progress(asked.file.stem) as progress:
        plans = _plans(asked, cases, progress)
        is_stopped = progress.is_stopped
    shown = plans[-1]
    difference = _difference(asked, plans)
    _write(asked, shown)
    if asked.is_json:
        show_json(_document(shown, difference))
    else:
        _show(asked, shown, difference)
    if shown.answers.breaches:
        return _BROKEN
    return INTERRUPTED if is_stopped else 0


def _cases(asked: Asked) -> list[Case]:
    """The file's, and the changed one: both are read before anything takes long."""
    from arkwright.factory.files import tree
    from arkwright.plan.whatif import changed

    written = tree(asked.file)
    trees = [written, changed(written, asked.changes)] if asked.changes else [written]
    return [_case(asked, each) for each in trees]


def _plans(asked: Asked, cases: list[Case], progress: Progress) -> list[Planned]:
    """A plan of each; the second starts from what the first has learnt."""
    from arkwright.plan.make import Effort, planned

    effort = Effort(
        clock=time.monotonic, gap=asked.gap, limit_s=asked.limit_s, told=_told(progress, asked)
    )
    base, *rest = cases
    own = partial(
        planned, base, effort,
        with_frontier=asked.with_frontier,
        with_value=asked.with_value,
        with_tornado=asked.with_tornado,
    )  # fmt: skip
    plans = [_planned(base, own)]
    for case in rest:
        if not progress.is_stopped:
            progress.begin(f"{asked.file.stem}, changed")
            warm = plans[0].solution
            plans.append(_planned(case, partial(planned, case, effort, warm=warm)))
    return plans


def _case(asked: Asked, written: Node) -> Case:
    from arkwright import factory
    from arkwright.factory.series import read_weather
    from arkwright.plan.case import case

    found = factory.of_tree(written)
    weather = read_weather(found, asked.file.parent)
    return case(found, weather, outcomes=asked.outcomes, seed=asked.seed)


def _planned(case: Case, make: Callable[[], Planned]) -> Planned:
    """A plan; where there is none, what contradicts what."""
    try:
        return make()
    except InfeasibleError as error:
        from arkwright.plan.conflict import conflict

        found = conflict(case.rollout, case.futures)
        name = case.rollout.name
        if found is None:
            words = "no plan was found in the time; give it more with --limit"
            raise InputError(f"{name}: {words}") from error
        head = f"{name} cannot be planned: its rules contradict each other"
        raise InfeasibleError(f"{head}\n{_indented(found.words)}", found) from error


def _indented(words: str) -> str:
    """A line for each sentence, none wider than a terminal."""
    lines = words.replace(". ", ".\n").splitlines()
    return "\n".join(
        textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    ") for line in lines
    )


def _told(progress: Progress, asked: Asked) -> Callable[[Told], None]:
    """The share of the time that is over, with the gap so far."""
    name = asked.file.stem

    def told(now: Told) -> None:
        gap = "no plan yet" if now.gap == float("inf") else f"gap {now.gap:.2%}"
        progress.label = f"{name}  {gap}"
        progress.told(min(1.0, now.seconds / asked.limit_s))

    return told


def _difference(asked: Asked, plans: list[Planned]) -> Difference | None:
    if len(plans) == 1:
        return None
    from arkwright.plan.whatif import difference

    return difference(asked.changes, *(each.answers for each in plans))


def _document(shown: Planned, difference: Difference | None) -> dict[str, object]:
    from msgspec import to_builtins

    from arkwright.plan.answers.document import document

    body: dict[str, object] = {"api_version": API_VERSION, "kind": "plan"}
    body |= document(shown.answers)
    if difference is not None:
        body["whatif"] = to_builtins(difference)
    return body


def _write(asked: Asked, shown: Planned) -> None:
    from arkwright.design.report import page
    from arkwright.plan.answers.document import milestones_csv
    from arkwright.plan.make import dated
    from arkwright.plan.report import report

    if asked.folder is None and asked.page is None:
        return
    text = page(report(shown.answers, assumptions=shown.case.assumptions))
    if asked.page is not None:
        save(asked.page, [text])
    if asked.folder is not None:
        body = json.dumps(_document(shown, None), ensure_ascii=False, indent=1)
        save(asked.folder / "plan.json", [body, "\n"])
        save(asked.folder / "plan.csv", [milestones_csv(shown.answers)])
        save(asked.folder / "plan.html", [text])
        for phase in dated(shown):
            save(asked.folder / "phases" / f"{phase.quarter}.yaml", [phase.text])


def _show(asked: Asked, shown: Planned, difference: Difference | None) -> None:
    from arkwright.cli.plan_text import show_difference, show_plan, show_proof

    if difference is not None:
        show_difference(difference)
        show_proof(shown.answers)
    else:
        show_plan(shown.answers)
    click.echo(f"{count(len(shown.case.assumptions), 'value')} assumed; the page lists them")
    if asked.folder is not None:
        click.echo(f"wrote {asked.folder}: plan.json, plan.csv, plan.html, and phases/ to design")
    if asked.page is not None:
        click.echo(f"wrote {asked.page}")
