"""Type to JSON Schema (2020-12), for editors that complete and check a file while it is written.

Written out rather than taken from msgspec, whose generator calls every float a number; here a
quantity is a text with a unit, and its pattern, unit and examples come from `units`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from enum import Enum
from functools import cache
from typing import Any

import msgspec
import msgspec.inspect as types

from arkwright.documents.encode import default_of, encode, exact, unit_of


def schema(type_: type[msgspec.Struct], title: str = "") -> dict[str, Any]:
    """The JSON Schema of `type_`: nested structs under `$defs`, unknown keys refused."""
    definitions: dict[str, Any] = {}
    info = types.type_info(type_)
    assert isinstance(info, types.StructType)
    root = _struct(info, definitions)
    definitions.pop(type_.__name__, None)
    named = {"title": title} if title else {}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | root | named | {"$defs": dict(sorted(definitions.items()))}


def _struct(info: types.StructType, definitions: dict[str, Any]) -> dict[str, Any]:
    notes = _attribute_notes(info.cls)
    properties: dict[str, Any] = {}
    # Entered before its fields, so that a type that contains itself ends.
    definitions[info.cls.__name__] = result = {
        "title": info.cls.__name__,
        "description": inspect.cleandoc(info.cls.__doc__ or ""),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [field.encode_name for field in info.fields if field.required],
    }
    for field in info.fields:
        entry = _type(field.type, definitions)
        if field.name in notes:
            entry = entry | {"description": notes[field.name]}
        default = _default(field)
        properties[field.encode_name] = entry if default is None else entry | {"default": default}
    return result


def _type(info: types.Type, definitions: dict[str, Any]) -> dict[str, Any]:
    match info:
        case types.Metadata(extra={"unit": unit}):
            return {**(info.extra_json_schema or {}), "x-unit": unit}
        case types.Metadata():
            return _type(info.type, definitions) | (info.extra_json_schema or {})
        case types.UnionType():
            return {"anyOf": [_type(member, definitions) for member in info.types]}
        case types.StructType():
            if info.cls.__name__ not in definitions:
                _struct(info, definitions)
            return {"$ref": f"#/$defs/{info.cls.__name__}"}
        case types.EnumType():
            return {"enum": [member.value for member in info.cls]}
        case types.LiteralType():
            return {"enum": list(info.values)}
        case types.IntType() | types.FloatType() | types.StrType():
            return _scalar(info)
        case _:
            return _collection(info, definitions)


def _collection(info: types.Type, definitions: dict[str, Any]) -> dict[str, Any]:
    match info:
        case types.DictType():
            keys = _type(info.key_type, definitions)
            values = _type(info.value_type, definitions)
            names = {"propertyNames": keys} if "pattern" in keys else {}
            return {"type": "object", "additionalProperties": values, **names}
        case types.VarTupleType() | types.ListType():
            return {"type": "array", "items": _type(info.item_type, definitions)}
        case types.TupleType():
            items = [_type(item, definitions) for item in info.item_types]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
        case types.BoolType():
            return {"type": "boolean"}
        case types.NoneType():
            return {"type": "null"}
        case _:
            return {}


def _scalar(info: types.IntType | types.FloatType | types.StrType) -> dict[str, Any]:
    match info:
        case types.IntType() | types.FloatType():
            kind = "integer" if isinstance(info, types.IntType) else "number"
            bounds = {
                "minimum": info.ge, "exclusiveMinimum": info.gt, "maximum": info.le,
                "exclusiveMaximum": info.lt, "multipleOf": info.multiple_of,
            }  # fmt: skip
            return {"type": kind} | {k: v for k, v in bounds.items() if v is not None}
        case types.StrType(pattern=None):
            # `decode` takes a number as the text that was written, so an editor should too.
            return {"type": ["string", "number", "boolean"]}
        case types.StrType():
            return {"type": "string", "pattern": info.pattern}


def _default(field: types.Field) -> Any:
    default = default_of(field)
    if default is msgspec.NODEFAULT or default is None:
        return None
    unit = unit_of(field.type)
    if unit is not None and isinstance(default, float | int):
        return exact(float(default), unit)
    return default.value if isinstance(default, Enum) else encode(default)


@cache
def _attribute_notes(cls: type) -> dict[str, str]:
    """The docstrings under `cls`'s attributes, which Python itself throws away."""
    try:
        source = inspect.getsource(cls)
    except OSError:
        return {}
    body = ast.parse(textwrap.dedent(source)).body[0]
    notes: dict[str, str] = {}
    if isinstance(body, ast.ClassDef):
        for statement, following in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            ):
                notes[statement.target.id] = inspect.cleandoc(following.value.value)
    return notes
