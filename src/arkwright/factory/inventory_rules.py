"""Rules of an inventory: every name once, and lists only of what is there."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from arkwright import catalog
from arkwright.errors import InputError
from arkwright.factory.inventory_spec import Inventory
from arkwright.hostlist import expand

Found = Iterator[tuple[str, str, str]]
Names = Generator[tuple[str, str, str], None, list[str]]
"""Broken rules of a list on the way; at the end its names."""


def inventory_rules(path: str, inventory: Inventory) -> Found:
    """Broken rules: key path, what was found, what would be right."""
    if not inventory.nodes:
        yield f"{path}.nodes", "there is no node", "list them, or leave the inventory out"
    known: set[str] = set()
    for index, group in enumerate(inventory.nodes):
        here = f"{path}.nodes[{index}]"
        names = yield from _names(f"{here}.names", group.names)
        twice = [name for name in names if name in known] or _doubles(names)
        if twice:
            yield f"{here}.names", f"{twice[0]} is there twice", "list each node once"
        known.update(names)
        for key, value, table in (
            ("system", group.system, catalog.systems()),
            ("gpu_type", group.gpu_type, catalog.gpus()),
        ):
            if value is not None and value not in table:
                right = f"known: {', '.join(table)}; or leave it out"
                yield f"{here}.{key}", f"unknown {key} {value!r}", right
    lists = [(f"pools.{name}.nodes", pool.nodes) for name, pool in inventory.pools.items()]
    lists += [(f"switches.{name}.nodes", each.nodes) for name, each in inventory.switches.items()]
    lists += [(f"blocks.{name}", nodes) for name, nodes in inventory.blocks.items()]
    for key, text in lists:
        names = (yield from _names(f"{path}.{key}", text)) if text is not None else []
        yield from _unknown(f"{path}.{key}", names, known, "node")
    yield from _tree(path, inventory)


def _tree(path: str, inventory: Inventory) -> Found:
    above: dict[str, str] = {}
    for name, switch in inventory.switches.items():
        here = f"{path}.switches.{name}"
        if (switch.nodes is None) == (switch.switches is None):
            found = "both nodes and switches" if switch.nodes else "neither nodes nor switches"
            yield here, found, "give one of them"
        below = (
            (yield from _names(f"{here}.switches", switch.switches))
            if switch.switches is not None
            else []
        )
        yield from _unknown(f"{here}.switches", below, set(inventory.switches), "switch")
        for each in below:
            if above.setdefault(each, name) != name:
                yield here, f"{each} is below {above[each]} too", "give each switch one above it"
    for name in inventory.switches:
        seen, at = {name}, above.get(name)
        while at is not None and at not in seen:
            seen.add(at)
            at = above.get(at)
        if at is not None:
            yield f"{path}.switches.{name}", "it is below itself", "switches form a tree"
            return


def _names(key: str, text: str) -> Names:
    try:
        return expand(text)
    except InputError as error:
        yield key, str(error), "for example gpu[001-016]"
        return []


def _unknown(key: str, names: list[str], known: set[str], what: str) -> Found:
    lost = [name for name in names if name not in known]
    if lost:
        more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
        yield key, f"no {what} is called {lost[0]}{more}", f"name {what}s of this inventory"


def _doubles(names: list[str]) -> list[str]:
    return [] if len(set(names)) == len(names) else [n for n in names if names.count(n) > 1][:1]
