"""What a supervisor does beside its usual work when its part belongs to a batch script.

The first part runs the script; the others run nothing of their own and stay until the script is
over. All start tasks of steps. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from arkwright.engines import procfs
from arkwright.engines.attempt_files import AttemptFiles, Plan, read_record
from arkwright.engines.batch.output_mirror import OutputMirror
from arkwright.engines.batch.step_server import StepServer
from arkwright.engines.control_groups import PartGroup
from arkwright.engines.stray_processes import send

POLL_S = 0.25
"""How often output files are copied into the log, and dead tools are noticed."""


class BatchPart:
    """One part of a batch job."""

    def __init__(
        self, files: AttemptFiles, plan: Plan, index: int, group: PartGroup, affinity: list[int]
    ) -> None:
        """Raises OSError where tasks could not be started here."""
        part = plan["parts"][index]
        self._files = files
        self._index = index
        self._batch: Any = plan["batch"]
        self._count = len(plan["parts"])
        self._mirror: OutputMirror | None = None
        self._signal_at: float | None = None
        self._steps = StepServer(
            files.node(index), group, cpus=part["cpus"], gpus=part["gpus"], affinity=affinity
        )

    def streams(self, log: Path) -> tuple[int, int, int]:
        """Standard streams of the script. Raises LaunchError."""
        self._mirror = OutputMirror(self._batch, log)
        return self._mirror.streams

    def limit(self, limit_at: float) -> None:
        """The time limit, as `time.monotonic` counts: a signal may be due before it."""
        if self._batch["signal"] is not None:
            self._signal_at = limit_at - float(self._batch["signal_before_s"])

    @property
    def is_waiting(self) -> bool:
        """Whether this part has to stay although it runs nothing: the script goes on elsewhere."""
        return self._index > 0 and not self._files.node(0).exit.exists()

    def due(self) -> float:
        """When `serve` has to be called at the latest, as `time.monotonic` counts."""
        soon = time.monotonic() + POLL_S
        return soon if self._signal_at is None else min(soon, self._signal_at)

    def serve(self, script: list[int]) -> None:
        """Everything that is due; `script` holds the script's process while it runs."""
        self._steps.serve()
        if self._mirror is not None:
            self._mirror.copy()
        if self._signal_at is not None and time.monotonic() >= self._signal_at:
            self._signal_at = None
            number = int(getattr(signal, self._batch["signal"]))
            if not self._batch["is_signal_for_script"]:
                self._steps.signal(number)
            elif script:
                send(script[0], number)

    def ended(self, pid: int, code: int) -> None:
        """A child that was no rank has ended: its `srun` may wait for it."""
        self._steps.ended(pid, code)

    def close(self) -> None:
        """Every process is gone: nothing starts any more, and the log is complete."""
        self._steps.close()
        if self._mirror is not None:
            self._mirror.copy()

    def wake_others(self) -> None:
        """The script's end is on record: the other parts may leave."""
        if self._index == 0:
            for index in range(1, self._count):
                wake(self._files, index)


def wake(files: AttemptFiles, index: int) -> bool:
    """Have the supervisor of a part look around; False when it does not live."""
    started = read_record(files.node(index).started)
    if started is None or started["boot_id"] != procfs.boot_id():
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(started["pid"])
        try:
            if procfs.is_alive(started["pid"], started["start_ticks"]):
                signal.pidfd_send_signal(handle, signal.SIGUSR1)
                return True
        finally:
            os.close(handle)
    return False
