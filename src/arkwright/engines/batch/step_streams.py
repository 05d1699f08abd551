"""Standard streams of a step's tasks: passed on as they are, labelled, or into files.

Tasks write straight to srun's own output, unless each line is to carry its task's number. Standard
library only.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arkwright.engines.attempt_files import Plan
from arkwright.engines.batch.batch_environment import job_number, node_names
from arkwright.engines.batch.patterns import filled, job_values
from arkwright.engines.batch.step_layout import Layout, Task
from arkwright.engines.batch.terminal import Terminal

PIECE = 1 << 16
MODE = 0o644


class _Label:
    """Lines of one task's stream, each behind the task's number."""

    def __init__(self, prefix: bytes, target: int) -> None:
        self.prefix = prefix
        self.target = target
        self.rest = b""

    def write(self, piece: bytes) -> None:
        """Pass on every whole line; at the end (no piece) what is left."""
        *lines, self.rest = (self.rest + piece).split(b"\n")
        if not piece and self.rest:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            _write(self.target, self.prefix + line + b"\n")


class _Broadcast:
    """Standard input for several tasks: all of it to each."""

    def __init__(self) -> None:
        self.targets: list[int] = []


class StepStreams:
    """The streams of one step."""

    def __init__(
        self,
        given: Mapping[str, str],
        plan: Plan,
        layout: Layout,
        number: int,
        terminal: Terminal | None,
    ) -> None:
        self._given = given
        self._plan = plan
        self._layout = layout
        self._number = number
        self._terminal = terminal
        self._names = node_names(plan)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._files: dict[str, int] = {}
        self._pipes: dict[int, _Label] = {}
        self._mine: list[int] = []
        self._broadcast = _Broadcast()
        self._width = len(str(len(layout.tasks) - 1))

    def of(self, task: Task) -> tuple[int, int, int]:
        """Descriptors for a task, to be sent at once; see `given`. Raises OSError."""
        if self._terminal is not None:
            return (self._terminal.inner,) * 3
        return (
            self._input(task),
            self._target("output", sys.stdout.fileno(), task),
            self._target("error" if "error" in self._given or "output" not in self._given
                         else "output", sys.stderr.fileno(), task),
        )  # fmt: skip

    def given(self, _task: Task) -> None:
        """The task has its descriptors: those of its pipes' other ends are closed here."""
        for handle in self._mine:
            os.close(handle)
        self._mine = []

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have `pass_on` called for what tasks write, and for what they are to read."""
        for handle in self._pipes:
            selector.register(handle, selectors.EVENT_READ, self)
        if self._broadcast.targets:
            with contextlib.suppress(PermissionError):  # a regular file cannot be waited for
                selector.register(0, selectors.EVENT_READ, self)
                return
            while self._feed(selector):
                pass
        if self._terminal is not None:
            self._terminal.register(selector, self)

    def pass_on(self, key: selectors.SelectorKey, selector: selectors.BaseSelector) -> None:
        """One piece of what is there."""
        handle = int(key.fd)
        if self._terminal is not None and self._terminal.pass_on(handle, selector):
            return
        if handle == 0:
            self._feed(selector)
            return
        label = self._pipes[handle]
        piece = os.read(handle, PIECE)
        label.write(piece)
        if not piece:
            selector.unregister(handle)
            os.close(handle)
            del self._pipes[handle]

    def drain(self, selector: selectors.BaseSelector) -> None:
        """What is left in pipes when every task has ended, without waiting for their children."""
        for handle, label in list(self._pipes.items()):
            os.set_blocking(handle, False)
            with contextlib.suppress(BlockingIOError):
                while piece := os.read(handle, PIECE):
                    label.write(piece)
            label.write(b"")
            selector.unregister(handle)
        if self._terminal is not None:
            self._terminal.drain()

    def close(self) -> None:
        """Close what is ours."""
        for handle in (*self._pipes, *self._files.values(), *self._broadcast.targets, self._null):
            with contextlib.suppress(OSError):
                os.close(handle)

    def _input(self, task: Task) -> int:
        wanted = self._given.get("input", "all")
        if wanted == "none" or (wanted.isdecimal() and int(wanted) != task.rank):
            return self._null
        if wanted != "all" and not wanted.isdecimal():
            return self._file(self._path(wanted, task), os.O_RDONLY)
        if len(self._layout.tasks) == 1 or wanted.isdecimal():
            return 0
        if _is_null(0):
            return self._null
        inner, outer = os.pipe2(os.O_CLOEXEC)
        self._mine.append(inner)
        self._broadcast.targets.append(outer)
        return inner

    def _target(self, option: str, default: int, task: Task) -> int:
        wanted = self._given.get(option, "all")
        if wanted == "none" or (wanted.isdecimal() and int(wanted) != task.rank):
            return self._null
        if wanted != "all" and not wanted.isdecimal():
            default = self._file(self._path(wanted, task), self._flags())
        if "label" not in self._given:
            return default
        inner, outer = os.pipe2(os.O_CLOEXEC)
        prefix = f"{task.rank:>{self._width}}: ".encode()
        self._pipes[inner] = _Label(prefix, default)
        self._mine.append(outer)
        return outer

    def _file(self, path: str, flags: int) -> int:
        if path not in self._files:
            self._files[path] = os.open(path, flags | os.O_CLOEXEC, MODE)
        return self._files[path]

    def _flags(self) -> int:
        append = self._given.get("open-mode", "t").lower().startswith("a")
        return os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if append else os.O_TRUNC)

    def _path(self, name: str, task: Task) -> str:
        array: Any = self._plan.get("array")
        number = job_number(self._plan)
        values = job_values(
            number,
            self._plan["job_name"],
            self._plan["user"],
            None if array is None else (str(array["number"]), str(array["index"])),
            self._names[task.node],
        )
        step = str(self._number)
        values |= {"t": str(task.rank), "n": str(task.place), "s": step, "J": f"{number}.{step}"}
        return str(Path.cwd() / filled(name, values))

    def _feed(self, selector: selectors.BaseSelector) -> bool:
        """Pass a piece of standard input to every task that still reads; False at its end."""
        piece = os.read(0, PIECE)
        for target in list(self._broadcast.targets):
            try:
                if piece:
                    _write(target, piece)
            except OSError:
                self._broadcast.targets.remove(target)
                os.close(target)
        if not piece:
            for target in self._broadcast.targets:
                os.close(target)
            self._broadcast.targets = []
            with contextlib.suppress(KeyError):
                selector.unregister(0)
        return bool(piece)


def _is_null(handle: int) -> bool:
    try:
        return os.fstat(handle).st_rdev == Path(os.devnull).stat().st_rdev
    except OSError:
        return True


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
