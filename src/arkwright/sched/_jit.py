"""The kernels twice from one source: interpreted as they are, or compiled by Numba.

A compiled kernel is the same text executed in a second set of modules whose functions are all
wrapped by `njit`; nothing is written twice. Numba's cache does not notice that a callee in another
file changed, so its folder is named by a hash of every kernel source and of the versions.
Numba is imported only when `compiled` is called: a small server never pays for it.
"""

from __future__ import annotations

import hashlib
import inspect
import platform
import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

from arkwright.sched import (
    advance,
    attempts,
    budget,
    calendar,
    capacity,
    claims,
    codes,
    conservative,
    constraints,
    decide,
    draw,
    entitled,
    evict,
    fragments,
    gpus,
    groups,
    index,
    mask,
    moves,
    order,
    placement,
    plan,
    power,
    quota_events,
    rails,
    reservation,
    score,
    segments,
    shadow,
    shadow_time,
    share,
    spread,
    together,
    transitions,
    tree,
    victims,
    windows,
)
from arkwright.sched import eviction as eviction_module
from arkwright.sched import state as state_module
from arkwright.sched import work as work_module
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work

KERNEL_MODULES: Final = (
    order,
    moves,
    claims,
    mask,
    draw,
    fragments,
    together,
    gpus,
    rails,
    score,
    capacity,
    tree,
    power,
    calendar,
    windows,
    budget,
    share,
    constraints,
    quota_events,
    transitions,
    index,
    segments,
    spread,
    placement,
    groups,
    shadow,
    shadow_time,
    reservation,
    plan,
    conservative,
    entitled,
    victims,
    evict,
    decide,
    attempts,
    advance,
)
"""Lower ones first: each sees only compiled versions of those before it."""

ENTRIES: Final = ("decide", "advance")
"""The kernels that Python calls."""


class Kernels(NamedTuple):
    """The two entry points, in one of the two forms."""

    decide: Callable[[State, Work, int, int, Ints], int]
    advance: Callable[[State, Work, Ints, attempts.Trip, int, int, int], int]


INTERPRETED: Final = Kernels(decide.decide, advance.advance)


@cache
def compiled(cache_folder: str | None = None, bounds_check: bool = False) -> Kernels:
    """The kernels compiled on first call (a minute), or read back from `cache_folder`.

    With `bounds_check` an index out of range raises, as it does interpreted; for tests.
    """
    import numba

    from arkwright.sched._whole import EntryCompiler, InnerCompiler

    settings: Any = numba.config
    kept = settings.CACHE_DIR
    if cache_folder is not None:
        settings.CACHE_DIR = f"{cache_folder}/{kernel_key()}{'-checked' * bounds_check}"
    try:
        twins = _compiled_modules(
            numba.njit(
                pipeline_class=EntryCompiler,
                cache=cache_folder is not None,
                boundscheck=bounds_check,
            ),
            numba.njit(pipeline_class=InnerCompiler, boundscheck=bounds_check),
        )
    finally:
        settings.CACHE_DIR = kept
    return _taking_tuples(twins["decide"].decide, twins["advance"].advance)


def kernel_key() -> str:
    """Changes with any source a compiled kernel depends on, and with Numba, NumPy and Python.

    Constants are compiled in and fields are found by position, so their modules count too.
    """
    import numba
    import numpy

    from arkwright.sched import _boxes, _whole

    digest = hashlib.sha256()
    for module in (
        *KERNEL_MODULES,
        codes,
        eviction_module,
        state_module,
        work_module,
        _boxes,
        _whole,
        sys.modules[__name__],
    ):
        digest.update(inspect.getsource(module).encode())
    for text in (numba.__version__, numpy.__version__, platform.python_version()):
        digest.update(text.encode())
    return digest.hexdigest()[:16]


def _taking_tuples(decide_box: Callable[..., int], advance_box: Callable[..., int]) -> Kernels:
    """The compiled entry points with the signatures of the interpreted ones."""
    from arkwright.sched._boxes import boxed

    def decide_compiled(state: State, work: Work, now_ms: int, mode: int, out: Ints) -> int:
        return decide_box(boxed(state), boxed(work), now_ms, mode, out)

    def advance_compiled(
        state: State,
        work: Work,
        events: Ints,
        trip: attempts.Trip,
        now_ms: int,
        until_ms: int,
        mode: int,
    ) -> int:
        return advance_box(boxed(state), boxed(work), events, boxed(trip), now_ms, until_ms, mode)

    return Kernels(decide_compiled, advance_compiled)


def _compiled_modules(
    as_entry: Callable[[Any], Any], as_inner: Callable[[Any], Any]
) -> dict[str, types.ModuleType]:
    twins: dict[str, types.ModuleType] = {}
    for module in KERNEL_MODULES:
        name = module.__name__.rpartition(".")[2]
        twin = types.ModuleType(f"{module.__name__}__compiled")
        twin.__file__ = module.__file__
        sys.modules[twin.__name__] = twin  # a cached kernel looks its module up by name
        code = compile(inspect.getsource(module), str(module.__file__), "exec")
        exec(code, twin.__dict__)
        for key, value in list(twin.__dict__.items()):
            if key in twins and isinstance(value, types.ModuleType):
                setattr(twin, key, twins[key])
            elif isinstance(value, types.FunctionType) and value.__module__ == twin.__name__:
                setattr(twin, key, as_entry(value) if key in ENTRIES else as_inner(value))
        twins[name] = twin
    return twins
