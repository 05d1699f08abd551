"""Rules of the `programme.futures.tree` section: events that follow each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arkwright.factory import quarters
from arkwright.factory.futures_spec import Event, parse_lag
from arkwright.factory.programme_names import ProgrammeNames

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""

_SUM_TOLERANCE = 1e-6
START = "the programme's start"


def event_rules(path: str, tree: Mapping[str, Event], names: ProgrammeNames) -> Found:
    """Every broken one of the tree at `path`."""
    for name, event in tree.items():
        here = f"{path}.{name}"
        if event.parent is not None and event.parent not in tree:
            known = ", ".join(other for other in tree if other != name) or "none"
            right = f"known: {known}; an event without parent follows {START}"
            yield f"{here}.parent", f"no event is called {event.parent!r}", right
        if event.probability == 0:
            right = "leave it out, or give a probability above 0"
            yield f"{here}.probability", "it never happens", right
        yield from _when(here, event, tree, names)
        yield from _changes(here, event, names)
    yield from _cycles(path, tree)
    yield from _siblings(path, tree)


def _when(path: str, event: Event, tree: Mapping[str, Event], names: ProgrammeNames) -> Found:
    if event.from_ is None:
        siblings = sum(other.parent == event.parent for other in tree.values())
        if event.parent is not None or siblings > 1:
            found = "nobody says when it is known"
            yield f"{path}.from", found, "add from, for example from: 2027-Q2"
        return
    yield from names.outside(f"{path}.from", event.from_, is_after_start=True)
    above = tree.get(event.parent) if event.parent is not None else None
    if above is None or above.from_ is None:
        return
    if quarters.number(event.from_) <= quarters.number(above.from_):
        found = f"{event.from_} is not after {above.from_} of its parent {event.parent}"
        yield f"{path}.from", found, f"a quarter after {above.from_}"


def _changes(path: str, event: Event, names: ProgrammeNames) -> Found:
    for key, kind in (
        ("demand", "class"),
        ("energy", "place"),
        ("tranches", "tranche"),
        ("halls", "hall"),
        ("generations", "generation"),
        ("supply", "generation"),
    ):
        for name in getattr(event, key):
            yield from names.unknown(f"{path}.{key}.{name}", name, kind)
    for key in ("tranches", "halls", "generations"):
        for name, text in getattr(event, key).items():
            try:
                parse_lag(text)
            except ValueError as error:
                yield f"{path}.{key}.{name}", f"{text}: {error}", "for example 2 quarters"


def _cycles(path: str, tree: Mapping[str, Event]) -> Found:
    told: set[str] = set()
    for name in tree:
        way: list[str] = []
        at: str | None = name
        while at is not None and at in tree and at not in way and at not in told:
            way.append(at)
            at = tree[at].parent
        if at in way:
            ring = way[way.index(at) :]
            right = f"let one of them follow another event, or {START} (no parent)"
            yield f"{path}.{at}.parent", f"it follows itself: {' after '.join([*ring, at])}", right
        told.update(way)


def _siblings(path: str, tree: Mapping[str, Event]) -> Found:
    families: dict[str | None, list[str]] = {}
    for name, event in tree.items():
        families.setdefault(event.parent, []).append(name)
    for parent, children in families.items():
        if parent is not None and parent not in tree:
            continue
        total = sum(tree[name].probability for name in children)
        after = parent or START
        if abs(total - 1.0) > _SUM_TOLERANCE:
            found = f"the probabilities of {', '.join(children)} after {after} sum to {total:g}"
            yield f"{path}.{children[0]}.probability", found, "they must sum to 1"
        first = tree[children[0]].from_
        for name in children[1:]:
            if tree[name].from_ is not None and first is not None and tree[name].from_ != first:
                found = f"{tree[name].from_}, but {children[0]} after {after} is known in {first}"
                right = f"use {first}: what did not happen is known when it would have"
                yield f"{path}.{name}.from", found, right
