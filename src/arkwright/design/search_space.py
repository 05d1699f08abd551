"""What a design search tries: axes, their values, and a factory with values put in.

What a file fixes stays as it is unless the search names it. A system is always fixed by the file.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from arkwright import catalog, units
from arkwright.catalog import plant
from arkwright.design.cooling import supply_c
from arkwright.documents import Node
from arkwright.errors import InputError, Problem, UnitError
from arkwright.factory import Factory, Redundancy, Site, UpsKind

replace = msgspec.structs.replace
MOST = 100_000
"""Variants of one search: a day of one core."""


class Axis(NamedTuple):
    """One thing that varies."""

    name: str
    values: tuple[str, ...]


class _Kind(NamedTuple):
    """How an axis reads a value and puts it into a site, and where a file would fix it."""

    read: Callable[[str], str]
    put: Callable[[Site, str], Site]
    get: Callable[[Site], list[str]]
    """What the site has, as `read` writes it."""
    keys: tuple[str, ...]
    """Path in a site."""
    is_usual: bool
    """Tried without being named, where the file leaves it open."""


def axes(over: Sequence[str], written: Node | None = None) -> tuple[Axis, ...]:
    """Axes of a search, outermost first.

    `over`: `name=a,b` or `name` for the catalogue's values. `written`: the file as it was written;
    what it gives is fixed unless named. InputError with every problem.
    """
    named = _named(over)
    usual = [
        name
        for name, kind in _KINDS.items()
        if kind.is_usual and name not in named and not _is_written(written, kind.keys)
    ]
    found = [Axis(name, named.get(name, _values(name))) for name in _KINDS
             if name in named or name in usual]  # fmt: skip
    count = 1
    for axis in found:
        count *= len(axis.values)
    if count > MOST:
        raise InputError(f"{count:,} variants; a search takes at most {MOST:,}: name fewer values")
    return tuple(found)


def choices(over: Sequence[Axis]) -> Iterator[dict[str, str]]:
    """Every combination of the values, the last axis fastest."""
    names = [axis.name for axis in over]
    for values in itertools.product(*(axis.values for axis in over)):
        yield dict(zip(names, values, strict=True))


def with_choice(factory: Factory, choice: Mapping[str, str]) -> Factory:
    """`factory` with the values of `choice` at every site that has halls."""
    sites = dict(factory.sites)
    for name, site in sites.items():
        for axis, value in choice.items():
            if site.halls:
                site = _KINDS[axis].put(site, value)
        sites[name] = site
    return replace(factory, sites=sites)


def own_number(factory: Factory, over: Sequence[Axis]) -> int:
    """Number of the choice that leaves `factory` as it is, from 1; 0 where there is none."""
    number = 0
    for axis in over:
        kind = _KINDS[axis.name]
        found = {v for site in factory.sites.values() if site.halls for v in kind.get(site)}
        if len(found) != 1 or not found <= set(axis.values):
            return 0
        number = number * len(axis.values) + axis.values.index(found.pop())
    return number + 1


def _named(over: Sequence[str]) -> dict[str, tuple[str, ...]]:
    problems: list[Problem] = []
    named: dict[str, tuple[str, ...]] = {}
    for text in over:
        name, _, given = text.partition("=")
        kind = _KINDS.get(name)
        if kind is None or name in named:
            found = f"no axis is called {name!r}" if kind is None else f"{name} is named twice"
            problems.append(Problem("--over", text, found, f"one of {', '.join(_KINDS)}"))
            continue
        values = []
        for value in given.split(",") if given else _values(name):
            try:
                values.append(kind.read(value.strip()))
            except (InputError, ValueError) as error:
                problems.append(Problem("--over", name, str(error), _right(name)))
        named[name] = tuple(dict.fromkeys(values))
    if problems:
        raise InputError("the search cannot vary that", problems)
    return named


def _values(name: str) -> tuple[str, ...]:
    """The catalogue's values; of systems those that are no estimates."""
    if name == "system":
        return tuple(n for n, system in catalog.systems().items() if not system.is_estimate)
    return tuple(plant.search_axes()[name].values.split())


def _right(name: str) -> str:
    return f"for example --over {name}={','.join(_values(name)[:3])}"


def _is_written(written: Node | None, keys: Sequence[str]) -> bool:
    """Whether any site of the file gives the key."""
    return any(_at(site, keys) is not None for site in _children(_at(written, ("sites",))))


def _at(node: Node | None, keys: Sequence[str]) -> Node | None:
    for key in keys:
        node = node.value.get(key) if node and isinstance(node.value, dict) else None
    return node


def _children(node: Node | None) -> list[Node]:
    return list(node.value.values()) if node and isinstance(node.value, dict) else []


def _system(text: str) -> str:
    return catalog.system(text).name


def _redundancy(text: str) -> str:
    return Redundancy(text).value


def _supply(text: str) -> str:
    if text.upper() in plant.water_classes():
        return text.upper()
    try:
        degrees = units.parse(text, "°C")
    except UnitError:
        degrees = float(text)
    least, most = plant.figure("supply_min"), plant.figure("supply_max")
    if not least <= degrees <= most:
        raise InputError(f"{degrees:g} °C is not from {least:g} to {most:g} °C")
    return f"{degrees:g} °C"


def _oversubscription(text: str) -> str:
    value = float(text)
    if not 1 <= value <= 64:  # as `factory.Fabric` has it
        raise InputError(f"{text} is not from 1 to 64")
    return f"{value:g}"


def _ups(text: str) -> str:
    return UpsKind(text).value


def _put_system(site: Site, value: str) -> Site:
    return replace(site, halls={n: replace(h, system=value) for n, h in site.halls.items()})


def _put_redundancy(site: Site, value: str) -> Site:
    ups = replace(site.power.ups, redundancy=Redundancy(value))
    return replace(site, power=replace(site.power, ups=ups))


def _put_ups(site: Site, value: str) -> Site:
    ups = replace(site.power.ups, kind=UpsKind(value))
    return replace(site, power=replace(site.power, ups=ups))


def _put_supply(site: Site, value: str) -> Site:
    supply_c(value)
    return replace(site, cooling=replace(site.cooling, supply=value))


def _put_cooling_redundancy(site: Site, value: str) -> Site:
    return replace(site, cooling=replace(site.cooling, redundancy=Redundancy(value)))


def _put_oversubscription(site: Site, value: str) -> Site:
    return replace(site, fabric=replace(site.fabric, oversubscription=float(value)))


# Outermost first: the network depends on the first two, cooling on the next two, power on all.
_KINDS: Mapping[str, _Kind] = {
    "system": _Kind(
        _system,
        _put_system,
        lambda site: [catalog.system(hall.system).name for hall in site.halls.values()],
        ("halls",),
        True,
    ),
    "oversubscription": _Kind(
        _oversubscription,
        _put_oversubscription,
        lambda site: [f"{site.fabric.oversubscription:g}"],
        ("fabric", "oversubscription"),
        True,
    ),
    "supply_c": _Kind(
        _supply,
        _put_supply,
        lambda site: [_supply(site.cooling.supply.strip())],
        ("cooling", "supply"),
        True,
    ),
    "cooling_redundancy": _Kind(
        _redundancy,
        _put_cooling_redundancy,
        lambda site: [site.cooling.redundancy.value],
        ("cooling", "redundancy"),
        False,
    ),
    "redundancy": _Kind(
        _redundancy,
        _put_redundancy,
        lambda site: [site.power.ups.redundancy.value],
        ("power", "ups", "redundancy"),
        True,
    ),
    "ups": _Kind(
        _ups, _put_ups, lambda site: [site.power.ups.kind.value], ("power", "ups", "kind"), False
    ),
}
NETWORK_AXES = ("system", "oversubscription")
COOLING_AXES = (*NETWORK_AXES, "supply_c", "cooling_redundancy")
