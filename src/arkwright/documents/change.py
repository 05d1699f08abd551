"""One key of a document given another value, before the document is read as what it describes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from arkwright.documents.reader import parse
from arkwright.documents.tree import Node
from arkwright.errors import InputError, Problem

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def key_steps(key: str) -> list[str | int]:
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


def put(tree: Node, key: str, value: str, source: str) -> Node:
    """`tree` with `value`, as YAML writes it, at `key`, which need not have been there.

    A text on the way gives way to a mapping. `source` is what problems call the change. InputError
    where the key has no place in the tree.
    """
    node = parse(value.encode(), source)._replace(line=0)
    return put_node(tree, key, key_steps(key), node)


def put_node(node: Node, key: str, steps: Sequence[str | int], value: Node) -> Node:
    """`node` with `value` at `steps` below it; `key` is what problems call the whole path."""
    if not steps:
        return value
    head, rest = steps[0], steps[1:]
    if isinstance(head, int):
        if not isinstance(node.value, tuple) or head >= len(node.value):
            there = len(node.value) if isinstance(node.value, tuple) else 0
            raise _refused(value.source, key, f"there is no [{head}]: the list has {there}")
        items = list(node.value)
        items[head] = put_node(items[head], key, rest, value)
        return node._replace(value=tuple(items))
    if not isinstance(node.value, dict):
        if node.value is not None and not isinstance(node.value, str):
            raise _refused(value.source, key, f"what is above {head} has no keys")
        node = node._replace(value={}, text="", source=value.source, line=0)
    assert isinstance(node.value, dict)
    below = node.value.get(head, Node(None, value.source, 0, "", 1))
    return node._replace(value={**node.value, head: put_node(below, key, rest, value)})


def _refused(source: str, key: str, found: str) -> InputError:
    problem = Problem(source, key, found, "name a key of the file")
    return InputError("cannot make the change", [problem])
