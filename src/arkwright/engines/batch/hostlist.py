"""Slurm's short form of node names: `n[01-03,07],gpu1` and the names it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NAMES_MAX = 65_536


def expand(text: str) -> list[str]:
    """Every name, in order. Raises ValueError for brackets that do not fit.

    >>> expand("n[01-03,07],gpu1")
    ['n01', 'n02', 'n03', 'n07', 'gpu1']
    """
    return [name for item in _items(text) for name in _expanded(item)]


def compress(names: Sequence[str]) -> str:
    """The short form; names keep their order, as a gang's do.

    >>> compress(["n01", "n02", "n03", "n07", "gpu1"])
    'n[01-03,07],gpu1'
    """
    groups: list[tuple[str, str, list[str]]] = []
    for name in names:
        found = re.fullmatch(r"(.*?)(\d+)(\D*)", name)
        prefix, number, suffix = found.groups() if found else (name, "", "")
        if groups and number and groups[-1][:2] == (prefix, suffix) and groups[-1][2]:
            groups[-1][2].append(number)
        else:
            groups.append((prefix, suffix, [number] if number else []))
    return ",".join(_written(*group) for group in groups)


def _written(prefix: str, suffix: str, numbers: Sequence[str]) -> str:
    if len(numbers) < 2:
        return f"{prefix}{''.join(numbers)}{suffix}"
    return f"{prefix}[{','.join(_ranges(numbers))}]{suffix}"


def _ranges(numbers: Sequence[str]) -> Iterable[str]:
    first = last = numbers[0]
    for number in (*numbers[1:], ""):
        if number and len(number) == len(last) and int(number) == int(last) + 1:
            last = number
            continue
        yield first if first == last else f"{first}-{last}"
        first = last = number


def _items(text: str) -> list[str]:
    """Items between commas outside brackets."""
    items, depth, item = [], 0, ""
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            items.append(item)
            item = ""
        else:
            item += character
    if depth != 0:
        raise ValueError(f"{text!r}: a bracket is not closed")
    return [each.strip() for each in (*items, item) if each.strip()]


def _expanded(item: str) -> list[str]:
    head, bracket, rest = item.partition("[")
    if not bracket:
        return [item]
    inside, closing, tail = rest.partition("]")
    if not closing:
        raise ValueError(f"{item!r}: a bracket is not closed")
    found: list[str] = []
    for part in inside.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"{item!r}: {part!r} is no range")
        numbers = range(int(first), int(last or first) + 1)
        if len(found) + len(numbers) > NAMES_MAX:
            raise ValueError(f"{item!r}: more than {NAMES_MAX} names")
        found += [f"{head}{number:0{len(first)}d}" for number in numbers]
    return [f"{name}{more}" for name in found for more in (_expanded(tail) if tail else [""])]
