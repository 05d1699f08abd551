"""What was assumed while a programme was put into numbers, each figure with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arkwright.catalog import money as timetable
from arkwright.catalog import programme as figures
from arkwright.design.blueprint import Assumption

_MONTHS_PER_WEEK = 84 / 365.25


class Said:
    """Assumptions in the order in which they were made, each once."""

    def __init__(self) -> None:
        self._held: dict[Assumption, None] = {}

    def assume(self, where: str, name: str, value: str, source: str) -> None:
        """Note one."""
        self._held[Assumption(where=where, name=name, value=value, source=source)] = None

    def figure(self, where: str, name: str, given: float | None) -> float:
        """`given`, else the middle of the catalogue's figure, noted."""
        if given is not None:
            return given
        row = figures.figure(name)
        value = f"{row.middle:g} {row.unit}".strip()
        self.assume(where, name.replace("_", " "), value, row.provenance)
        return row.middle

    def months(self, where: str, name: str, given: float | None, steps: Iterable[str]) -> float:
        """`given`, else the sum of the middles of the catalogue's lead times of `steps`, noted."""
        if given is not None:
            return given
        rows = [timetable.lead_times()[step] for step in steps]
        months = sum((row.weeks_low + row.weeks_high) / 2 for row in rows) * _MONTHS_PER_WEEK
        source = "; ".join(row.provenance for row in rows)
        self.assume(where, name, f"{months:.1f} months", source)
        return months

    def rates(self, used: Mapping[str, tuple[float, str]], currency: str) -> None:
        """Exchange rates that were used."""
        for name, (rate, source) in used.items():
            self.assume("money", f"1 {name}", f"{rate:.4g} {currency}", source)

    def designed(self, where: str, found: Iterable[Assumption]) -> None:
        """What the design of a hall at `where` assumed."""
        for each in found:
            self.assume(where, each.name, each.value, each.source)

    def all(self) -> tuple[Assumption, ...]:
        """Everything."""
        return tuple(self._held)
