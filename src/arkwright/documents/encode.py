"""Typed value to plain JSON values: the inverse of `decode`, quantities with their units."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any

import msgspec.inspect as types
from msgspec import Struct

from arkwright import units


def encode(value: Any) -> Any:
    """Plain dicts, lists and scalars that `decode` reads back to an equal value.

    Fields that hold their default are left out; quantities become text such as `2 h`, exact to the
    last bit, so that a specification can travel as JSON and be checked again on arrival.
    """
    if isinstance(value, Struct):
        return _struct(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {encode(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value


def _struct(value: Struct) -> dict[str, Any]:
    result = {}
    for name, written, info, default in _fields(type(value)):
        held = getattr(value, name)
        if held != default or type(held) is not type(default):
            result[written] = _field(held, info)
    return result


@cache
def _fields(cls: type[Struct]) -> tuple[tuple[str, str, types.Type, Any], ...]:
    info = types.type_info(cls)
    assert isinstance(info, types.StructType)
    return tuple((f.name, f.encode_name, f.type, default_of(f)) for f in info.fields)


def default_of(field: types.Field) -> Any:
    """The field's default, its factory's product, or NODEFAULT."""
    if callable(field.default_factory):
        return field.default_factory()
    return field.default


def _field(value: Any, info: types.Type) -> Any:
    unit = unit_of(info)
    if unit is not None and isinstance(value, float | int):
        return exact(float(value), unit)
    if isinstance(info, types.DictType) and unit_of(info.value_type) and isinstance(value, dict):
        return {encode(key): _field(item, info.value_type) for key, item in value.items()}
    if isinstance(info, types.VarTupleType) and unit_of(info.item_type):
        return [_field(item, info.item_type) for item in value]
    return encode(value)


def unit_of(info: types.Type) -> str | None:
    """The canonical unit of a quantity type, also inside Optional; None for anything else."""
    if isinstance(info, types.Metadata):
        unit = (info.extra or {}).get("unit")
        return unit if isinstance(unit, str) else unit_of(info.type)
    if isinstance(info, types.UnionType):
        return next((u for u in map(unit_of, info.types) if u), None)
    return None


def exact(value: float, unit: str) -> str:
    """`value` as text that parses back to the same float, in a pleasant unit where one does."""
    pleasant = units.render(value, unit)
    return pleasant if units.parse(pleasant, unit) == value else f"{value!r} {unit}"
