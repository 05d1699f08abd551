"""The factory file: its schema, loading, checking. What comes out is frozen and valid.

`load` reads a file and its includes, `loads` reads bytes; both raise InputError with every problem,
each with file, line, key, what was found and what would be right. `schema` is for editors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from arkwright import documents
from arkwright.documents import Node
from arkwright.errors import InputError, Problem
from arkwright.factory import files
from arkwright.factory.contract_rules import instant_ms
from arkwright.factory.dump import dump
from arkwright.factory.inventory_spec import Inventory, InventoryPool, NodeGroup, Switch
from arkwright.factory.plant_spec import (
    Chillers,
    Climate,
    Cooling,
    CoolingKind,
    Power,
    Redundancy,
    Ups,
    UpsKind,
)
from arkwright.factory.salvage import salvage
from arkwright.factory.spec import (
    Backfill,
    Budget,
    Contract,
    Energy,
    Engine,
    EngineKind,
    Fabric,
    Factory,
    Grid,
    Hall,
    Link,
    Location,
    Money,
    Ordering,
    Organisation,
    Period,
    Placement,
    Policy,
    PowerBasis,
    Project,
    Quota,
    Site,
    Storage,
    StorageLevel,
    TypeQuota,
    TypicalJob,
)
from arkwright.factory.terms import (
    EnergyTerms,
    Term,
    age_per_point,
    allowed_sites,
    deadline_default,
    energy_at,
    half_life,
    policy_hash,
    pue_at,
    restart_grace_at,
    time_limit_default,
)
from arkwright.factory.validate import validate, validate_runnable

__all__ = [
    "Backfill",
    "Budget",
    "Chillers",
    "Climate",
    "Contract",
    "Cooling",
    "CoolingKind",
    "Energy",
    "EnergyTerms",
    "Engine",
    "EngineKind",
    "Fabric",
    "Factory",
    "Grid",
    "Hall",
    "Inventory",
    "InventoryPool",
    "Link",
    "Location",
    "Money",
    "NodeGroup",
    "Ordering",
    "Organisation",
    "Period",
    "Placement",
    "Policy",
    "Power",
    "PowerBasis",
    "Project",
    "Quota",
    "Redundancy",
    "Site",
    "Storage",
    "StorageLevel",
    "Switch",
    "Term",
    "TypeQuota",
    "TypicalJob",
    "Ups",
    "UpsKind",
    "age_per_point",
    "allowed_sites",
    "deadline_default",
    "dump",
    "energy_at",
    "half_life",
    "instant_ms",
    "load",
    "loads",
    "of_tree",
    "policy_hash",
    "pue_at",
    "restart_grace_at",
    "schema",
    "time_limit_default",
    "validate",
    "validate_runnable",
]


def load(path: Path | str, *, runnable: bool = False) -> Factory:
    """The factory in the file at `path`, with what it includes; raises InputError.

    `runnable` also refuses what cannot be run by this version, as `arkwright up` must.
    """
    return _checked(files.tree(Path(path)), runnable)


def loads(data: bytes, name: str = "factory", *, runnable: bool = False) -> Factory:
    """The factory in `data`; `name` is what problems call it. `include` is refused here."""
    tree = documents.parse(data, name)
    if isinstance(tree.value, dict) and "include" in tree.value:
        found, right = "a text has no folder to include from", "load it as a file"
        problem = Problem(tree.value["include"].where, "include", found, right)
        raise InputError(f"cannot read {name}", [problem])
    return _checked(tree, runnable)


def of_tree(tree: Node) -> Factory:
    """The factory that a tree describes, which `files.tree` read and a caller may have changed."""
    return _checked(tree, False)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the factory file."""
    return documents.schema(Factory, "Arkwright factory file")


def _checked(tree: Node, runnable: bool) -> Factory:
    try:
        factory = documents.decode(tree, Factory)
    except InputError as error:
        # What is readable is still checked, so that one round shows everything.
        _refuse(tree, [*error.problems, *salvage(tree, error.problems, runnable)])
    problems = validate(factory, tree)
    if runnable:
        problems += validate_runnable(factory, tree)
    if problems:
        _refuse(tree, problems)
    return factory


def _refuse(tree: Node, problems: list[Problem]) -> NoReturn:
    raise InputError(f"{tree.source} is not valid", problems)
