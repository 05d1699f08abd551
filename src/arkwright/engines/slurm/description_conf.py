"""`slurm.conf` with what it includes, `gres.conf` and `topology.conf`. Pure: texts by name.

Keys in any case, `\\` at the end of a line goes on, `#` begins a comment, `NodeName=DEFAULT` and
`PartitionName=DEFAULT` hold for the lines after them, as slurm.conf(5) has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from arkwright.engines.slurm.description import (
    GPU,
    Description,
    NodeLine,
    PartitionLine,
    SwitchLine,
    Topology,
    amount,
    gres_of,
    limit_s,
)
from arkwright.engines.slurm.description_yaml import topology_yaml
from arkwright.errors import InputError, Problem
from arkwright.hostlist import expand

FILES = (
    "slurm.conf",
    "nodes.conf",
    "gres.conf",
    "topology.conf",
    "topology-block.conf",
    "topology.yaml",
)
"""What is looked for in a folder; `nodes.conf` where there is no `slurm.conf`."""

_PAIR = re.compile(r'([A-Za-z][\w/]*)\s*=\s*("[^"]*"|\S+)')
_ENDS_WITH_BACKSLASH = re.compile(r"\\\s*\n")
_KNOWN_ELSEWHERE = {"nodename", "partitionname", "nodeset", "include"}


class _Line(NamedTuple):
    where: str
    told: dict[str, str]
    """Keys in lower case."""


def configured_cluster(files: Mapping[str, str]) -> Description:
    """The cluster that these files describe: text by name, `Include` named as it stands there.

    InputError with every line that cannot be read, and where there is no node.
    """
    main = "slurm.conf" if "slurm.conf" in files else "nodes.conf"
    if main not in files:
        raise InputError(
            f"there is no slurm.conf and no nodes.conf among {', '.join(files) or 'no files'}"
        )
    problems: list[Problem] = []
    lines = list(_lines(files, main, problems))
    settings = {
        key: value
        for line in lines
        if not _KNOWN_ELSEWHERE & line.told.keys()
        for key, value in line.told.items()
    }
    gres = list(_lines(files, "gres.conf", problems)) if "gres.conf" in files else []
    nodes = _nodes(lines, _types(gres, problems), problems)
    partitions = tuple(_partitions(lines, nodes, problems))
    topology = _topology(files, problems)
    if problems:
        raise InputError("cannot read the configuration", problems[:40])
    if not nodes:
        raise InputError(f"{main} names no node, so there is nothing to import")
    detected = any(line.told.get("autodetect", "off").lower() != "off" for line in gres)
    note = "gres.conf detects GPUs by itself: what it finds is not in the files"
    return Description(
        cluster=settings.get("clustername", ""),
        nodes=tuple(nodes.values()),
        partitions=partitions,
        topology=topology,
        is_memory_counted="MEMORY" in settings.get("selecttypeparameters", "MEMORY").upper(),
        notes=(*([note] if detected else []), *topology.notes),
    )


def _lines(files: Mapping[str, str], name: str, problems: list[Problem]) -> Iterator[_Line]:
    """Lines of the file and, in their places, of those it includes."""
    open_: list[str] = [name]

    def read(name: str) -> Iterator[_Line]:
        text = _ENDS_WITH_BACKSLASH.sub(lambda found: " ", files[name])
        for number, raw in enumerate(text.split("\n"), start=1):
            line = re.sub(r"(?<!\\)#.*", "", raw).strip()
            where = f"{name}:{number}"
            if line.lower().startswith("include "):
                yield from included(line.split(None, 1)[1].strip(), where)
                continue
            told = {key.lower(): value.strip('"') for key, value in _PAIR.findall(line)}
            if told:
                yield _Line(where, told)

    def included(path: str, where: str) -> Iterator[_Line]:
        other = path.rpartition("/")[2]
        if other not in files:
            problems.append(Problem(where, f"Include {path}", "it is not there", "add the file"))
        elif other in open_:
            problems.append(Problem(where, f"Include {path}", "it includes itself", "leave it out"))
        else:
            open_.append(other)
            yield from read(other)
            open_.pop()

    yield from read(name)


def _types(gres: list[_Line], problems: list[Problem]) -> dict[str, dict[str, int]]:
    """GPUs by type of every node that gres.conf names; under `` what it says of all nodes."""
    found: dict[str, dict[str, int]] = {}
    for line in gres:
        told = line.told
        if told.get("name") != GPU or "type" not in told:
            continue
        try:
            files = len(expand(told.get("file", "")))
            count = amount(told["count"]) if "count" in told else max(files, 1)
            for name in expand(told.get("nodename", "")) or [""]:
                types = found.setdefault(name, {})
                types[told["type"]] = types.get(told["type"], 0) + (count or 0)
        except InputError as error:
            problems.append(Problem(line.where, "gres.conf", str(error), ""))
    return found


def _nodes(
    lines: list[_Line], types: dict[str, dict[str, int]], problems: list[Problem]
) -> dict[str, NodeLine]:
    found: dict[str, NodeLine] = {}
    defaults: dict[str, str] = {}
    for line in lines:
        if "nodename" not in line.told or "partitionname" in line.told:
            continue
        told = defaults | line.told
        if told["nodename"].upper() == "DEFAULT":
            defaults = {key: value for key, value in told.items() if key != "nodename"}
            continue
        if told.get("state", "").upper().startswith("FUTURE"):
            continue
        try:
            for name in expand(told["nodename"]):
                if name in found:
                    raise InputError(f"node {name} is there twice")
                found[name] = _node(name, told, types)
        except (InputError, ValueError) as error:
            problems.append(Problem(line.where, f"NodeName={told['nodename']}", str(error), ""))
    return found


def _node(name: str, told: dict[str, str], types: dict[str, dict[str, int]]) -> NodeLine:
    gpus, others = gres_of(told.get("gres", ""))
    known = types.get(name) or types.get("") or {}
    # slurm.conf may count GPUs whose types only gres.conf knows.
    if set(gpus) == {GPU} and sum(known.values()) == gpus[GPU]:
        gpus = dict(known)
    sockets = int(told.get("sockets", told.get("socketsperboard", "1")))
    boards = int(told.get("boards", "1")) if "sockets" not in told else 1
    product = boards * sockets * int(told.get("corespersocket", "1"))
    product *= int(told.get("threadspercore", "1"))
    features = told.get("feature", told.get("features", ""))
    return NodeLine(
        name=name,
        cpus=int(told.get("cpus", told.get("procs", product))),
        memory_mib=int(told.get("realmemory", "1")),
        gpus=gpus,
        gres=others,
        features=tuple(word.strip() for word in features.split(",") if word.strip()),
        weight=int(told.get("weight", "1")),
    )


def _partitions(
    lines: list[_Line], nodes: dict[str, NodeLine], problems: list[Problem]
) -> Iterator[PartitionLine]:
    sets = _node_sets(lines, nodes, problems)
    defaults: dict[str, str] = {}
    for line in lines:
        if "partitionname" not in line.told:
            continue
        told = defaults | line.told
        if told["partitionname"].upper() == "DEFAULT":
            defaults = {key: value for key, value in told.items() if key != "partitionname"}
            continue
        try:
            yield PartitionLine(
                name=told["partitionname"],
                nodes=_members(told.get("nodes", ""), nodes, sets),
                is_default=told.get("default", "").upper() == "YES",
                time_limit_max_s=limit_s(told.get("maxtime", "")),
                time_limit_default_s=limit_s(told.get("defaulttime", "")),
                tier=int(told.get("prioritytier", told.get("priority", "1"))),
                state=told.get("state", "UP").upper(),
            )
        except (InputError, ValueError) as error:
            key = f"PartitionName={told['partitionname']}"
            problems.append(Problem(line.where, key, str(error), ""))


def _node_sets(
    lines: list[_Line], nodes: dict[str, NodeLine], problems: list[Problem]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for line in lines:
        if "nodeset" not in line.told:
            continue
        feature = line.told.get("feature")
        try:
            named = tuple(expand(line.told.get("nodes", "")))
        except InputError as error:
            problems.append(Problem(line.where, "NodeSet", str(error), ""))
            continue
        having = [name for name, node in nodes.items() if feature and feature in node.features]
        found[line.told["nodeset"]] = tuple(dict.fromkeys([*named, *having]))
    return found


def _members(
    text: str, nodes: dict[str, NodeLine], sets: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    if text.upper() == "ALL":
        return tuple(nodes)
    found: dict[str, None] = {}
    for name in expand("" if text in ("(null)", '""') else text):
        members = tuple(nodes) if name.upper() == "ALL" else sets.get(name, (name,))
        lost = [each for each in members if each not in nodes]
        if lost:
            raise InputError(f"no node and no NodeSet is called {lost[0]}")
        found |= dict.fromkeys(members)
    return tuple(found)


def _topology(files: Mapping[str, str], problems: list[Problem]) -> Topology:
    """`topology.yaml` wins where it stands beside the others, as in Slurm."""
    if "topology.yaml" in files:
        return topology_yaml(files["topology.yaml"])
    switches: dict[str, SwitchLine] = {}
    blocks: dict[str, tuple[str, ...]] = {}
    sizes: tuple[int, ...] = ()
    for name in ("topology.conf", "topology-block.conf"):
        for line in _lines(files, name, problems) if name in files else ():
            told = line.told
            try:
                if "switchname" in told:
                    for each in expand(told["switchname"]):
                        switches[each] = SwitchLine(
                            nodes=tuple(expand(told.get("nodes", ""))),
                            switches=tuple(expand(told.get("switches", ""))),
                        )
                elif "blockname" in told:
                    blocks[told["blockname"]] = tuple(expand(told.get("nodes", "")))
                elif "blocksizes" in told:
                    sizes = tuple(int(size) for size in told["blocksizes"].split(","))
            except (InputError, ValueError) as error:
                problems.append(Problem(line.where, name, str(error), ""))
    return Topology(switches=switches, blocks=blocks, block_sizes=sizes)
