"""The figures of one run that its sentences, its header and the comparison all take from."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.twin.power import SitePower
from arkwright.twin.report.progress import Progress, progress
from arkwright.twin.report.steps import means
from arkwright.twin.report.tally import NEVER, Tally
from arkwright.twin.report.told import Ints, Told
from arkwright.twin.report.waits import WaitClass, wait_classes

_HOUR_MS = 3_600_000


class Hour(Struct, frozen=True):
    """The hour in which most GPUs were waited for."""

    from_ms: int
    jobs: float
    gpus: float
    """Waiting, and asked for by them: means over the hour."""
    held: float
    """Share of the fleet's GPUs that jobs held meanwhile."""


class Peak(Struct, frozen=True):
    """Where a site came closest to its cap; or its highest power, where there is no cap."""

    site: str
    at_ms: int
    power_w: float
    cap_w: float
    """Infinite where there was none."""


class Energy(Struct, frozen=True, kw_only=True):
    """Over all sites; None where any of them does not model it."""

    jobs_kwh: float | None
    idle_kwh: float | None
    loss_kwh: float | None
    cooling_kwh: float | None
    carbon_kg: float | None
    water_m3: float | None
    cost: float | None
    peak: Peak | None
    over_cap_h: float
    """Site-hours above a cap."""

    @property
    def it_kwh(self) -> float | None:
        """At the racks: jobs and idle."""
        return _sum(self.jobs_kwh, self.idle_kwh)

    @property
    def meter_kwh(self) -> float | None:
        """At the sites' meters: IT, losses and cooling; None where one of them is not modelled."""
        return _sum(self.jobs_kwh, self.idle_kwh, self.loss_kwh, self.cooling_kwh)

    @property
    def pue(self) -> float | None:
        """Energy at the meter per energy at the racks."""
        return self.meter_kwh / self.it_kwh if self.meter_kwh and self.it_kwh else None


class Figures(Struct, frozen=True, eq=False, kw_only=True):
    """One run."""

    started: int
    waiting: int
    """Jobs that ever started; jobs that waited when the run ended."""
    mean_wait_h: float
    classes: tuple[WaitClass, ...]
    progress: Progress
    worst: Hour | None
    """None where nothing ever waited."""
    energy: Energy


def figures(told: Told, tally: Tally) -> Figures:
    """Everything that is said about a run in numbers."""
    classes = wait_classes(told, tally)
    return Figures(
        started=int((tally.wait_ms != NEVER).sum()),
        waiting=int(tally.waits_at_end.sum()),
        mean_wait_h=classes[-1].mean_h,
        classes=classes,
        progress=progress(told, tally),
        worst=_worst(told, tally),
        energy=_energy(told),
    )


def _worst(told: Told, tally: Tally) -> Hour | None:
    record = told.record
    corners = np.arange(record.from_ms, record.until_ms, _HOUR_MS, dtype=np.int64)
    corners = np.append(corners, record.until_ms)
    gpus = means(tally.queue_gpus, corners)
    jobs = means(tally.queue, corners)
    at = int(np.argmax(gpus)) if gpus.any() else int(np.argmax(jobs))
    if not jobs[at]:
        return None
    held = means(tally.held, corners)[at] / max(tally.capacity_milli, 1)
    return Hour(int(corners[at]), float(jobs[at]), float(gpus[at]) / 1000, float(held))


def _energy(told: Told) -> Energy:
    sites, until = told.power.sites, told.record.until_ms
    peaks = [peak for site in sites if (peak := _peak(site)) is not None]

    def over_sites(name: str) -> float | None:
        return _sum(*(getattr(site, name) for site in sites)) if sites else None

    return Energy(
        jobs_kwh=over_sites("jobs_kwh"),
        idle_kwh=over_sites("idle_kwh"),
        loss_kwh=over_sites("loss_kwh"),
        cooling_kwh=over_sites("cooling_kwh"),
        carbon_kg=over_sites("carbon_kg"),
        water_m3=over_sites("water_m3"),
        cost=over_sites("cost"),
        peak=max(peaks, key=lambda p: (p.power_w / p.cap_w, p.power_w), default=None),
        over_cap_h=sum(_over_cap_ms(site, until) for site in sites) / _HOUR_MS,
    )


def _sum(*parts: float | None) -> float | None:
    told = [part for part in parts if part is not None]
    return sum(told) if len(told) == len(parts) else None


def meter_w(site: SitePower) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """[n_steps]: what is modelled of IT, losses and cooling, together; [0] without IT."""
    if not len(site.it_w):
        return site.it_w
    return site.it_w + sum(part for part in (site.loss_w, site.cooling_w) if len(part))


def told_twice(site: SitePower, until_ms: int) -> tuple[float, float] | None:
    """Energy as the totals tell it and as the power over time adds up to it, both in kWh; None
    where one of them is not told in full."""
    total = _sum(site.jobs_kwh, site.idle_kwh, site.loss_kwh, site.cooling_kwh)
    if total is None or not all(len(part) for part in (site.it_w, site.loss_w, site.cooling_w)):
        return None
    length = np.diff(np.append(site.t_ms, until_ms))
    return total, float(meter_w(site) @ length) / (1000 * _HOUR_MS)


def _peak(site: SitePower) -> Peak | None:
    power = meter_w(site)
    if not len(power):
        return None
    cap = site.cap_w if len(site.cap_w) else np.full(len(power), np.inf)
    at = int(np.argmax(power / cap)) if np.isfinite(cap).any() else int(np.argmax(power))
    return Peak(site.site, int(site.t_ms[at]), float(power[at]), float(cap[at]))


def _over_cap_ms(site: SitePower, until_ms: int) -> int:
    power = meter_w(site)
    if not len(power) or not len(site.cap_w):
        return 0
    length: Ints = np.diff(np.append(site.t_ms, until_ms))
    # A cap that is kept by a margin of rounding is kept.
    return int(length[power > site.cap_w * (1 + 1e-9)].sum())
