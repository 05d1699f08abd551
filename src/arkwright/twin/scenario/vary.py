"""Keys of a file given other values, before it is read as a scenario: what sweeps are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from msgspec import Struct

from arkwright import documents
from arkwright.documents import Node
from arkwright.errors import InputError, Problem

POLICY = "policy"
"""`policy.KEY` is that key of every policy that the scenario names."""


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
        if not sign or not key.strip() or "" in values or not documents.key_steps(key.strip()):
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
            steps = documents.key_steps(change.key)
            tree = documents.put_node(_with_mix(tree, change), change.key, steps, value)
    return tree


def _in_every_policy(tree: Node, change: Change, value: Node) -> Node:
    steps = documents.key_steps(change.key)[1:]
    policies = tree.value.get("policies") if isinstance(tree.value, dict) else None
    if policies is None or not isinstance(policies.value, dict) or not policies.value:
        # The factory's own policy is the only one: lay this over it.
        return documents.put_node(tree, change.key, ["policies", "swept", *steps], value)
    for name in policies.value:
        tree = documents.put_node(tree, change.key, ["policies", name, *steps], value)
    return tree


def _with_mix(tree: Node, change: Change) -> Node:
    """A mix of failures by its name is that key of a mapping; other texts give way to one."""
    if not change.key.startswith("failures.") or not isinstance(tree.value, dict):
        return tree
    node = tree.value.get("failures")
    if node is None or not isinstance(node.value, str) or node.value == "none":
        return tree
    mix = node._replace(value={"mix": node}, text="", source=change.source, line=0)
    return tree._replace(value={**tree.value, "failures": mix})
