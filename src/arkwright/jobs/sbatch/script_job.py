"""A batch script as a job: options from the command line, the environment and the script.

`read_script` is the whole of it. What is wrong is raised together, each with its line; what Slurm
understands and other engines do not is kept (`SlurmOptions`) and named in a warning.
"""

from __future__ import annotations

import os.path
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from arkwright.errors import InputError, Problem
from arkwright.jobs.array import array_shape
from arkwright.jobs.dependencies import dependencies, written
from arkwright.jobs.sbatch import moments, values
from arkwright.jobs.sbatch.directives import HETEROGENEOUS, directives, late_directives
from arkwright.jobs.sbatch.exported import exported
from arkwright.jobs.sbatch.gather import Given, from_environment, last_words, nearest, read_words
from arkwright.jobs.sbatch.local_names import Known, gpu_type, project_of, sites_of
from arkwright.jobs.sbatch.options import OPTIONS
from arkwright.jobs.sbatch.reading import Reading
from arkwright.jobs.sbatch.shape import MIB_PER_GB, Shape, shape_of
from arkwright.jobs.spec import (
    EarlySignal,
    Elastic,
    JobSpec,
    Level,
    OpenMode,
    Resources,
    Retry,
    SlurmOptions,
    Starts,
    Topology,
    TopologyMode,
)

KILL_WAIT_S = 30.0
"""Slurm's default between SIGTERM and SIGKILL (`KillWait`): what scripts' traps count on."""
PRIORITY_MAX = 1_000_000
_CALLER = ("wait", "parsable", "test-only", "quiet", "verbose", "help", "usage", "version",
           "ignore-pbs", "wrap")  # fmt: skip
"""Options that say how to submit, not what: whoever submits reads them."""
_KEPT = ("comment", "qos", "reservation", "constraint", "prefer", "exclude", "nodelist",
         "licenses", "mail-type", "mail-user", "container-image", "container-mounts",
         "container-workdir", "container-name")  # fmt: skip
"""Options with a field of their own in `SlurmOptions`, as they are."""
_ONLY_SLURM = {
    "qos": "Slurm's qualities of service",
    "reservation": "reservations are made with `arkwright reserve`, for projects",
    "constraint": "node features",
    "prefer": "node features",
    "exclude": "the scheduler chooses the nodes",
    "nodelist": "the scheduler chooses the nodes",
    "licenses": "licences are not counted",
    "mail-type": "no mail is sent; `arkwright submit --wait` returns when the job is over",
    "mail-user": "no mail is sent",
    "container-name": "containers have no names",
}


class Place(NamedTuple):
    """Where a script is submitted: its directory, environment and time, and what is known of the
    factory (None: nothing)."""

    directory: str
    environment: Mapping[str, str]
    now: datetime
    known: Known | None = None


class ScriptJob(NamedTuple):
    """A script as a job, what its author should know, and the options that say how to submit."""

    spec: JobSpec
    warnings: tuple[str, ...]
    caller: Mapping[str, str]


def read_script(
    script: str,
    source: str,
    place: Place,
    *,
    words: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> ScriptJob:
    """The job of `script`; `words` are options of the command line, `arguments` the script's own.

    `source` is the script's name for messages, and the job's where it is not named. Raises
    InputError with every problem.
    """
    given, unknown, problems = _gather(script, source, place.environment, words)
    reading = Reading(given, source)
    reading.problems += problems
    job = _job(reading, script, place, _kept(reading, place, arguments))
    passed = _passed_on(reading, unknown)
    reading.warnings += [
        f"{source}:{line}: this #SBATCH line comes after the first command: sbatch ignores it too"
        for line in late_directives(script)
    ]
    if reading.problems:
        in_order = sorted(reading.problems, key=_line)
        raise InputError(f"{source} cannot be submitted", in_order)
    spec = _spec(job, passed)
    caller = {name: given[name].value for name in _CALLER if name in given}
    return ScriptJob(spec, tuple(reading.warnings), caller)


def _line(problem: Problem) -> int:
    """The line a problem is in; what is not in the script comes last."""
    number = problem.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else sys.maxsize


def _gather(
    script: str, source: str, environment: Mapping[str, str], words: Sequence[str]
) -> tuple[dict[str, Given], list[Given], list[Problem]]:
    """What holds, what nobody knows, and what cannot be read."""
    problems: list[Problem] = []
    own: list[Given] = []
    unknown: list[Given] = []
    if not script.startswith("#!"):
        right = "begin the script with #!/bin/bash"
        problems.append(Problem(f"{source}:1", "", "the first line has no #!", right))
    try:
        lines = directives(script)
    except ValueError as error:
        line, _, found = str(error).partition(": ")
        problems.append(Problem(f"{source}:{line}", "#SBATCH", found, "close it"))
        lines = []
    for directive in lines:
        where = f"{source}:{directive.line}"
        if directive.words and (directive.words[0] in HETEROGENEOUS or ":" in directive.words):
            found = "a heterogeneous job: one submission whose parts ask for different nodes"
            right = "write it as a job file with `groups:` (docs/job-file.md), or submit its parts"
            problems.append(Problem(where, directive.words[0], found, right))
            continue
        read = read_words(directive.words, where)
        own += read.options
        unknown += read.unknown
        problems += read.problems
        problems += [
            Problem(where, word, "no option", "write --NAME=VALUE") for word in read.rest[:1]
        ]
    line_options = read_words(words, "command line")
    problems += line_options.problems
    unknown += line_options.unknown
    held = last_words([own, from_environment(environment), line_options.options])
    return held, unknown, problems


class _Job(NamedTuple):
    """A job's fields, before it is known what is passed on."""

    fields: dict[str, Any]
    slurm: dict[str, Any]


def _job(reading: Reading, script: str, place: Place, slurm: dict[str, Any]) -> _Job:
    known = place.known
    shape = shape_of(reading, known.size if known is not None else None)
    kind = gpu_type(reading, shape.gpu_type, known)
    workdir = os.path.normpath(os.path.join(place.directory, reading.text("chdir") or ""))  # noqa: PTH118  # pure: nothing is looked up
    if workdir != place.directory:
        slurm["submit_dir"] = place.directory
    slurm |= _tasks(shape)
    reading.taken.add("export")
    fields: dict[str, Any] = {
        "name": _name(reading),
        "project": project_of(reading, known),
        "sites": sites_of(reading, known),
        "resources": Resources(
            gpus_per_node=float(shape.gpus_per_node),
            gpu_type=kind,
            cpus_per_node=shape.cpus_per_node,
            memory_per_node=shape.memory_per_node_mib / MIB_PER_GB,
        ),
        "script": script,
        "workdir": workdir,
        "env": exported(reading, place.environment),
        "time_limit": reading.value("time", values.seconds),
        "priority": _priority(reading),
        "topology": _topology(reading),
        "deadline": reading.value("deadline", lambda text: moments.instant(text, place.now)),
        "begin": reading.value("begin", lambda text: moments.instant(text, place.now)),
        "held": reading.has("hold"),
        "grace": KILL_WAIT_S,
        "array": reading.value("array", _array),
        "depends_on": reading.value("dependency", _dependencies) or (),
        "starts": Starts.BATCH,
    }
    if shape.nodes_max > shape.nodes:
        fields["elastic"] = Elastic(
            nodes_min=shape.nodes, nodes_max=shape.nodes_max, step=shape.nodes_step
        )
    else:
        fields["nodes"] = shape.nodes
    if not slurm["requeue"]:
        fields["retry"] = Retry(limit=0)
    if reading.has("exclusive") and (known is None or known.size is None):
        reading.warn(
            "exclusive", "only Slurm keeps a node's rest free; elsewhere ask for all of it"
        )
    elif known is not None and known.size is not None and "exclusive" in reading.held:
        fields["resources"] = _whole(fields["resources"], known)
    return _Job(fields, slurm)


def _whole(resources: Resources, known: Known) -> Resources:
    """All of a node: nobody else finds room on it."""
    assert known.size is not None
    return Resources(
        gpus_per_node=float(max(resources.gpus_per_node, known.size.gpus)),
        gpu_type=resources.gpu_type,
        cpus_per_node=known.size.cpus,
        memory_per_node=resources.memory_per_node,
    )


def _kept(reading: Reading, place: Place, arguments: Sequence[str]) -> dict[str, Any]:
    """What stays in Slurm's words."""
    slurm: dict[str, Any] = {
        name.replace("-", "_"): text
        for name in (*_KEPT, "partition", "account")
        if (text := reading.text(name)) is not None
    }
    for name, found in _ONLY_SLURM.items():
        if name in reading.held:
            reading.warn(name, f"Slurm only: {found}; other engines ignore it")
    early = reading.value("signal", values.early_signal)
    if early is not None:
        slurm["signal"] = EarlySignal(
            name=early.name, before=early.before_s, batch_only=early.is_batch_only
        )
    is_array = "array" in reading.held
    slurm["output"] = reading.text("output") or ("slurm-%A_%a.out" if is_array else "slurm-%j.out")
    for name in ("error", "input"):
        if (text := reading.text(name)) is not None:
            slurm[name] = text
    mode = reading.value("open-mode", _open_mode)
    if mode is not None:
        slurm["open_mode"] = mode
    if (least := reading.value("time-min", values.seconds)) is not None:
        slurm["time_min"] = least
        reading.warn("time-min", "Slurm only: a job gets its whole --time elsewhere")
    reading.has("requeue")
    slurm["requeue"] = not reading.has("no-requeue")
    slurm["exclusive"] = "exclusive" in reading.held
    slurm["arguments"] = tuple(arguments)
    if (switches := reading.text("switches")) is not None:
        slurm["switches"] = switches
    return slurm


def _tasks(shape: Shape) -> dict[str, Any]:
    found = {
        "ntasks": shape.ntasks,
        "ntasks_per_node": shape.ntasks_per_node,
        "cpus_per_task": shape.cpus_per_task,
        "gpus_per_task": shape.gpus_per_task,
    }
    return {name: value for name, value in found.items() if value is not None}


def _name(reading: Reading) -> str:
    name = reading.text("job-name")
    if name is None:
        name = "wrap" if "wrap" in reading.held else reading.source
    # The stem is kept as sbatch does (`train.sh`); what a path or a label cannot hold is replaced.
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name.rpartition("/")[2]).strip("._-")
    return plain[:63].rstrip("._-") or "job"


def _priority(reading: Reading) -> int:
    priority = 0
    given = reading.text("priority")
    if given is not None:
        if given.upper() == "TOP":
            priority = PRIORITY_MAX
        else:
            priority = reading.value("priority", lambda text: values.count(text, 0)) or 0
    if reading.has("nice"):
        try:
            priority -= int(reading.held["nice"].value or 100)
        except ValueError:
            reading.wrong("nice", f"{reading.held['nice'].value!r}", "write --nice=NUMBER")
    if abs(priority) > PRIORITY_MAX:
        reading.warn("priority", f"{priority} is beyond ±{PRIORITY_MAX:,}: it is cut to that")
    return max(-PRIORITY_MAX, min(PRIORITY_MAX, priority))


def _topology(reading: Reading) -> Topology | None:
    segment = reading.value("segment", values.count)
    if segment is not None:
        return Topology(level=Level.SCALE_UP, mode=TopologyMode.REQUIRED, segment=segment)
    switches = reading.text("switches")
    if switches is None:
        return None
    if switches.partition("@")[0] != "1":
        reading.warn("switches", "Slurm only beyond one switch; give --switches=1 for one leaf")
        return None
    return Topology(level=Level.LEAF, mode=TopologyMode.PREFERRED)


def _array(text: str) -> str:
    array_shape(text)
    return text


def _dependencies(text: str) -> tuple[str, ...]:
    return written(dependencies((text,)), {})


def _open_mode(text: str) -> OpenMode:
    for mode in OpenMode:
        if text and mode.value.startswith(text.lower()):
            return mode
    raise ValueError("write append or truncate")


def _passed_on(reading: Reading, unknown: Sequence[Given]) -> tuple[str, ...]:
    """Options that Slurm alone understands, named in warnings."""
    passed = []
    for name, given in reading.held.items():
        if name in reading.taken or name in _CALLER or name not in OPTIONS:
            continue
        passed.append(f"--{name}={given.value}" if given.value else f"--{name}")
        reading.warn(name, "passed on to Slurm; other engines ignore it")
    for given in unknown:
        passed.append(f"--{given.name}={given.value}" if given.value else f"--{given.name}")
        told = f"{given.where}: --{given.name}: no option of sbatch that is known here"
        reading.warnings.append(
            f"{told}{nearest(given.name)}; passed on to Slurm, other engines ignore it"
        )
    return tuple(passed)


def _spec(job: _Job, passed: tuple[str, ...]) -> JobSpec:
    return JobSpec(**job.fields, slurm=SlurmOptions(**job.slurm, passthrough=passed))
