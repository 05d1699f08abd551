"""Energy of one part of an attempt, from counters alone: nothing virtual is given real watts.

Standard library only: supervisors import this. Real GPUs: difference of NVML's counters. Otherwise
the CPU packages' RAPL counters (Linux powercap, `energy_uj`), shared by CPU time: the part is given
the fraction of the energy that its CPU time is of all CPU time spent in the interval. Where neither
can be read, only CPU time is known, and the ledger applies its labelled model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from arkwright.engines import procfs
from arkwright.engines.nvml import Nvml, open_nvml

POWERCAP = Path("/sys/class/powercap")


class Reading(NamedTuple):
    """Joules so far (None when not measured) and how they are known."""

    energy_j: float | None
    method: str


def method_here(gpus_are_real: bool) -> str:
    """What `Capabilities.energy` says."""
    if gpus_are_real:
        return "nvml"
    return "rapl" if RaplCounters.find(POWERCAP) else "cpu-model"


class EnergyMeter:
    """Call `sample` with the CPU seconds used so far, at least every few minutes."""

    def __init__(
        self,
        gpu_indices: Sequence[int],
        powercap: Path = POWERCAP,
        busy_ticks: Callable[[], int] = procfs.busy_ticks,
        nvml: Callable[[], Nvml | None] = open_nvml,
        share: float = 1.0,
    ) -> None:
        """`share`: of a GPU's energy, where other attempts use it too."""
        self._share = share
        self._busy_ticks = busy_ticks
        self._gpus = GpuCounters(nvml(), gpu_indices) if gpu_indices else None
        self._rapl = None if gpu_indices else RaplCounters.find(powercap)
        self._rapl_j = 0.0
        self._busy = busy_ticks()
        self._cpu_s = 0.0

    def sample(self, cpu_s: float) -> Reading:
        """The energy up to now."""
        if self._gpus:
            reading = self._gpus.sample()
            if reading.energy_j is None or self._share == 1.0:
                return reading
            return Reading(reading.energy_j * self._share, f"{reading.method}-share")
        if not self._rapl:
            return Reading(None, "cpu-model")
        busy = self._busy_ticks()
        busy_s = (busy - self._busy) / os.sysconf("SC_CLK_TCK")
        used_s = cpu_s - self._cpu_s
        spent_j = self._rapl.advance()
        if spent_j is None:
            self._rapl = None
            return Reading(None, "cpu-model")
        self._rapl_j += spent_j * min(1.0, used_s / busy_s) if busy_s > 0 else 0.0
        self._busy, self._cpu_s = busy, cpu_s
        return Reading(self._rapl_j, "rapl")


class GpuCounters:
    """Energy of whole GPUs since this object was made."""

    def __init__(self, nvml: Nvml | None, indices: Sequence[int]) -> None:
        self._nvml = nvml
        self._indices = tuple(indices)
        self._start = self._read()

    def sample(self) -> Reading:
        """Not measured unless every GPU has a counter that went forward."""
        now = self._read()
        if self._start is None or now is None or now < self._start:
            return Reading(None, "none")
        return Reading((now - self._start) / 1000.0, "nvml")

    def _read(self) -> int | None:
        if self._nvml is None:
            return None
        values = [self._nvml.energy_mj(index) for index in self._indices]
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None


class RaplCounters:
    """The packages' counters, which wrap around at a maximum the kernel names."""

    def __init__(self, zones: Sequence[Path]) -> None:
        self._zones = tuple(zones)
        self._maxima = [int((zone / "max_energy_range_uj").read_text()) for zone in zones]
        self._last = [int((zone / "energy_uj").read_text()) for zone in zones]

    @classmethod
    def find(cls, powercap: Path) -> RaplCounters | None:
        """Counters of every CPU package; None where there are none or we may not read them."""
        try:
            zones = sorted(
                zone
                for zone in powercap.glob("intel-rapl:*")
                if zone.name.count(":") == 1 and (zone / "name").read_text().startswith("package")
            )
            return cls(zones) if zones else None
        except (OSError, ValueError):
            return None

    def advance(self) -> float | None:
        """Joules since the last call; None when a counter can no longer be read."""
        try:
            now = [int((zone / "energy_uj").read_text()) for zone in self._zones]
        except (OSError, ValueError):
            return None
        rows = zip(now, self._last, self._maxima, strict=True)
        spent = sum((new - old) if new >= old else (new - old + top) for new, old, top in rows)
        self._last = now
        return spent / 1e6
