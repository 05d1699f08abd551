"""Control groups of one part of a gang: limits where the kernel lets us, and a sure way to kill.

Standard library only: supervisors import this. Groups are made inside the group the server itself
is in, so that a limit set on the server also binds its jobs. Version 1 hierarchies give limits for
memory, CPU and process count; the version 2 hierarchy gives `cgroup.kill`, which no process can
outrun, and the same limits where its controllers are delegated to us.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from arkwright.engines.attempt_files import GroupRoots

CPU_PERIOD_US = 100_000
PROCESSES_MAX = 32_768
"""Per part: far above any real gang, low enough that a fork bomb leaves the machine usable."""
_CONTROLLERS = ("memory", "cpu", "pids")
_PROBES_V1 = {"memory": "memory.limit_in_bytes", "cpu": "cpu.shares", "pids": "pids.max"}
_PROBES_V2 = {"memory": "memory.max", "cpu": "cpu.weight", "pids": "pids.max"}


class Limits(NamedTuple):
    """What a part may use; 0 means no limit. `cpu_quota` False makes `cpus` a weight."""

    memory_mib: int
    cpus: float
    cpu_quota: bool


def find_group_roots(own: str, mounts: str) -> GroupRoots:
    """Where groups can be made, tried out; `own` and `mounts` are the texts of
    `/proc/self/cgroup` and `/proc/self/mountinfo`."""
    places = own_groups(own, mounts)
    roots = GroupRoots(unified="", memory="", cpu="", pids="")
    unified = places.get("", "")
    if unified and _can_make(Path(unified), "cgroup.kill"):
        roots["unified"] = unified
        for controller in _CONTROLLERS:
            with contextlib.suppress(OSError):
                (Path(unified) / "cgroup.subtree_control").write_text(f"+{controller}")
    for controller, probe in _PROBES_V1.items():
        place = places.get(controller, "")
        if place and _can_make(Path(place), probe):
            roots[controller] = place  # type: ignore[literal-required]
        elif roots["unified"] and _can_make(Path(unified), _PROBES_V2[controller]):
            roots[controller] = unified  # type: ignore[literal-required]
    return roots


def own_groups(own: str, mounts: str) -> dict[str, str]:
    """Directory of this process's group per version 1 controller; under "" that of version 2."""
    points: dict[str, tuple[str, str]] = {}
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        root, point = left.split()[3:5]
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            points.setdefault("", (root, point))
        elif kind == "cgroup":
            for option in options.split(" ")[-1].split(","):
                points.setdefault(option, (root, point))
    found = {}
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in points:
                root, point = points[name]
                inner = path.removeprefix(root.rstrip("/"))
                found[name] = f"{point}/{inner.strip('/')}".rstrip("/")
    return found


def _can_make(parent: Path, probe: str) -> bool:
    """Whether we may make groups in `parent`, move processes there, and they have file `probe`."""
    trial = parent / f"arkwright-trial-{os.getpid()}"
    try:
        trial.mkdir()
    except OSError:
        return False
    try:
        return os.access(trial / probe, os.W_OK) and os.access(parent / "cgroup.procs", os.W_OK)
    finally:
        with contextlib.suppress(OSError):
            trial.rmdir()


def describe(roots: GroupRoots, *, cpu_quota: bool, cpu_count: int) -> str:
    """How limits are enforced, for people."""
    parts = [
        "memory: control group"
        if roots["memory"]
        else "memory: resident size watched by the supervisor (twice a second)"
    ]
    if cpu_quota:
        parts.append("CPU: control group quota" if roots["cpu"] else "CPU: affinity to whole cores")
    else:
        why = f"the nodes stand in for more machines than this one with {cpu_count} CPUs"
        way = "control group weight" if roots["cpu"] else "not limited"
        parts.append(f"CPU: {way} ({why})")
    parts.append(f"processes: {PROCESSES_MAX} per part" if roots["pids"] else "processes: no limit")
    return "; ".join(parts)


class PartGroup:
    """The groups of one part. Every method works, and does nothing, where there are none."""

    def __init__(self, roots: GroupRoots, name: str) -> None:
        self._by_controller = {
            key: Path(roots[key]) / name  # type: ignore[literal-required]
            for key in ("unified", *_CONTROLLERS)
            if roots[key]  # type: ignore[literal-required]
        }
        self._directories = list(dict.fromkeys(self._by_controller.values()))
        self._joins: list[int] = []

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel itself enforces the memory limit."""
        return "memory" in self._by_controller

    @property
    def limits_cpu(self) -> bool:
        """Whether the kernel itself enforces CPU quota or weight."""
        return "cpu" in self._by_controller

    def create(self, limits: Limits) -> None:
        """Make the groups, set the limits, keep them open for `join`. Raises OSError."""
        for directory in self._directories:
            directory.mkdir(exist_ok=True)
            self._joins.append(os.open(directory / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        memory, cpu, pids = (self._by_controller.get(key) for key in _CONTROLLERS)
        if memory and limits.memory_mib:
            size = str(limits.memory_mib << 20)
            _set(memory, {"memory.limit_in_bytes": size, "memory.max": size})
            with contextlib.suppress(OSError):  # absent where swap is not accounted
                _set(memory, {"memory.memsw.limit_in_bytes": size, "memory.swap.max": "0"})
        if cpu and limits.cpus:
            weight = round(100 * limits.cpus)
            _set(cpu, {"cpu.shares": str(max(2, round(1024 * limits.cpus)))})
            _set(cpu, {"cpu.weight": str(min(10_000, max(1, weight)))})
            if limits.cpu_quota:
                quota = max(1_000, round(CPU_PERIOD_US * limits.cpus))
                _set(cpu, {"cpu.cfs_quota_us": str(quota), "cpu.max": f"{quota} {CPU_PERIOD_US}"})
        if pids:
            _set(pids, {"pids.max": str(PROCESSES_MAX)})

    def join(self) -> None:
        """Put this process in; called between fork and exec, so nothing but writes."""
        for handle in self._joins or self._open_all():
            os.write(handle, b"0")

    def _open_all(self) -> list[int]:
        return [
            os.open(directory / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            for directory in self._directories
            if directory.is_dir()
        ]

    def pids(self) -> list[int]:
        """Processes in any of the groups."""
        found: dict[int, None] = {}
        for directory in self._directories:
            with contextlib.suppress(OSError):
                text = (directory / "cgroup.procs").read_text()
                found.update(dict.fromkeys(int(word) for word in text.split()))
        return [pid for pid in found if pid > 0]

    def kill(self) -> None:
        """SIGKILL to everything inside at once, where the kernel has `cgroup.kill`."""
        for directory in self._directories:
            with contextlib.suppress(OSError):
                if (directory / "cgroup.kill").exists():
                    (directory / "cgroup.kill").write_text("1")

    def memory_kills(self) -> int:
        """How often the kernel killed a process here for want of memory under the limit."""
        memory = self._by_controller.get("memory")
        for name in ("memory.oom_control", "memory.events"):
            try:
                text = (memory / name).read_text() if memory else ""
            except OSError:
                continue
            for line in text.splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def remove(self, patience_s: float = 1.0) -> None:
        """Take the empty groups away; the kernel may need a moment after the last death."""
        for handle in self._joins:
            os.close(handle)
        self._joins = []
        deadline = time.monotonic() + patience_s
        for directory in self._directories:
            while directory.is_dir():
                try:
                    directory.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.01)


def _set(directory: Path, values: dict[str, str]) -> None:
    """Write each value whose file the hierarchy has: names differ between versions 1 and 2."""
    for name, value in values.items():
        if (directory / name).exists():
            (directory / name).write_text(value)
