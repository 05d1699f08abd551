"""Names for the world outside: paths as host names, both ways, and lists of them in short.

Slurm, Kubernetes and NetBox want names without slashes. A path `site/hall/rack/device` becomes its
parts joined by hyphens, with each hyphen inside site, hall or rack doubled:
`new-york/h1/r001/t01` is `new--york-h1-r001-t01`. Names of sites and halls never begin with a
hyphen, so the way back is as sure as the way there; the device, being last, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from arkwright.errors import InputError

NAME_LENGTH_MAX = 63
"""What a label of the domain name system and a Kubernetes label value may have (RFC 1123)."""

_DEVICE = 3
"""Parts before the device: site, hall, rack."""
_HYPHENS = re.compile(r"-+")
_LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)\Z", re.DOTALL)


def host_name(path: str) -> str:
    """The name of `path`, for example `narvik-h1-r001-t01`. InputError where it is too long."""
    *places, device = path.split("/", _DEVICE)
    last = device if len(places) == _DEVICE else device.replace("-", "--")
    return checked("-".join([*(place.replace("-", "--") for place in places), last]))


def checked(name: str) -> str:
    """`name`, if it is short enough for a label. InputError where it is not."""
    if len(name) > NAME_LENGTH_MAX:
        raise InputError(
            f"the name {name} has {len(name)} characters and {NAME_LENGTH_MAX} are allowed; "
            "shorten the name of the site or the hall"
        )
    return name


def path_of(name: str) -> str:
    """The path that `host_name` made `name` from."""
    parts, begin = [""], 0
    for run in _HYPHENS.finditer(name):
        if len(parts) > _DEVICE:
            break
        # Of a run of hyphens every two are one of the part before; an odd one divides.
        parts[-1] += name[begin : run.start()] + "-" * (len(run[0]) // 2)
        parts += [""] * (len(run[0]) % 2)
        begin = run.end()
    parts[-1] += name[begin:]
    return "/".join(parts)


def hostlist(names: Sequence[str], numbers: int = 2) -> str:
    """`names` as Slurm writes them: `narvik-h1-r[001-072]-t[01-18]`, in their order.

    At most `numbers` of the numbers in a name become ranges, from the right; Slurm knows two.
    """
    listed = [(name, "") for name in names]
    for _ in range(numbers):
        listed = _ranged(listed)
    return ",".join(head + tail for head, tail in listed)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """`leaf-10` after `leaf-9`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part)
                 for part in re.split(r"(\d+)", name))  # fmt: skip


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
