"""Nscale's topology JSON, written from a design and read as a factory's inventory.

The Radar API answers with one entry for each server: where it hangs in the network, the root first
(core, spine, leaf), and the block (scale-up domain) it is in. Version 2 wraps the entries in
`results` and calls the server `server_id`; version 1 is a bare list with `instance_id`. Both are
read, version 2 is written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from arkwright import catalog, design
from arkwright.catalog import System
from arkwright.errors import InputError
from arkwright.export.fabric_tree import FabricTree, domain_nodes
from arkwright.export.names import natural
from arkwright.factory import Fabric, Factory, Hall, Site, dump, loads

_IDS = ("server_id", "instance_id")


class Server(Struct, frozen=True, kw_only=True):
    """One entry of the file."""

    name: str
    network: tuple[str, ...]
    """From the root to the leaf."""
    block: str
    """Empty where none was given."""


class Place(Struct, frozen=True, kw_only=True):
    """Where an imported server stands in the factory."""

    server: Server
    path: str


class Imported(Struct, frozen=True, kw_only=True):
    """What an import found."""

    factory: Factory
    places: tuple[Place, ...]
    """In the order of the factory's nodes."""
    notes: tuple[str, ...]


def nscale(trees: Sequence[FabricTree]) -> Iterator[str]:
    """Version 2 of the JSON, in pieces."""
    yield '{"results": ['
    separator = "\n"
    for tree in trees:
        for index, name in enumerate(tree.names):
            entry: dict[str, object] = {"server_id": name}
            entry["network_node_path"] = [tier[index] for tier in reversed(tree.tiers)]
            if tree.domain_nodes > 1:
                entry["block_id"] = tree.domain[index]
            yield f"{separator}  {json.dumps(entry)}"
            separator = ",\n"
    yield "\n]}\n"


def read_nscale(data: bytes, source: str = "the file") -> tuple[Server, ...]:
    """The servers in `data`. InputError says what is wrong with which entry."""
    try:
        found = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise InputError(f"{source} is not JSON: {error}") from None
    entries = found.get("results") if isinstance(found, dict) else found
    if not isinstance(entries, list) or not entries:
        right = 'a list of servers, or {"results": [...]} around one'
        raise InputError(f"{source} is not Nscale's topology JSON, which is {right}")
    servers = tuple(_server(entry, number, source) for number, entry in enumerate(entries))
    twice = [name for name, n in Counter(server.name for server in servers).items() if n > 1]
    if twice:
        raise InputError(f"{source}: {twice[0]} is there twice; join the pages of one region only")
    return servers


def imported(
    servers: Sequence[Server], *, factory: str, site: str, system: str, country: str | None = None
) -> Imported:
    """`servers` as a factory of one site, which keeps every server and every block.

    A hall for each core of the network. The file does not say what the servers are, so `system`
    does. Blocks that miss servers get halls of their own, since a hall is filled rack by rack.
    """
    kind, notes = catalog.system(system), []
    halls: dict[str, Hall] = {}
    ordered: list[Server] = []
    cores = sorted({server.network[0] for server in servers}, key=natural)
    for number, core in enumerate(cores):
        mine = [server for server in servers if server.network[0] == core]
        for name, hall, members in _halls(f"h{number + 1}", kind, sorted(mine, key=_order)):
            halls[name] = hall
            ordered += members
    partial = sum("-" in name for name in halls)
    if partial:
        which = "1 block misses" if partial == 1 else f"{partial} blocks miss"
        each = "it" if partial == 1 else "each"
        notes.append(f"{which} servers; {each} stands in a hall of its own")
    if domain_nodes(kind) > 1 and any(not server.block for server in servers):
        alone = sum(not server.block for server in servers)
        notes.append(f"{alone} servers are in no block; they fill racks by leaf and name")
    place = Site(country=country, halls=halls, fabric=_fabric(servers, kind, notes))
    # Once through its own text, which checks the names that were given.
    made = loads(dump(Factory(factory=factory, sites={site: place})).encode(), "the factory")
    nodes = design.blueprint(made).nodes
    places = (Place(server=s, path=n.path) for s, n in zip(ordered, nodes, strict=True))
    return Imported(factory=made, places=tuple(places), notes=tuple(notes))


def places_csv(places: Sequence[Place]) -> str:
    """Which server is which node, with the names the network had."""
    lines = ["server,node,core,spine,leaf,block"]
    for place in places:
        server = place.server
        middle = "/".join(server.network[1:-1])
        cells = [server.name, place.path, server.network[0], middle, server.network[-1]]
        lines.append(",".join(_cell(cell) for cell in [*cells, server.block]))
    return "\n".join(lines) + "\n"


def _server(entry: object, number: int, source: str) -> Server:
    where = f"{source}: entry {number + 1}"
    if not isinstance(entry, dict):
        raise InputError(f"{where} is not an object")
    name = next((entry[key] for key in _IDS if entry.get(key)), None)
    if not isinstance(name, str):
        raise InputError(f"{where} has no {_IDS[0]}")
    network = entry.get("network_node_path")
    if not isinstance(network, list) or not network or not all(_is_name(n) for n in network):
        right = "names of the core, the spine and the leaf"
        raise InputError(f"{where} ({name}): network_node_path should be {right}")
    block = entry.get("block_id") or ""
    if not isinstance(block, str):
        raise InputError(f"{where} ({name}): block_id should be a name")
    return Server(name=name, network=tuple(network), block=block)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _halls(
    name: str, system: System, servers: Sequence[Server]
) -> Iterator[tuple[str, Hall, list[Server]]]:
    """Name, hall and servers: whole blocks and servers without one, then each broken block."""
    size = domain_nodes(system)
    if size == 1:
        yield name, Hall(system=system.name, nodes=len(servers)), list(servers)
        return
    blocks: dict[str, list[Server]] = {}
    for server in servers:
        blocks.setdefault(server.block, []).append(server)
    alone = blocks.pop("", [])
    for block, members in blocks.items():
        if len(members) > size:
            raise InputError(
                f"block {block} has {len(members)} servers, and {system.name} has {size} nodes in "
                "a scale-up domain; name another system"
            )
    # Whole blocks first: a server alone must not push a block across two racks.
    whole = [server for members in blocks.values() if len(members) == size for server in members]
    if whole or alone:
        yield name, Hall(system=system.name, nodes=len(whole) + len(alone)), [*whole, *alone]
    broken = [members for members in blocks.values() if len(members) < size]
    for number, members in enumerate(broken):
        yield f"{name}-b{number + 1}", Hall(system=system.name, nodes=len(members)), members


def _fabric(servers: Sequence[Server], system: System, notes: list[str]) -> Fabric:
    """The nodes behind one group of leaves, where the file agrees with itself."""
    counts = Counter(server.network for server in servers)
    most = max(counts.values())
    if sum(count < most for count in counts.values()) > 1:
        notes.append(
            f"leaves have {min(counts.values())} to {most} servers; a factory file knows one number"
        )
    return Fabric() if most == system.scalable_unit_nodes else Fabric(scalable_unit_nodes=most)


def _order(server: Server) -> tuple[object, ...]:
    names = (*server.network, server.block, server.name)
    return tuple(natural(name) for name in names)


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
