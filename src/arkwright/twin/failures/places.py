"""What hangs on what: the groups of nodes behind a leaf, a PDU, a CDU, a hall."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.errors import InputError, Problem
from arkwright.twin.failures.spec import OF_A_NODE, FailureSpec, Part
from arkwright.twin.record import Ints, Places


class Group(NamedTuple):
    """Parts of one kind and the nodes behind them."""

    part: Part
    path: list[str]
    """Names that are unique within the kind and survive a re-design."""
    of_node: Ints
    """[n_nodes]: index into `path`, -1 for a node that hangs on none."""
    parts: int = 1
    """So many such parts stand behind each path."""
    spare: int = 0
    """Of them, how many may be out at once before the nodes go out."""


class Topology(NamedTuple):
    """Groups of nodes, and their links."""

    groups: tuple[Group, ...] = ()
    links: Ints | None = None
    """[n_nodes]: links of the compute fabric; None counts one per GPU."""


def groups_for(spec: FailureSpec, places: Places, topology: Topology) -> tuple[Group, ...]:
    """The groups, checked; halls are those of `places` where they are asked for and not given."""
    problems = [problem for group in topology.groups for problem in _wrong(group, places)]
    if topology.links is not None and len(topology.links) != len(places.path):
        problems.append(_problem("links", f"{len(topology.links)} links", places))
    if problems:
        raise InputError("the groups of the failure model do not fit the nodes", problems)
    given = {group.part for group in topology.groups}
    if any(cause.part is Part.HALL for cause in spec.causes) and Part.HALL not in given:
        return (*topology.groups, Group(Part.HALL, places.halls, places.hall))
    return topology.groups


def strikes_nothing(spec: FailureSpec, topology: Topology) -> list[str]:
    """Names of the causes whose part nothing hangs on, so that a caller can say so."""
    given = {group.part for group in topology.groups} | {*OF_A_NODE, Part.HALL}
    return [cause.name for cause in spec.causes if cause.part not in given]


class Members(NamedTuple):
    """The nodes of each path of a group."""

    first: Ints
    """[n_paths + 1]: those of path i are `node[first[i]:first[i + 1]]`."""
    node: Ints


def members(group: Group) -> Members:
    """Nodes by path, in their own order within one."""
    order = np.argsort(group.of_node, kind="stable")
    first = np.searchsorted(group.of_node[order], np.arange(len(group.path) + 1))
    return Members(first.astype(np.int64), order.astype(np.int64))


def _wrong(group: Group, places: Places) -> list[Problem]:
    name = group.part.value
    problems = []
    if group.part in OF_A_NODE:
        problems.append(Problem("topology", name, "a group of parts of single nodes",
                                "groups are of leaf, pdu, cdu or hall"))  # fmt: skip
    if len(group.of_node) != len(places.path):
        problems.append(_problem(name, f"{len(group.of_node)} nodes", places))
    elif len(group.of_node) and group.of_node.max() >= len(group.path):
        problems.append(Problem("topology", name, f"path {group.of_node.max()} of a node",
                                f"there are {len(group.path)}"))  # fmt: skip
    if len(set(group.path)) != len(group.path):
        problems.append(Problem("topology", name, "paths given twice", "each path is one part"))
    if not 0 <= group.spare < group.parts:
        problems.append(Problem("topology", name, f"{group.spare} spare of {group.parts}",
                                "at least one is needed"))  # fmt: skip
    return problems


def _problem(name: str, found: str, places: Places) -> Problem:
    return Problem("topology", name, found, f"one entry for each of {len(places.path)} nodes")
