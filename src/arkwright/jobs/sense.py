"""What no factory could make sense of in a job: rules over fields that the schema alone cannot say.

Everything here is refused before anything is written. A number that fits its type and yet cannot be
reckoned with (a limit of 1e300 hours) would otherwise stop the server that has to replay it.
"""

from __future__ import annotations

import signal

from arkwright.errors import InputError
from arkwright.jobs.array import array_shape
from arkwright.jobs.dependencies import When, dependencies
from arkwright.jobs.spec import JobSpec, Level, Resources, Starts, Topology, sizes_of
from arkwright.units import parse_instant

DURATION_S_MAX = 1e9
"""Some 31 years: more than any job, and far from where milliseconds stop being exact."""
MEMORY_GB_MAX = 1e6
"""A petabyte in one node."""
GROUPS_MAX = 16
"""Groups of a gang: each is looked for at every start."""
SIZES_MAX = 64
"""Sizes of an elastic gang: each is tried at every start."""


def nonsense(spec: JobSpec) -> list[tuple[str, str, str]]:
    """Key, what was found and what would be right, for everything wrong with `spec` by itself."""
    return [
        *_what_it_runs(spec),
        *_batch(spec),
        *_amounts(spec),
        *_elastic(spec),
        *_groups(spec),
        *_topology(spec),
        *_durations(spec),
        *_checkpoint(spec),
        *_power(spec),
        *_array(spec),
        *_dependencies(spec),
    ]


def _what_it_runs(spec: JobSpec) -> list[tuple[str, str, str]]:
    if (spec.command is None) == (spec.script is None):
        found = "neither is given" if spec.command is None else "both are given"
        return [("command, script", found, "give exactly one of them")]
    if spec.command is not None and not (spec.command and spec.command[0]):
        return [("command", "is empty", "name a program")]
    if spec.script is not None and not spec.script.strip():
        return [("script", "is empty", "write at least one line")]
    return []


def _batch(spec: JobSpec) -> list[tuple[str, str, str]]:
    """A script that starts its own tasks: how many there are is said in Slurm's words alone."""
    if spec.starts is not Starts.BATCH:
        return []
    wrong = []
    if spec.groups:
        right = "use starts: ranks, with a command for all groups"
        wrong.append(("starts", "batch beside groups", right))
    if spec.ranks_per_node is not None:
        right = "give slurm.ntasks_per_node"
        wrong.append(("ranks_per_node", f"{spec.ranks_per_node} beside starts: batch", right))
    slurm, most = spec.slurm, sizes_of(spec)[-1]
    if slurm is not None and slurm.ntasks is not None and slurm.ntasks_per_node is not None:
        room = most * slurm.ntasks_per_node
        if slurm.ntasks > room:
            found = f"{slurm.ntasks} tasks on {most} nodes with {slurm.ntasks_per_node} each"
            wrong.append(("slurm.ntasks", found, f"give at most {room}"))
    return wrong


def _amounts(spec: JobSpec) -> list[tuple[str, str, str]]:
    asked = [("resources", spec.resources)]
    asked += [(f"groups.{group.name}.resources", group.resources) for group in spec.groups]
    return [one for key, resources in asked for one in _amounts_of(key, resources)]


def _amounts_of(key: str, resources: Resources) -> list[tuple[str, str, str]]:
    wrong = []
    gpus = resources.gpus_per_node
    if gpus > 1 and gpus != int(gpus):
        right = f"give whole GPUs ({int(gpus)} or {int(gpus) + 1}), or a fraction below one"
        wrong.append((f"{key}.gpus_per_node", f"{gpus:g} GPUs", right))
    memory_gb = resources.memory_per_node
    if memory_gb > MEMORY_GB_MAX:
        right = f"give at most {MEMORY_GB_MAX:g} GB"
        wrong.append((f"{key}.memory_per_node", f"{memory_gb:g} GB", right))
    return wrong


def _groups(spec: JobSpec) -> list[tuple[str, str, str]]:
    """With groups, what a node gives stands in them alone, and none has a form of its own."""
    if not spec.groups:
        return []
    wrong = []
    names = [group.name for group in spec.groups]
    if len(names) > GROUPS_MAX:
        wrong.append(("groups", f"{len(names)} groups", f"give at most {GROUPS_MAX}"))
    twice = sorted({name for name in names if names.count(name) > 1})
    wrong += [
        ("groups", f"{name} is named twice", "give each group its own name") for name in twice
    ]
    for group in spec.groups:
        if 0 < group.resources.gpus_per_node < 1:
            found = f"{group.resources.gpus_per_node:g} GPUs in a group"
            key = f"groups.{group.name}.resources.gpus_per_node"
            wrong.append((key, found, "give whole GPUs or none: only whole jobs share a GPU"))
    return wrong + _beside_groups(spec)


def _beside_groups(spec: JobSpec) -> list[tuple[str, str, str]]:
    own, found = "leave it out: each group gives its own", "given beside groups"
    level = "leave it out: level is what groups can ask for, each for itself"
    topology = Topology() if spec.topology is None else spec.topology
    rules = (
        ("nodes", spec.nodes != 1, own),
        ("resources", spec.resources != Resources(), own),
        ("ranks_per_node", spec.ranks_per_node is not None, own),
        ("elastic", spec.elastic is not None, "leave it out: groups have one size"),
        ("topology.segment", topology.segment is not None, level),
        ("topology.spread", topology.spread is not None, level),
        ("topology.rails", topology.rails is not None, level),
    )
    return [(key, found, right) for key, is_given, right in rules if is_given]


def _elastic(spec: JobSpec) -> list[tuple[str, str, str]]:
    elastic = spec.elastic
    if elastic is None:
        return []
    wrong = []
    if spec.nodes not in (1, elastic.nodes_min):
        found = f"{spec.nodes} beside elastic.nodes_min {elastic.nodes_min}"
        wrong.append(("nodes", found, "leave it out: elastic gives the range"))
    if elastic.nodes_max < elastic.nodes_min:
        found = f"{elastic.nodes_max} is below nodes_min {elastic.nodes_min}"
        wrong.append(("elastic.nodes_max", found, f"give {elastic.nodes_min} or more"))
    elif (count := len(sizes_of(spec))) > SIZES_MAX:
        least = -(-(elastic.nodes_max - elastic.nodes_min) // (SIZES_MAX - 1))
        right = f"give a step of {least} nodes or more: {SIZES_MAX} sizes at most"
        wrong.append(("elastic.step", f"{count} sizes", right))
    return wrong


def _topology(spec: JobSpec) -> list[tuple[str, str, str]]:
    topology = spec.topology
    if topology is None:
        return []
    if topology.level is None and topology.spread is None and topology.rails is None:
        return [("topology", "says nothing", "give level, spread or rails, or leave it out")]
    wrong = []
    if topology.segment is not None and topology.level is None:
        found = f"segments of {topology.segment} nodes within no level"
        wrong.append(("topology.segment", found, "give level: scale-up"))
    if topology.segment is not None and topology.spread is not None:
        found = "a gang in segments that is to be spread"
        wrong.append(("topology.spread", found, "give segment or spread"))
    if topology.spread is not None and topology.level is not None:
        levels = list(Level)
        if levels.index(topology.level) <= levels.index(topology.spread):
            found = f"within one {topology.level.value}, spread over {topology.spread.value}"
            wrong.append(("topology.spread", found, "give a level above the one to spread over"))
    if topology.rails is not None and spec.resources.gpus_per_node < 1:
        found = f"aligned rails for {spec.resources.gpus_per_node:g} GPUs"
        wrong.append(("topology.rails", found, "ask for whole GPUs, or leave it out"))
    return wrong


def _durations(spec: JobSpec) -> list[tuple[str, str, str]]:
    given = {"time_limit": spec.time_limit, "grace": spec.grace}
    if spec.checkpoint is not None:
        given["checkpoint.interval"] = spec.checkpoint.interval
    wrong = [
        (key, f"{value:g} s", f"give at most {DURATION_S_MAX:g} s")
        for key, value in given.items()
        if value is not None and value > DURATION_S_MAX
    ]
    if spec.time_limit is not None and spec.time_limit <= 0:
        wrong.append(("time_limit", "0 s", "give the job some time, or leave it out"))
    for key, text in (("deadline", spec.deadline), ("begin", spec.begin)):
        if text is None:
            continue
        try:
            parse_instant(text)
        except ValueError:
            right = "write it as 2026-05-01T12:00:00Z or with an offset such as +02:00"
            right += "; where it is submitted, also 18:00, tomorrow, now+1hour" * (key == "begin")
            wrong.append((key, f"{text!r} is no instant", right))
    return wrong


def _array(spec: JobSpec) -> list[tuple[str, str, str]]:
    if spec.array is None:
        return []
    try:
        array_shape(spec.array)
    except InputError as error:
        return [("array", *_in_two(error))]
    return []


def _dependencies(spec: JobSpec) -> list[tuple[str, str, str]]:
    wrong = []
    for place, item in enumerate(spec.depends_on):
        key = f"depends_on[{place}]"
        try:
            needed = dependencies((item,))
        except InputError as error:
            wrong.append((key, *_in_two(error)))
            continue
        whens = {one.when for each in needed for one in each.conditions}
        if When.AFTER_CORR in whens and spec.array is None:
            found = f"{item!r} in a job that is no array"
            wrong.append((key, found, "give array, or use afterok"))
    return wrong


def _in_two(error: InputError) -> tuple[str, str]:
    """What was found, and what would be right."""
    found, _, right = str(error).rpartition("; ")
    return (found, right) if found else (right, "")


def _checkpoint(spec: JobSpec) -> list[tuple[str, str, str]]:
    if spec.checkpoint is None:
        return []
    wrong = []
    if not spec.checkpoint.dir.strip():
        wrong.append(("checkpoint.dir", "is empty", "name a directory"))
    name = spec.checkpoint.signal
    if name is not None and name not in signal.Signals.__members__:
        found = f"{name} is no signal of this system"
        wrong.append(("checkpoint.signal", found, "use for example SIGUSR1"))
    return wrong


def _power(spec: JobSpec) -> list[tuple[str, str, str]]:
    if spec.power is None:
        return []
    full_w, least_w = spec.power.watts_per_gpu, spec.power.cap_watts_per_gpu_min
    if full_w is None or least_w is None or least_w <= full_w:
        return []
    found = f"{least_w:g} W is above watts_per_gpu {full_w:g} W"
    return [("power.cap_watts_per_gpu_min", found, f"give {full_w:g} or less")]
