"""One job's receipt, computed from its events alone.

Every line says how it was obtained. Virtual GPUs are never given a catalogue GPU's watts: their
energy is what the machine's counters or a CPU model say, or it is "not measured".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arkwright.catalog import CpuModel
from arkwright.errors import InternalError
from arkwright.jobs.events import Event, EventKind, end_of
from arkwright.physics import energy as worth
from arkwright.units import J_PER_KWH, MS_PER_S, S_PER_HOUR

MS_PER_HOUR = MS_PER_S * S_PER_HOUR


class Tariff(Struct, frozen=True, kw_only=True):
    """What energy and GPU time cost at a site, and how clean its grid is. None: not stated."""

    currency: str
    price_per_kwh: float | None
    price_per_gpu_hour: float | None
    carbon_g_per_kwh: float | None
    pue: float | None
    """Facility energy per IT energy; None takes IT energy alone."""
    price_source: str = ""
    carbon_source: str = ""
    pue_source: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line of the bill. `value` is None when it is not known."""

    label: str
    value: float | None
    unit: str
    how: str
    """How it was obtained, in words a user can check."""


class AttemptUse(Struct, frozen=True, kw_only=True):
    """What one attempt held and used."""

    id: str
    site: str
    nodes: int
    gpus: float
    hours: float
    gpu_hours: float
    cpu_s: float
    energy_j: float | None
    energy_method: str
    outcome: str


class Receipt(Struct, frozen=True, kw_only=True):
    """One job's bill, so far when it still runs."""

    job_id: str
    name: str
    project: str
    user: str
    state: str
    is_final: bool
    is_virtual: bool
    """True when CPU slots stood in for GPUs: its GPU-hours are virtual GPU-hours."""
    lines: list[Line]
    attempts: list[AttemptUse]


def receipt(
    events: Sequence[Event], *, now_ms: int, tariffs: Mapping[str, Tariff], cpu: CpuModel
) -> Receipt:
    """The receipt of the one job whose events these are, in log order, as of `now_ms`.

    `tariffs` is by site. An attempt that still runs is charged up to `now_ms`; its energy is known
    when it ends.
    """
    submitted = events[0]
    if submitted.kind is not EventKind.JOB_SUBMITTED:
        raise InternalError(f"a job's log begins with {submitted.kind.value}, not its submission")
    attempts = [_use(start, end, now_ms, cpu) for start, end in _attempts(events)]
    starts = [event for event in events if event.kind is EventKind.JOB_STARTED]
    is_virtual = any(start.after["is_virtual"] for start in starts)
    state = next(e.after["state"] for e in reversed(events) if "state" in e.after)
    return Receipt(
        job_id=submitted.subject,
        name=submitted.after["spec"]["name"],
        project=submitted.after["project"],
        user=submitted.after["user"],
        state=state,
        is_final=all(attempt.outcome != "running" for attempt in attempts)
        and state in ("succeeded", "failed", "cancelled"),
        is_virtual=is_virtual,
        lines=_lines(attempts, tariffs, is_virtual),
        attempts=attempts,
    )


def _attempts(events: Sequence[Event]) -> list[tuple[Event, Event | None]]:
    """Start and end of every attempt; no end while it runs."""
    ends = {event.subject: event for event in events if event.kind is EventKind.JOB_ENDED}
    return [
        (event, ends.get(event.subject)) for event in events if event.kind is EventKind.JOB_STARTED
    ]


def _use(start: Event, end: Event | None, now_ms: int, cpu: CpuModel) -> AttemptUse:
    until_ms = max(end_of(end) if end is not None else now_ms, start.at_ms)
    hours = (until_ms - start.at_ms) / MS_PER_HOUR
    measured: Mapping[str, Any] = end.after if end is not None else {}
    energy_j, method = _energy(measured, cpu)
    return AttemptUse(
        id=start.subject,
        site=start.after["site"],
        nodes=len(start.after["nodes"]),
        gpus=start.after["gpus"],
        hours=hours,
        gpu_hours=hours * start.after["gpus"],
        cpu_s=measured.get("cpu_s", 0.0),
        energy_j=energy_j,
        energy_method=method,
        outcome=end.cause if end is not None else "running",
    )


def _energy(measured: Mapping[str, Any], cpu: CpuModel) -> tuple[float | None, str]:
    """Energy of an attempt [J] and how it is known."""
    method = measured.get("energy_method", "none")
    if measured.get("energy_j") is not None:
        return measured["energy_j"], method
    if method == "cpu-model":
        return cpu.energy_j(measured["cpu_s"]), _model_in_words(cpu)
    return None, "none"


def _lines(
    attempts: Sequence[AttemptUse], tariffs: Mapping[str, Tariff], is_virtual: bool
) -> list[Line]:
    gpu_hours = sum(attempt.gpu_hours for attempt in attempts)
    kind = "virtual GPU-hours" if is_virtual else "GPU-hours"
    held = "GPUs × time from placement to the end of the last process, all attempts"
    lines = [Line(label=kind, value=gpu_hours, unit="GPU-h", how=held)]
    cpu_s = sum(attempt.cpu_s for attempt in attempts)
    how_cpu = "CPU time of its processes, from the kernel"
    lines.append(Line(label="CPU time", value=cpu_s, unit="s", how=how_cpu))
    energy_kwh, how_energy = _energy_kwh(attempts)
    lines.append(Line(label="IT energy", value=energy_kwh, unit="kWh", how=how_energy))
    return lines + _priced_by_site(attempts, tariffs)


def _priced_by_site(attempts: Sequence[AttemptUse], tariffs: Mapping[str, Tariff]) -> list[Line]:
    """Each site's energy at its own terms; a job that moved has one group of lines per site."""
    sites = list(dict.fromkeys(attempt.site for attempt in attempts))
    lines: list[Line] = []
    for site in sites:
        own = [attempt for attempt in attempts if attempt.site == site]
        energy_kwh, _ = _energy_kwh(own)
        gpu_hours = sum(attempt.gpu_hours for attempt in own)
        priced = _priced(energy_kwh, gpu_hours, tariffs.get(site))
        if len(sites) > 1:
            priced = [replace(line, label=f"{line.label} at {site}") for line in priced]
        lines += priced
    return lines


def _energy_kwh(attempts: Sequence[AttemptUse]) -> tuple[float | None, str]:
    ended = [attempt for attempt in attempts if attempt.outcome != "running"]
    known = [attempt for attempt in ended if attempt.energy_j is not None]
    if not known:
        return None, "not measured" if ended else "known when an attempt has ended"
    methods = ", ".join(
        dict.fromkeys(
            _METHODS.get(attempt.energy_method, attempt.energy_method) for attempt in known
        )
    )
    missing = len(attempts) - len(known)
    note = f"; {missing} of {len(attempts)} attempts not measured" if missing else ""
    energy_j = sum(attempt.energy_j or 0.0 for attempt in known)
    return energy_j / J_PER_KWH, methods + note


def _model_in_words(cpu: CpuModel) -> str:
    watts = f"{cpu.watts_per_cpu_busy:g} W per busy CPU"
    return f"an estimate: CPU time × {watts} (model {cpu.name}); no energy counter is readable here"


_METHODS: Mapping[str, str] = {
    "nvml": "GPU energy counters (NVML); GPUs only",
    "nvml-share": "GPU energy counters (NVML), the attempt's fraction of a GPU that others use too",
    "rapl": "CPU package counters (RAPL), shared by CPU time",
}


def _priced(energy_kwh: float | None, gpu_hours: float, tariff: Tariff | None) -> list[Line]:
    """Facility energy, carbon and money, as far as the factory states what they cost."""
    if tariff is None:
        return []
    facility_kwh = _known(worth.facility_kwh, energy_kwh, tariff.pue or 1.0)
    basis = f"IT energy × PUE {tariff.pue:g} ({tariff.pue_source})" if tariff.pue else "IT energy"
    lines = []
    if tariff.pue is not None:
        lines.append(Line(label="Facility energy", value=facility_kwh, unit="kWh", how=basis))
    carbon_g = tariff.carbon_g_per_kwh
    how_carbon = "the factory states no carbon intensity"
    if carbon_g is not None:
        how_carbon = f"{basis} × {carbon_g:g} g/kWh ({tariff.carbon_source}), location-based"
    carbon_kg = _known(worth.carbon_kg, facility_kwh, carbon_g)
    lines.append(Line(label="Carbon", value=carbon_kg, unit="kg CO2e", how=how_carbon))
    price = tariff.price_per_kwh
    how_price = "the factory states no price of energy"
    if price is not None:
        how_price = f"{basis} × {price:g} {tariff.currency}/kWh ({tariff.price_source})"
    money = _known(worth.cost, facility_kwh, price)
    lines.append(Line(label="Energy cost", value=money, unit=tariff.currency, how=how_price))
    if tariff.price_per_gpu_hour is not None:
        rate = tariff.price_per_gpu_hour
        how_rate = f"GPU-hours × {rate:g} {tariff.currency}/GPU-h, as the factory states"
        charge = gpu_hours * rate
        lines.append(Line(label="GPU time", value=charge, unit=tariff.currency, how=how_rate))
    return lines


def _known(
    formula: Callable[[float, float], float], amount: float | None, rate: float | None
) -> float | None:
    return None if amount is None or rate is None else formula(amount, rate)
