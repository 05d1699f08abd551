"""What happened, in sentences: each is computed, and says what it counts."""

from __future__ import annotations

from typing import NamedTuple

from arkwright.twin.report.detail import Detail
from arkwright.twin.report.figures import Energy, Figures, told_twice
from arkwright.twin.report.told import Told
from arkwright.twin.report.waits import WaitClass
from arkwright.twin.report.wording import (
    energy,
    hours,
    instant,
    mass,
    number,
    plural,
    power,
    share,
)


class Said(NamedTuple):
    """A sentence, and the instant it speaks of, if it does."""

    text: str
    at_ms: int | None = None


_FULL = 0.95
_LOSSY = 0.05
_DOUBT = 1e-3


def sentences(told: Told, found: Figures) -> tuple[Said, ...]:
    """One run."""
    return (
        Said(_scene(told, found)),
        Said(_waits(found)),
        Said(_worst(told, found), found.worst.from_ms if found.worst else None),
        Said(_failures(found)),
        *(Said(text) for text in _energy(told, found.energy)),
        *_cap(told, found.energy),
    )


def comparison(runs: list[Told], found: list[Figures]) -> tuple[Said, ...]:
    """Which of several runs was best at what; nothing where they are alike."""
    said = []
    by_wait = sorted(zip(found, runs, strict=True), key=lambda pair: pair[0].mean_wait_h)
    (best, of_best), (worst, of_worst) = by_wait[0], by_wait[-1]
    if worst.mean_wait_h > best.mean_wait_h * 1.01:
        said.append(
            f"{of_best.name} waits least: {hours(best.mean_wait_h)} in the mean, "
            f"against {hours(worst.mean_wait_h)} under {of_worst.name}."
        )
    by_use = sorted(zip(found, runs, strict=True), key=lambda pair: -pair[0].progress.utilisation)
    most, least = by_use[0], by_use[-1]
    if most[0].progress.utilisation - least[0].progress.utilisation > 0.005:
        said.append(
            f"{most[1].name} keeps {share(most[0].progress.utilisation)} of GPU-time busy, "
            f"{least[1].name} {share(least[0].progress.utilisation)}."
        )
    said += _cheapest(runs, found)
    if any(f.waiting for f in found):
        left = ", ".join(
            f"{f.waiting:,} under {run.name}" for f, run in zip(found, runs, strict=True)
        )
        said.append(f"Jobs still waiting at the end: {left}; their waits count as endless.")
    return tuple(Said(text) for text in said)


def _cheapest(runs: list[Told], found: list[Figures]) -> list[str]:
    per_hour = []
    for figure, run in zip(found, runs, strict=True):
        meter, kept = figure.energy.meter_kwh, figure.progress.kept_gpu_h
        if meter and kept > 0:
            per_hour.append((meter / kept, run.name))
    if len(per_hour) < len(runs):
        return []
    (low, best), (high, worst) = min(per_hour), max(per_hour)
    if high < low * 1.01:
        return []
    return [
        f"A GPU-hour of kept work takes {low:.3f} kWh at the meter under {best}, "
        f"{high:.3f} kWh under {worst}."
    ]


def _scene(told: Told, found: Figures) -> str:
    record = told.record
    places, progress = record.places, found.progress
    begun = instant(record.from_ms, told.is_dated)
    length = hours((record.until_ms - record.from_ms) / 3_600_000)
    gpus = int(places.gpus.sum())
    text = (
        f"In {length} from {begun}{' UTC' if told.is_dated else ''}, "
        f"{plural(len(places.path), 'node')} with {plural(gpus, 'GPU')} at "
        f"{plural(len(places.sites), 'site')} started {found.started:,} of "
        f"{plural(len(told.jobs), 'job')} and were {share(progress.utilisation)} busy"
    )
    out = progress.out_gpu_h / progress.offered_gpu_h
    return text + (f"; {share(out)} of GPU-time was out of service." if out else ".")


def _waits(found: Figures) -> str:
    *classes, whole = found.classes
    if not whole.count:
        return "No job was submitted."
    text = (
        f"Half of the jobs started within {hours(whole.p50_h)} and 95 % within {hours(whole.p95_h)}"
    )
    if whole.never:
        text = _unfinished(whole)
    slowest = max(classes, key=lambda one: (one.p50_h, one.mean_h))
    if len(classes) > 1 and slowest.p50_h > whole.p50_h:
        text += f"; jobs of {slowest.title.replace('up to', 'at most')} waited longest, " + (
            f"{hours(slowest.p50_h)} in the median"
            if slowest.p50_h != float("inf")
            else "more than half of them to the end"
        )
    return text + "."


def _unfinished(whole: WaitClass) -> str:
    half = (
        "More than half of the jobs never started"
        if whole.p50_h == float("inf")
        else f"Half of the jobs started within {hours(whole.p50_h)}"
    )
    return f"{half}; {plural(whole.never, 'job')} had not started when the run ended"


def _worst(told: Told, found: Figures) -> str:
    worst = found.worst
    if worst is None:
        return "Nothing ever waited."
    text = (
        f"The worst hour began {instant(worst.from_ms, told.is_dated)}: "
        f"{number(round(worst.jobs, 1))} jobs waited for {number(round(worst.gpus))} GPUs, while "
        f"{share(worst.held)} of the GPUs were busy"
    )
    return text + ("." if worst.held >= _FULL else ", so free ones did not fit, or were not let.")


def _failures(found: Figures) -> str:
    progress = found.progress
    if not progress.causes:
        return "Nothing failed, or failures were not modelled: no node was ever out."
    failures = sum(cause.failures for cause in progress.causes)
    first = progress.causes[0]
    return (
        f"{plural(failures, 'failure')} took nodes out and interrupted "
        f"{plural(progress.interruptions, 'attempt')}; {first.name} cost most, "
        f"{number(first.gpu_h)} GPU-hours out. Of what jobs held, "
        f"{share(1 - progress.goodput)} was lost and had to be done again"
        + (": checkpoints are too rare." if 1 - progress.goodput > _LOSSY else ".")
    )


def _energy(told: Told, energy_: Energy) -> tuple[str, ...]:
    if not told.power.sites:
        return ("Power, energy, carbon and cost were not modelled in this run.",)
    said = []
    meter = energy_.meter_kwh
    if meter:
        parts = [
            f"{share(part / meter)} {name}"
            for part, name in (
                (energy_.jobs_kwh, "for jobs"),
                (energy_.idle_kwh, "idle"),
                (energy_.loss_kwh, "conversion losses"),
                (energy_.cooling_kwh, "cooling"),
            )
            if part is not None
        ]
        said.append(f"The sites drew {energy(meter)}: {', '.join(parts)}.")
    said += _footprint(told, energy_)
    return tuple(said)


def _footprint(told: Told, energy_: Energy) -> list[str]:
    parts = []
    if energy_.carbon_kg is not None:
        parts.append(f"{mass(energy_.carbon_kg)} CO2e (location-based)")
    if energy_.water_m3 is not None:
        parts.append(f"{number(energy_.water_m3)} m³ of water")
    if energy_.cost is not None:
        parts.append(f"{number(energy_.cost)} {told.power.currency}".rstrip() + " of energy")
    return [f"That is {', '.join(parts)}."] if parts else []


def _cap(told: Told, energy_: Energy) -> list[Said]:
    peak = energy_.peak
    if peak is None:
        return []
    when = instant(peak.at_ms, told.is_dated)
    if peak.cap_w == float("inf"):
        text = f"Power was highest at {peak.site}, {power(peak.power_w)} at {when}; no cap is told."
        return [Said(text, peak.at_ms)]
    ratio = f"{power(peak.power_w)} of {power(peak.cap_w)}, {share(peak.power_w / peak.cap_w)}"
    if energy_.over_cap_h:
        text = (
            f"Caps were exceeded for {hours(energy_.over_cap_h)} of site time, most at "
            f"{peak.site}, {when}: {ratio}."
        )
    else:
        text = f"{peak.site} came closest to its cap at {when}: {ratio}. No cap was exceeded."
    return [Said(text, peak.at_ms)]


def doubts(told: Told) -> list[str]:
    """Where what the page was told does not agree with itself."""
    said = []
    for site in told.power.sites:
        both = told_twice(site, told.record.until_ms)
        if both and abs(both[0] - both[1]) > _DOUBT * max(both):
            said.append(
                f"The totals of {site.site} come to {energy(both[0])}, its power over time to "
                f"{energy(both[1])}: one of them is wrong, or does not span the run."
            )
    return said


def method(told: Told, chosen: Detail) -> str:
    """What the page shows of a run, and what it had to leave out."""
    jobs = len(told.jobs)
    attempts = len(told.record.attempts.job)
    if chosen.is_exact:
        text = (
            f"Exact: all {jobs:,} jobs and {attempts:,} attempts are in this file, to the "
            "millisecond"
        )
    else:
        text = (
            f"Too large to carry whole: the {len(chosen.jobs):,} jobs with the most GPU-time are "
            f"in this file, with all their attempts ({int(chosen.attempts.sum()):,} of "
            f"{attempts:,}); they held {share(chosen.gpu_time_share)} of all GPU-time that jobs "
            f"held. The others appear in time lines, heat maps and in the shade of nodes "
            f"({chosen.node_bins} spans of time each), which count every job"
        )
    cut = len(chosen.outages) - int(chosen.outages.sum())
    return text + (f"; the {cut:,} shortest outages are left out of the replay." if cut else ".")
