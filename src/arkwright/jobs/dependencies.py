"""What a job waits for: Slurm's grammar of `--dependency`, read once.

An item of `depends_on` is a list of conditions: joined by `,` all have to hold, joined by `?` one
of them. `afterok:A:B` names several jobs at once; a job alone means `afterok`. All items have to
hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from arkwright.errors import InputError

CONDITIONS_MAX: Final = 1000
"""Of one job: each is looked at when what it names ends."""
MINUTES_MAX: Final = 5_256_000
"""Ten years."""


class When(Enum):
    """Which end, or start, of another job is waited for."""

    AFTER_OK = "afterok"
    """It, or every task of it, has succeeded."""
    AFTER_ANY = "afterany"
    """It is over."""
    AFTER_NOT_OK = "afternotok"
    """It is over and did not succeed; of an array: all tasks are over and one did not."""
    AFTER = "after"
    """It has begun, or was cancelled, so many minutes ago."""
    AFTER_CORR = "aftercorr"
    """The task of the same index of that array has succeeded."""
    SINGLETON = "singleton"
    """No earlier job of the same name and user is left."""


class Condition(Struct, frozen=True, kw_only=True):
    """One thing that has to have happened."""

    when: When
    job: str = ""
    """What was written; once accepted, the id of a job, a task or an array."""
    minutes: int = 0

    def __str__(self) -> str:
        late = f"+{self.minutes}" if self.minutes else ""
        return f"{self.when.value}:{self.job}{late}" if self.job else self.when.value


class AnyOf(Struct, frozen=True, kw_only=True):
    """Conditions of which one has to hold."""

    conditions: tuple[Condition, ...]


_ITEM = re.compile(r"[A-Za-z0-9._:+,?-]{1,4096}\Z")


def dependencies(items: Sequence[str]) -> tuple[AnyOf, ...]:
    """Read all items of a job; every one that is given back has to hold. Raises InputError."""
    return _dependencies(tuple(items))


@lru_cache(maxsize=1024)
def _dependencies(items: tuple[str, ...]) -> tuple[AnyOf, ...]:
    found = tuple(each for item in items for each in _item(item))
    if sum(len(each.conditions) for each in found) > CONDITIONS_MAX:
        raise InputError(f"depends_on: more than {CONDITIONS_MAX} conditions; wait for fewer jobs")
    return found


def named(needed: Sequence[AnyOf]) -> list[str]:
    """Every job that conditions name, each once, in order."""
    return list(dict.fromkeys(c.job for each in needed for c in each.conditions if c.job))


def written(needed: Sequence[AnyOf], ids: Mapping[str, str]) -> tuple[str, ...]:
    """The items again, with an id for every name."""
    return tuple(
        "?".join(
            str(Condition(when=c.when, job=ids.get(c.job, c.job), minutes=c.minutes))
            for c in each.conditions
        )
        for each in needed
    )


def _item(item: str) -> tuple[AnyOf, ...]:
    if not _ITEM.match(item):
        raise InputError(f"{item[:80]!r} is no dependency; write for example afterok:JOB")
    has_or, has_and = "?" in item, "," in item
    if has_or and has_and:
        raise InputError(
            f"{item!r} joins with both , and ?; one item takes one of them, as in Slurm: "
            "write two items"
        )
    terms = [_term(text, item) for text in item.split("?" if has_or else ",")]
    if has_or:
        return (AnyOf(conditions=tuple(each for term in terms for each in term)),)
    return tuple(AnyOf(conditions=(each,)) for term in terms for each in term)


def _term(text: str, item: str) -> tuple[Condition, ...]:
    word, has_jobs, rest = text.partition(":")
    if not has_jobs:
        if word == When.SINGLETON.value:
            return (Condition(when=When.SINGLETON),)
        word, rest = When.AFTER_OK.value, text
    known = {when.value: when for when in When if when is not When.SINGLETON}
    if word not in known:
        words = ", ".join([*known, When.SINGLETON.value])
        raise InputError(f"{item!r}: {word!r} is no kind of dependency; use {words}")
    return tuple(_condition(known[word], job, item) for job in rest.split(":"))


def _condition(when: When, text: str, item: str) -> Condition:
    job, has_minutes, digits = text.partition("+")
    if not job or job in {each.value for each in When}:
        raise InputError(f"{item!r} names no job; write for example {when.value}:JOB")
    if not has_minutes:
        return Condition(when=when, job=job)
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(MINUTES_MAX))
    if when is not When.AFTER or not is_number or int(digits) > MINUTES_MAX:
        raise InputError(f"{item!r}: write minutes as after:JOB+30; the others take none")
    return Condition(when=when, job=job, minutes=int(digits))
