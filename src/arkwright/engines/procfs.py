"""What the kernel says about processes: identity, children, memory, marks, handlers.

Standard library only: supervisors import this.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


class ProcessStat(NamedTuple):
    """The fields of `/proc/PID/stat` that identify a process and its use of CPU."""

    pid: int
    state: str
    parent: int
    cpu_ticks: int
    """User and system time, waited-for children included."""
    start_ticks: int


def parse_stat(text: str) -> ProcessStat:
    """One line of `/proc/PID/stat`. The name may hold brackets: the last one closes it."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return ProcessStat(
        pid=int(head.split(" ", 1)[0]),
        state=fields[0],
        parent=int(fields[1]),
        cpu_ticks=sum(int(value) for value in fields[11:15]),
        start_ticks=int(fields[19]),
    )


def read_stat(pid: int) -> ProcessStat | None:
    """The process, or None when there is none of that number."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid: int, start_ticks: int) -> bool:
    """Whether the very process that started at `start_ticks` still runs; a zombie does not."""
    stat = read_stat(pid)
    return stat is not None and stat.start_ticks == start_ticks and stat.state not in "ZX"


def boot_id() -> str:
    """Differs after every boot: process numbers of another boot mean nothing."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def descendants(root: int) -> list[int]:
    """Every process below `root`, parents before children, zombies included."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        children = list(_children(waiting.pop()))
        found.extend(children)
        waiting.extend(children)
    return found


def _children(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(PROC / str(pid) / "task")  # noqa: PTH208  # names alone, and often
    except (FileNotFoundError, ProcessLookupError):
        return
    for thread in threads:
        try:
            text = (PROC / str(pid) / "task" / thread / "children").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield from (int(word) for word in text.split())


def marked(mark: str) -> list[int]:
    """Processes whose starting environment holds `mark` (`NAME=value`), zombies left out."""
    wanted = b"\0" + mark.encode() + b"\0"
    found = []
    for name in os.listdir(PROC):  # noqa: PTH208  # names alone, and often
        if not name.isdigit():
            continue
        try:
            environment = (PROC / name / "environ").read_bytes()
        except OSError:
            continue
        if wanted in b"\0" + environment + b"\0":
            found.append(int(name))
    return found


def anonymous_kib(pid: int) -> int:
    """Memory of a process that only it can free, in KiB; 0 when it is gone."""
    return _status_number(pid, "RssAnon:", 10)


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal (without one it would just die of it)."""
    return bool(_status_number(pid, "SigCgt:", 16) >> (number - 1) & 1)


def _status_number(pid: int, key: str, base: int) -> int:
    try:
        text = (PROC / str(pid) / "status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in text.splitlines():
        if line.startswith(key):
            return int(line.split()[1], base)
    return 0


def busy_ticks() -> int:
    """CPU ticks this machine spent working since boot, over all CPUs."""
    with (PROC / "stat").open() as file:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(
            int, file.readline().split()[1:9]
        )
    return user + nice + system + irq + softirq + steal


def become_subreaper() -> None:
    """From now on orphans among the descendants become children of this process."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: int) -> None:
    """Have the kernel send this process signal `number` when its parent dies."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, number)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
