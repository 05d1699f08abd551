"""SkyPilot task YAML as a job: what a task runs, where, and on how much.

Keys: SkyPilot's task schema (its documentation, "Task YAML"). What says how to rent machines has no
meaning here and is named in a warning with its line.
"""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from arkwright.documents.tree import Node
from arkwright.errors import InputError, Problem
from arkwright.jobs.sbatch.local_names import Known, type_named
from arkwright.jobs.spec import JobSpec, Resources

_MARKS = frozenset({"run", "num_nodes", "setup", "envs", "file_mounts"})
"""Keys that no job file of ours has."""
_NOT_HERE: Mapping[str, str] = {
    "service": "services are not run yet",
    "secrets": "set them with `arkwright submit --env NAME`",
    "storage_mounts": "buckets are not mounted; mount them on the nodes",
    "volumes": "volumes are not mounted; mount them on the nodes",
    "config": "SkyPilot's own configuration",
    "experimental": "SkyPilot's own configuration",
    "inputs": "SkyPilot's own estimate of costs",
    "outputs": "SkyPilot's own estimate of costs",
    "event_callback": "see `arkwright events --watch`",
    "pool": "pools are the factory's nodes",
}
_RESOURCES_NOT_HERE = "which machine to rent: the factory's nodes are there already"
MEMORY_GB_PER_GIB = 2**30 / 1e9


class SkyTask(NamedTuple):
    """A task as a job, and what its author should know."""

    spec: JobSpec
    warnings: tuple[str, ...]


def is_task(node: Node) -> bool:
    """Whether a document is a SkyPilot task: it has one of its keys, and no job file's own."""
    keys = set(node.value) if isinstance(node.value, dict) else set()
    return bool(keys & _MARKS) and not keys & {"command", "script"}


def read_task(
    node: Node, *, directory: str, environment: Mapping[str, str], known: Known | None = None
) -> SkyTask:
    """The job of a task; relative paths are relative to `directory`. `environment` fills `envs`
    that have no value, as `sky launch --env NAME` does; `known` is what the factory has. Raises
    InputError with every problem."""
    reading = _Reading(node, known)
    top = dict(node.value) if isinstance(node.value, dict) else {}
    run = reading.text(top, "run")
    if run is None:
        reading.wrong(node, "run", "nothing to run", "write run: | and the commands")
    envs = reading.envs(top, environment)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", reading.text(top, "name") or "task").strip("._-")
    resources, count = reading.resources(top), reading.number(top, "num_nodes") or 1
    workdir = reading.workdir(top, directory)
    mounts = reading.mounts(top, directory)
    setup = reading.text(top, "setup")
    for key, child in top.items():
        if key not in _READ:
            why = _NOT_HERE.get(key, "it is no key of a task that is known here")
            reading.warnings.append(f"{child.where}: {key}: ignored: {why}")
    if reading.problems:
        raise InputError(f"{node.source} cannot be submitted", reading.problems)
    spec = JobSpec(
        name=name[:63] or "task",
        nodes=count,
        # SkyPilot runs the commands once on every node; what starts more is theirs.
        ranks_per_node=1,
        resources=resources,
        script=_script(setup, run or "", mounts, resources, workdir),
        workdir=workdir,
        env=envs,
    )
    return SkyTask(spec, tuple(reading.warnings))


_READ = ("name", "resources", "num_nodes", "workdir", "setup", "run", "envs", "file_mounts")


class _Reading:
    def __init__(self, node: Node, known: Known | None) -> None:
        self.known = known
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def wrong(self, node: Node, key: str, found: str, right: str) -> None:
        self.problems.append(Problem(node.where, key, found, right))

    def text(self, top: Mapping[str, Node], key: str) -> str | None:
        node = top.get(key)
        if node is None or node.value is None:
            return None
        if isinstance(node.value, dict | tuple):
            self.wrong(node, key, "no text", "write a text")
            return None
        return node.value if isinstance(node.value, str) else node.text

    def number(self, top: Mapping[str, Node], key: str) -> int | None:
        node = top.get(key)
        if node is None or node.value is None:
            return None
        if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < 1:
            self.wrong(node, key, node.text or "no number", "write a whole number, 1 or more")
            return None
        return node.value

    def envs(self, top: Mapping[str, Node], environment: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, node in self._mapping(top, "envs").items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                self.wrong(node, f"envs.{name}", "no name of a variable", "use letters and _")
            elif node.value is not None and not isinstance(node.value, dict | tuple):
                found[name] = node.value if isinstance(node.value, str) else node.text
            elif name in environment:
                found[name] = environment[name]
            else:
                right = f"write {name}: VALUE, or set it before you submit"
                self.wrong(node, f"envs.{name}", "it has no value", right)
        return found

    def workdir(self, top: Mapping[str, Node], directory: str) -> str:
        node = top.get("workdir")
        if node is not None and isinstance(node.value, dict):
            self.wrong(node, "workdir", "a repository", "clone it in setup, and give a directory")
            return directory
        text = self.text(top, "workdir") or "."
        return os.path.normpath(os.path.join(directory, os.path.expanduser(text)))  # noqa: PTH118, PTH111  # a text, nothing is looked up

    def mounts(self, top: Mapping[str, Node], directory: str) -> list[tuple[str, str]]:
        """Targets and local sources; what is no local path is warned of."""
        found = []
        for target, node in self._mapping(top, "file_mounts").items():
            value = node.value
            if not isinstance(value, str) or "://" in value:
                why = "ignored: only local paths are mounted; this is a bucket or an address"
                self.warnings.append(f"{node.where}: file_mounts.{target}: {why}")
                continue
            source = os.path.expanduser(value)  # noqa: PTH111  # a text, nothing is looked up
            found.append((target, os.path.normpath(os.path.join(directory, source))))  # noqa: PTH118  # as above
        return found

    def resources(self, top: Mapping[str, Node]) -> Resources:
        given = self._mapping(top, "resources")
        gpus, kind, cpus, memory_gb = 0.0, None, 0.0, 0.0
        for key, node in given.items():
            if key == "accelerators":
                gpus, kind = self._accelerators(node)
            elif key == "cpus":
                cpus = self._amount(node, "cpus")
            elif key == "memory":
                memory_gb = self._amount(node, "memory") * MEMORY_GB_PER_GIB
            else:
                where = f"{node.where}: resources.{key}"
                self.warnings.append(f"{where}: ignored: {_RESOURCES_NOT_HERE}")
        if not gpus and not cpus:
            cpus = 1.0
        return Resources(
            gpus_per_node=gpus, gpu_type=kind, cpus_per_node=cpus, memory_per_node=memory_gb
        )

    def _accelerators(self, node: Node) -> tuple[float, str | None]:
        """`H100:8`, `{H100: 8}` or `H100`; of several that would do, the first."""
        value: Any = node.value
        text = value if isinstance(value, str) else ""
        if isinstance(value, dict) and value:
            kind, number = next(iter(value.items()))
            text = f"{kind}:{number.text or 1}"
        if isinstance(value, tuple) and value and isinstance(value[0].value, str):
            text = value[0].value
        if isinstance(value, dict | tuple) and len(value) > 1:
            why = f"only the first is asked for, {text}"
            self.warnings.append(f"{node.where}: resources.accelerators: {why}")
        found = re.fullmatch(r"([A-Za-z][A-Za-z0-9_.-]*)(?::(\d+(?:\.\d+)?))?", text)
        if found is None:
            found_text = repr(text or node.text)
            self.wrong(node, "resources.accelerators", found_text, "write TYPE:NUMBER, as H100:8")
            return 0.0, None
        return float(found[2] or 1), self._kind(node, found[1])

    def _kind(self, node: Node, name: str) -> str | None:
        """The catalogue's name of the GPU; any where the factory's are all virtual."""
        if self.known is not None and set(self.known.gpu_types) <= {"virtual"}:
            why = f"no GPU is a {name} here, all are virtual: any is taken"
            self.warnings.append(f"{node.where}: resources.accelerators: {why}")
            return None
        return type_named(name, self.known) or name.lower()

    def _amount(self, node: Node, key: str) -> float:
        """`8`, `8+` (at least), `64GB`."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:[gG][iI]?[bB]?)?\+?", str(node.text).strip())
        if found is None:
            self.wrong(node, f"resources.{key}", repr(node.text), "write a number, or one and +")
            return 0.0
        return float(found[1])

    def _mapping(self, top: Mapping[str, Node], key: str) -> Mapping[str, Node]:
        node = top.get(key)
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.wrong(node, key, "no mapping", "write NAME: VALUE, one per line")
            return {}
        return node.value


def _script(
    setup: str | None, run: str, mounts: list[tuple[str, str]], resources: Resources, workdir: str
) -> str:
    """One script for every node: mounts, setup, then run, with SkyPilot's variables."""
    lines = ["#!/bin/bash", "set -e", *_VARIABLES]
    lines.append(f"export SKYPILOT_NUM_GPUS_PER_NODE={int(resources.gpus_per_node)}")
    for target, source in mounts:
        lines += _mount(target, source)
    if setup:
        lines += ["# setup", "(", "set +e", setup.rstrip("\n"), ")"]
    return "\n".join([*lines, f"cd {shlex.quote(workdir)}", "set +e", "# run", run])


_VARIABLES = (
    'export SKYPILOT_NODE_RANK="${NODE_RANK:-$SLURM_NODEID}" SKYPILOT_NUM_NODES="$SLURM_NNODES"',
    'export SKYPILOT_TASK_ID="$ARKWRIGHT_JOB_ID"',
    "SKYPILOT_NODE_IPS="
    '"${ARKWRIGHT_NODE_ADDRESSES:-$(scontrol show hostnames "$SLURM_JOB_NODELIST")}"',
    "export SKYPILOT_NODE_IPS",
)


def _mount(target: str, source: str) -> list[str]:
    """A link where the task expects the file: nodes share their files, nothing is copied."""
    if target.startswith("~/"):
        where = f'"$HOME"/{shlex.quote(target[2:])}'
    else:
        where = shlex.quote(target)
    # Nodes may do this at one time, on one file system.
    return [
        f'mkdir -p "$(dirname {where})"',
        f"[ -e {where} ] || ln -sfn {shlex.quote(source)} {where} || [ -e {where} ]",
    ]
