"""CPUs and GPUs that a step has to itself (`--exact`, `--exclusive`), and talking to supervisors.

Standard library only.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from typing import Any

from arkwright.engines.attempt_files import AttemptFiles
from arkwright.engines.batch import step_wire
from arkwright.engines.batch.batch_part import wake
from arkwright.engines.batch.step_layout import JobShape, Layout, layout_of
from arkwright.engines.batch.streams import complain

CONNECT_PATIENCE_S = 30.0
BUSY_PAUSE_S = 0.1
BUSY = "srun: Job step creation temporarily disabled, retrying (Requested nodes are busy)"


class SrunError(Exception):
    """The step cannot run; said as `srun: error: …`."""


def wants_its_own(given: Mapping[str, str]) -> bool:
    """Whether the step is not to share what it runs on."""
    return bool({"exclusive", "exact"} & set(given)) and "overlap" not in given


class Reservation:
    """What one step has to itself, for as long as this process lives."""

    def __init__(self, files: AttemptFiles, given: Mapping[str, str], shape: JobShape) -> None:
        self._files = files
        self._given = given
        self._shape = shape
        self._held: list[socket.socket] = []
        self.gpus: dict[int, list[int]] = {}
        """By node, places of the GPUs among the job's own there."""

    def wait(self, layout: Layout) -> Layout:
        """The step on nodes that have room for it, once there are some. Raises SrunError."""
        layouts = self._layouts(layout)
        is_told = "quiet" in self._given
        while True:
            for each in layouts:
                if self._take(each):
                    return each
            if not is_told:
                complain(BUSY)
                is_told = True
            time.sleep(BUSY_PAUSE_S)

    def _layouts(self, layout: Layout) -> list[Layout]:
        """The step on each set of nodes it could have: those from the first on, the second, …"""
        found = [layout]
        if not {"nodelist", "relative"} & set(self._given):
            for first in range(1, len(self._shape.names) - len(layout.nodes) + 1):
                with contextlib.suppress(ValueError):
                    moved = {**self._given, "relative": str(first)}
                    found.append(layout_of(moved, self._shape))
        return [each for each in found if len(each.tasks) == len(layout.tasks)]

    def _take(self, layout: Layout) -> bool:
        """All of it on every node, or nothing anywhere."""
        for node, count in zip(layout.nodes, layout.counts, strict=True):
            per_task, per_node = layout.gpus_per_task, layout.gpus_per_node
            gpus = per_task * count if per_task is not None else per_node or 0
            name = self._shape.names[node]
            connection = connect_to(self._files, node, name)
            self._held.append(connection)
            asked = {"cpus": count * layout.cpus_per_task, "gpus": gpus}
            step_wire.send(connection, {"reserve": asked})
            wake(self._files, node)
            answer = answer_of(step_wire.Lines(connection), name)
            if not answer.get("granted"):
                for held in self._held:
                    held.close()
                self._held, self.gpus = [], {}
                return False
            if gpus:
                self.gpus[node] = answer["gpus"]
        return True


def connect_to(files: AttemptFiles, node: int, name: str) -> socket.socket:
    """A connection to a node's supervisor, which may be starting still. Raises SrunError."""
    directory = files.node(node).directory
    deadline = time.monotonic() + CONNECT_PATIENCE_S
    while True:
        try:
            return step_wire.connect(directory)
        except OSError as error:
            if files.node(node).exit.exists() or time.monotonic() > deadline:
                raise SrunError(f"{name} does not answer: {error}") from None
        time.sleep(0.02)


def answer_of(lines: step_wire.Lines, name: str) -> dict[str, Any]:
    """The first message; what came with it is left for later. Raises SrunError."""
    answer: dict[str, Any] | None = lines.first()
    if answer is None:
        raise SrunError(f"{name}: its supervisor is gone")
    return answer
