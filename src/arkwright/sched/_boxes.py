"""How compiled kernels receive a state: by one reference, not as sixty arrays.

A NamedTuple of sixty arrays is passed to every compiled callee member by member, which makes
compilation three times as slow, and the code as well. The same fields in a Numba structure
reference are one pointer. Imports Numba, so only `_jit.compiled` may import this module.
"""

from __future__ import annotations

import hashlib
from typing import Any

from numba.core import types
from numba.experimental import structref

from arkwright.sched.advance import Trip
from arkwright.sched.state import State
from arkwright.sched.work import Work


class _ShortlyNamed(types.StructRef):
    """A structure whose type does not spell out its hundred fields.

    A type's name is part of the symbol of every kernel that takes it, and symbols stand at every
    call: spelled out, they are most of what the compiler reads.
    """

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)  # type: ignore[no-untyped-call]
        spelled = hashlib.sha256(self.name.encode()).hexdigest()[:12]
        self.name = f"arkwright.{type(self).__name__}.{spelled}"


@structref.register
class StateType(_ShortlyNamed):
    """Numba's view of `State`."""


@structref.register
class WorkType(_ShortlyNamed):
    """Numba's view of `Work`."""


@structref.register
class TripType(_ShortlyNamed):
    """Numba's view of `Trip`."""


class StateBox(structref.StructRefProxy):
    """A `State` for compiled kernels; its arrays are the state's own."""


class WorkBox(structref.StructRefProxy):
    """A `Work` for compiled kernels."""


class TripBox(structref.StructRefProxy):
    """A `Trip` for compiled kernels."""


_define: Any = structref.define_proxy
_define(StateBox, StateType, list(State._fields))
_define(WorkBox, WorkType, list(Work._fields))
_define(TripBox, TripType, list(Trip._fields))

_BOXES: dict[type, Any] = {State: StateBox, Work: WorkBox, Trip: TripBox}


def boxed(fields: State | Work | Trip) -> Any:
    """The same arrays, behind one reference; what a kernel writes is written in them."""
    return _BOXES[type(fields)](*fields)
