"""Tree to typed value: one walk over the type, every problem collected.

msgspec's own decoder stops at the first problem, does not know lines, and shows a mapping's key as
`[...]`. This walker reads the same annotations (through `msgspec.inspect`), so that types, schema
and documentation stay one declaration. A quantity (`Meta(extra={"unit": …})`) is text with a unit.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, TypeVar, cast

import msgspec.inspect as types

from arkwright import units
from arkwright.documents.tree import DEFAULT_LIMITS, Limits, Node
from arkwright.errors import ArkwrightError, InputError, Problem, UnitError

T = TypeVar("T")


def decode(node: Node, type_: type[T], limits: Limits = DEFAULT_LIMITS) -> T:
    """The value of `type_` that `node` describes; raises InputError with every problem found."""
    walk = _Walk(limits)
    value = walk.value(node, _info(cast(Any, type_)), "")
    if walk.wrongs:
        raise InputError(f"{node.source} is not valid", walk.problems[: limits.problems + 1])
    return cast(T, value)


@cache
def _info(type_: Any) -> types.Type:
    return types.type_info(type_)


_GUESS_MAX = 64


class _Wrong:
    """Stands for a value that could not be read; its problem is already noted."""


_WRONG: Final = _Wrong()


class _Walk:
    """One decoding; `problems` grows, `value` returns `_WRONG` where there is nothing to return."""

    def __init__(self, limits: Limits) -> None:
        self.problems: list[Problem] = []
        self.wrongs = 0
        """Everything that was wrong, also what is no longer listed."""
        self.limits = limits

    def wrong(self, node: Node, path: str, found: str, right: str) -> _Wrong:
        self.wrongs += 1
        if len(self.problems) == self.limits.problems:
            found, right = "there are more problems after this one", "correct the ones above first"
        if len(self.problems) <= self.limits.problems:
            self.problems.append(Problem(node.where, path, found, right))
        return _WRONG

    def value(self, node: Node, info: types.Type, path: str) -> Any:
        reader = _READERS.get(type(info))
        if reader is None:
            raise TypeError(f"documents cannot hold a {info!r}")
        return reader(self, node, info, path)

    def annotated(self, node: Node, info: types.Metadata, path: str) -> Any:
        if info.extra and "unit" in info.extra:
            return self.quantity(node, info, path)
        before = len(self.problems)
        value = self.value(node, info.type, path)
        shown = info.extra_json_schema or {}
        if "description" in shown and len(self.problems) > before:
            # What the declaration says a value is helps more than the pattern it failed.
            examples = "".join(f", for example {e}" for e in shown.get("examples", [])[:1])
            right = f"write {shown['description']}{examples}"
            self.problems[before] = self.problems[before]._replace(right=right)
        return value

    def boolean(self, node: Node, info: types.Type, path: str) -> Any:
        if isinstance(node.value, bool):
            return node.value
        return self.wrong(node, path, found(node), "write true or false")

    def nothing(self, node: Node, info: types.Type, path: str) -> Any:
        return self.wrong(node, path, found(node), "leave it out") if node.value else None

    def anything(self, node: Node, info: types.Type, path: str) -> Any:
        return _anything(node)

    def quantity(self, node: Node, info: types.Metadata, path: str) -> float | _Wrong:
        extra = info.extra or {}
        dimension = units.DIMENSIONS[extra["unit"]]
        if _is_number(node.value):
            right = f"write a {dimension.name} with its unit, for example '{dimension.example}'"
            return self.wrong(node, path, f"the bare number {node.text}", right)
        if not isinstance(node.value, str):
            right = f"write a {dimension.name}, for example '{dimension.example}'"
            return self.wrong(node, path, found(node), right)
        try:
            value = units.parse(node.value, dimension.unit)
        except UnitError as error:
            said, _, right = str(error).rpartition("; ")
            right = right or f"for example '{dimension.example}'"
            return self.wrong(node, path, _short(said or str(error), 300), right)
        least, most = extra.get("ge"), extra.get("le")
        if least is not None and value < least:
            right = f"it must be at least {units.render(least, dimension.unit)}"
            return self.wrong(node, path, found(node), right)
        if most is not None and value > most:
            right = f"it must be at most {units.render(most, dimension.unit)}"
            return self.wrong(node, path, found(node), right)
        if isinstance(info.type, types.FloatType) and not _within(value, info.type):
            right = f"use a {dimension.name}{_range(info.type, dimension.unit)}"
            return self.wrong(node, path, found(node), right)
        return value

    def union(self, node: Node, info: types.UnionType, path: str) -> Any:
        """The first member that reads the value cleanly; else the problems of the likeliest."""
        if node.value is None and any(isinstance(t, types.NoneType) for t in info.types):
            return None
        members = [t for t in info.types if not isinstance(t, types.NoneType)]
        if len(members) == 1:
            return self.value(node, members[0], path)
        likely = [t for t in members if _kind(t) is _kind_of(node)] or members
        tries = []
        for member in likely:
            attempt = _Walk(self.limits)
            result = attempt.value(node, member, path)
            if not attempt.wrongs:
                return result
            tries.append(attempt.problems)
        self.problems.extend(tries[0])
        self.wrongs += 1
        return _WRONG

    def struct(self, node: Node, info: types.StructType, path: str) -> Any:
        if node.value is None and not any(field.required for field in info.fields):
            return info.cls()
        if not isinstance(node.value, dict):
            known = ", ".join(f.encode_name for f in info.fields)
            return self.wrong(node, path, found(node), f"write a mapping with keys of: {known}")
        before = self.wrongs
        self.unknown(node, [f.encode_name for f in info.fields], path)
        values: dict[str, Any] = {}
        for field in info.fields:
            key = _join(path, field.encode_name)
            child = node.value.get(field.encode_name)
            if child is None:
                if field.required:
                    self.wrong(node, key, "it is missing", f"add {_example(field)}")
            elif child.value is None and not _takes_none(field.type):
                # `key:` with nothing after it means the same as leaving the key out.
                if field.required:
                    self.wrong(child, key, "it is empty", f"write {_example(field)}")
            else:
                values[field.name] = self.value(child, field.type, key)
        if self.wrongs > before:
            return _WRONG
        try:
            return info.cls(**values)
        except (ValueError, ArkwrightError) as error:
            return self.wrong(node, path, str(error), "")

    def unknown(self, node: Node, known: Sequence[str], path: str) -> None:
        assert isinstance(node.value, dict)
        for key, child in node.value.items():
            if key not in known:
                right = f"{self.near(key, known)}known keys: {', '.join(known)}"
                self.wrong(child, _join(path, key), "it is not a known key", right)

    def near(self, written: str, known: Sequence[str]) -> str:
        """A guess at what was meant; none for long texts and late problems, where it costs."""
        if len(written) > _GUESS_MAX or len(self.problems) >= self.limits.problems:
            return ""
        close = difflib.get_close_matches(written, known, n=1)
        return f"did you mean {close[0]}? " if close else ""

    def mapping(self, node: Node, info: types.DictType, path: str) -> Any:
        if not isinstance(node.value, dict):
            return self.wrong(node, path, found(node), "write a mapping of names to values")
        result = {}
        for key, child in node.value.items():
            named = child._replace(value=key, text=key)
            result[self.value(named, info.key_type, _join(path, key))] = self.value(
                child, info.value_type, _join(path, key)
            )
        return result

    def sequence(
        self, node: Node, info: types.VarTupleType | types.ListType | types.TupleType, path: str
    ) -> Any:
        if not isinstance(node.value, tuple):
            return self.wrong(node, path, found(node), "write a list, for example [a, b]")
        if isinstance(info, types.TupleType):
            if len(node.value) != len(info.item_types):
                right = f"write a list of {len(info.item_types)}"
                return self.wrong(node, path, f"a list of {len(node.value)}", right)
            kinds: Sequence[types.Type] = info.item_types
        else:
            kinds = [info.item_type] * len(node.value)
        items = [
            self.value(n, t, f"{path}[{i}]")
            for i, (n, t) in enumerate(zip(node.value, kinds, strict=True))
        ]
        return items if isinstance(info, types.ListType) else tuple(items)

    def choice(self, node: Node, info: types.EnumType | types.LiteralType, path: str) -> Any:
        if isinstance(info, types.EnumType):
            values: dict[str, Any] = {str(member.value): member for member in info.cls}
        else:
            values = {str(value): value for value in info.values}
        if isinstance(node.value, dict | tuple) or node.text not in values:
            hint = self.near(node.text, list(values))
            return self.wrong(node, path, found(node), f"{hint}use one of {', '.join(values)}")
        return values[node.text]

    def number(self, node: Node, info: types.IntType | types.FloatType, path: str) -> Any:
        value = node.value
        is_whole = isinstance(info, types.IntType)
        if not _is_number(value) or (is_whole and isinstance(value, float)):
            right = f"write {'a whole number' if is_whole else 'a number'}{_range(info)}"
            return self.wrong(node, path, found(node), right)
        number = cast(float, value)
        if not math.isfinite(number) or not _within(number, info):
            return self.wrong(node, path, found(node), f"use a number{_range(info)}")
        return number if is_whole else float(number)

    def text(self, node: Node, info: types.StrType, path: str) -> Any:
        if node.value is None or isinstance(node.value, dict | tuple):
            return self.wrong(node, path, found(node), "write text")
        # A number where text belongs (`command: [sleep, 5]`) is the text that was written.
        text = node.value if isinstance(node.value, str) else node.text
        if info.pattern is not None and not _pattern(info.pattern).search(text):
            right = f"it must match {info.pattern}"
            return self.wrong(node, path, found(node), right)
        if info.min_length is not None and len(text) < info.min_length:
            right = f"write at least {info.min_length} characters"
            return self.wrong(node, path, found(node), right)
        if info.max_length is not None and len(text) > info.max_length:
            right = f"write at most {info.max_length} characters"
            return self.wrong(node, path, found(node), right)
        return text


_READERS: dict[type, Callable[[_Walk, Node, Any, str], Any]] = {
    types.Metadata: _Walk.annotated,
    types.UnionType: _Walk.union,
    types.StructType: _Walk.struct,
    types.DictType: _Walk.mapping,
    types.VarTupleType: _Walk.sequence,
    types.ListType: _Walk.sequence,
    types.TupleType: _Walk.sequence,
    types.EnumType: _Walk.choice,
    types.LiteralType: _Walk.choice,
    types.IntType: _Walk.number,
    types.FloatType: _Walk.number,
    types.StrType: _Walk.text,
    types.BoolType: _Walk.boolean,
    types.NoneType: _Walk.nothing,
    types.AnyType: _Walk.anything,
}


def found(node: Node) -> str:
    """What is there, in words short enough for one line."""
    value = node.value
    if isinstance(value, dict):
        return "found a mapping"
    if isinstance(value, tuple):
        return "found a list"
    if value is None:
        return "found nothing"
    kind = "the text " if isinstance(value, str) else "the number " if _is_number(value) else ""
    return f"found {kind}{_short(repr(value) if isinstance(value, str) else node.text)}"


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """As JSON Schema means it: `$` is the end, not the place before a last newline."""
    return re.compile(rf"{pattern[:-1]}\Z" if pattern.endswith("$") else pattern)


def _short(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _join(path: str, key: str) -> str:
    return f"{path}.{_short(key)}" if path else _short(key)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(value: float, info: types.IntType | types.FloatType) -> bool:
    return (
        (info.ge is None or value >= info.ge)
        and (info.gt is None or value > info.gt)
        and (info.le is None or value <= info.le)
        and (info.lt is None or value < info.lt)
        and (info.multiple_of is None or value % info.multiple_of == 0)
    )


def _range(info: types.IntType | types.FloatType, unit: str = "") -> str:
    bounds = (
        ("of at least", info.ge), ("above", info.gt), ("of at most", info.le), ("below", info.lt),
        ("in steps of", info.multiple_of),
    )  # fmt: skip
    said = [
        f"{word} {units.render(bound, unit) if unit else f'{bound:g}'}"
        for word, bound in bounds
        if bound is not None
    ]
    return f" {' and '.join(said)}" if said else ""


def _takes_none(info: types.Type) -> bool:
    if isinstance(info, types.UnionType):
        return any(_takes_none(member) for member in info.types)
    return isinstance(info, types.NoneType | types.AnyType)


def _example(field: types.Field) -> str:
    info = field.type
    if isinstance(info, types.Metadata) and info.extra and "unit" in info.extra:
        return f"{field.encode_name}: {units.DIMENSIONS[info.extra['unit']].example}"
    if isinstance(info, types.EnumType):
        return f"{field.encode_name}: {' | '.join(str(m.value) for m in info.cls)}"
    return f"{field.encode_name}: …"


def _kind(info: types.Type) -> type:
    match info:
        case types.Metadata(extra={"unit": str()}):
            return str
        case types.Metadata():
            return _kind(info.type)
        case types.StructType() | types.DictType():
            return dict
        case types.VarTupleType() | types.ListType() | types.TupleType():
            return tuple
        case types.BoolType():
            return bool
        case types.IntType() | types.FloatType():
            return float
        case _:
            return str


def _kind_of(node: Node) -> type:
    return float if _is_number(node.value) else type(node.value)


def _anything(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _anything(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [_anything(child) for child in node.value]
    return node.value
