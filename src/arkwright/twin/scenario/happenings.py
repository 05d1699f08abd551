"""What a scenario makes happen: limits of power, maintenance, drains and outages of places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from arkwright import sched
from arkwright.documents import Node, where_of
from arkwright.errors import InputError, Problem
from arkwright.factory import instant_ms
from arkwright.sched.advance import AT_MS, FORWARD_COLUMNS, INDEX, KIND, VALUES
from arkwright.twin.outcome import Happening
from arkwright.twin.record import Ints, Outages
from arkwright.twin.scenario.spec import Event, Scenario
from arkwright.twin.setting import Setting
from arkwright.units import W_PER_KW

PLANNED = "planned"
"""Cause of an outage that the scenario made."""


class Made(NamedTuple):
    """The events of a scenario as a run takes them."""

    events: Ints
    """[n, FORWARD_COLUMNS] by time."""
    out: Outages
    told: tuple[Happening, ...]


class _Limit(NamedTuple):
    """Of one row of the power tree, for a time."""

    row: int
    from_ms: int
    until_ms: int
    limit_w: int
    announced: bool


def made_of(scenario: Scenario, tree: Node, setting: Setting, from_ms: int, until_ms: int) -> Made:
    """Rows for the scheduler, and outages of nodes; raises InputError for places not there."""
    problems: list[Problem] = []
    rows: list[sched.Event] = []
    told, limits, out = [], [], []
    for number, event in enumerate(scenario.events):
        begin = max(instant_ms(event.start), from_ms)
        end = until_ms if event.end is None else min(instant_ms(event.end), until_ms)
        if begin >= end:
            continue
        try:
            if event.limit is not None:
                limit = _limit(event, setting, begin, end)
                limits.append(limit)
                value, kind, subjects = limit.limit_w, "power-limit", [event.place or ""]
            else:
                kind, nodes, subjects = _nodes(event, setting)
                value = None
                rows += _of_nodes(kind, nodes, number, from_ms, begin, end, until_ms)
                out += [(node, begin, end, number) for node in nodes if kind == "outage"]
        except InputError as error:
            problems += [
                _placed(problem, f"events[{number}].{problem.key}", tree)
                for problem in error.problems
            ]
            continue
        last = None if event.end is None else end
        told += [
            Happening(at_ms=begin, until_ms=last, kind=kind, subject=subject, value=value)
            for subject in subjects
        ]
    if problems:
        raise InputError(f"scenario {scenario.name} does not fit its factory", problems)
    rows += _steps(limits, setting, from_ms, until_ms)
    return Made(_table(rows), _outages(out), tuple(told))


def _placed(problem: Problem, key: str, tree: Node) -> Problem:
    return problem._replace(key=key, where=where_of(tree, key))


def with_planned(drawn: Outages | None, planned: Outages) -> Outages | None:
    """Both together: what overlaps on a node is one outage, of the cause that came first."""
    if not len(planned.node):
        return drawn
    if drawn is None:
        drawn = planned._replace(**{name: getattr(planned, name)[:0] for name in _COLUMNS})
    causes = [*drawn.causes, PLANNED] if PLANNED not in drawn.causes else drawn.causes
    first = int(drawn.failure.max(initial=-1)) + 1
    of_planned = np.full(len(planned.node), causes.index(PLANNED), np.int64)
    added = planned._replace(cause=of_planned, failure=planned.failure + first)
    both = [np.concatenate([getattr(drawn, name), getattr(added, name)]) for name in _COLUMNS]
    node, begin, end, cause, failure = both
    order = np.lexsort((failure, begin, node))
    node, begin, end = node[order], begin[order], end[order]
    low, high = int(begin.min()), int(end.max())
    # One running maximum for all nodes: each node's times stand above those of the one before.
    above = node * (high - low + 1)
    reached = np.maximum.accumulate(end - low + above)
    fresh = np.append(True, (begin - low + above)[1:] > reached[:-1])
    last = np.append(np.flatnonzero(fresh)[1:], len(node)) - 1
    return Outages(
        node=node[fresh],
        from_ms=begin[fresh],
        until_ms=(reached - above)[last] + low,
        cause=cause[order][fresh],
        failure=failure[order][fresh],
        causes=causes,
    )


_COLUMNS = ("node", "from_ms", "until_ms", "cause", "failure")


def _limit(event: Event, setting: Setting, begin: int, end: int) -> _Limit:
    row = setting.names.row_of_power.get(event.place or "")
    if row is None:
        known = ", ".join(list(setting.names.row_of_power)[:6]) or "none"
        found = f"no limit of power is kept of {event.place}"
        raise InputError("", [Problem("", "place", found, f"places: {known}, …")])
    return _Limit(row, begin, end, int((event.limit or 0.0) * W_PER_KW), event.announced)


def _nodes(event: Event, setting: Setting) -> tuple[str, list[int], list[str]]:
    """What happens to which nodes, and the places as they were named."""
    kind = next(name for name in ("maintenance", "drain", "outage") if getattr(event, name))
    named: Sequence[str] = getattr(event, kind)
    found: dict[int, None] = {}
    problems = []
    for place in named:
        inside = [
            index
            for index, path in enumerate(setting.places.path)
            if path == place or path.startswith(f"{place}/")
        ]
        if not inside:
            right = f"a site, hall, rack or node, for example {setting.places.path[0]}"
            problems.append(Problem("", kind, f"no node is at {place}", right))
        found |= dict.fromkeys(inside)
    if problems:
        raise InputError("", problems)
    return kind, list(found), list(named)


def _of_nodes(
    kind: str, nodes: Iterable[int], number: int, from_ms: int, begin: int, end: int, until_ms: int
) -> list[sched.Event]:
    if kind == "maintenance":
        return [sched.reserve(from_ms, node, number, begin, end) for node in nodes]
    if kind == "drain":
        back = [sched.node_state(end, node, sched.UP) for node in nodes if end < until_ms]
        return [*(sched.node_state(begin, node, sched.DRAINING) for node in nodes), *back]
    return []


def _steps(
    limits: Sequence[_Limit], setting: Setting, from_ms: int, until_ms: int
) -> list[sched.Event]:
    """Each row's limit at every instant at which it changes: the lowest of those that hold.

    What holds to the end is not taken back there: it would be the last thing that happens.
    """
    events = []
    for row in sorted({limit.row for limit in limits}):
        here = [limit for limit in limits if limit.row == row]
        stands = int(setting.state.row_limit[row])
        before = stands
        for at_ms in sorted({edge for each in here for edge in (each.from_ms, each.until_ms)}):
            held = [each for each in here if each.from_ms <= at_ms < each.until_ms]
            lowest = [each.limit_w for each in held]
            now = min([*lowest, *([stands] if stands >= 0 else [])], default=sched.UNLIMITED)
            if now == before or at_ms >= until_ms:
                continue
            before = now
            is_known = all(
                each.announced for each in here if at_ms in (each.from_ms, each.until_ms)
            )
            if is_known and at_ms > from_ms:
                events.append(sched.announce(from_ms, row, at_ms, now))
            events.append(sched.row_limit(at_ms, row, now))
    return events


def _table(rows: Sequence[sched.Event]) -> Ints:
    table = np.zeros((len(rows), FORWARD_COLUMNS), np.int64)
    for place, row in enumerate(rows):
        table[place, KIND], table[place, AT_MS], table[place, INDEX] = row[:3]
        table[place, VALUES : VALUES + len(row.values)] = row.values
    return table[np.argsort(table[:, AT_MS], kind="stable")]


def _outages(spans: Sequence[tuple[int, int, int, int]]) -> Outages:
    columns = np.array(spans, np.int64).reshape(-1, 4)
    return Outages(
        node=columns[:, 0],
        from_ms=columns[:, 1],
        until_ms=columns[:, 2],
        cause=np.zeros(len(columns), np.int64),
        failure=columns[:, 3],
        causes=[PLANNED],
    )
