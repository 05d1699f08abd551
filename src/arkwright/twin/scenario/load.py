"""A scenario file to a checked value: every problem at once, with file, line and key."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from arkwright import documents, factory
from arkwright.documents import Node
from arkwright.errors import InputError, Problem
from arkwright.factory import Factory
from arkwright.factory import files as factory_files
from arkwright.twin.scenario.rules import broken
from arkwright.twin.scenario.spec import Scenario
from arkwright.twin.scenario.vary import Change, changed

FACTORY = "factory"
"""Key under which a sweep reaches into the factory file."""


class Site(Struct, frozen=True):
    """One factory of a scenario, under one policy."""

    name: str
    """Of the run: what tells this factory and policy from the others."""
    factory: Factory
    folder: Path
    """Of its file, for the files that it names."""
    policy: str


class Loaded(Struct, frozen=True):
    """A scenario and what it names."""

    scenario: Scenario
    tree: Node
    """As it was written, for the lines of what turns out not to fit."""
    path: Path
    sites: tuple[Site, ...]
    """Each is one run, in the order of the file: factories, then policies."""

    @property
    def folder(self) -> Path:
        """Where the files that it names lie."""
        return self.path.parent


def load(path: Path, changes: tuple[Change, ...] = ()) -> Loaded:
    """The scenario at `path`, with `changes` made to it and to its factories; raises InputError."""
    tree = documents.parse(documents.read(path), path.name)
    own = tuple(change for change in changes if not change.key.startswith(f"{FACTORY}."))
    inner = tuple(
        Change(change.key.removeprefix(f"{FACTORY}."), change.text)
        for change in changes
        if change.key.startswith(f"{FACTORY}.")
    )
    tree = changed(tree, own)
    problems: list[Problem] = []
    scenario: Scenario | None = None
    try:
        scenario = documents.decode(tree, Scenario)
        problems += broken(scenario, tree, path.parent)
    except InputError as error:
        problems += [*error.problems, *_salvaged(tree, error.problems, path.parent)]
    sites: list[Site] = []
    for name, file in _factories(tree).items():
        try:
            sites += _sites(tree, name, path.parent / file, inner)
        except InputError as error:
            # What is wrong with a policy was said of the scenario's own key.
            told = {problem.where for problem in problems}
            found = [problem for problem in error.problems if problem.where not in told]
            if not error.problems:
                found = [Problem(path.name, f"factory.{name}".rstrip("."), str(error), "")]
            problems += found
    if scenario is not None and not problems:
        problems += _unknown_sites(scenario, tree, sites)
    if problems or scenario is None:
        raise InputError(f"{path.name} is not valid", list(dict.fromkeys(problems)))
    return Loaded(scenario, tree, path, tuple(sites))


def _salvaged(tree: Node, problems: tuple[Problem, ...], folder: Path) -> list[Problem]:
    """Broken rules of the sections that can be read, so that one round shows everything."""
    if not isinstance(tree.value, dict):
        return []
    bad = {problem.key.partition(".")[0].partition("[")[0] for problem in problems}
    stand_ins = {"kind": "scenario", "name": "unnamed", FACTORY: "unknown"}
    kept = {key: node for key, node in tree.value.items() if key not in bad}
    for key, text in stand_ins.items():
        if key not in kept:
            kept[key] = Node(text, tree.source, 0, text, 1)
    try:
        rest = documents.decode(tree._replace(value=kept), Scenario)
    except InputError:
        return []
    return [
        problem
        for problem in broken(rest, tree, folder)
        if problem.key.partition(".")[0].partition("[")[0] not in bad
        and not ("horizon" in bad and "horizon" in problem.right)
    ]


def _factories(tree: Node) -> dict[str, str]:
    """Files of the factories by name, as far as they can be told from a tree with mistakes."""
    found = tree.value.get(FACTORY) if isinstance(tree.value, dict) else None
    if found is None:
        return {}
    if isinstance(found.value, str):
        return {"": found.value}
    if isinstance(found.value, dict):
        return {key: node.value for key, node in found.value.items() if isinstance(node.value, str)}
    return {}


def _sites(tree: Node, name: str, file: Path, changes: tuple[Change, ...]) -> list[Site]:
    """One factory under each policy; a policy is laid over the factory's own, key by key."""
    whole = changed(factory_files.tree(file), changes)
    policies = tree.value.get("policies") if isinstance(tree.value, dict) else None
    given = policies.value if policies is not None and isinstance(policies.value, dict) else {}
    sites = []
    for label, policy in (given or {"": None}).items():
        laid = whole if policy is None else _with_policy(whole, policy)
        found = factory.of_tree(laid)
        said = label or f"{found.policy.ordering.value}, {found.policy.backfill.value}"
        sites.append(Site(f"{name}, {said}" if name else said, found, file.parent, said))
    return sites


def _with_policy(whole: Node, policy: Node) -> Node:
    if not isinstance(whole.value, dict):
        return whole
    own = whole.value.get("policy")
    laid = policy if own is None else factory_files.merge(own, policy)
    return whole._replace(value={**whole.value, "policy": laid})


def _unknown_sites(scenario: Scenario, tree: Node, sites: list[Site]) -> list[Problem]:
    """Surroundings of a site that no factory has."""
    known = {name for site in sites for name in site.factory.sites}
    places = tree.value.get("environment") if isinstance(tree.value, dict) and known else None
    if places is None or not isinstance(places.value, dict):
        return []
    return [
        Problem(node.where, f"environment.{name}", "no factory has such a site",
                f"use {', '.join(sorted(known))}")
        for name, node in places.value.items() if name not in known
    ]  # fmt: skip
