"""NVIDIA DPS topology JSON as a power tree, and back.

The format: `Topology` says who feeds whom, `Entities` what each thing is and its limit, `Policies`
what a node or GPU may draw. What a node draws here is its policy's limit for the whole node, else
the most its device model can draw; a `StaticLoad` in watts is added. A limit in VA counts times its
power factor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs

from arkwright.catalog import plant
from arkwright.design.blueprint import Node
from arkwright.design.power_tree import PowerNode, PowerTree, tree_of
from arkwright.errors import InputError, Problem

Watts = Annotated[float, Meta(ge=0)]
_NODE = "Node"
COMPUTER = "ComputerSystem"


class PowerValue(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A power and its unit."""

    type: str
    value: Watts


class OperatingLimit(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The most a part may carry."""

    power_value: PowerValue
    power_factor: Annotated[float, Meta(gt=0, le=1)] = 1.0

    @property
    def kw(self) -> float:
        """Real power."""
        factor = self.power_factor if self.power_value.type.upper().endswith("VA") else 1.0
        thousands = 1.0 if self.power_value.type.lower().startswith("k") else 1e-3
        return self.power_value.value * factor * thousands


class Entity(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A thing: server, power domain, distribution unit."""

    type: str
    name: str
    model: str | None = None
    operating_limit: OperatingLimit | None = None
    constraints: OperatingLimit | None = None
    """What older editions call the operating limit."""
    redfish: dict[str, Any] | None = None
    policy: str | None = None
    static_load: Any = None
    telemetry_id: str | None = None

    @property
    def limit(self) -> OperatingLimit | None:
        """Under either name."""
        return self.operating_limit or self.constraints


class Relation(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Who a thing feeds."""

    name: str
    feed_tag: str | None = None
    children: tuple[str, ...] = ()


class Topology(Struct, frozen=True, kw_only=True, rename="pascal"):
    """The tree by names."""

    name: str
    entities: tuple[Relation, ...] = ()


class PowerLimitWatts(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Absolute, or relative to the device's most."""

    watts: Watts | None = None
    percentage: Annotated[float, Meta(ge=0, le=100)] | None = None


class Limit(Struct, frozen=True, kw_only=True, rename="pascal"):
    """What all devices of a type on a node may draw together."""

    element_type: str
    power_limit: PowerLimitWatts


class Policy(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A set of limits."""

    name: str
    limits: tuple[Limit, ...] = ()
    properties: dict[str, Any] | None = None


class DpsFile(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """A whole file."""

    topology: Topology
    entities: tuple[Entity, ...] = ()
    policies: tuple[Policy, ...] = ()


def read_dps(data: bytes | str, name: str = "topology.json") -> DpsFile:
    """The file, checked: every name that is used is defined once. InputError with every problem."""
    try:
        read = msgspec.json.decode(data, type=DpsFile)
    except msgspec.DecodeError as error:
        raise InputError(f"{name} is not a DPS topology: {error}") from None
    problems = list(_wrong(read, name))
    if problems:
        raise InputError(f"{name} is not valid", problems)
    return read


def write_dps(file: DpsFile) -> bytes:
    """The file as JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2)


def tree_of_dps(file: DpsFile) -> PowerTree:
    """The power tree: limits where the file has them, and what each computer may draw at most.

    Idle is the least the model can be held to; typical is not in the format, so it is the peak.
    """
    entities = {entity.name: entity for entity in file.entities}
    policies = {policy.name: policy for policy in file.policies}
    parents: dict[str, list[str]] = {relation.name: [] for relation in file.topology.entities}
    for relation in file.topology.entities:
        for child in relation.children:
            parents.setdefault(child, []).append(relation.name)
    nodes = []
    for path, above in parents.items():
        entity = entities[path]
        peak, idle = _draw_kw(entity, policies.get(entity.policy or ""))
        nodes.append(
            PowerNode(
                path=path,
                kind=entity.type,
                parents=tuple(above),
                rating_kw=entity.limit.kw if entity.limit else None,
                own_kw=(peak, peak, idle),
                part=entity.model or "",
            )
        )
    return tree_of(file.topology.name, nodes)


def dps_of_tree(tree: PowerTree, computers: dict[str, str] | None = None) -> DpsFile:
    """`tree` as a DPS file. `computers`: DPS model by kind of part that is a server, not a feed.

    Roots become power domains, the rest power distribution; ratings become operating limits. Losses
    and draws have no place in the format.
    """
    models = {"node": "", COMPUTER: "", **(computers or {})}
    children: dict[str, list[str]] = {node.path: [] for node in tree.nodes}
    for node in tree.nodes:
        for parent in node.parents:
            children[parent].append(node.path)
    entities = []
    for node in tree.nodes:
        if node.kind in models:
            type_ = COMPUTER
        else:
            type_ = "PowerDistribution" if node.parents else "PowerDomain"
        limit = None
        if node.rating_kw is not None:
            value = PowerValue(type="W", value=node.rating_kw * 1000)
            limit = OperatingLimit(power_value=value)
        model = models.get(node.kind) or node.part or None
        entities.append(Entity(type=type_, name=node.path, model=model, operating_limit=limit))
    relations = tuple(
        Relation(name=node.path, children=tuple(children[node.path])) for node in tree.nodes
    )
    topology = Topology(name=tree.name, entities=relations)
    return DpsFile(topology=topology, entities=tuple(entities))


def with_trays(tree: PowerTree, trays: Sequence[Node]) -> PowerTree:
    """`tree` with every rack's nodes under it, which share what the rack draws.

    A node's part is its DPS model where the system has one. Racks of other paths stay as they are.
    """
    names = plant.dps_models()
    by_rack: dict[str, list[Node]] = {}
    for tray in trays:
        by_rack.setdefault(tray.path.rpartition("/")[0], []).append(tray)
    nodes = []
    for node in tree.nodes:
        below = by_rack.get(node.path, []) if node.kind == "rack" else []
        nodes.append(structs.replace(node, own_kw=(0.0, 0.0, 0.0)) if below else node)
        share = tuple(kw / max(1, len(below)) for kw in node.own_kw)
        for tray in below:
            model = names[tray.system].model if tray.system in names else tray.system
            nodes.append(
                PowerNode(
                    path=tray.path,
                    kind="node",
                    parents=(node.path,),
                    own_kw=(share[0], share[1], share[2]),
                    part=model,
                )
            )
    return PowerTree(name=tree.name, nodes=tuple(nodes))


def _draw_kw(entity: Entity, policy: Policy | None) -> tuple[float, float]:
    """Most and least power of a thing itself."""
    static = entity.static_load if isinstance(entity.static_load, int | float) else 0.0
    if entity.type != COMPUTER:
        return static / 1000, static / 1000
    device = plant.devices().get(entity.model or "")
    most = device.watts_max if device else 0.0
    least = device.watts_min if device else 0.0
    for limit in policy.limits if policy else ():
        if limit.element_type == _NODE:
            share = limit.power_limit.percentage
            watts = limit.power_limit.watts
            most = watts if watts is not None else most * (100 if share is None else share) / 100
    return (most + static) / 1000, (min(least, most) + static) / 1000


def _wrong(file: DpsFile, name: str) -> list[Problem]:
    known = [entity.name for entity in file.entities]
    policies = {policy.name for policy in file.policies}
    listed = [relation.name for relation in file.topology.entities]
    used = [*listed, *(child for r in file.topology.entities for child in r.children)]
    found = [("Entities", path, "defined once") for path in sorted(_doubles(known))]
    found += [("Topology.Entities", path, "listed once") for path in sorted(_doubles(listed))]
    found += [
        ("Topology.Entities", path, "an entity of that name") for path in sorted({*used} - {*known})
    ]
    found += [
        (f"Entities.{entity.name}.Policy", entity.policy, "a policy of that name")
        for entity in file.entities
        if entity.policy and entity.policy not in policies and policies
    ]
    found += [
        (
            f"Entities.{entity.name}.OperatingLimit",
            entity.limit.power_value.type,
            "W, kW, VA or kVA",
        )
        for entity in file.entities
        if entity.limit and entity.limit.power_value.type.upper() not in ("W", "KW", "VA", "KVA")
    ]
    return [
        Problem(name, key, f"found {said!r}", f"it must be {right}") for key, said, right in found
    ]


def _doubles(names: list[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
