"""NVIDIA DPS topology JSON: a site's power chain down to its nodes, and a file as an inventory.

Servers are called as in the other exports, so that a scheduler and DPS speak of the same node. The
format says who feeds whom and what each part may carry; losses and the draw of what is no server
have no place in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from arkwright import catalog, design, units
from arkwright.catalog import plant
from arkwright.design import Node
from arkwright.design.dps import (
    COMPUTER,
    DpsFile,
    dps_of_tree,
    read_dps,
    tree_of_dps,
    with_trays,
    write_dps,
)
from arkwright.design.power_tree import PowerTree, over_limit
from arkwright.errors import InputError
from arkwright.export.fabric_tree import domain_nodes
from arkwright.export.names import host_name, natural, path_of
from arkwright.factory import Factory, Grid, Hall, PowerBasis, Site, dump, loads

_OWN_NODE = re.compile(r"[^/]+/([^/]+)/(r\d{3,})/t\d{2,}")
"""The path of a node as the blueprint gives it: hall and rack."""


class Fed(Struct, frozen=True, kw_only=True):
    """One server of a DPS file."""

    name: str
    system: str
    """Catalogue name."""
    hall: str
    """Name of the hall, where the server's own name says it; else the root that feeds it."""
    feeds: tuple[str, ...]
    """From the root down to what feeds it, along the first of its feeds."""
    rack: str
    """What feeds it directly, both sides; empty for none."""


class Inventory(Struct, frozen=True, kw_only=True):
    """What an import found."""

    factory: Factory
    places: tuple[tuple[Fed, str], ...]
    """Server and node path, in the order of the factory's nodes."""
    notes: tuple[str, ...]


def dps_topology(chain: PowerTree, nodes: Sequence[Node]) -> str:
    """The chain of a site with `nodes` under their racks, as DPS topology JSON."""
    tree = with_trays(chain, nodes)
    named = [
        msgspec.structs.replace(
            node, path=_name(node.path), parents=tuple(_name(parent) for parent in node.parents)
        )
        for node in tree.nodes
    ]
    file = dps_of_tree(PowerTree(name=tree.name, nodes=tuple(named)))
    return write_dps(file).decode() + "\n"


def import_dps(
    data: bytes,
    source: str = "topology.json",
    *,
    factory: str,
    site: str,
    system: str | None = None,
    country: str | None = None,
    basis: PowerBasis | None = None,
) -> Inventory:
    """The servers in `data` as a factory of one site, which keeps every server and every rack.

    Servers of Arkwright's own names go back to their halls; of others each root of the power tree
    and system makes one. `system` stands for models that the catalogue does not know. `basis` is
    what the limit of the only root is on. Without it, IT, for DPS holds limits against what servers
    draw; grid where all names are Arkwright's, whose root is the connection. InputError says what
    is wrong with which entry.
    """
    file = read_dps(data, source)
    tree = tree_of_dps(file)
    notes: list[str] = []
    fed = _servers(file, tree, system, source)
    halls: dict[str, Hall] = {}
    ordered: list[Fed] = []
    for name, members in _grouped(fed):
        for hall, mine in _halls(name, members, notes):
            halls[hall] = Hall(system=mine[0].system, nodes=len(mine))
            ordered += mine
    if basis is None:
        basis = PowerBasis.GRID if all(server.hall for server in fed) else PowerBasis.IT
    connection_kw = _connection_kw(tree, notes, basis)
    grid = Grid() if connection_kw is None else Grid(connection=connection_kw, basis=basis)
    place = Site(country=country, grid=grid, halls=halls)
    # Once through its own text, which checks the names that were given.
    made = loads(dump(Factory(factory=factory, sites={site: place})).encode(), "the factory")
    nodes = design.blueprint(made).nodes
    notes += [finding.text for finding in over_limit(tree)]
    places = tuple((server, node.path) for server, node in zip(ordered, nodes, strict=True))
    return Inventory(factory=made, places=places, notes=tuple(notes))


def servers_csv(places: Sequence[tuple[Fed, str]]) -> str:
    """Which server is which node, and what feeds it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["server", "node", "rack", "feeds"])
    table.writerows([s.name, path, s.rack, "/".join(s.feeds)] for s, path in places)
    return text.getvalue()


def _name(path: str) -> str:
    """Parts deeper than a node (`site/hall/p01/a/ups`) have hyphens too."""
    return host_name(path).replace("/", "-")


def _servers(file: DpsFile, tree: PowerTree, system: str | None, source: str) -> list[Fed]:
    """Every computer, with its system and its place. InputError for models nobody knows."""
    systems = {row.model: name for name, row in plant.dps_models().items()}
    systems |= {name: name for name in catalog.systems()}
    models = {e.name: e.model or "" for e in file.entities if e.type == COMPUTER}
    if not models:
        raise InputError(f"{source} has no {COMPUTER}, so there are no servers to import")
    unknown = Counter(model for model in models.values() if model not in systems)
    if unknown and system is None:
        said = ", ".join(f"{model or 'no model'} ({n:,})" for model, n in sorted(unknown.items()))
        raise InputError(
            f"{source}: the catalogue has no system for the models of these servers: {said}; say "
            "what they are with --system"
        )
    by_path = {node.path: node for node in tree.nodes}
    if missing := sorted(models.keys() - by_path.keys()):
        raise InputError(f"{source}: {missing[0]} is in Entities and not in Topology.Entities")
    found = []
    for name, model in models.items():
        kind = systems[model] if model in systems else catalog.system(system or "").name
        feeds: list[str] = []
        above = by_path[name].parents
        rack = " + ".join(above)
        while above:
            feeds.insert(0, above[0])
            above = by_path[above[0]].parents
        own = _OWN_NODE.fullmatch(path_of(name))
        hall = own[1] if own else ""
        found.append(Fed(name=name, system=kind, hall=hall, feeds=tuple(feeds), rack=rack))
    return found


def _grouped(servers: Sequence[Fed]) -> Iterator[tuple[str, list[Fed]]]:
    """Name of a hall and its servers in the order a person counts: their own hall's, or `h1`, …"""
    groups: dict[tuple[str, str, str], list[Fed]] = {}
    for server in servers:
        root = "" if server.hall else (server.feeds[0] if server.feeds else server.rack)
        groups.setdefault((server.hall, root, server.system), []).append(server)
    taken = {hall for hall, _, _ in groups if hall}
    times = Counter(hall for hall, _, _ in groups)
    free = (name for n in range(1, len(groups) + len(taken) + 1) if (name := f"h{n}") not in taken)
    for key in sorted(groups, key=lambda key: tuple(natural(part) for part in key)):
        hall, _, system = key
        members = sorted(groups[key], key=_order)
        name = hall if hall and times[hall] == 1 else f"{hall}-{system}" if hall else next(free)
        yield name, members


def _order(server: Fed) -> tuple[tuple[tuple[int, str], ...], ...]:
    """Arkwright's own names are in the order of racks and trays; others go by what feeds them."""
    feeds = () if server.hall else (*server.feeds, server.rack)
    return (*(natural(name) for name in feeds), natural(server.name))


def _halls(name: str, servers: Sequence[Fed], notes: list[str]) -> Iterator[tuple[str, list[Fed]]]:
    """A hall is filled rack by rack: whole racks first, then one that misses servers, which may be
    last; others like it get halls of their own where a rack is a scale-up domain."""
    kind = catalog.system(servers[0].system)
    racks: dict[str, list[Fed]] = {}
    for server in servers:
        racks.setdefault(server.rack, []).append(server)
    size = kind.nodes_per_rack
    if domain_nodes(kind) == 1 or any(len(rack) > size for rack in racks.values()):
        _note_refilled(name, racks, size, notes)
        yield name, list(servers)
        return
    whole = [server for rack in racks.values() if len(rack) == size for server in rack]
    broken = [rack for rack in racks.values() if len(rack) < size]
    yield name, [*whole, *(broken[0] if broken else [])]
    for number, rack in enumerate(broken[1:], start=1):
        yield f"{name}-b{number}", rack
    if broken[1:]:
        count = len(broken) - 1
        notes.append(
            f"{len(broken)} racks of {name} miss servers; {count} of them "
            f"{'stands in a hall of its own' if count == 1 else 'stand in halls of their own'}"
        )


def _note_refilled(name: str, racks: Mapping[str, list[Fed]], size: int, notes: list[str]) -> None:
    servers = sum(len(rack) for rack in racks.values())
    needed = -(-servers // size)
    if len(racks) != needed:
        notes.append(
            f"{servers:,} servers of {name} hang on {len(racks):,} parts and fill {needed:,} racks "
            f"of {size} in the design; nodes.csv says which is which"
        )


def _connection_kw(tree: PowerTree, notes: list[str], basis: PowerBasis) -> float | None:
    """The limit of the only root; what is left out is said."""
    roots = [node for node in tree.nodes if not node.parents]
    limits = [node for node in tree.nodes if node.rating_kw is not None]
    only = roots[0] if len(roots) == 1 else None
    kw = only.rating_kw if only else None
    if only is not None and kw is not None:
        said = units.render(kw, "kW")
        notes.append(f"the limit of {only.path}, {said}, is the connection, on basis {basis.value}")
    left = [node for node in limits if node is not only]
    if left:
        parts = "1 part" if len(left) == 1 else f"{len(left):,} parts"
        notes.append(
            f"limits of {parts} below it are not in a factory file: the design makes a chain "
            "of its own"
        )
    return kw
