"""Receipts worked by hand. Times in ms from an epoch of 0; 1 h = 3,600,000 ms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import ledger
from arkwright.catalog import CpuModel
from arkwright.errors import InternalError
from arkwright.jobs.events import Event, EventKind
from arkwright.ledger import Line, Receipt, Tariff

HOUR_MS = 3_600_000
CPU = CpuModel(
    name="model",
    watts_per_cpu_idle=1.0,
    watts_per_cpu_busy=4.0,
    source="a page",
    date="2026-01-01",
    grade="secondary",
    note="",
)
TARIFF = Tariff(
    currency="EUR",
    price_per_kwh=0.08,
    price_per_gpu_hour=2.5,
    carbon_g_per_kwh=30.0,
    pue=1.25,
    price_source="contract",
    carbon_source="grid",
    pue_source="meter",
)
NOTHING_STATED = Tariff(
    currency="EUR", price_per_kwh=None, price_per_gpu_hour=None, carbon_g_per_kwh=None, pue=None
)


def submitted(at_ms: int = 0) -> Event:
    after = {"state": "queued", "project": "lab", "user": "anna", "spec": {"name": "train"}}
    return event(at_ms, EventKind.JOB_SUBMITTED, "j", "submitted", after)


def started(at_ms: int, n: int = 1, **changes: Any) -> Event:
    after = {"state": "starting", "attempt": n, "site": "narvik", "nodes": ["a", "b"]}
    after |= {"gpus": 16, "is_virtual": False} | changes
    return event(at_ms, EventKind.JOB_STARTED, f"j.{n}", "placed", after)


def ended(
    at_ms: int,
    n: int = 1,
    state: str = "succeeded",
    energy: tuple[float | None, str] = (None, "none"),
    cpu_s: float = 0.0,
    cause: str = "every rank returned 0",
) -> Event:
    after = {"state": state, "cpu_s": cpu_s, "energy_j": energy[0], "energy_method": energy[1]}
    return event(at_ms, EventKind.JOB_ENDED, f"j.{n}", cause, after)


def event(at_ms: int, kind: EventKind, subject: str, cause: str, after: dict[str, Any]) -> Event:
    return Event(
        seq=1, at_ms=at_ms, kind=kind, subject=subject, actor="x", cause=cause, after=after
    )


def bill(*events: Event, now_ms: int = 10 * HOUR_MS, tariff: Tariff | None = TARIFF) -> Receipt:
    tariffs = {} if tariff is None else {"narvik": tariff}
    return ledger.receipt(events, now_ms=now_ms, tariffs=tariffs, cpu=CPU)


def line(receipt: Receipt, label: str) -> Line:
    (found,) = [one for one in receipt.lines if one.label == label]
    return found


def test_a_measured_job_on_real_gpus() -> None:
    """16 GPUs for 2 h are 32 GPU-h. 36 MJ are 10 kWh of IT energy; × PUE 1.25 = 12.5 kWh of the
    facility; × 30 g = 375 g = 0.375 kg; × 0.08 EUR = 1 EUR; 32 GPU-h × 2.5 EUR = 80 EUR."""
    receipt = bill(
        submitted(), started(HOUR_MS), ended(3 * HOUR_MS, energy=(36e6, "nvml"), cpu_s=900.0)
    )
    assert [(one.label, one.value, one.unit) for one in receipt.lines] == [
        ("GPU-hours", 32.0, "GPU-h"),
        ("CPU time", 900.0, "s"),
        ("IT energy", 10.0, "kWh"),
        ("Facility energy", 12.5, "kWh"),
        ("Carbon", pytest.approx(0.375), "kg CO2e"),
        ("Energy cost", pytest.approx(1.0), "EUR"),
        ("GPU time", 80.0, "EUR"),
    ]
    assert (receipt.is_final, receipt.is_virtual, receipt.state) == (True, False, "succeeded")
    assert line(receipt, "IT energy").how == "GPU energy counters (NVML); GPUs only"
    assert line(receipt, "Carbon").how == (
        "IT energy × PUE 1.25 (meter) × 30 g/kWh (grid), location-based"
    )
    assert (
        line(receipt, "Energy cost").how == "IT energy × PUE 1.25 (meter) × 0.08 EUR/kWh (contract)"
    )


def test_every_attempt_is_charged_and_the_wait_between_them_is_not() -> None:
    """16 GPUs × (1 h + 0.5 h) = 24 GPU-h, though the job lived 4 h; 3.6 + 7.2 MJ = 3 kWh."""
    receipt = bill(
        submitted(),
        started(HOUR_MS),
        ended(2 * HOUR_MS, state="queued", energy=(3.6e6, "nvml"), cause="node lost: a"),
        started(3 * HOUR_MS, 2),
        ended(3 * HOUR_MS + HOUR_MS // 2, 2, energy=(7.2e6, "nvml")),
    )
    assert line(receipt, "GPU-hours").value == 24.0
    assert line(receipt, "IT energy").value == 3.0
    assert [(use.id, use.hours, use.outcome) for use in receipt.attempts] == [
        ("j.1", 1.0, "node lost: a"),
        ("j.2", 0.5, "every rank returned 0"),
    ]


def test_an_attempt_is_charged_to_its_end_not_to_the_server_s_return() -> None:
    """16 GPUs for 1 h; the server was away and recorded the end 9 h later: 16 GPU-h, not 160."""
    late = ended(10 * HOUR_MS)
    late.after["ended_ms"] = HOUR_MS
    assert line(bill(submitted(), started(0), late), "GPU-hours").value == pytest.approx(16.0)


def test_a_job_that_still_runs_is_charged_up_to_now_and_its_energy_is_known_later() -> None:
    """16 GPUs from 1 h to 10 h are 144 GPU-h."""
    receipt = bill(submitted(), started(HOUR_MS))
    assert line(receipt, "GPU-hours").value == 144.0
    assert receipt.is_final is False
    assert receipt.attempts[0].outcome == "running"
    energy = line(receipt, "IT energy")
    assert (energy.value, energy.how) == (None, "known when an attempt has ended")
    assert line(receipt, "Carbon").value is None
    assert line(receipt, "GPU time").value == 360.0


def test_a_clock_that_jumped_back_charges_nothing_negative() -> None:
    receipt = bill(submitted(), started(HOUR_MS), now_ms=0)
    assert line(receipt, "GPU-hours").value == 0.0


def test_energy_of_an_ended_attempt_counts_while_the_next_one_runs() -> None:
    receipt = bill(
        submitted(),
        started(HOUR_MS),
        ended(2 * HOUR_MS, state="queued", energy=(3.6e6, "rapl")),
        started(3 * HOUR_MS, 2),
    )
    energy = line(receipt, "IT energy")
    assert energy.value == 1.0
    assert energy.how == (
        "CPU package counters (RAPL), shared by CPU time; 1 of 2 attempts not measured"
    )


def test_virtual_gpus_are_called_so_and_get_the_watts_of_a_cpu_model() -> None:
    """9,000 s of CPU × 4 W = 36 kJ = 0.01 kWh; × PUE 1.25 × 30 g = 0.375 g."""
    receipt = bill(
        submitted(),
        started(0, is_virtual=True),
        ended(HOUR_MS, energy=(None, "cpu-model"), cpu_s=9_000.0),
    )
    assert receipt.is_virtual is True
    assert receipt.lines[0].label == "virtual GPU-hours"
    energy = line(receipt, "IT energy")
    assert energy.value == pytest.approx(0.01)
    assert "CPU time × 4 W" in energy.how
    assert "estimate" in energy.how
    assert "model" in energy.how
    assert line(receipt, "Carbon").value == pytest.approx(0.375e-3)


def test_what_was_not_measured_is_said_and_not_reckoned() -> None:
    receipt = bill(submitted(), started(0), ended(HOUR_MS, energy=(None, "none")))
    energy = line(receipt, "IT energy")
    assert (energy.value, energy.how) == (None, "not measured")
    for label in ("Facility energy", "Carbon", "Energy cost"):
        assert line(receipt, label).value is None
    assert line(receipt, "GPU time").value == 40.0  # 16 GPU-h × 2.5 EUR


def test_a_measured_nothing_is_a_nothing_and_not_unknown() -> None:
    receipt = bill(submitted(), started(0), ended(HOUR_MS, energy=(0.0, "nvml")))
    assert line(receipt, "IT energy").value == 0.0
    assert line(receipt, "Energy cost").value == 0.0


def test_where_the_factory_states_nothing_the_lines_say_so() -> None:
    receipt = bill(
        submitted(), started(0), ended(HOUR_MS, energy=(3.6e6, "nvml")), tariff=NOTHING_STATED
    )
    labels = [one.label for one in receipt.lines]
    assert labels == ["GPU-hours", "CPU time", "IT energy", "Carbon", "Energy cost"]
    carbon, cost = line(receipt, "Carbon"), line(receipt, "Energy cost")
    assert (carbon.value, carbon.how) == (None, "the factory states no carbon intensity")
    assert (cost.value, cost.how) == (None, "the factory states no price of energy")


def test_without_a_pue_it_energy_alone_is_charged_and_called_so() -> None:
    """1 kWh × 30 g = 0.03 kg."""
    tariff = Tariff(
        currency="NOK",
        price_per_kwh=1.0,
        price_per_gpu_hour=None,
        carbon_g_per_kwh=30.0,
        pue=None,
        carbon_source="grid",
    )
    receipt = bill(submitted(), started(0), ended(HOUR_MS, energy=(3.6e6, "nvml")), tariff=tariff)
    assert "Facility energy" not in [one.label for one in receipt.lines]
    assert line(receipt, "Carbon").value == pytest.approx(0.03)
    assert line(receipt, "Carbon").how == "IT energy × 30 g/kWh (grid), location-based"
    assert (line(receipt, "Energy cost").value, line(receipt, "Energy cost").unit) == (1.0, "NOK")


def test_a_site_that_left_the_file_has_no_tariff_and_its_use_is_still_shown() -> None:
    receipt = bill(submitted(), started(0), ended(HOUR_MS, energy=(3.6e6, "nvml")), tariff=None)
    assert [one.label for one in receipt.lines] == ["GPU-hours", "CPU time", "IT energy"]


def test_a_job_that_moved_pays_each_site_at_its_own_terms() -> None:
    """1 kWh at narvik: 1.25 × 30 g; 2 kWh at oslo, where no PUE is stated: 2 × 100 g."""
    oslo = Tariff(
        currency="NOK",
        price_per_kwh=1.0,
        price_per_gpu_hour=None,
        carbon_g_per_kwh=100.0,
        pue=None,
    )
    events = (
        submitted(),
        started(0),
        ended(HOUR_MS, state="queued", energy=(3.6e6, "nvml")),
        started(2 * HOUR_MS, 2, site="oslo"),
        ended(3 * HOUR_MS, 2, energy=(7.2e6, "nvml")),
    )
    receipt = ledger.receipt(events, now_ms=0, tariffs={"narvik": TARIFF, "oslo": oslo}, cpu=CPU)
    assert line(receipt, "IT energy").value == 3.0
    assert line(receipt, "Carbon at narvik").value == pytest.approx(0.0375)
    assert line(receipt, "Carbon at oslo").value == pytest.approx(0.2)
    assert line(receipt, "Energy cost at narvik").value == pytest.approx(0.1)
    assert line(receipt, "Energy cost at oslo").unit == "NOK"
    assert [use.site for use in receipt.attempts] == ["narvik", "oslo"]


def test_a_job_that_never_ran_owes_nothing() -> None:
    held = event(5, EventKind.JOB_CANCELLED, "j", "cancelled", {"state": "cancelled"})
    receipt = bill(submitted(), held)
    assert (receipt.state, receipt.is_final, receipt.attempts) == ("cancelled", True, [])
    assert line(receipt, "GPU-hours").value == 0.0


def test_a_job_in_line_for_another_attempt_is_not_final() -> None:
    assert bill(submitted(), started(0), ended(1, state="queued")).is_final is False


def test_a_log_without_a_submission_is_a_bug() -> None:
    with pytest.raises(InternalError, match="begins with job_started"):
        bill(started(0))


@given(
    gpus=st.integers(1, 1024),
    spans=st.lists(
        st.tuples(st.integers(0, HOUR_MS), st.integers(0, 100 * HOUR_MS)), min_size=1, max_size=6
    ),
)
def test_gpu_hours_are_the_sum_over_attempts_whatever_their_number(
    gpus: int, spans: list[tuple[int, int]]
) -> None:
    events, at_ms = [submitted()], 0
    for n, (wait_ms, length_ms) in enumerate(spans, start=1):
        state = "succeeded" if n == len(spans) else "queued"
        events.append(started(at_ms + wait_ms, n, gpus=gpus))
        at_ms += wait_ms + length_ms
        events.append(ended(at_ms, n, state=state))
    expected = gpus * sum(length_ms for _, length_ms in spans) / HOUR_MS
    assert line(bill(*events), "GPU-hours").value == pytest.approx(expected)
