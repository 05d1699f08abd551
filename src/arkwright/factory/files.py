"""The one module that reads factory files: a file and what it includes, as one tree."""

from __future__ import annotations

from pathlib import Path

from arkwright import documents
from arkwright.documents import Limits, Node
from arkwright.errors import InputError, Problem

_FILES_MAX = 32
"""Files one factory may be written in."""


def tree(path: Path) -> Node:
    """The merged tree of the file at `path`; nodes keep the file and line they came from.

    A key of an including file wins over the included one; mappings are merged key by key, anything
    else is replaced. Raises InputError for unreadable files, cycles and escapes.
    """
    return _with_includes(path, path.name, (), [])


def _with_includes(path: Path, name: str, above: tuple[Path, ...], read: list[Path]) -> Node:
    real = path.resolve()
    read.append(real)
    node = documents.parse(documents.read(path), name)
    include = node.value.get("include") if isinstance(node.value, dict) else None
    if include is None:
        return node
    merged: Node | None = None
    for entry in _entries(include):
        written = entry.text
        target = path.parent / written
        if Path(written).is_absolute():
            raise _refused(entry, f"the absolute path {written}", "name it relative to this file")
        if target.resolve() in (*above, real):
            raise _refused(entry, f"{written} includes itself", "break the cycle")
        if len(read) >= _FILES_MAX:
            raise _refused(entry, f"more than {_FILES_MAX} files", "include fewer files")
        part = _with_includes(target, written, (*above, real), read)
        merged = part if merged is None else merge(merged, part)
    whole = node if merged is None else merge(merged, node)
    if whole.size > Limits().nodes:
        right = "split the factory"
        raise _refused(include, f"the files together hold {whole.size:,} values", right)
    return whole


def _entries(include: Node) -> tuple[Node, ...]:
    entries = include.value if isinstance(include.value, tuple) else (include,)
    for entry in entries:
        if not isinstance(entry.value, str):
            raise _refused(entry, "it is not a file name", "write a file name or a list of them")
    return entries


def _refused(node: Node, found: str, right: str) -> InputError:
    problem = Problem(node.where, "include", found, right)
    return InputError(f"cannot read {node.source}", [problem])


def merge(below: Node, above: Node) -> Node:
    """`below` with the keys of `above` laid over it."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    entries = dict(below.value)
    for key, node in above.value.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return above._replace(value=entries, size=1 + sum(node.size for node in entries.values()))
