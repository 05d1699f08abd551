"""Domains as numbers and as a tree: for the scheduler's columns and for a picture."""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.design.blueprint import LEVELS, Node


def domain_names(nodes: Sequence[Node]) -> tuple[tuple[str, ...], ...]:
    """Per level of `LEVELS`: the names of its domains, in order of first appearance."""
    return tuple(
        tuple(dict.fromkeys(node.domains[level] for node in nodes)) for level in range(len(LEVELS))
    )


def domain_indices(nodes: Sequence[Node]) -> tuple[tuple[int, ...], ...]:
    """Per level, per node: the index of its domain in `domain_names` [n_levels][n_nodes]."""
    indices = []
    for level, names in enumerate(domain_names(nodes)):
        position = {name: index for index, name in enumerate(names)}
        indices.append(tuple(position[node.domains[level]] for node in nodes))
    return tuple(indices)
