"""Names for the world outside: paths as host names, both ways; lists of them are of `hostlist`.

Slurm, Kubernetes and NetBox want names without slashes. A path `site/hall/rack/device` becomes its
parts joined by hyphens, with each hyphen inside site, hall or rack doubled:
`new-york/h1/r001/t01` is `new--york-h1-r001-t01`. Names of sites and halls never begin with a
hyphen, so the way back is as sure as the way there; the device, being last, stays as it is.
"""

from __future__ import annotations

import re

from arkwright.errors import InputError

NAME_LENGTH_MAX = 63
"""What a label of the domain name system and a Kubernetes label value may have (RFC 1123)."""

_DEVICE = 3
"""Parts before the device: site, hall, rack."""
_HYPHENS = re.compile(r"-+")


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


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """`leaf-10` after `leaf-9`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part)
                 for part in re.split(r"(\d+)", name))  # fmt: skip
