"""One attempt as its files and /proc show it: the same for the engine that launched it and for one
that finds it after a restart.

A part is lost when its supervisor is gone without an exit record. This view then kills whatever the
part left behind and writes the record itself, under the part's lock, so that no late supervisor can
start what was declared ended.
"""

from __future__ import annotations

import contextlib
import os
import signal

from arkwright.engines import procfs
from arkwright.engines.attempt_files import (
    AttemptFiles,
    Exit,
    Plan,
    Started,
    StopOrder,
    Usage,
    read_record,
    take_lock,
    write_record,
)
from arkwright.engines.control_groups import PartGroup
from arkwright.engines.observation import NODE_LOST, PartView, stop_reason, summarise
from arkwright.engines.port import Observation
from arkwright.engines.stray_processes import close_part, kill_strays

LAUNCH_PATIENCE_MS = 30_000
"""A supervisor that has not shown up this long after the plan was written never will."""
KILL_PATIENCE_S = 1.0
LOCK_PATIENCE_S = 0.2
NEVER_STARTED = "launch failed: its supervisor never started"


class AttemptView:
    """Caches only what can no longer change."""

    def __init__(self, files: AttemptFiles, plan: Plan, boot_id: str) -> None:
        self.files = files
        self.plan = plan
        self._nodes = [files.node(index) for index in range(len(plan["parts"]))]
        self._is_this_boot = plan["boot_id"] == boot_id
        self._started: dict[int, Started] = {}
        self._running_ms: dict[int, int] = {}
        self._exits: dict[int, Exit] = {}

    @property
    def indices(self) -> range:
        """Indices of the parts."""
        return range(len(self.plan["parts"]))

    @property
    def is_ended(self) -> bool:
        """Whether every part was seen to have ended."""
        return len(self._exits) == len(self.plan["parts"])

    def pending(self) -> list[int]:
        """Parts that no supervisor has taken and nobody declared ended."""
        if not self._is_this_boot:
            return []
        return [
            index
            for index in self.indices
            if self.exit(index) is None and self.started(index) is None
        ]

    def observe(self, now_ms: int) -> Observation:
        """Read, declare what must be declared, and sum up.

        Supervisors are looked at again until nothing new has ended meanwhile: a rank that failed
        because its peer's node was lost is then always reported together with that loss.
        """
        while True:
            failed, ended = self._failures(), len(self._exits)
            for index in self.indices:
                if index in self._exits or self.is_supervised(index):
                    continue
                if self.exit(index) is None:
                    self._settle(index, now_ms)
            if not self._exits and not failed:
                break
            if ended == len(self._exits) and failed == self._failures():
                break
        stop: StopOrder | None = read_record(self.files.stop)
        parts = [self._part(index, failed.get(index)) for index in self.indices]
        is_requeued = self.plan.get("batch") is not None and self.files.requeue.exists()
        return summarise(self.plan["attempt_id"], parts, stop, is_requeued=is_requeued)

    def started(self, index: int) -> Started | None:
        """The part's supervisor, once there is one."""
        if index not in self._started:
            record = read_record(self._nodes[index].started)
            if record is None:
                return None
            self._started[index] = record
        return self._started[index]

    def exit(self, index: int) -> Exit | None:
        """How the part ended, once it has."""
        if index not in self._exits:
            record = read_record(self._nodes[index].exit)
            if record is None:
                return None
            self._exits[index] = record
        return self._exits[index]

    def running_ms(self, index: int) -> int | None:
        """When every rank of the part ran, once they did."""
        if index not in self._running_ms:
            record = read_record(self._nodes[index].running)
            if record is None:
                return None
            self._running_ms[index] = record["at_ms"]
        return self._running_ms[index]

    def is_supervised(self, index: int) -> bool:
        """Whether the part's supervisor lives."""
        started = self.started(index)
        return (
            started is not None
            and self._is_this_boot
            and procfs.is_alive(started["pid"], started["start_ticks"])
        )

    def signal_supervisor(self, index: int, number: int) -> None:
        """Send a signal to the supervisor, if it lives, and to nobody else in any case."""
        started = self.started(index)
        if started is None or not self._is_this_boot:
            return
        try:
            handle = os.pidfd_open(started["pid"])
        except ProcessLookupError:
            return
        try:
            if procfs.is_alive(started["pid"], started["start_ticks"]):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)

    def kill_part(self, index: int, patience_s: float = KILL_PATIENCE_S) -> bool:
        """SIGKILL to the supervisor and all of the part; False when something would not die."""
        self.signal_supervisor(index, signal.SIGKILL)
        group = PartGroup(self.plan["groups"], self.plan["parts"][index]["group"])
        return kill_strays(group, str(self._nodes[index].directory), patience_s)

    def declare_ended(self, index: int, reason: str, now_ms: int, *, lost: bool = False) -> bool:
        """Write the exit record of a part without a supervisor. False when it has one after all,
        or processes that would not die, or the record could not be written."""
        node = self._nodes[index]
        try:
            node.directory.mkdir(mode=0o700, exist_ok=True)
            lock = take_lock(node.lock, patience_s=LOCK_PATIENCE_S)
        except OSError:
            return False
        if lock is None:
            return False
        try:
            if self.exit(index) is not None:
                return True
            if self.started(index) is not None and not lost:
                return False
            group = PartGroup(self.plan["groups"], self.plan["parts"][index]["group"])
            if self._is_this_boot and not close_part(group, node, KILL_PATIENCE_S):
                return False
            group.remove()
            record = self._declared(index, reason, now_ms, lost=lost)
            write_record(node.exit, record, is_durable=True)
            self._exits[index] = record
        except OSError:
            return False
        finally:
            os.close(lock)
        return True

    def _settle(self, index: int, now_ms: int) -> None:
        """Decide about a part that has no exit record and no live supervisor."""
        if self.started(index) is not None or not self._is_this_boot:
            self.declare_ended(index, NODE_LOST, now_ms, lost=True)
            return
        stop: StopOrder | None = read_record(self.files.stop)
        if stop is not None:
            self.declare_ended(index, stop_reason(stop), now_ms)
        elif now_ms - self.plan["written_ms"] > LAUNCH_PATIENCE_MS:
            self.declare_ended(index, NEVER_STARTED, now_ms)

    def _declared(self, index: int, reason: str, now_ms: int, *, lost: bool) -> Exit:
        usage = self._usage(index)
        is_failure = not lost and reason.startswith("launch failed")
        return Exit(
            reason=reason,
            exit_code=None,
            failed=is_failure,
            lost=lost,
            cause_ms=now_ms,
            ended_ms=now_ms,
            cpu_s=usage["cpu_s"],
            energy_j=usage["energy_j"],
            energy_method=usage["method"],
            ranks=[],
        )

    def _failures(self) -> dict[int, int]:
        """First bad exit code of every part that goes on although a rank of it failed."""
        live = [index for index in self.indices if index not in self._exits]
        codes = {index: self._failed_code(index) for index in live}
        return {index: code for index, code in codes.items() if code is not None}

    def _failed_code(self, index: int) -> int | None:
        record = read_record(self._nodes[index].failed)
        return None if record is None else int(record["code"])

    def _usage(self, index: int) -> Usage:
        record: Usage | None = read_record(self._nodes[index].usage)
        return record or Usage(cpu_s=0.0, energy_j=None, method="cpu-model")

    def _part(self, index: int, failed_code: int | None) -> PartView:
        record = self._exits.get(index)
        if record is not None:
            used = (record["cpu_s"], record["energy_j"], record["energy_method"])
        else:
            usage = self._usage(index)
            used = (usage["cpu_s"], usage["energy_j"], usage["method"])
        return PartView(
            self.plan["parts"][index]["node"], self.running_ms(index), failed_code, record, *used
        )
