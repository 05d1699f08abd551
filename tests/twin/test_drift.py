"""Drift in worked numbers: what was foretold at 1000 s against what a log says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from arkwright import catalog
from arkwright.errors import InputError
from arkwright.jobs.events import Event, EventKind
from arkwright.twin.drift import Drift, ForetoldJob, Prediction, drift

NOW_S = 1_000
KWH_J = 3.6e6


def foretold(
    job_id: str,
    state: str,
    start_s: float | None,
    end_s: float | None,
    kwh: float | None = None,
) -> ForetoldJob:
    return ForetoldJob(
        job_id=job_id,
        name=job_id,
        project="lab",
        gpus=1,
        state=state,
        start_ms=None if start_s is None else int(start_s * 1000),
        end_ms=None if end_s is None else int(end_s * 1000),
        kwh=kwh,
    )


class Told:
    """A log of attempts of one GPU; the first events are before the prediction."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.write(0, EventKind.FACTORY_LOADED, "fjord", {})

    def write(self, at_s: float, kind: EventKind, subject: str, after: dict[str, Any]) -> None:
        event = Event(
            seq=len(self.events) + 1,
            at_ms=int(at_s * 1000),
            kind=kind,
            subject=subject,
            actor="test",
            cause="test",
            after=after,
        )
        self.events.append(event)

    def submit(self, job_id: str, at_s: float = 0) -> None:
        body = {"state": "queued", "project": "lab", "user": "u", "spec": {"name": job_id}}
        self.write(at_s, EventKind.JOB_SUBMITTED, job_id, body)

    def start(self, job_id: str, at_s: float, attempt: int = 1) -> None:
        body = {
            "state": "starting", "site": "s", "nodes": ["n"], "gpus": 1.0, "is_virtual": False
        }  # fmt: skip
        self.write(at_s, EventKind.JOB_STARTED, f"{job_id}.{attempt}", body)

    def end(
        self,
        job_id: str,
        at_s: float,
        kwh: float | None = None,
        attempt: int = 1,
        state: str = "succeeded",
        method: str = "nvml",
    ) -> None:
        body = {
            "state": state,
            "exit_code": 0,
            "cpu_s": 0.0,
            "energy_j": None if kwh is None else kwh * KWH_J,
            "energy_method": "none" if kwh is None else method,
        }
        self.write(at_s, EventKind.JOB_ENDED, f"{job_id}.{attempt}", body)

    def cycle(self, at_s: float, policy: str = "p") -> None:
        self.write(at_s, EventKind.CYCLE_RAN, "1", {"policy_sha256": policy})


def compared(log: Told, last_seq: int, *jobs: ForetoldJob) -> Drift:
    made = Prediction(
        factory="fjord",
        now_ms=NOW_S * 1000,
        until_ms=10_000_000,
        last_seq=last_seq,
        policy_sha256="p",
        scheduler=1,
        decisions_sha256="",
        jobs=jobs,
    )
    return drift(made, log.events, catalog.cpu_model())


def five_waiting() -> tuple[Told, int]:
    log = Told()
    for number in range(5):
        log.submit(f"j{number}")
    return log, len(log.events)


def test_errors_of_starts_are_observed_less_foretold() -> None:
    """Foretold 1100, 1200, 1300, 3000, 6000 s; late by -10, 0, 50, 190 and 900 s.

    Mean 1130 / 5 = 226; median 50. Near: at most 60 s, or a tenth of the time ahead: -10, 0 and 50
    are; 190 is, of 2000 s; 900 is not, of 5000 s. The tenths of five are the first and the last."""
    log, seq = five_waiting()
    for job, at_s in zip(range(5), (1_090, 1_200, 1_350, 3_190, 6_900), strict=True):
        log.start(f"j{job}", at_s)
    instants = (1_100, 1_200, 1_300, 3_000, 6_000)
    jobs = [foretold(f"j{n}", "queued", at_s, None) for n, at_s in enumerate(instants)]
    found = compared(log, seq, *jobs).starts
    assert found.jobs == 5
    assert found.mean_s == pytest.approx(226)
    assert found.median_s == 50
    assert (found.p10_s, found.p90_s, found.abs_p90_s) == (-10, 900, 900)
    assert found.near == pytest.approx(4 / 5)


def test_ends_count_jobs_that_ran_already_and_their_starts_do_not() -> None:
    """`ran` was to end at 1500 s and did at 1400 s; `waits` was to run from 1100 to
    1600 s and did from 1200 to 1700 s."""
    log = Told()
    for job in ("ran", "waits"):
        log.submit(job)
    log.start("ran", 500)
    seq = len(log.events)
    log.start("waits", 1_200)
    log.end("ran", 1_400)
    log.end("waits", 1_700)
    found = compared(
        log,
        seq,
        foretold("ran", "running", 500, 1_500),
        foretold("waits", "queued", 1_100, 1_600),
    )
    assert (found.starts.jobs, found.starts.mean_s) == (1, 100)
    assert (found.ends.jobs, found.ends.mean_s, found.ends.p10_s) == (2, 0, -100)
    # 100 s of 500 s ahead, 100 s of 600 s: neither is near.
    assert found.ends.near == 0
    assert [row.end_error_s for row in found.rows] == [-100, 100]
    assert found.rows[0].start_error_s is None


def test_kwh_are_those_metered_of_attempts_that_were_not_over() -> None:
    """a: 2 kWh foretold, 1.9 metered: near. b: 1 foretold; its first attempt was over before, the
    second took 1.5: not near. c has a model's figure only, d is not over: neither counts."""
    log = Told()
    for job in "abcd":
        log.submit(job)
    log.start("b", 100)
    log.end("b", 900, 7.0, state="queued")
    seq = len(log.events)
    for job, attempt in (("a", 1), ("b", 2), ("c", 1), ("d", 1)):
        log.start(job, 1_000, attempt)
    log.end("a", 2_000, 1.9)
    log.end("b", 2_000, 1.5, attempt=2)
    log.end("c", 2_000, 9.0, method="cpu-model")
    found = compared(
        log,
        seq,
        foretold("a", "queued", 1_000, 2_000, 2.0),
        foretold("b", "queued", 1_000, 2_000, 1.0),
        foretold("c", "queued", 1_000, 2_000, 1.0),
        foretold("d", "queued", 1_000, 2_000, 1.0),
    ).energy
    assert found.jobs == 2
    assert (found.foretold_kwh, found.metered_kwh) == pytest.approx((3.0, 3.4))
    assert found.ratio == pytest.approx(3.4 / 3)
    assert found.median == pytest.approx((0.95 + 1.5) / 2)
    assert found.abs_p90 == pytest.approx(0.5)
    assert found.near == 0.5


def test_what_has_no_pair_is_counted_by_its_cause() -> None:
    """The log ends at 2000 s. One is overdue, one not due, one was not expected to start and did,
    one was cancelled as it waited; another came that nobody could know."""
    log, seq = five_waiting()
    log.start("j2", 1_500)
    log.write(1_600, EventKind.JOB_CANCELLED, "j3", {"state": "cancelled"})
    log.submit("new", 1_700)
    log.start("j4", 1_800)
    log.cycle(1_800)
    log.write(2_000, EventKind.NODE_STATE_CHANGED, "n", {"state": "up"})
    found = compared(
        log,
        seq,
        foretold("j0", "queued", 1_900, 2_500),
        foretold("j1", "queued", 2_100, 2_500),
        foretold("j2", "held", None, None),
        foretold("j3", "queued", 1_100, 1_200),
        foretold("j4", "queued", 1_800, 2_500),
    )
    assert (found.overdue, found.not_due, found.unforeseen) == (1, 1, 1)
    assert (found.cancelled, found.unknown) == (1, 1)
    assert (found.starts.jobs, found.ends.jobs, found.starts.mean_s) == (1, 0, 0)
    assert found.is_same_policy is True
    assert [row.note for row in found.rows] == [
        "still waiting, overdue",
        "still waiting",
        "started, which was not foreseen",
        "cancelled",
        "still running",
    ]
    assert found.ends.median_s is None
    assert msgspec.json.encode(found)


def test_another_policy_since_is_said_and_no_decision_says_nothing() -> None:
    log, seq = five_waiting()
    assert compared(log, seq, foretold("j0", "queued", None, None)).is_same_policy is None
    log.cycle(1_500, "other")
    assert compared(log, seq, foretold("j0", "queued", None, None)).is_same_policy is False


def test_a_log_of_another_factory_or_from_before_is_refused() -> None:
    log, seq = five_waiting()
    with pytest.raises(
        InputError, match="ends with event 6, the prediction was made after event 9"
    ):
        compared(log, 9)
    with pytest.raises(InputError, match="it has no job stranger"):
        compared(log, seq, foretold("stranger", "queued", None, None))
    log.events[0] = msgspec.structs.replace(log.events[0], subject="other")
    with pytest.raises(InputError, match="of factory fjord, the log of other"):
        compared(log, seq)
