"""The tree between text and types: plain values that remember where they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from arkwright.errors import InputError, Problem

Scalar: TypeAlias = str | int | float | bool | None


class Node(NamedTuple):
    """One value of a document: a scalar, a list of nodes, or a mapping from key to node."""

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    source: str
    """Name of the document it was written in; with `include` one tree has several."""
    line: int
    """Line of the key it belongs to (of itself in a list), from 1; 0 where there are no lines."""
    text: str
    """How a scalar was written: `007`, `NO` and `12:30` stay what they were."""
    size: int
    """Nodes below and including this one, aliases counted each time they are used."""
    depth: int = 1
    """Levels below and including this one, aliases expanded; kept while a text is read."""

    @property
    def where(self) -> str:
        """`file:line`, or the source alone."""
        return f"{self.source}:{self.line}" if self.line else self.source


class Limits(NamedTuple):
    """What a document may cost. Nothing an honest factory or job file comes near."""

    size_bytes: int = 4 * 2**20
    depth: int = 64
    nodes: int = 200_000
    """After expansion of aliases, so that a few lines cannot become millions of values."""
    problems: int = 100
    """Problems reported before giving up on the rest."""


DEFAULT_LIMITS = Limits()


def where_of(tree: Node, key: str) -> str:
    """Where `key` (`sites.narvik.halls[0].gpus`) was written, or the nearest key above it that was.

    File and line as in `Node.where`.
    """
    node = tree
    for part in key.replace("[", ".[").split("."):
        if part.startswith("[") and isinstance(node.value, tuple):
            node = node.value[int(part[1:-1])]
        elif isinstance(node.value, dict) and part in node.value:
            node = node.value[part]
        else:
            break
    return node.where


def plain(value: Any, source: str, limits: Limits = DEFAULT_LIMITS) -> Node:
    """The tree of an already parsed JSON value (a request body), which has no lines.

    Raises InputError for values JSON does not have, and beyond `limits`.
    """
    return _plain(value, source, limits, 0)


def _plain(value: Any, source: str, limits: Limits, depth: int) -> Node:
    if depth > limits.depth:
        raise _refused(source, f"nested deeper than {limits.depth} levels", "flatten it")
    if value is None or isinstance(value, str | bool | int | float):
        trouble = unfit(value)
        if trouble:
            raise _refused(source, trouble, "send text and numbers a person could write")
        return Node(value, source, 0, _written(value), 1)
    if isinstance(value, Mapping):
        if any(unfit(str(key)) for key in value):
            raise _refused(source, "a key that is not text", "send keys a person could write")
        entries = {str(k): _plain(v, source, limits, depth + 1) for k, v in value.items()}
        node = Node(entries, source, 0, "", 1 + sum(n.size for n in entries.values()))
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        items = tuple(_plain(v, source, limits, depth + 1) for v in value)
        node = Node(items, source, 0, "", 1 + sum(n.size for n in items))
    else:
        raise _refused(source, f"a value of type {type(value).__name__}", "send JSON values only")
    if node.size > limits.nodes:
        raise _refused(source, f"more than {limits.nodes:,} values", "split the document")
    return node


def unfit(value: Scalar) -> str:
    """Why `value` cannot be passed on to a database, a process or a float; empty when it can."""
    if isinstance(value, str):
        if "\0" in value:
            return "a text with a NUL character"
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            return "a text with half a surrogate pair"
    elif isinstance(value, int) and value.bit_length() > _BITS_MAX:
        return "a number of more than 38 digits"
    return ""


_BITS_MAX = 128


def _written(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _refused(source: str, found: str, right: str) -> InputError:
    return InputError(f"cannot read {source}", [Problem(source, "", found, right)])
