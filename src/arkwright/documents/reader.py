"""Bytes to tree: YAML 1.2 core values read from libyaml's event stream, within limits.

The tree is built from events rather than by PyYAML's constructors, so that lines survive, duplicate
keys are seen, nesting cannot exhaust the stack, and an alias bomb is counted, never expanded.
Scalars follow the YAML 1.2 core schema: only `true` and `false` are booleans, so the country `NO`
and the key `on` stay text, and so do dates and `12:30`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from arkwright.documents.tree import DEFAULT_LIMITS, Limits, Node, Scalar, unfit
from arkwright.errors import InputError, Problem

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: some twenty times faster than the Python parser."""


def parse(data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Node:
    """Read one YAML or JSON document; `name` is what problems call it.

    Raises InputError with every problem that can be told apart: encoding, size, syntax, duplicate
    keys, tags, several documents, nothing at all.
    """
    text = _text(data, name, limits)
    builder = _Builder(name, limits)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        builder.problems.append(_syntax(error, text, name))
    except RecursionError:
        builder.refuse(0, "", "it is nested too deeply to read", "flatten it")
    if not builder.problems and builder.root is None:
        builder.refuse(0, "", "the document is empty", "write at least one key")
    if builder.problems or builder.root is None:
        raise InputError(f"cannot read {name}", builder.problems[: limits.problems])
    return builder.root


def read(path: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of the file at `path`, never more than the limit; raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.size_bytes + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = Problem(str(path), "", reason, "name a file that exists and that you may read")
        raise InputError(f"cannot read {path}", [problem]) from None
    if len(data) > limits.size_bytes:
        raise _too_large(str(path), limits)
    return data


def _text(data: bytes, name: str, limits: Limits) -> str:
    if len(data) > limits.size_bytes:
        raise _too_large(name, limits)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise _unreadable(name, line, "a NUL byte: this is not a text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(name, line, f"byte 0x{data[error.start]:02x} is not UTF-8") from None


def _too_large(name: str, limits: Limits) -> InputError:
    found = f"the file is larger than {limits.size_bytes / 2**20:g} MiB"
    right = "give a factory or job file; logs, traces and data belong elsewhere"
    return InputError(f"cannot read {name}", [Problem(name, "", found, right)])


def _unreadable(name: str, line: int, found: str) -> InputError:
    problem = Problem(f"{name}:{line}", "", found, "save it as UTF-8 text")
    return InputError(f"cannot read {name}", [problem])


def _syntax(error: yaml.YAMLError, text: str, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is None:
        return Problem(name, "", str(said), "write plain YAML text")
    lines = text.splitlines()
    written = lines[mark.line] if mark.line < len(lines) else ""
    indent = written[: len(written) - len(written.lstrip())]
    if "\t" in indent or written[mark.column : mark.column + 1] == "\t":
        return Problem(f"{name}:{mark.line + 1}", "", "a tab", "indent with spaces only")
    right = "check indentation, colons, quotes and brackets here and just above"
    return Problem(f"{name}:{mark.line + 1}", "", f"not YAML: {said}", right)


class _Frame:
    """A list or mapping that is still open."""

    def __init__(self, line: int, key: str, anchor: str | None, is_mapping: bool) -> None:
        self.line, self.key, self.anchor = line, key, anchor
        self.items: list[Node] = []
        self.entries: dict[str, Node] | None = {} if is_mapping else None
        self.key_lines: dict[str, int] = {}
        self.pending: tuple[str, int] | None = None
        self.size = 1
        self.depth = 1


class _Builder:
    """Takes events one by one; holds the open frames, the anchors and the problems so far."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, Node] = {}
        self.documents = 0
        self.total = 0

    def refuse(self, line: int, key: str, found: str, right: str) -> None:
        self.problems.append(
            Problem(f"{self.name}:{line}" if line else self.name, key[:200], found, right)
        )

    def stop(self, line: int, found: str, right: str) -> InputError:
        self.refuse(line, self.path(), found, right)
        return InputError(f"cannot read {self.name}", self.problems)

    def path(self) -> str:
        return ".".join(frame.key for frame in self.stack if frame.key)

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.open(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.stop(line, "a second document (---)", "one document per file")

    def scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        trouble = unfit(event.value)
        if trouble:
            raise self.stop(line, trouble, "write text a person could read")
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.entries is not None and frame.pending is None:
            self.begin_entry(frame, event.value, line)
            return
        value = self.resolve(event, line)
        self.add(Node(value, self.name, self.line_of(line), event.value, 1), event.anchor, line)

    def resolve(self, event: yaml.ScalarEvent, line: int) -> Scalar:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.refuse(line, self.key_here(), f"the tag {event.tag}", "write the value alone")
        is_plain = event.implicit[0] and event.tag is None
        return _core(event.value) if is_plain else str(event.value)

    def begin_entry(self, frame: _Frame, key: str, line: int) -> None:
        if key == "<<":
            right = "write the keys out, or use include"
            self.refuse(line, self.path(), "a merge key (<<)", right)
        elif key in frame.key_lines:
            where = ".".join(part for part in (self.path(), key) if part)
            found = f"the key is given twice, first on line {frame.key_lines[key]}"
            self.refuse(line, where, found, "keep one")
        frame.key_lines.setdefault(key, line)
        frame.pending = (key, line)

    def alias(self, event: yaml.AliasEvent, line: int) -> None:
        target = self.anchors.get(event.anchor or "")
        if target is None:
            right = "anchors must be complete before they are used"
            raise self.stop(line, f"the alias *{event.anchor} has no anchor", right)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.entries is not None and frame.pending is None:
            raise self.stop(line, "an alias used as a key", "write the key out")
        self.add(target, None, line)

    def open(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if self.stack and self.stack[-1].entries is not None and self.stack[-1].pending is None:
            raise self.stop(line, "a list or mapping used as a key", "keys are text")
        if len(self.stack) >= self.limits.depth:
            raise self.stop(line, f"nested deeper than {self.limits.depth} levels", "flatten it")
        if event.tag is not None:
            self.refuse(line, self.key_here(), f"the tag {event.tag}", "write the value alone")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        key = self.stack[-1].pending[0] if self.stack and self.stack[-1].pending else ""
        self.stack.append(_Frame(self.line_of(line), key, event.anchor, is_mapping))

    def close(self) -> None:
        frame = self.stack.pop()
        value = tuple(frame.items) if frame.entries is None else frame.entries
        node = Node(value, self.name, frame.line, "", frame.size, frame.depth)
        self.add(node, frame.anchor, frame.line)

    def add(self, node: Node, anchor: str | None, line: int) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += node.size
        frame.depth = max(frame.depth, node.depth + 1)
        # An alias brings its own levels, which its few characters do not show.
        if len(self.stack) + node.depth > self.limits.depth + 1:
            raise self.stop(line, f"nested deeper than {self.limits.depth} levels", "flatten it")
        # `total` counts what was written: the parts of a collection were counted when they joined
        # it. `frame.size` counts what it stands for, aliases expanded.
        self.total += node.size if node.value.__class__ not in (tuple, dict) else 1
        if max(self.total, frame.size) > self.limits.nodes:
            found = f"it expands to more than {self.limits.nodes:,} values"
            raise self.stop(line, found, "use fewer or smaller aliases, or split the file")
        if frame.entries is None:
            frame.items.append(node)
        elif frame.pending is not None:
            frame.entries.setdefault(frame.pending[0], node)
            frame.pending = None

    def line_of(self, line: int) -> int:
        """The key's line where there is one: that is what a person looks for."""
        frame = self.stack[-1] if self.stack else None
        return frame.pending[1] if frame is not None and frame.pending is not None else line

    def key_here(self) -> str:
        frame = self.stack[-1] if self.stack else None
        last = frame.pending[0] if frame is not None and frame.pending is not None else ""
        return ".".join(part for part in (self.path(), last) if part)


_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,38})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,4})?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def _core(text: str) -> Scalar:
    """The value of a plain scalar. Leading zeros stay text: readers disagree what they mean."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and not _LEADING_ZERO.match(text):
        return float(text)
    return text


def lines_of(node: Node) -> Iterator[tuple[str, Node]]:
    """Every node below `node` with its key path, in document order."""
    stack: list[tuple[str, Node]] = [("", node)]
    while stack:
        path, current = stack.pop()
        yield path, current
        if isinstance(current.value, dict):
            parts = [(f"{path}.{k}" if path else k, v) for k, v in current.value.items()]
            stack.extend(reversed(parts))
        elif isinstance(current.value, tuple):
            stack.extend(reversed([(f"{path}[{i}]", v) for i, v in enumerate(current.value)]))
