"""The supervisor of one part of a gang: starts its ranks, sees them end, leaves nothing behind.

It lives in its own session, so that it outlives the server, and depends on nothing but the files of
its attempt. It is child subreaper: every process its ranks ever start stays below it, so "no child
left" proves that no process is left. Standard library only.

Order of its records: `started` (from then on no other supervisor can start this part) → ranks →
`running` → `exit`, written when every process is gone.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from arkwright.engines import procfs
from arkwright.engines.attempt_files import (
    AttemptFiles,
    Exit,
    NodeFiles,
    Plan,
    RankEnd,
    Started,
    ranks_of,
    read_record,
    take_lock,
    wall_ms,
    write_record,
)
from arkwright.engines.batch.batch_part import BatchPart
from arkwright.engines.control_groups import Limits, PartGroup
from arkwright.engines.energy_meter import EnergyMeter
from arkwright.engines.marks import EXEC_MARK
from arkwright.engines.rank_environment import rank_environment
from arkwright.engines.rank_process import LaunchError, Program, await_program, fork_rank
from arkwright.engines.stray_processes import close_part, send

LOCK_PATIENCE_S = 2.0
"""Engines hold a part's lock only for moments; a supervisor holds it for life."""
POLL_S = 1.0
RECORD_PATIENCE_S = 600.0
WATCH_S = 0.5
"""How often memory is looked at where the kernel does not enforce the limit."""
SAMPLE_S = 5.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KILLED_EXIT_CODE = 128 + signal.SIGKILL
_WAKING = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: Sequence[str]) -> None:
    """`launch DIRECTORY PART…` forks a supervisor per part and returns; `exec DIRECTORY WORD…`
    becomes a command beside rank 0."""
    verb, directory, *rest = arguments
    files = AttemptFiles(Path(directory))
    if verb == "exec":
        become_command(files, rest)
    for index in map(int, rest):
        if os.fork() == 0:
            os.setsid()
            supervise(files, index)
            os._exit(0)


def become_command(files: AttemptFiles, command: Sequence[str]) -> NoReturn:
    """Run `command` in the groups, directory and environment of rank 0."""
    plan: Plan = read_record(files.plan)
    # This process carried the part's mark before it looked: `close_part` cannot miss it.
    if files.node(0).closing.exists():
        os._exit(KILLED_EXIT_CODE)
    PartGroup(plan["groups"], plan["parts"][0]["group"]).join()
    environment = rank_environment(plan, 0, 0, str(files.node(0).directory))
    environment[EXEC_MARK] = os.environ.get(EXEC_MARK, "")
    try:
        os.chdir(plan["workdir"])
        os.execvpe(command[0], list(command), environment)
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def supervise(files: AttemptFiles, index: int) -> None:
    """Run part `index` unless another supervisor did, or an engine declared it ended."""
    node = files.node(index)
    node.directory.mkdir(mode=0o700, exist_ok=True)
    if not _take_part(node):
        return
    procfs.become_subreaper()
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)
    write_record(node.started, _identity())
    plan: Plan = read_record(files.plan)
    Supervisor(files, plan, index).run()


def _take_part(node: NodeFiles) -> bool:
    """Hold the part's lock until this process ends; False when the part is or was another's."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while time.monotonic() < deadline:
        lock = take_lock(node.lock, patience_s=0.02)
        if node.started.exists() or node.exit.exists():
            return False
        if lock is not None:
            return True
    return False


def _identity() -> Started:
    stat = procfs.read_stat(os.getpid())
    return Started(
        pid=os.getpid(),
        start_ticks=stat.start_ticks if stat else 0,
        boot_id=procfs.boot_id(),
        at_ms=wall_ms(),
    )


class Supervisor:
    """One part, from its first rank to its exit record."""

    def __init__(self, files: AttemptFiles, plan: Plan, index: int) -> None:
        self._files = files
        self._node = files.node(index)
        self._plan = plan
        self._part = plan["parts"][index]
        self._index = index
        self._group = PartGroup(plan["groups"], self._part["group"])
        share = self._part.get("gpu_fraction")
        self._meter = EnergyMeter(self._part["gpu_indices"], share=1.0 if share is None else share)
        self._ranks: dict[int, int] = {}
        """Live ranks: process number to global rank."""
        self._ends: list[RankEnd] = []
        self._orders = 0
        self._reason = ""
        """Why the part is ending; empty while it is not."""
        self._cause_ms = 0
        self._exit_code: int | None = None
        self._failed = False
        self._term_at = self._kill_at = self._limit_at = math.inf
        self._sample_at = self._watch_at = 0.0
        self._batch: BatchPart | None = None

    def run(self) -> None:
        """Everything between the `started` record and the end of this process."""
        try:
            self._heed_orders()
            if not self._reason:
                self._start()
            while self._is_busy():
                self._wait()
                self._reap()
                if self._batch is not None:
                    self._batch.serve(list(self._ranks))
                self._heed_orders()
                self._heed_limits()
                self._advance_end()
        except LaunchError as error:
            self._begin_end(f"launch failed: {error}", grace_s=0, failed=True, code=error.exit_code)
        except Exception as error:  # noqa: BLE001  # whatever broke here, no process may stay behind
            self._begin_end(f"launch failed: supervisor: {error!r}", grace_s=0, failed=True, code=1)
        self._kill_everything()
        close_part(self._group, self._node)
        if self._batch is not None:
            self._batch.close()
        self._record_end()
        if self._batch is not None:
            self._batch.wake_others()

    def _is_busy(self) -> bool:
        """Whether a rank runs, what is told to end has not, or a script elsewhere may need us."""
        if self._reason:
            return bool(self._ranks or procfs.descendants(os.getpid()))
        return bool(self._ranks) or (self._batch is not None and self._batch.is_waiting)

    def _start(self) -> None:
        """Fork every rank, then wait until each runs its program. Raises LaunchError, OSError."""
        self._prepare()
        ranks = ranks_of(self._plan)
        first = sum(ranks[: self._index])
        starts = []
        for local_rank in range(ranks[self._index]):
            rank = first + local_rank
            environment = rank_environment(
                self._plan, self._index, local_rank, str(self._node.directory)
            )
            start = fork_rank(
                Program(
                    argv=self._plan["argv"],
                    workdir=self._plan["workdir"],
                    environment=environment,
                    log=self._node.log(rank),
                    cpus=self._affinity(),
                    stdio=self._batch.streams(self._node.log(rank)) if self._batch else None,
                ),
                self._group,
            )
            starts.append(start)
            self._ranks[start.pid] = rank
        for start in starts:
            await_program(start)
        write_record(self._node.running, {"at_ms": wall_ms(), "pids": list(self._ranks)})
        if self._plan["time_limit_s"] is not None:
            self._limit_at = time.monotonic() + self._plan["time_limit_s"]
            if self._batch is not None:
                self._batch.limit(self._limit_at)

    def _prepare(self) -> None:
        part = self._part
        try:
            limits = Limits(part["memory_mib"], part["cpus"], self._plan["cpu_quota"])
            self._group.create(limits)
        except OSError as error:
            raise LaunchError(f"cannot set the limits of {part['node']}: {error}", 126) from error
        if self._plan.get("batch") is not None:
            self._batch = BatchPart(
                self._files, self._plan, self._index, self._group, self._affinity()
            )
        checkpoint_dir = self._plan["checkpoint_dir"]
        if checkpoint_dir is not None:
            try:
                Path(checkpoint_dir).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                why = f"cannot make the checkpoint directory {checkpoint_dir}: {error.strerror}"
                raise LaunchError(why, 126) from error

    def _affinity(self) -> list[int]:
        """Whole CPUs of this part, where a ceiling is asked for and no control group sets it."""
        if not self._plan["cpu_quota"] or self._group.limits_cpu or not self._part["cpus"]:
            return []
        every = sorted(os.sched_getaffinity(0))
        wanted = min(len(every), math.ceil(self._part["cpus"]))
        first = self._index * wanted
        return sorted({every[(first + step) % len(every)] for step in range(wanted)})

    def _wait(self) -> None:
        """Sleep until a child ends, an order may have come, or something is due."""
        due = min(self._term_at, self._kill_at, self._limit_at)
        if self._batch is not None:
            due = min(due, self._batch.due())
        pause = WATCH_S if self._watches_memory() else POLL_S
        try:
            woken = signal.sigtimedwait(_WAKING, max(0.0, min(pause, due - time.monotonic())))
        except InterruptedError:
            return
        if woken and woken.si_signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._begin_end(
                "stopped: the supervisor was told to end", grace_s=self._plan["grace_s"]
            )

    def _reap(self) -> bool:
        """Collect every ended child; False when none is left, ended or alive."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            rank = self._ranks.pop(pid, None)
            if rank is not None:
                self._note_end(rank, os.waitstatus_to_exitcode(status))
            elif self._batch is not None:
                self._batch.ended(pid, os.waitstatus_to_exitcode(status))

    def _note_end(self, rank: int, code: int) -> None:
        """Record a rank's end; the first bad one that nobody asked for ends the part."""
        code = code if code >= 0 else 128 - code
        end = RankEnd(rank=rank, code=code, at_ms=wall_ms(), told=bool(self._reason))
        self._ends.append(end)
        if self._reason or code == 0:
            return
        if self._group.memory_kills():
            self._begin_end("memory limit", grace_s=0, failed=True, code=KILLED_EXIT_CODE)
        else:
            self._begin_end("exited", grace_s=self._plan["grace_s"], failed=True, code=code)
        with contextlib.suppress(OSError):
            write_record(self._node.failed, end)

    def _heed_orders(self) -> None:
        order = read_record(self._files.stop)
        if order is None or order["count"] == self._orders:
            return
        self._orders = order["count"]
        reason = f"stopped: {order['reason']}" if order["reason"] else "stopped"
        self._begin_end(reason, grace_s=order["grace_s"])

    def _heed_limits(self) -> None:
        now = time.monotonic()
        if now >= self._limit_at:
            self._limit_at = math.inf
            self._begin_end("time limit", grace_s=self._plan["grace_s"])
        if now >= self._watch_at:
            self._watch_at = now + WATCH_S
            if self._is_over_memory():
                self._begin_end("memory limit", grace_s=0, failed=True, code=KILLED_EXIT_CODE)
        if now >= self._sample_at:
            self._sample_at = now + SAMPLE_S
            cpu_s = self._cpu_s()
            reading = self._meter.sample(cpu_s)
            usage = {"cpu_s": cpu_s, "energy_j": reading.energy_j, "method": reading.method}
            with contextlib.suppress(OSError):
                write_record(self._node.usage, usage)

    def _watches_memory(self) -> bool:
        return bool(self._part["memory_mib"]) and not self._group.limits_memory

    def _is_over_memory(self) -> bool:
        if not self._watches_memory():
            return bool(self._part["memory_mib"]) and self._group.memory_kills() > 0
        used = sum(procfs.anonymous_kib(pid) for pid in procfs.descendants(os.getpid()))
        return used > self._part["memory_mib"] << 10

    def _cpu_s(self) -> float:
        """CPU seconds of every process so far: those collected, and those still running."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        stats = [procfs.read_stat(pid) for pid in procfs.descendants(os.getpid())]
        running = sum(stat.cpu_ticks for stat in stats if stat) / TICKS_PER_S
        return ended.ru_utime + ended.ru_stime + running

    def _begin_end(
        self, reason: str, *, grace_s: float, failed: bool = False, code: int | None = None
    ) -> None:
        """Start to end the part; when that has begun, only the time left can shrink."""
        now = time.monotonic()
        self._kill_at = min(self._kill_at, now + grace_s)
        if self._reason:
            self._term_at = min(self._term_at, self._kill_at)
            return
        self._reason, self._cause_ms = reason, wall_ms()
        self._failed, self._exit_code = failed, code
        name = self._plan["checkpoint_signal"]
        if name is None or failed:
            self._term_at = now
        else:
            self._term_at = now + grace_s / 2
            self._send_checkpoint(getattr(signal, name))

    def _send_checkpoint(self, number: int) -> None:
        """Only to processes with a handler: a shell around the trainer would die of it unsaved."""
        for pid in procfs.descendants(os.getpid()):
            if procfs.catches(pid, number):
                send(pid, number)

    def _advance_end(self) -> None:
        now = time.monotonic()
        if now >= self._term_at:
            self._term_at = math.inf
            for pid in procfs.descendants(os.getpid()):
                send(pid, signal.SIGTERM)
                send(pid, signal.SIGCONT)  # a stopped process could not see it
        if now >= self._kill_at:
            self._kill_everything()

    def _kill_everything(self) -> None:
        """Return when no process of this part is left."""
        while self._reap():
            self._group.kill()
            for pid in procfs.descendants(os.getpid()):
                send(pid, signal.SIGKILL)
            with contextlib.suppress(InterruptedError):
                signal.sigtimedwait((signal.SIGCHLD,), 0.02)

    def _record_end(self) -> None:
        cpu_s = self._cpu_s()
        reading = self._meter.sample(cpu_s)
        now = wall_ms()
        first_bad = next((end["code"] for end in self._ends if end["code"]), 0)
        self._group.remove()
        record = Exit(
            reason=self._reason or "exited",
            exit_code=first_bad if self._exit_code is None else self._exit_code,
            failed=self._failed,
            lost=False,
            cause_ms=self._cause_ms or now,
            ended_ms=now,
            cpu_s=cpu_s,
            energy_j=reading.energy_j,
            energy_method=reading.method,
            ranks=self._ends,
        )
        self._write_exit(record)

    def _write_exit(self, record: Exit) -> None:
        """A full disk may be emptied again: without this record the job would count as lost."""
        deadline = time.monotonic() + RECORD_PATIENCE_S
        while True:
            try:
                return write_record(self._node.exit, record, is_durable=True)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)
