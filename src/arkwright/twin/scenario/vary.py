"""Keys of a file given other values, before it is read as a scenario: what sweeps are made of."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from msgspec import Struct

from arkwright import documents
from arkwright.documents import Node
from arkwright.errors import InputError, Problem

POLICY = "policy"
"""`policy.KEY` is that key of every policy that the scenario names."""
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Change(Struct, frozen=True):
    """One key and the value it gets, as text."""

    key: str
    """`failures.factor`, `workloads[0].generate.load`, `policy.backfill`, `factory.sites.a.pue`."""
    text: str

    @property
    def source(self) -> str:
        """What problems call it."""
        return f"--sweep {self.key}={self.text}"


def axes(sweeps: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Keys and their values from `KEY=A,B`; raises InputError with every one that is wrong."""
    found, problems = [], []
    for text in sweeps:
        key, sign, listed = text.partition("=")
        values = tuple(value.strip() for value in listed.split(","))
        if not sign or not key.strip() or "" in values or not _steps(key.strip()):
            right = "write KEY=A,B, for example failures.factor=1,2,4"
            problems.append(Problem("--sweep", "", f"found {text!r}", right))
        elif len(set(values)) < len(values):
            problems.append(Problem("--sweep", key, "a value is given twice", "keep one"))
        else:
            found.append((key.strip(), values))
    twice = {key for key, _ in found if [other for other, _ in found].count(key) > 1}
    problems += [Problem("--sweep", key, "it is given twice", "join the values") for key in twice]
    if problems:
        raise InputError("cannot read what to sweep", problems)
    return found


def variants(swept: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[Change, ...]]:
    """Every combination, the last key changing fastest; one without changes where none is swept."""
    each = [[Change(key, value) for value in values] for key, values in swept]
    return [tuple(combination) for combination in itertools.product(*each)]


def changed(tree: Node, changes: Sequence[Change]) -> Node:
    """`tree` with each change made; raises InputError for a key that has no place in it."""
    for change in changes:
        value = documents.parse(change.text.encode(), change.source)._replace(line=0)
        if change.key.startswith(f"{POLICY}."):
            tree = _in_every_policy(tree, change, value)
        else:
            tree = _set(tree, _steps(change.key), value, change)
    return tree


def _in_every_policy(tree: Node, change: Change, value: Node) -> Node:
    steps = _steps(change.key)[1:]
    policies = tree.value.get("policies") if isinstance(tree.value, dict) else None
    if policies is None or not isinstance(policies.value, dict) or not policies.value:
        # The factory's own policy is the only one: lay this over it.
        return _set(tree, ["policies", "swept", *steps], value, change)
    for name in policies.value:
        tree = _set(tree, ["policies", name, *steps], value, change)
    return tree


def _steps(key: str) -> list[str | int]:
    """`a[0].b` as `["a", 0, "b"]`; empty where it is no key."""
    steps: list[str | int] = []
    place = 0
    while place < len(key):
        found = _STEP.match(key, place)
        if found is None:
            return []
        steps.append(found[1] if found[1] is not None else int(found[2]))
        place = found.end()
        if place < len(key) and key[place] == ".":
            place += 1
            if place == len(key):
                return []
    return steps


def _set(node: Node, steps: Sequence[str | int], value: Node, change: Change) -> Node:
    if not steps:
        return value
    head, rest = steps[0], steps[1:]
    if isinstance(head, int):
        if not isinstance(node.value, tuple) or head >= len(node.value):
            there = len(node.value) if isinstance(node.value, tuple) else 0
            raise _refused(change, f"there is no [{head}]: the list has {there}")
        items = list(node.value)
        items[head] = _set(items[head], rest, value, change)
        return node._replace(value=tuple(items))
    if not isinstance(node.value, dict):
        if node.value is not None and not isinstance(node.value, str):
            raise _refused(change, f"what is above {head} has no keys")
        # A mix of failures by its name is that key of a mapping; other texts give way to one.
        is_mix = isinstance(node.value, str) and change.key.startswith("failures.")
        kept: dict[str, Node] = {"mix": node} if is_mix and node.value != "none" else {}
        node = node._replace(value=kept, text="", source=change.source, line=0)
    assert isinstance(node.value, dict)
    below = node.value.get(head, Node(None, change.source, 0, "", 1))
    return node._replace(value={**node.value, head: _set(below, rest, value, change)})


def _refused(change: Change, found: str) -> InputError:
    problem = Problem(change.source, change.key, found, "name a key of the scenario file")
    return InputError("cannot make the change", [problem])
