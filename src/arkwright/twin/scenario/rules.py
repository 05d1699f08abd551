"""Rules between the keys of a scenario: every broken one, with the line it was written on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from arkwright.documents import Node, where_of
from arkwright.errors import InputError, Problem, UnitError
from arkwright.factory import instant_ms
from arkwright.jobs.spec import Level
from arkwright.twin.failures import failure_spec
from arkwright.twin.scenario.spec import Environment, Event, Scenario, Series, Workload
from arkwright.twin.workload.read import FORMATS
from arkwright.units import parse, parse_instant, parse_price

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""

_WHAT_HAPPENS = ("limit", "maintenance", "drain", "outage")


def broken(scenario: Scenario, tree: Node, folder: Path) -> list[Problem]:
    """Problems of a well-typed scenario whose files are named relative to `folder`."""
    rules: tuple[Callable[[Scenario, Path], Found], ...] = (
        _work, _span, _services, _failures, _pace, _environment, _events
    )  # fmt: skip
    return [
        Problem(where_of(tree, key), key, found, right)
        for rule in rules
        for key, found, right in rule(scenario, folder)
    ]


def window_ms(text: str, first_ms: int, is_dated: bool) -> int:
    """The instant that an edge of a window names; ValueError where it is neither kind of text."""
    try:
        at_ms = parse_instant(text) if "T" in text else None
    except ValueError:
        at_ms = None
    if at_ms is None:
        return first_ms + round(1000 * parse(text, "s"))
    if not is_dated:
        raise ValueError("the trace has no dates: write a time since its first submission")
    return at_ms


def _work(scenario: Scenario, folder: Path) -> Found:
    if not scenario.workloads and not scenario.services:
        right = "add workloads: [{generate: {load: 0.8}}], or a trace, or services"
        yield "workloads", "there is nothing to run", right
    for index, work in enumerate(scenario.workloads):
        yield from _one_workload(f"workloads[{index}]", work, scenario, folder)


def _one_workload(key: str, work: Workload, scenario: Scenario, folder: Path) -> Found:
    given = [name for name in ("trace", "generate", "golden") if getattr(work, name) is not None]
    if len(given) != 1:
        found = f"both {' and '.join(given)}" if given else "no trace, generate or golden"
        yield key, found, "give one of trace, generate, golden"
    if work.trace is not None:
        yield from _file(f"{key}.trace", work.trace, folder)
        if work.format is not None and work.format not in FORMATS:
            yield f"{key}.format", f"unknown format {work.format!r}", f"known: {', '.join(FORMATS)}"
        yield from _window(key, work)
        return
    for name in ("format", "columns", "window", "scale"):
        if getattr(work, name) is not None:
            yield f"{key}.{name}", "it is of a trace, and there is none", "leave it out"
    if work.generate is not None and scenario.horizon.start is None:
        right = "add horizon: {from: 2026-01-01, for: 7 d}"
        yield f"{key}.generate", "nobody knows when its jobs come", right
    if work.generate is not None and work.generate.jobs is None and not _has_end(scenario):
        right = "give horizon: {for: 7 d}, or generate: {jobs: 1000}"
        yield f"{key}.generate", "nobody knows for how long jobs come", right


def _window(key: str, work: Workload) -> Found:
    window = work.window
    for name, text in (("from", window and window.start), ("until", window and window.end)):
        if not text:
            continue
        try:
            window_ms(text, 0, True)
        except (ValueError, UnitError) as error:
            right = "write an instant (2026-05-01T00:00:00Z), or a time since the first job (2 d)"
            yield f"{key}.window.{name}", str(error).partition(";")[0], right


def _span(scenario: Scenario, folder: Path) -> Found:
    span = scenario.horizon
    yield from _instants("horizon", span.start, span.end)
    if span.end is not None and span.span is not None:
        yield "horizon.for", "until is given too", "keep one of them"


def _instants(key: str, start: str | None, end: str | None) -> Found:
    found = {}
    for name, text in (("from", start), ("until", end)):
        try:
            found[name] = instant_ms(text) if text is not None else None
        except ValueError as error:
            yield f"{key}.{name}", str(error), "write it as 2026-05-01 or 2026-05-01T12:00:00Z"
    from_ms, until_ms = found.get("from"), found.get("until")
    if from_ms is not None and until_ms is not None and until_ms <= from_ms:
        yield f"{key}.until", "it is not after from", "give a later one"


def _has_end(scenario: Scenario) -> bool:
    return scenario.horizon.end is not None or scenario.horizon.span is not None


def _services(scenario: Scenario, folder: Path) -> Found:
    for name, service in scenario.services.items():
        key = f"services.{name}"
        yield from _instants(key, service.start, service.end)
        if service.gpus > 1 and service.gpus % 1:
            yield f"{key}.gpus", f"{service.gpus:g} GPUs", "whole GPUs, or a part of one"
        if scenario.horizon.start is None or not _has_end(scenario):
            right = "give horizon: {from: 2026-01-01, for: 7 d}"
            yield key, "a service runs until the end, and there is none", right


def _failures(scenario: Scenario, folder: Path) -> Found:
    asked = scenario.failures
    if asked == "none":
        return
    try:
        failure_spec(asked)
    except InputError as error:
        if error.problems:
            for problem in error.problems:
                yield f"failures.{problem.key}", problem.found, problem.right
        else:
            found, _, right = str(error).partition("; ")
            yield "failures", found, f"{right}, and none" if right else ""
    if not _has_end(scenario):
        yield "failures", "nobody knows until when things fail", "give horizon: {for: 30 d}"


def _pace(scenario: Scenario, folder: Path) -> Found:
    factors = [(level, scenario.pace[level]) for level in Level if level in scenario.pace]
    for (_, nearer), (level, factor) in pairwise(factors):
        if factor < nearer:
            found = f"{factor:g}, less than the {nearer:g} of a nearer level"
            yield f"pace.{level.value}", found, "further apart is never quicker"


def _environment(scenario: Scenario, folder: Path) -> Found:
    for name, around in scenario.environment.items():
        key = f"environment.{name}"
        for part, series in _series(around):
            yield from _file(f"{key}.{part}.file", series.file, folder)
        if isinstance(around.price, str):
            try:
                parse_price(around.price)
            except UnitError as error:
                yield f"{key}.price", str(error), "for example 80 EUR/MWh"


def _series(around: Environment) -> Iterator[tuple[str, Series]]:
    for part in ("weather", "price", "carbon"):
        given = getattr(around, part)
        if isinstance(given, Series):
            yield part, given


def _events(scenario: Scenario, folder: Path) -> Found:
    for index, event in enumerate(scenario.events):
        yield from _one_event(f"events[{index}]", event, scenario)


def _one_event(key: str, event: Event, scenario: Scenario) -> Found:
    given = [name for name in _WHAT_HAPPENS if getattr(event, name) is not None]
    if len(given) != 1:
        found = f"both {' and '.join(given)}" if given else "nothing happens"
        yield key, found, f"give one of {', '.join(_WHAT_HAPPENS)}"
    if event.limit is not None and event.place is None:
        yield f"{key}.limit", "nobody knows where", "add place: SITE"
    if event.limit is None and event.place is not None:
        yield f"{key}.place", "it is of a limit, and there is none", "leave it out"
    yield from _instants(key, event.start, event.end)
    if event.end is None and event.limit is None and not _has_end(scenario):
        yield f"{key}.until", "it is missing, and the horizon has no end", "add until"


def _file(key: str, name: str, folder: Path) -> Found:
    if not (folder / name).is_file():
        yield key, f"there is no file {name}", "name it relative to the scenario file"
