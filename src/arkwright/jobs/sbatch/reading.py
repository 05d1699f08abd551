"""One reading of a script's options: values taken one by one, what is wrong noted with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from arkwright.errors import InputError, Problem
from arkwright.jobs.sbatch.gather import Given

T = TypeVar("T")


class Reading:
    """Options by name, and what was found while they were read. `taken` names those understood."""

    def __init__(self, held: Mapping[str, Given], source: str) -> None:
        self.held = held
        self.source = source
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.taken: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the option was given; it counts as understood then."""
        if name in self.held:
            self.taken.add(name)
        return name in self.held

    def text(self, name: str) -> str | None:
        """The option's value as it was written."""
        if not self.has(name):
            return None
        value = self.held[name].value
        if not value:
            self.wrong(name, "no value", f"write --{name}=VALUE")
            return None
        return value

    def value(self, name: str, read: Callable[[str], T]) -> T | None:
        """The option's value through `read`; None where there is none or it is wrong."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return read(text)
        except (ValueError, InputError) as error:
            # Some say themselves what was found; the option's place says the rest.
            self.wrong(name, f"{text!r}", str(error).removeprefix(f"{text!r}: "))
            return None

    def wrong(self, name: str, found: str, right: str) -> None:
        """Note a problem at the place of an option."""
        self.problems.append(Problem(self.where(name), f"--{name}", found, right))

    def warn(self, name: str, found: str) -> None:
        """Note what the author should know about an option."""
        self.warnings.append(f"{self.where(name)}: --{name}: {found}")

    def where(self, name: str) -> str:
        """The place of an option: `train.sh:3`, `command line`, `environment SBATCH_GRES`."""
        return self.held[name].where if name in self.held else self.source
