"""After a file failed to decode: check what is left, so that one round shows every problem."""

from __future__ import annotations

import re
from collections.abc import Sequence

from arkwright import documents
from arkwright.documents import Node
from arkwright.errors import InputError, Problem
from arkwright.factory.spec import Factory
from arkwright.factory.validate import validate, validate_runnable

_ROUNDS = 4
"""Removing a part can leave its parent incomplete, which is then removed too."""


def salvage(tree: Node, problems: Sequence[Problem], runnable: bool) -> list[Problem]:
    """Cross-field problems of the parts of `tree` that `problems` do not touch.

    A rule that looks at a removed part, or at something that contains one, is not reported: it may
    be broken only because the part is gone.
    """
    removed = [problem.key for problem in problems]
    rest = tree
    for _ in range(_ROUNDS):
        for problem in problems:
            rest = _without(rest, _parts(problem.key))
        try:
            factory = documents.decode(rest, Factory)
        except InputError as error:
            problems = error.problems
            removed += [problem.key for problem in problems]
            continue
        found = validate(factory, tree)
        if runnable:
            found += validate_runnable(factory, tree)
        return [problem for problem in found if not _touched(problem.key, removed)]
    return []


def _without(node: Node, parts: list[str]) -> Node:
    """`node` without the part at `parts`; where it is missing, without the part that lacks it."""
    if not isinstance(node.value, dict) or not parts:
        return node
    if parts == ["factory"]:
        name = node._replace(value="unnamed", text="unnamed", size=1)
        return node._replace(value={**node.value, "factory": name})
    head, *rest = parts
    child = node.value.get(head)
    if child is None:
        return node
    entries = dict(node.value)
    inner = child.value.get(rest[0]) if rest and isinstance(child.value, dict) else None
    if inner is None:
        del entries[head]
    else:
        entries[head] = _without(child, rest)
    return node._replace(value=entries)


_REFERENCE = re.compile(
    r"programme(?!\.(declared|futures))"
    r"(\.sites\.[^.]+|\.limits\..*|.*\.(site|generation|country|density|power|liquid))?"
)
"""Keys of a programme whose rules look elsewhere in the file."""
_REFERRED = ("sites", "programme.sites", "programme.generations", "programme.demand")


def _touched(key: str, removed: Sequence[str]) -> bool:
    if _REFERENCE.fullmatch(key) and any(other.startswith(_REFERRED) for other in removed):
        return True
    if "residency" in key and any(other.startswith("sites") for other in removed):
        return True
    parts = _parts(key)
    if any(other.startswith("programme") for other in removed) and _leans_on_statements(parts):
        return True
    return any(_parts(other)[: len(parts)] == parts for other in removed)


def _leans_on_statements(parts: Sequence[str]) -> bool:
    """A site that a statement speaks of needs no hall; statements name each other; a basis is of
    the power beside it.
    """
    if parts[0] == "sites":
        return len(parts) == 2
    if parts[:2] != ["programme", "declared"]:
        return False
    return parts[-1] == "basis" or parts[3:4] in (["within"], ["updates"], ["withdraws"])


def _parts(key: str) -> list[str]:
    return key.replace("[", ".[").split(".")
