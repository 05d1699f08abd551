"""`srun` inside a batch job: one job step, its tasks started by the supervisors of their nodes.

Exit code, messages and variables are srun's, because scripts read them. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arkwright.engines.attempt_files import AttemptFiles, Plan, read_record, take_lock, write_record
from arkwright.engines.batch import step_wire
from arkwright.engines.batch.batch_part import wake
from arkwright.engines.batch.container import NoContainers, container_argv
from arkwright.engines.batch.srun_options import REFUSED, SRUN
from arkwright.engines.batch.step_environment import step_environment, task_environment
from arkwright.engines.batch.step_layout import JobShape, Task, layout_of
from arkwright.engines.batch.step_reservation import (
    Reservation,
    SrunError,
    answer_of,
    connect_to,
    wants_its_own,
)
from arkwright.engines.batch.step_streams import StepStreams
from arkwright.engines.batch.streams import complain, say
from arkwright.engines.batch.terminal import Terminal
from arkwright.engines.marks import PART_MARK
from arkwright.jobs.sbatch.gather import read_words

FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1,
             signal.SIGUSR2, signal.SIGCONT)  # fmt: skip
STEP_LOCK_PATIENCE_S = 30.0


def srun(words: Sequence[str]) -> int:
    """Run one step; the highest exit code of its tasks, 1 where it could not be started."""
    try:
        given, command = _read(words)
        if "version" in given:
            say("srun of Arkwright's local engine")
            return 0
        return Step(given, command).run()
    except SrunError as error:
        complain(f"srun: error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 128 + signal.SIGPIPE


def _read(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Options (the environment's weaker than the command line's) and the command."""
    read = read_words(words, "srun", SRUN)
    if read.problems:
        raise SrunError("; ".join(f"{each.key}: {each.found}" for each in read.problems))
    for each in read.unknown:
        complain(f"srun: warning: --{each.name} is not known here; ignored")
    given = {
        name: os.environ[variable] for variable, name in _ENVIRONMENT.items()
        if variable in os.environ and os.environ[variable] != "0"
    }  # fmt: skip
    given |= {each.name: each.value for each in read.options}
    for name, advice in REFUSED.items():
        if name in given:
            raise SrunError(f"--{name} is not run on the local engine: {advice}")
    if not read.rest and "version" not in given:
        raise SrunError("No command given to execute.")
    if ":" in read.rest:
        raise SrunError("heterogeneous steps (` : `) are not run: start one srun for each part")
    return given, read.rest


_ENVIRONMENT = {
    "SLURM_LABELIO": "label",
    "SLURM_KILL_BAD_EXIT": "kill-on-bad-exit",
    "SLURM_OVERLAP": "overlap",
    "SLURM_EXACT": "exact",
    "SLURM_EXPORT_ENV": "export",
    "SLURM_DISTRIBUTION": "distribution",
    "SRUN_CPUS_PER_TASK": "cpus-per-task",
}


_ERRORS = {127: errno.ENOENT, 126: errno.EACCES}
"""A shell's codes for a program that is missing or may not be run, as slurmstepd's."""


class _Running:
    """A task that was started, until its end is told."""

    def __init__(self, task: Task, connection: socket.socket, lines: step_wire.Lines) -> None:
        self.task = task
        self.connection = connection
        self.lines = lines


class Step:
    """One step, from its layout to its exit code."""

    def __init__(self, given: Mapping[str, str], command: Sequence[str]) -> None:
        self._given = given
        self._files, self._plan = _attempt()
        self._command = [*_container(given, self._plan), *command]
        self._shape = _shape(self._plan)
        try:
            self._layout = layout_of(given, self._shape)
        except ValueError as error:
            number = os.environ.get("SLURM_JOB_ID", "")
            raise SrunError(f"Unable to create step for job {number}: {error}") from None
        self._code = 0
        self._is_ending = False
        tasks, nodes = len(self._layout.tasks), len(self._shape.names)
        if tasks < nodes and not {"nodes", "nodelist", "quiet"} & set(given):
            text = f"can't run {tasks} processes on {nodes} nodes, setting nnodes to {tasks}"
            complain(f"srun: Warning: {text}")
        self._reservation: Reservation | None = None

    def run(self) -> int:
        """Start every task and wait for all of them."""
        if "pty" in self._given and not sys.stdin.isatty():
            raise SrunError("--pty needs a terminal, and standard input is none; leave it out")
        if "test-only" in self._given:
            return 0
        if wants_its_own(self._given):
            self._reservation = Reservation(self._files, self._given, self._shape)
            self._layout = self._reservation.wait(self._layout)
        number = _next_step(self._files)
        base = step_environment(self._plan, self._layout, number, self._given.get("export"))
        terminal = Terminal() if "pty" in self._given else None
        streams = StepStreams(self._given, self._plan, self._layout, number, terminal)
        with selectors.DefaultSelector() as selector:
            wakeup = _signal_pipe()
            selector.register(wakeup, selectors.EVENT_READ)
            running = self._start(base, streams, is_terminal=terminal is not None)
            for each in running:
                each.connection.setblocking(False)
                selector.register(each.connection, selectors.EVENT_READ, each)
            streams.register(selector)
            try:
                for each in list(running):
                    if each.lines.is_waiting and self._heed(each, running):
                        self._over(each, selector, running)
                self._watch(selector, wakeup, running, streams)
            finally:
                streams.close()
                if terminal is not None:
                    terminal.close()
        return self._code

    def _start(
        self, base: Mapping[str, str], streams: StepStreams, *, is_terminal: bool
    ) -> list[_Running]:
        running: list[_Running] = []
        for task in self._layout.tasks:
            environment = task_environment(
                self._plan, self._layout, task, base, self._gpus(task.node)
            )
            message = {
                "argv": self._command,
                "cwd": self._given.get("chdir") or str(Path.cwd()),
                "env": environment,
                "terminal": is_terminal,
            }
            connection = connect_to(self._files, task.node, self._name(task.node))
            handles = streams.of(task)
            step_wire.send(connection, message, handles)
            streams.given(task)
            wake(self._files, task.node)
            lines = step_wire.Lines(connection)
            answer = answer_of(lines, self._name(task.node))
            if "pid" not in answer:
                self._fail(task, answer)
                for other in running:
                    other.connection.close()
                    wake(self._files, other.task.node)
                return []
            running.append(_Running(task, connection, lines))
        return running

    def _watch(
        self,
        selector: selectors.BaseSelector,
        wakeup: int,
        running: list[_Running],
        streams: StepStreams,
    ) -> None:
        """Until every task has ended and all they wrote was passed on."""
        while running:
            for key, _ in selector.select():
                if key.fd == wakeup:
                    for number in os.read(wakeup, 64):
                        self._forward(number, running)
                elif isinstance(key.data, _Running):
                    if self._heed(key.data, running):
                        self._over(key.data, selector, running)
                else:
                    streams.pass_on(key, selector)
        streams.drain(selector)

    def _over(
        self, each: _Running, selector: selectors.BaseSelector, running: list[_Running]
    ) -> None:
        selector.unregister(each.connection)
        each.connection.close()
        running.remove(each)

    def _heed(self, each: _Running, running: Sequence[_Running]) -> bool:
        """What a supervisor says of a task; True when it is over."""
        messages = each.lines.read()
        node = self._name(each.task.node)
        if messages is None:
            complain(f"srun: error: Node failure on {node}")
            self._bad(137, running)
            return True
        for message in messages:
            if "ended" not in message:
                continue
            code = int(message["ended"])
            if code:
                self._tell(each.task, code)
                self._bad(code if code > 0 else 128 - code, running)
            return True
        return False

    def _tell(self, task: Task, code: int) -> None:
        """A task's bad end, in srun's words."""
        if "quiet" in self._given:
            return
        what = f"Exited with exit code {code}"
        if code < 0:
            what = (signal.strsignal(-code) or f"signal {-code}").partition(":")[0]
        complain(f"srun: error: {self._name(task.node)}: task {task.rank}: {what}")

    def _bad(self, code: int, running: Sequence[_Running]) -> None:
        self._code = max(self._code, code)
        wanted = self._given.get("kill-on-bad-exit", "0" if self._is_ending else None)
        if wanted in (None, "0") or self._is_ending:
            return
        self._is_ending = True
        complain("srun: Terminating StepId: a task failed (--kill-on-bad-exit)")
        self._forward(signal.SIGKILL, running)

    def _forward(self, number: int, running: Sequence[_Running]) -> None:
        for each in running:
            with contextlib.suppress(OSError):
                step_wire.send(each.connection, {"signal": number})
        for node in {each.task.node for each in running}:
            wake(self._files, node)

    def _fail(self, task: Task, answer: Mapping[str, Any]) -> None:
        """A task that could not be started, as Slurm tells it: its code is the error's number."""
        complain(f"slurmstepd: error: {answer['why']}")
        self._code = _ERRORS.get(int(answer["code"]), int(answer["code"]))
        self._tell(task, self._code)

    def _gpus(self, node: int) -> list[int] | None:
        return None if self._reservation is None else self._reservation.gpus.get(node)

    def _name(self, node: int) -> str:
        return self._plan["parts"][node]["node"].rpartition("/")[2]


def _attempt() -> tuple[AttemptFiles, Plan]:
    part = os.environ.get(PART_MARK)
    files = AttemptFiles(Path(part).parent) if part else None
    plan: Plan | None = read_record(files.plan) if files is not None else None
    if files is None or plan is None or plan.get("batch") is None:
        raise SrunError(
            "this is no batch job: submit the script (arkwright submit SCRIPT), or hold an"
            " allocation first (arkwright slurm salloc)"
        )
    return files, plan


def _container(given: Mapping[str, str], plan: Plan) -> list[str]:
    """What runs the command in the container that the step asks for, if it does."""
    image = given.get("container-image")
    if image is None:
        return []
    try:
        return container_argv(
            image,
            given.get("container-mounts"),
            given.get("container-workdir") or str(Path.cwd()),
            has_gpus=not plan["is_virtual"],
        )
    except NoContainers as error:
        raise SrunError(str(error)) from None


def _shape(plan: Plan) -> JobShape:
    batch: Any = plan["batch"]
    parts = plan["parts"]
    per_task = batch["cpus_per_task"] or 1
    return JobShape(
        names=[part["node"].rpartition("/")[2] for part in parts],
        tasks=batch["tasks"],
        cpus=[
            max(int(part["cpus"]), tasks * per_task, 1)
            for part, tasks in zip(parts, batch["tasks"], strict=True)
        ],
        gpus=[part["gpus"] for part in parts],
        cpus_per_task=batch["cpus_per_task"],
        gpus_per_task=batch["gpus_per_task"],
    )


def _next_step(files: AttemptFiles) -> int:
    """This step's number within the job: 0, 1, 2, …"""
    lock = take_lock(files.step.with_suffix(".lock"), patience_s=STEP_LOCK_PATIENCE_S)
    if lock is None:
        raise SrunError("the job's steps cannot be counted: their lock is held")
    try:
        number = int(read_record(files.step) or 0)
        write_record(files.step, number + 1)
        return number
    finally:
        os.close(lock)


def _signal_pipe() -> int:
    """Forwarded signals appear as bytes on this descriptor."""
    wakeup, noted = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(noted, warn_on_full_buffer=False)
    for number in FORWARDED:
        signal.signal(number, lambda _number, _frame: None)
    return wakeup
