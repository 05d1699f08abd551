"""From words to options with their values, and which of several says the last word.

sbatch's order: the command line, then `SBATCH_*` variables, then the script; within one place, the
later. Unlike sbatch, what is wrong is collected: a script is corrected in one go.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from arkwright.errors import Problem
from arkwright.jobs.sbatch.options import ENVIRONMENT, OPTIONS, SBATCH, Option, Table


class Given(NamedTuple):
    """An option as it was given: its value (empty for none) and the place, for messages."""

    name: str
    value: str
    where: str


class Words(NamedTuple):
    """Words of one place, read: options in order, those nobody knows, and what follows them."""

    options: list[Given]
    unknown: list[Given]
    rest: list[str]
    problems: list[Problem]


def read_words(words: Sequence[str], where: str, table: Table = SBATCH) -> Words:
    """Read options up to the first word that is none: a script's name, or what `--` introduces."""
    read = Words([], [], [], [])
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            read.rest.extend(waiting)
            break
        if word.startswith("--"):
            _long(word, waiting, where, read, table)
        elif word.startswith("-") and len(word) > 1:
            _short(word, waiting, where, read, table)
        else:
            read.rest.extend((word, *waiting))
            break
    return read


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """What `SBATCH_*` variables say."""
    given = []
    for variable, name in ENVIRONMENT.items():
        value = environment.get(variable)
        if value is not None:
            takes = OPTIONS[name].value != "none"
            given.append(Given(name, value if takes else "", f"environment {variable}"))
    return given


def last_words(places: Sequence[Sequence[Given]]) -> dict[str, Given]:
    """By name, what holds: `places` weakest first. `requeue` and `no-requeue` silence each other,
    and so do the three ways to ask for memory in a stronger place."""
    held: dict[str, Given] = {}
    for place in places:
        for rivals in _RIVALS:
            if any(given.name in rivals for given in place):
                for name in rivals:
                    held.pop(name, None)
        for given in place:
            if given.name in ("requeue", "no-requeue"):
                held.pop("requeue", None)
                held.pop("no-requeue", None)
            held[given.name] = given
    return held


_RIVALS = (("mem", "mem-per-cpu", "mem-per-gpu"),)


def _long(word: str, waiting: list[str], where: str, read: Words, table: Table) -> None:
    name, equals, value = word[2:].partition("=")
    option, others = _named(name, table)
    if option is None:
        found = f"--{name} is no option of {table.program}"
        if others:
            found = f"--{name} could be " + " or ".join(f"--{other}" for other in others)
            read.problems.append(Problem(where, f"--{name}", found, "write the whole name"))
            return
        read.unknown.append(Given(name, value if equals else "", where))
    elif option.value == "none":
        if equals:
            found, right = f"the value {value!r}", "write it without a value"
            read.problems.append(Problem(where, f"--{name}", found, right))
        else:
            read.options.append(Given(option.name, "", where))
    elif equals or option.value == "optional":
        read.options.append(Given(option.name, value, where))
    elif waiting:
        read.options.append(Given(option.name, waiting.pop(0), where))
    else:
        problem = Problem(where, f"--{option.name}", "no value", f"write --{option.name}=VALUE")
        read.problems.append(problem)


def _short(word: str, waiting: list[str], where: str, read: Words, table: Table) -> None:
    """`-N2`, `-N 2`, and letters without a value together, as in `-HW`."""
    for at, letter in enumerate(word[1:], start=1):
        option = table.letters.get(letter)
        if option is None:
            found = f"-{letter} is no option of {table.program}"
            read.problems.append(Problem(where, f"-{letter}", found, f"see `man {table.program}`"))
            return
        tail = word[at + 1 :]
        if option.value == "none":
            read.options.append(Given(option.name, "", where))
            continue
        if tail or option.value == "optional":
            read.options.append(Given(option.name, tail.removeprefix("="), where))
        elif waiting:
            read.options.append(Given(option.name, waiting.pop(0), where))
        else:
            right = f"write -{letter} VALUE"
            read.problems.append(Problem(where, f"-{letter}", "no value", right))
        return


def _named(name: str, table: Table) -> tuple[Option | None, list[str]]:
    """The option of this name, or the only one it begins; else those it could be."""
    name = table.synonyms.get(name, name)
    if name in table.options:
        return table.options[name], []
    begun = [other for other in table.options if other.startswith(name)] if name else []
    return (table.options[begun[0]], []) if len(begun) == 1 else (None, begun)


def nearest(name: str) -> str:
    """`; did you mean --nodes?`, or nothing."""
    near = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.8)
    return f"; did you mean --{near[0]}?" if near else ""
