"""Drift: how far what the twin foretold of a live factory is from what then happened.

A prediction names for each job known at one instant its start, its end and its energy. The live
factory's log says later what came. Errors are observed less foretold, so late is positive. Jobs
for which one of the two is missing are counted and told, and take no part in a mean: one that was
cancelled says nothing of how long it would have lasted, and one that still waits has no start yet.
Instants in ms since the Unix epoch, errors in seconds, shares 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from arkwright.catalog import CpuModel
from arkwright.errors import InputError
from arkwright.jobs.events import Event, EventKind, end_of, job_of
from arkwright.jobs.lifecycle import FINAL, State
from arkwright.ledger import AttemptUse, receipt
from arkwright.units import J_PER_KWH, MS_PER_S

NEAR_S: Final = 60.0
NEAR_SHARE: Final = 0.10
"""A forecast is near that is off by no more than a minute, or than a tenth of the time it looked
ahead; of energy, than a tenth."""
METERED: Final = ("nvml", "nvml-share", "rapl")
"""How energy was obtained where it was measured; a model of the CPU is no measurement."""

_API_VERSION: Final = "v1"
_KIND: Final = "prediction"


class ForetoldJob(Struct, frozen=True, kw_only=True):
    """What is expected of one job."""

    job_id: str
    name: str
    project: str
    gpus: float
    state: str
    """When this was foretold: `held`, `queued`, `starting`, `running`, `stopping`."""
    start_ms: int | None
    """Next start, or that of the attempt under way; None: none as things stand."""
    end_ms: int | None
    """When it is over; None: not within the horizon."""
    nodes: tuple[str, ...] = ()
    attempts: int = 1
    """How many it takes: more than one where it is stopped for others."""
    basis: str = ""
    """Whose finished jobs its duration was judged by."""
    experience: int = 0
    """How many of them."""
    kwh: float | None = None
    """IT energy of its attempts from the one under way on; None: not known, or not over."""
    kwh_basis: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether its start was still to come."""
        return self.state in ("held", "deferred", "queued")


class Prediction(Struct, frozen=True, kw_only=True):
    """What the twin expects of a live factory at one instant."""

    factory: str
    now_ms: int
    until_ms: int
    """How far it looked."""
    last_seq: int
    """The last event of the log that it knew."""
    policy_sha256: str
    scheduler: int
    decisions_sha256: str
    """Of the decisions of the run: equal predictions have equal ones."""
    jobs: tuple[ForetoldJob, ...]


class Observed(Struct, frozen=True, kw_only=True):
    """What became of one job of a prediction, as far as the log goes."""

    job_id: str
    start_ms: int | None = None
    """First start after the prediction; of a job that ran then, the start it had."""
    end_ms: int | None = None
    """When it was over."""
    state: str = ""
    kwh: float | None = None
    """Metered, of the attempts that were not over when it was foretold; None where any was not."""


class Errors(Struct, frozen=True, kw_only=True):
    """Observed less foretold, over the jobs that have both. None where there are none."""

    jobs: int
    mean_s: float | None
    median_s: float | None
    p10_s: float | None
    p90_s: float | None
    abs_p90_s: float | None
    """Nine tenths are off by no more."""
    near: float | None
    """Share that is off by at most 60 s, or a tenth of the time looked ahead."""


class EnergyErrors(Struct, frozen=True, kw_only=True):
    """kWh of the jobs that are over, foretold and metered."""

    jobs: int
    foretold_kwh: float
    metered_kwh: float
    ratio: float | None
    """Metered over foretold, of the sums."""
    median: float | None
    """Of the jobs' own ratios."""
    abs_p90: float | None
    """Nine tenths of the jobs are off by no more than this share of what was foretold."""
    near: float | None
    """Share of the jobs that are off by at most a tenth."""


class JobDrift(Struct, frozen=True, kw_only=True):
    """One job, foretold and observed."""

    job_id: str
    name: str
    project: str
    start_error_s: float | None
    end_error_s: float | None
    kwh: float | None
    kwh_observed: float | None
    note: str = ""
    """Why an error is missing."""


class Drift(Struct, frozen=True, kw_only=True):
    """The report."""

    factory: str
    foretold_ms: int
    observed_ms: int
    """How far the log goes."""
    jobs: int
    starts: Errors
    ends: Errors
    energy: EnergyErrors
    overdue: int
    """Foretold to have started by the end of the log, and still waiting."""
    unforeseen: int
    """Started, though no start was foretold."""
    not_due: int
    """Foretold for after the end of the log, and not started."""
    cancelled: int
    """Cancelled: their ends are not compared, nor starts that never came."""
    unknown: int
    """Submitted after the prediction: it could not know them, and they take place too."""
    is_same_policy: bool | None
    """Whether decisions since were made under the policy it was foretold with; None: none were."""
    rows: tuple[JobDrift, ...]


def drift(prediction: Prediction, log: Iterable[Event], cpu: CpuModel) -> Drift:
    """Compare a prediction with the log of the factory it was made of, from its first event on.

    Raises InputError for a log of another factory or one that ends before the prediction.
    """
    seen = _Seen(prediction)
    for event in log:
        seen.follow(event)
    seen.check()
    observed = seen.observed(cpu)
    rows = [_row(job, observed[job.job_id], seen.last_ms) for job in prediction.jobs]
    pairs = [(job, observed[job.job_id]) for job in prediction.jobs]
    waiting = [(job, seen_job) for job, seen_job in pairs if job.is_waiting]
    due = [job.start_ms is not None and job.start_ms <= seen.last_ms for job, _ in waiting]
    still = [
        each.start_ms is None and each.state in ("held", "deferred", "queued")
        for _, each in waiting
    ]
    return Drift(
        factory=prediction.factory,
        foretold_ms=prediction.now_ms,
        observed_ms=seen.last_ms,
        jobs=len(prediction.jobs),
        starts=_errors(
            [
                (job.start_ms, each.start_ms)
                for job, each in waiting
                if job.start_ms is not None and each.start_ms is not None
            ],
            prediction.now_ms,
        ),
        ends=_errors(
            [
                (job.end_ms, each.end_ms)
                for job, each in pairs
                if job.end_ms is not None and each.end_ms is not None and not _is_off(each)
            ],
            prediction.now_ms,
        ),
        energy=_energy(
            [
                (job.kwh, each.kwh)
                for job, each in pairs
                if job.kwh is not None and each.kwh is not None and each.end_ms is not None
            ]
        ),
        overdue=sum(a and b for a, b in zip(due, still, strict=True)),
        unforeseen=sum(j.start_ms is None and e.start_ms is not None for j, e in waiting),
        not_due=sum(b and not a for a, b in zip(due, still, strict=True)),
        cancelled=sum(_is_off(each) for _, each in pairs),
        unknown=seen.unknown,
        is_same_policy=seen.is_same_policy,
        rows=tuple(rows),
    )


def written(prediction: Prediction) -> bytes:
    """The prediction as a file: JSON, the same bytes for the same prediction."""
    body = {"api_version": _API_VERSION, "kind": _KIND} | msgspec.to_builtins(prediction)
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def read(data: bytes, name: str = "the prediction") -> Prediction:
    """What `written` wrote. Raises InputError for anything else."""
    try:
        fields = msgspec.json.decode(data)
        if not isinstance(fields, dict) or fields.pop("kind", None) != _KIND:
            raise InputError(
                f"{name} is no prediction; `arkwright simulate --from-live -o FILE` writes one"
            )
        fields.pop("api_version", None)
        return msgspec.convert(fields, Prediction)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{name} cannot be read as a prediction: {error}") from None


class _Seen:
    """What the log says of the jobs of one prediction."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction
        self._events: dict[str, list[Event]] = {job.job_id: [] for job in prediction.jobs}
        self._over: set[str] = set()
        """Attempts that were over when it was foretold."""
        self._policies: set[str] = set()
        self._factory = ""
        self.last_seq = self.last_ms = self.unknown = 0

    def follow(self, event: Event) -> None:
        self.last_seq, self.last_ms = event.seq, event.at_ms
        is_after = event.seq > self._prediction.last_seq
        own = self._events.get(job_of(event) or "")
        if own is not None:
            own.append(event)
            if event.kind is EventKind.JOB_ENDED and not is_after:
                self._over.add(event.subject)
        elif is_after and event.kind is EventKind.JOB_SUBMITTED:
            self.unknown += 1
        elif is_after and event.kind is EventKind.CYCLE_RAN:
            self._policies.add(event.after["policy_sha256"])
        elif event.kind is EventKind.FACTORY_LOADED:
            self._factory = event.subject

    @property
    def is_same_policy(self) -> bool | None:
        return self._policies <= {self._prediction.policy_sha256} if self._policies else None

    def check(self) -> None:
        """Refuse a log that cannot be the one the prediction was made from."""
        made = self._prediction
        if self._factory != made.factory:
            raise InputError(
                f"the prediction is of factory {made.factory}, the log of "
                f"{self._factory or 'none'}: give the log of the same factory"
            )
        missing = [job_id for job_id, events in self._events.items() if not events]
        if self.last_seq < made.last_seq or missing:
            gone = f", and it has no job {missing[0]}" if missing else ""
            raise InputError(
                f"the log ends with event {self.last_seq}, the prediction was made after event "
                f"{made.last_seq}{gone}: give the log of the same factory, whole and later"
            )

    def observed(self, cpu: CpuModel) -> dict[str, Observed]:
        return {
            job.job_id: self._observed(job, self._events[job.job_id], cpu)
            for job in self._prediction.jobs
        }

    def _observed(self, job: ForetoldJob, events: Sequence[Event], cpu: CpuModel) -> Observed:
        starts = [e for e in events if e.kind is EventKind.JOB_STARTED]
        if job.is_waiting:
            starts = [e for e in starts if e.seq > self._prediction.last_seq]
        else:
            starts = [e for e in starts if e.subject not in self._over]
        state = next(e.after["state"] for e in reversed(events) if "state" in e.after)
        is_over = State(state) in FINAL
        ended = [e for e in events if e.kind in (EventKind.JOB_ENDED, EventKind.JOB_CANCELLED)]
        own = [
            use
            for use in receipt(events, now_ms=self.last_ms, tariffs={}, cpu=cpu).attempts
            if use.id not in self._over
        ]
        return Observed(
            job_id=job.job_id,
            start_ms=starts[0].at_ms if starts else None,
            end_ms=end_of(ended[-1]) if is_over and ended else None,
            state=state,
            kwh=_metered_kwh(own) if is_over else None,
        )


def _metered_kwh(attempts: Sequence[AttemptUse]) -> float | None:
    energy = [each.energy_j for each in attempts if each.energy_method in METERED]
    if not attempts or len(energy) < len(attempts):
        return None
    return sum(each or 0.0 for each in energy) / J_PER_KWH


def _is_off(observed: Observed) -> bool:
    return observed.state == State.CANCELLED.value


def _errors(pairs: Sequence[tuple[int, int]], now_ms: int) -> Errors:
    """Of instants foretold and observed [ms]."""
    if not pairs:
        return Errors(
            jobs=0, mean_s=None, median_s=None, p10_s=None, p90_s=None, abs_p90_s=None, near=None
        )
    both = np.array(pairs, np.int64)
    error_s = (both[:, 1] - both[:, 0]) / MS_PER_S
    ahead_s = np.maximum(both[:, 0] - now_ms, 0) / MS_PER_S
    near = np.abs(error_s) <= np.maximum(NEAR_S, NEAR_SHARE * ahead_s)
    return Errors(
        jobs=len(pairs),
        mean_s=float(error_s.mean()),
        median_s=float(np.median(error_s)),
        p10_s=_quantile(error_s, 0.1),
        p90_s=_quantile(error_s, 0.9),
        abs_p90_s=_quantile(np.abs(error_s), 0.9),
        near=float(near.mean()),
    )


def _energy(pairs: Sequence[tuple[float, float]]) -> EnergyErrors:
    foretold = np.array([each for each, _ in pairs], np.float64)
    metered = np.array([each for _, each in pairs], np.float64)
    ratio = metered[foretold > 0] / foretold[foretold > 0]
    off = np.abs(ratio - 1)
    return EnergyErrors(
        jobs=len(pairs),
        foretold_kwh=float(foretold.sum()),
        metered_kwh=float(metered.sum()),
        ratio=float(metered.sum() / foretold.sum()) if foretold.sum() > 0 else None,
        median=float(np.median(ratio)) if len(ratio) else None,
        abs_p90=_quantile(off, 0.9) if len(ratio) else None,
        near=float((off <= NEAR_SHARE).mean()) if len(ratio) else None,
    )


def _quantile(values: npt.NDArray[np.float64], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return float(np.quantile(values, share, method="inverted_cdf"))


def _row(job: ForetoldJob, seen: Observed, last_ms: int) -> JobDrift:
    note = ""
    if _is_off(seen):
        note = "cancelled"
    elif job.is_waiting and seen.start_ms is None:
        is_due = job.start_ms is not None and job.start_ms <= last_ms
        note = "still waiting, overdue" if is_due else "still waiting"
    elif job.is_waiting and job.start_ms is None:
        note = "started, which was not foreseen"
    elif seen.end_ms is None:
        note = "still running"
    return JobDrift(
        job_id=job.job_id,
        name=job.name,
        project=job.project,
        start_error_s=_error_s(job.start_ms, seen.start_ms) if job.is_waiting else None,
        end_error_s=None if _is_off(seen) else _error_s(job.end_ms, seen.end_ms),
        kwh=job.kwh,
        kwh_observed=seen.kwh,
        note=note,
    )


def _error_s(foretold_ms: int | None, observed_ms: int | None) -> float | None:
    if foretold_ms is None or observed_ms is None:
        return None
    return (observed_ms - foretold_ms) / MS_PER_S
