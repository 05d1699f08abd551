"""Slurm's lists of names in short, `leaf[1-4],gpu[001-016,018]`, both ways.

Here, low in the house, because the factory file, the exports, the engines and what runs inside a
job all speak it. Standard library only: Arkwright's commands inside a job have nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, product

from arkwright.errors import InputError

NAMES_MAX = 1_000_000
"""More names than that are a slip of the pen, not a cluster."""

_LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)\Z", re.DOTALL)
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def hostlist(names: Sequence[str], numbers: int = 2) -> str:
    """`names` as Slurm writes them: `narvik-h1-r[001-072]-t[01-18]`, in their order.

    At most `numbers` of the numbers in a name become ranges, from the right; Slurm knows two.
    """
    listed = [(name, "") for name in names]
    for _ in range(numbers):
        listed = _ranged(listed)
    return ",".join(head + tail for head, tail in listed)


def expand(text: str) -> list[str]:
    """The names of a list in short, in its order; `numbers` may stand in several brackets.

    Numbers keep their zeros: `n[01-03]` is n01, n02, n03, and `n[9-11]` is n9, n10, n11.
    InputError where brackets do not match, a range runs backwards or a list is absurdly long.
    """
    found: list[str] = []
    for part in _parts(text):
        found += _names(part, text)
        if len(found) > NAMES_MAX:
            raise InputError(f"the list of names {_cut(text)} has more than {NAMES_MAX:,} names")
    return found


def _parts(text: str) -> Iterator[str]:
    """Split at commas that stand outside of brackets."""
    depth, begin = 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if depth not in (0, 1):
            raise InputError(f"the list of names {_cut(text)}: brackets do not match")
        if letter == "," and not depth:
            yield from filter(None, [text[begin:place].strip()])
            begin = place + 1
    if depth:
        raise InputError(f"the list of names {_cut(text)}: brackets do not match")
    yield from filter(None, [text[begin:].strip()])


def _names(part: str, text: str) -> list[str]:
    pieces = re.split(r"\[([^\]]*)\]", part)
    choices = [
        list(_numbers(piece, text)) if place % 2 else [piece] for place, piece in enumerate(pieces)
    ]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > NAMES_MAX:
        raise InputError(f"the list of names {_cut(text)} has more than {NAMES_MAX:,} names")
    return ["".join(chosen) for chosen in product(*choices)]


def _numbers(inside: str, text: str) -> Iterator[str]:
    for each in inside.split(","):
        found = _RANGE.fullmatch(each.strip())
        if found is None:
            raise InputError(
                f"the list of names {_cut(text)}: found [{inside}]; in brackets stand numbers and "
                "ranges, as [1-4,7]"
            )
        first, last = found[1], found[2] or found[1]
        if int(last) < int(first):
            raise InputError(f"the list of names {_cut(text)}: the range {each} runs backwards")
        if int(last) - int(first) >= NAMES_MAX:
            raise InputError(f"the list of names {_cut(text)} has more than {NAMES_MAX:,} names")
        for number in range(int(first), int(last) + 1):
            yield f"{number:0{len(first)}d}"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _ranged(listed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Consecutive (head, tail) that differ in the last number of their heads only, as one."""
    found: list[tuple[str, str]] = []
    for (before, after, width), run in groupby(_parted(listed), key=lambda part: part[0]):
        numbers = [number for _, number in run]
        if not width:
            found += [(before, after)] * len(numbers)
            continue
        text = _ranges(numbers, width)
        is_plain = "," not in text and "-" not in text
        found.append((before, (text if is_plain else f"[{text}]") + after))
    return found


def _parted(listed: list[tuple[str, str]]) -> list[tuple[tuple[str, str, int], int]]:
    parted = []
    for head, tail in listed:
        found = _LAST_NUMBER.fullmatch(head)
        if found is None:
            parted.append(((head, tail, 0), 0))
        else:
            before, digits, between = found.groups()
            parted.append(((before, between + tail, len(digits)), int(digits)))
    return parted


def _ranges(numbers: Sequence[int], width: int) -> str:
    """`001-004,007`: runs of ascending neighbours."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [
        f"{first:0{width}}" if first == last else f"{first:0{width}}-{last:0{width}}"
        for first, last in runs
    ]
    return ",".join(texts)
