"""What `arkwright plan FILE` does: read, draw, solve, answer, write, print."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from arkwright.cli.progress import Progress
from arkwright.cli.save import save
from arkwright.cli.show import API_VERSION, count, show_json
from arkwright.errors import InfeasibleError

if TYPE_CHECKING:
    from arkwright.documents import Node
    from arkwright.plan.case import Case
    from arkwright.plan.make import Effort, Planned
    from arkwright.plan.solution import Progress as Told
    from arkwright.plan.whatif import Difference

INTERRUPTED = 130


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
    is_json: bool


def run(asked: Asked) -> int:
    """The exit code."""
    from arkwright.factory.files import tree
    from arkwright.plan.make import Effort, planned

    written = tree(asked.file)
    cases = [_case(asked, written)]
    if asked.changes:
        from arkwright.plan.whatif import changed

        cases.append(_case(asked, changed(written, asked.changes)))
    with Progress(asked.file.stem) as progress:
        effort = Effort(
            clock=time.monotonic,
            gap=asked.gap,
            limit_s=asked.limit_s,
            told=_told(progress, asked),
        )
        first = _planned(
            cases[0], effort, lambda: planned(cases[0], effort, with_frontier=asked.with_frontier)
        )
        second = None
        if len(cases) > 1 and not progress.is_stopped:
            progress.begin(f"{asked.file.stem}, changed")
            second = _planned(
                cases[1], effort, lambda: planned(cases[1], effort, warm=first.solution)
            )
        is_stopped = progress.is_stopped
    difference = _difference(asked, first, second)
    shown = second or first
    _write(asked, shown)
    if asked.is_json:
        show_json(_document(shown, difference))
    else:
        _show(asked, shown, difference)
    return INTERRUPTED if is_stopped else 0


def _case(asked: Asked, written: Node) -> Case:
    from arkwright import factory
    from arkwright.factory.series import read_weather
    from arkwright.plan.case import case

    found = factory.of_tree(written)
    weather = read_weather(found, asked.file.parent)
    return case(found, weather, outcomes=asked.outcomes, seed=asked.seed)


def _planned(case: Case, effort: Effort, make: Callable[[], Planned]) -> Planned:
    """A plan; where there is none, what contradicts what."""
    try:
        return make()
    except InfeasibleError as error:
        from arkwright.plan.conflict import conflict

        found = conflict(case.rollout, case.futures)
        if found is None:
            raise
        raise InfeasibleError(
            f"{case.rollout.name} cannot be planned: its rules contradict each other\n"
            f"  {found.words}",
            found,
        ) from error


def _told(progress: Progress, asked: Asked) -> Callable[[Told], None]:
    """The share of the time that is over, with the gap so far."""
    name = asked.file.stem

    def told(now: Told) -> None:
        gap = "no plan yet" if now.gap == float("inf") else f"gap {now.gap:.2%}"
        progress.label = f"{name}  {gap}"
        progress.told(min(1.0, now.seconds / asked.limit_s))

    return told


def _difference(asked: Asked, first: Planned, second: Planned | None) -> Difference | None:
    if second is None:
        return None
    from arkwright.plan.whatif import difference

    return difference(asked.changes, first.answers, second.answers)


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
    from arkwright.cli.plan_text import show_difference, show_plan

    if difference is not None:
        show_difference(difference)
    else:
        show_plan(shown.answers)
    click.echo(f"{count(len(shown.case.assumptions), 'value')} assumed; the page lists them")
    if asked.folder is not None:
        click.echo(f"wrote {asked.folder}: plan.json, plan.csv, plan.html, and phases/ to design")
    if asked.page is not None:
        click.echo(f"wrote {asked.page}")
