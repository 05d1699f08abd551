"""How compiled kernels receive a state: by the address of a table of its arrays.

A NamedTuple of a hundred arrays would be passed to every compiled callee member by member, and each
time an array is looked at it would be counted as used and, after, as unused no more. Here a kernel
gets one pointer, and a field is an array that nobody counts: the caller holds the arrays for as
long as the call lasts, and no kernel replaces one. The compiler is told so and keeps the pointers
it has read. Imports Numba, so only `_jit.compiled` may import this module.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending as untyped_extending
from numba.core import types
from numba.core.typing.templates import AttributeTemplate
from numba.np import arrayobj as untyped_arrayobj

from arkwright.sched.attempts import Trip
from arkwright.sched.state import State
from arkwright.sched.work import Work

extending: Any = untyped_extending
arrayobj: Any = untyped_arrayobj

_WORDS: Final = 3
"""Of a field in the table: where its data lies, and its length along up to two axes."""

_ITEM_BYTES: Final = 8


class ColumnsType(types.Type):
    """Numba's view of a NamedTuple of C-contiguous int64 arrays."""

    def __init__(self, name: str, axes: tuple[tuple[str, int], ...]) -> None:
        # The name is part of the symbol of every kernel: short, and another for other fields.
        spelled = hashlib.sha256(repr(axes).encode()).hexdigest()[:12]
        super().__init__(f"arkwright.{name}.{spelled}")
        self.places = {field: place for place, (field, _) in enumerate(axes)}
        self.arrays = [types.Array(types.int64, count, "C") for _, count in axes]


class Box:
    """The arrays of a state, a workspace or a trip, for one call of a compiled kernel."""

    __slots__ = ("_fields", "_numba_type_", "_table", "address")

    def __init__(self, fields: State | Work | Trip) -> None:
        self._fields = fields
        self._numba_type_ = _type_of(fields)
        table = [
            (array.__array_interface__["data"][0], *array.shape, *(2 - array.ndim) * (0,))
            for array in fields
        ]
        self._table = np.array(table, np.int64)
        self.address = self._table.__array_interface__["data"][0]


def boxed(fields: State | Work | Trip) -> Box:
    """The same arrays, behind one reference; what a kernel writes is written in them."""
    return Box(fields)


_TYPES: dict[type, ColumnsType] = {}


def _type_of(fields: State | Work | Trip) -> ColumnsType:
    kind = type(fields)
    if kind not in _TYPES:
        axes = [(name, array.ndim) for name, array in zip(kind._fields, fields, strict=True)]
        _TYPES[kind] = ColumnsType(kind.__name__, tuple(axes))
    return _TYPES[kind]


extending.register_model(ColumnsType)(extending.models.OpaqueModel)


@extending.infer_getattr
class _ColumnsAttribute(AttributeTemplate):
    key = ColumnsType

    def generic_resolve(self, columns: Any, name: Any) -> Any:  # type: ignore[override]
        return columns.arrays[columns.places[name]]


@extending.unbox(ColumnsType)  # type: ignore[untyped-decorator]
def _address(columns: ColumnsType, box: Any, context: Any) -> Any:
    number = context.pyapi.object_getattr_string(box, "address")
    address = context.pyapi.long_as_voidptr(number)
    context.pyapi.decref(number)
    return extending.NativeValue(address)


@extending.lower_getattr_generic(ColumnsType)  # type: ignore[untyped-decorator]
def _field(context: Any, builder: Any, columns: ColumnsType, table: Any, name: str) -> Any:
    word_type = context.get_value_type(types.intp)
    words = builder.bitcast(table, word_type.as_pointer())
    first = _WORDS * columns.places[name]

    def word(offset: int) -> Any:
        loaded = builder.load(builder.gep(words, [ir.Constant(word_type, first + offset)]))
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    array_type = columns.arrays[columns.places[name]]
    array = context.make_array(array_type)(context, builder)
    shape = [word(1 + axis) for axis in range(array_type.ndim)]
    item = ir.Constant(word_type, _ITEM_BYTES)
    strides = [item] if array_type.ndim == 1 else [builder.mul(shape[1], item), item]
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(word(0), word_type.as_pointer()),
        shape=shape,
        strides=strides,
        itemsize=item,
        meminfo=None,
        parent=None,
    )
    return array._getvalue()
