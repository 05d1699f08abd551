"""The exception tree. Every error a person can meet derives from `ArkwrightError`.

ArkwrightError
├── InputError          the user's input is wrong; exit code 2, HTTP 4xx; carries every problem
│   ├── UnitError       a quantity text that cannot be read
│   └── InfeasibleError a request no state of this factory could ever satisfy
├── CatalogError        a catalogue row without source or date, or otherwise unusable
├── StoreError          the database is missing, corrupt, locked, full or of another version
│   └── FencedError     another writer has taken over: this one must stop, and never write again
├── EngineError         an engine could not do what it was told
│   └── EngineUnreachable  it does not answer: whether it was done is not known
├── ServerError         the server cannot be reached, or answered with an error
└── InternalError       one of our own invariants is broken: a bug, never the user's fault
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing wrong with an input: where it is, what was found, what would be right."""

    where: str
    """File and line (`fjord.yaml:7`), or a source name where there are no lines."""
    key: str
    """Key path, for example `sites.narvik.grid.connection`; empty for the whole document."""
    found: str
    right: str

    def __str__(self) -> str:
        place = f"{self.where}: {self.key}" if self.key else self.where
        return f"{place}: {self.found}; {self.right}" if self.right else f"{place}: {self.found}"


class ArkwrightError(Exception):
    """Root of the tree. `exit_code` is what the command line returns for it."""

    exit_code = 1


class InputError(ArkwrightError):
    """What the user gave is wrong. `problems` lists everything found, not just the first."""

    exit_code = 2

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([message, *(f"  {problem}" for problem in self.problems)]))


class UnitError(InputError):
    """A text that should be a quantity cannot be read as one."""


class InfeasibleError(InputError):
    """No state of this factory could ever satisfy the request; `reason` is the scheduler's."""

    def __init__(self, message: str, reason: object = None) -> None:
        self.reason = reason
        super().__init__(message)


class CatalogError(ArkwrightError):
    """The catalogue is unusable: a row lacks its source or date, or does not parse."""


class StoreError(ArkwrightError):
    """The database is missing, corrupt, locked, full or written by another version."""


class FencedError(StoreError):
    """Another writer has taken over the store. Whoever meets this must stop."""


class EngineError(ArkwrightError):
    """An engine could not do what it was told."""


class EngineUnreachable(EngineError):
    """An engine does not answer. Whether it did what it was told is not known: the same order is
    given again when it does."""


class ServerError(ArkwrightError):
    """The server cannot be reached or answered with an error."""


class InternalError(ArkwrightError):
    """One of our own invariants is broken. Always a bug in Arkwright."""
