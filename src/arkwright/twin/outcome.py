"""What came of simulating: one run or several beside each other, with all the outputs are made of.

Everything here follows from the inputs and the seed alone: no clock, no path of this machine.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from arkwright.twin.checkpoint import JobCheckpoints
from arkwright.twin.energy import Energy
from arkwright.twin.headline import Headline, headline
from arkwright.twin.power import Power
from arkwright.twin.record import Record
from arkwright.twin.workload.table import JobTable
from arkwright.units import render_instant


class Happening(Struct, frozen=True, kw_only=True):
    """Something the scenario makes happen beside jobs and failures."""

    at_ms: int
    until_ms: int | None
    """None: to the end."""
    kind: str
    """`power-limit`, `maintenance` or `drain`."""
    subject: str
    """The place, or the node."""
    value: int | None = None
    """Of a limit [W]."""


class Outcome(Struct, frozen=True, eq=False, kw_only=True):
    """One run: one factory under one policy, with one seed."""

    name: str
    """What tells it from those beside it."""
    factory: str
    policy: dict[str, Any]
    """What was set of it, by the words of the factory file."""
    seed: int
    jobs: JobTable
    """What the record's attempts point into. `run_ms` is the time on nodes that was given to the
    scheduler: with checkpoints it has their writing in it."""
    record: Record
    checkpoints: JobCheckpoints | None = None
    until_ms: int | None = None
    """Where the run was to end; None when all jobs are over."""
    is_complete: bool = True
    """False where Ctrl-C ended it sooner."""
    energy: Energy | None = None
    """None: not modelled."""
    happenings: tuple[Happening, ...] = ()
    modelled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about what was assumed, dropped or left out."""

    @property
    def headline(self) -> Headline:
        """The figures it is compared by."""
        return headline(self.record, self.jobs)

    @property
    def power(self) -> Power:
        """Power over time, of the sites where it is modelled."""
        return Power() if self.energy is None else self.energy.power

    @property
    def how_far(self) -> str:
        """In words, how far the run came."""
        record = self.record
        done_h = (record.until_ms - record.from_ms) / 3_600_000
        at = f" ({render_instant(record.until_ms)})" if self.jobs.is_dated else ""
        whole = ""
        if self.until_ms is not None:
            share = (record.until_ms - record.from_ms) / max(self.until_ms - record.from_ms, 1)
            whole = f", {share:.0%} of the span"
        return f"{self.name} ran through hour {done_h:,.1f}{at}{whole}"


class Simulated(Struct, frozen=True, eq=False, kw_only=True):
    """A scenario's runs."""

    name: str
    outcomes: tuple[Outcome, ...]
    left_out: tuple[str, ...] = ()
    """Names of runs that Ctrl-C left no time for."""

    @property
    def is_complete(self) -> bool:
        """Whether everything ran to its end."""
        return not self.left_out and all(outcome.is_complete for outcome in self.outcomes)
