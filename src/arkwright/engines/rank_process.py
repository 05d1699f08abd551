"""Start one rank: its own process group, its limits, its output file, then its program.

Standard library only: supervisors import this.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from arkwright.engines import procfs
from arkwright.engines.control_groups import PartGroup

EXIT_NOT_FOUND = 127
EXIT_NOT_PERMITTED = 126
"""The shell's codes for a command that is missing, and for one that may not be run."""


class LaunchError(Exception):
    """A program could not be started; `exit_code` is what a shell would return."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class RankStart(NamedTuple):
    """A forked rank; `report` reads empty once its program runs, or says why it does not."""

    pid: int
    report: int


class Program(NamedTuple):
    """What to run and where; `cpus` is the affinity to set, empty for none.

    Output goes to `log`, or all three streams are the open descriptors `stdio`. With `is_session`
    its standard input is a terminal that it is to control.
    """

    argv: Sequence[str]
    workdir: str
    environment: Mapping[str, str]
    log: Path | None
    cpus: Sequence[int]
    stdio: tuple[int, int, int] | None = None
    is_session: bool = False


def fork_rank(program: Program, group: PartGroup) -> RankStart:
    """Fork a child that becomes the rank. It dies with this process, whatever kills it."""
    report, reply = os.pipe2(os.O_CLOEXEC)
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(program, group, supervisor, reply)
    os.close(reply)
    return RankStart(pid, report)


def await_program(start: RankStart) -> None:
    """Return when the rank's program runs. Raises LaunchError when it could not be started."""
    message = b""
    while piece := os.read(start.report, 4096):
        message += piece
    os.close(start.report)
    if message:
        code, _, text = message.decode(errors="replace").partition(" ")
        raise LaunchError(text, int(code))


def _become(program: Program, group: PartGroup, supervisor: int, reply: int) -> NoReturn:
    step = f"cannot prepare a process for {program.argv[0]}"
    code: int = EXIT_NOT_PERMITTED
    try:
        if program.is_session:
            os.setsid()
        else:
            os.setpgid(0, 0)
        procfs.die_with_parent(signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(code)  # the supervisor died before it could take us along
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores these, programs expect them
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        group.join()
        if program.cpus:
            os.sched_setaffinity(0, program.cpus)
        step = "cannot connect its standard streams"
        for place, handle in enumerate(_streams(program)):
            os.dup2(handle, place)
        if program.is_session:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        step = f"cannot enter the working directory {program.workdir}"
        os.chdir(program.workdir)
        step = f"cannot run {program.argv[0]}"
        os.execvpe(program.argv[0], list(program.argv), dict(program.environment))
    except BaseException as error:  # noqa: BLE001  # nothing may return into the supervisor's code
        cause = error.errno if isinstance(error, OSError) else None
        if cause in (errno.ENOENT, errno.ENOTDIR):
            code = EXIT_NOT_FOUND
        why = os.strerror(cause) if cause else repr(error)
        os.write(reply, f"{code} {step}: {why}".encode()[:4000])
    os._exit(code)


def _streams(program: Program) -> tuple[int, int, int]:
    if program.stdio is not None:
        return program.stdio
    assert program.log is not None
    log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.open(os.devnull, os.O_RDONLY), log, log


def script_argv(script: Path, text: str) -> list[str]:
    """How to run a script: by its `#!` line, else by /bin/sh. The interpreter is called directly,
    so that a file system mounted noexec does not matter; as the kernel does, all that follows the
    interpreter on the line is one argument."""
    first = text.partition("\n")[0].strip()
    words = first[2:].strip().split(None, 1) if first.startswith("#!") else []
    return [*(words or ["/bin/sh"]), str(script)]
