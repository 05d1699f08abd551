"""What `scontrol -o show …` says of a running cluster, of every version from 22.05 to 26.05. Pure.

Lines of `Key=Value`; values may have blanks, and keys come and go with versions, so what is not
asked for is passed over. Instants are UTC: the commands are asked under `TZ=UTC0`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from arkwright.engines.slurm.description import (
    Description,
    NodeLine,
    PartitionLine,
    ReservationLine,
    SwitchLine,
    Topology,
    gres_of,
    limit_s,
)
from arkwright.errors import InputError, Problem
from arkwright.hostlist import expand
from arkwright.units import parse_instant

_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z][A-Za-z0-9_/:]*)=")
_CONFIG = re.compile(r"^(\w+)\s+=\s(.*)$", re.MULTILINE)
_STATE_MARKS = "*~#!%$@^-+"
T = TypeVar("T")


def running_cluster(config: str, nodes: str, partitions: str, topology: Topology) -> Description:
    """The cluster that `show config`, `show node -o` and `show partition -o` tell of.

    InputError where there is no node; a line that cannot be read is named with its number.
    """
    told = dict(_CONFIG.findall(config))
    lines = _each(nodes, "NodeName", "show node", _node)
    found = tuple(node for node in lines if "FUTURE" not in node.states)
    if not found:
        raise InputError("scontrol show node names no node, so there is nothing to observe")
    if twice := [name for name, n in Counter(node.name for node in found).items() if n > 1]:
        raise InputError(
            f"scontrol show node names {twice[0]} twice; observe one cluster at a time"
        )
    future = len(lines) - len(found)
    notes = [f"{future:,} nodes are FUTURE: they are not there yet and left out"] if future else []
    preempts = told.get("PreemptType", "").strip()
    if preempts not in ("", "(null)", "preempt/none"):
        notes.append(f"{preempts}: jobs may be stopped for others here, which is not run forward")
    counted = told.get("SelectTypeParameters", "CR_CORE_MEMORY").upper()
    return Description(
        cluster=told.get("ClusterName", "").strip(),
        version=told.get("SLURM_VERSION", "").strip(),
        nodes=found,
        partitions=_each(partitions, "PartitionName", "show partition", _partition),
        topology=topology,
        is_memory_counted="MEMORY" in counted,
        notes=(*notes, *topology.notes),
    )


def topology_lines(text: str) -> Topology:
    """Trees and blocks of `scontrol show topology`; what is neither is counted in a note."""
    switches: dict[str, SwitchLine] = {}
    blocks: dict[str, tuple[str, ...]] = {}
    sizes: dict[int, None] = {}
    unknown = 0
    for told in map(fields, filter(str.strip, text.splitlines())):
        if "SwitchName" in told:
            below = told.get("Switches", "")
            switches[told["SwitchName"]] = SwitchLine(
                nodes=() if below else tuple(expand(_given(told, "Nodes"))),
                switches=tuple(expand(below)),
            )
        elif "BlockName" in told and "BlockIndex" in told:
            blocks[told["BlockName"]] = tuple(expand(_given(told, "Nodes")))
            sizes |= {int(told["BlockSize"]): None} if told.get("BlockSize", "").isdigit() else {}
        else:
            unknown += "AggregatedBlock" not in told
    notes = (f"{unknown:,} lines of the topology are neither tree nor block",) if unknown else ()
    return Topology(switches=switches, blocks=blocks, block_sizes=tuple(sizes), notes=notes)


def reservations(text: str) -> tuple[ReservationLine, ...]:
    """Of `show reservation -o`; one of no nodes (licences, say) keeps none and is left out."""
    if "ReservationName=" not in text:
        return ()
    found = _each(text, "ReservationName", "show reservation", _reservation)
    return tuple(each for each in found if each.nodes)


def fields(line: str) -> dict[str, str]:
    """`Key=Value` pairs of one line; of a key that comes twice the first."""
    found = list(_KEY.finditer(line))
    ends = [*(match.start() for match in found[1:]), len(line)]
    told: dict[str, str] = {}
    for match, end in zip(found, ends, strict=False):
        told.setdefault(match[1], line[match.end() : end].strip())
    return told


def unless_null(text: str) -> str:
    """The value of a field, empty where Slurm writes that there is none."""
    return "" if text == "(null)" else text


def states_of(text: str) -> tuple[str, ...]:
    """`IDLE*+DRAIN` as base state and flags; `*` is a node that does not answer."""
    words = [word.rstrip(_STATE_MARKS) for word in text.split("+") if word]
    silent = ["NOT_RESPONDING"] if "*" in text and "NOT_RESPONDING" not in words else []
    return (*words, *silent)


def instant_ms(text: str) -> int | None:
    """A time as Slurm prints it under TZ=UTC0; None for `Unknown` and its like."""
    try:
        return parse_instant(f"{text.strip()}Z")
    except ValueError:
        return None


def _each(text: str, key: str, command: str, read: Callable[[dict[str, str]], T]) -> tuple[T, ...]:
    """What `read` makes of every line that begins with `key`; InputError with all that it cannot
    read."""
    found, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith(f"{key}="):
            continue
        try:
            found.append(read(fields(line)))
        except (KeyError, ValueError, InputError) as error:
            said = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
            problems.append(
                Problem(f"{command}:{number}", line[:60], said, "as scontrol -o prints")
            )
    if problems:
        raise InputError(f"cannot read scontrol {command}", problems[:20])
    return tuple(found)


def _node(told: dict[str, str]) -> NodeLine:
    gpus, others = gres_of(_given(told, "Gres"))
    return NodeLine(
        name=told["NodeName"],
        cpus=int(told["CPUTot"]),
        memory_mib=int(told["RealMemory"]),
        gpus=gpus,
        gres=others,
        features=_listed(told.get("ActiveFeatures") or told.get("AvailableFeatures", "")),
        weight=int(told.get("Weight", "1")),
        states=states_of(told.get("State", "UNKNOWN")),
        reason=told.get("Reason", "").partition(" [")[0],
        cpus_allocated=int(told.get("CPUAlloc", "0")),
    )


def _partition(told: dict[str, str]) -> PartitionLine:
    return PartitionLine(
        name=told["PartitionName"],
        nodes=tuple(expand(_given(told, "Nodes"))),
        is_default=told.get("Default") == "YES",
        time_limit_max_s=limit_s(told.get("MaxTime", "")),
        time_limit_default_s=limit_s(told.get("DefaultTime", "")),
        tier=int(told.get("PriorityTier", "1")),
        state=told.get("State", "UP"),
        is_exclusive=told.get("OverSubscribe") == "EXCLUSIVE" or told.get("Exclusive") == "NODE",
    )


def _reservation(told: dict[str, str]) -> ReservationLine:
    from_ms, until_ms = instant_ms(told["StartTime"]), instant_ms(told["EndTime"])
    if from_ms is None or until_ms is None:
        raise ValueError(f"from {told['StartTime']} until {told['EndTime']} are no instants")
    return ReservationLine(
        name=told["ReservationName"],
        nodes=tuple(expand(_given(told, "Nodes"))),
        from_ms=from_ms,
        until_ms=until_ms,
        users=_listed(told.get("Users", "")),
        accounts=_listed(told.get("Accounts", "")),
        flags=_listed(told.get("Flags", "")),
    )


def _given(told: dict[str, str], key: str) -> str:
    text = unless_null(told.get(key, ""))
    return "" if text == "N/A" else text


def _listed(text: str) -> tuple[str, ...]:
    return tuple(_words(unless_null(text)))


def _words(text: str) -> Iterator[str]:
    return (word.strip() for word in text.split(",") if word.strip())
