"""`--export`: which variables of the submitter's environment a job gets.

sbatch copies all of it unless told otherwise, and scripts rely on that. Here a job's specification
can be read by others of its project, so what looks like a secret is copied only where its name is
given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from arkwright.jobs.sbatch.reading import Reading

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET: Final = re.compile(
    r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_SOCK", re.IGNORECASE
)
_OF_THE_SHELL: Final = ("_", "SHLVL", "PWD", "OLDPWD")
_OURS: Final = ("SLURM_", "SBATCH_", "ARKWRIGHT_")


def exported(reading: Reading, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that travel with the job; what is left out though asked for is warned of."""
    given = reading.held.get("export")
    items = ["ALL"] if given is None else _items(given.value)
    found: dict[str, str] = {}
    named: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if item.upper() in ("ALL", "NONE", "NIL"):
            continue
        if not _NAME.fullmatch(name):
            reading.wrong(
                "export", f"{name!r} is no name of a variable", "write NAME or NAME=VALUE"
            )
        elif equals:
            named[name] = value
        elif name in environment:
            named[name] = environment[name]
    if "ALL" in (item.upper() for item in items):
        found = _all(reading, environment, named)
    return found | named


def _all(
    reading: Reading, environment: Mapping[str, str], named: Mapping[str, str]
) -> dict[str, str]:
    held_back = []
    found = {}
    for name, value in environment.items():
        if name in _OF_THE_SHELL or name.startswith(_OURS) or not _NAME.fullmatch(name):
            continue
        if _SECRET.search(name):
            held_back += [name] if name not in named else []
        else:
            found[name] = value
    if held_back:
        names = ",".join(sorted(held_back))
        reading.warn(
            "export", f"not copied, for it looks secret: {names}; give --export=ALL,{names}"
        )
    return found


def _items(text: str) -> list[str]:
    """Items between commas; a quoted value may hold some."""
    items, quote, item = [], "", ""
    for character in text:
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        elif character == "," and not quote:
            items.append(item)
            item = ""
        else:
            item += character
    return [each for each in (*items, item) if each]
