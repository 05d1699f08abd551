"""Kernels that Numba lowers one by one and optimises as a whole, once.

Numba by itself makes every function a library of its own: optimised and turned into machine code
with all it calls in it, again at each level of the calls. With some 300 kernels, fifteen levels
deep, that is minutes. Here an inner kernel ends as unoptimised intermediate code; only an entry
links all it calls, however deep, and is compiled. Inner kernels cannot be called from Python.

Imports Numba, so only `_jit.compiled` may import this module. It leans on how Numba's libraries
finalise, which no promise of theirs covers: the versions are bounded in pyproject.toml, and every
compiled test runs through here.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class EntryCompiler(Compiler):
    """For a kernel that Python calls."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        if library is None:
            library = _EntryLibrary(target.codegen(), "entry")  # type: ignore[no-untyped-call]
            library.enable_object_caching()
        super().__init__(typing, target, library, *rest)  # type: ignore[no-untyped-call]


class InnerCompiler(Compiler):
    """For a kernel that only other kernels call."""

    def __init__(
        self, typing: Any, target: Any, library: Any, args: Any, result: Any, flags: Any, names: Any
    ) -> None:
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        if library is None:
            library = _InnerLibrary(target.codegen(), "inner")  # type: ignore[no-untyped-call]
        super().__init__(  # type: ignore[no-untyped-call]
            typing, target, library, args, result, flags, names
        )


class _EntryLibrary(JITCodeLibrary):
    def finalize(self) -> None:
        self._linking_libraries = _below(self._linking_libraries)
        super().finalize()  # type: ignore[no-untyped-call]


class _InnerLibrary(JITCodeLibrary):
    def finalize(self) -> None:
        """Leave the code as it is: the entry's library links and compiles it."""
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Null: there is no machine code to call."""
        return 0

    @property
    def codegen(self) -> Any:
        """What is asked to set the environment of the function, which has no machine code."""
        return _NoEnvironment


class _NoEnvironment:
    @staticmethod
    def set_env(env_name: str, env: object) -> None:
        """Nothing to set."""


def _below(direct: list[Any]) -> list[Any]:
    """All libraries that are called, however deep; each once, after every library that calls it.

    The order matters: linking drops what nothing linked before it refers to.
    """
    called_first: dict[int, Any] = {}

    def visit(library: Any) -> None:
        if id(library) not in called_first:
            if isinstance(library, _InnerLibrary):
                for below in library._linking_libraries:
                    visit(below)
            called_first[id(library)] = library

    for library in direct:
        visit(library)
    return list(reversed(called_first.values()))
