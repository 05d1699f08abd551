"""`generate`: a workload of jobs like those of public traces, from one seed.

Sizes, run times and outcomes are the catalogue's classes; arrivals are Poisson with a rate that
follows the hour and the weekend; users share the jobs by Zipf's law. Every kind of chance has its
own named stream, so that another number of users changes no run time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arkwright.catalog.workloads import JobClass, job_classes, workload_figure
from arkwright.errors import InputError
from arkwright.twin.workload.arrivals import arrivals_ms
from arkwright.twin.workload.draws import Draws, Float64
from arkwright.twin.workload.limits import Asked, asked
from arkwright.twin.workload.spec import Generator
from arkwright.twin.workload.table import Int64, JobTable, Labels, Outcome, job_table
from arkwright.units import MILLI, MS_PER_S

_OUTCOMES = (Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED)
_MARGIN = 1.25
_JOBS_MAX = 50_000_000


def generate(
    spec: Generator,
    gpus: int,
    from_ms: int,
    until_ms: int | None = None,
    *,
    seed: int = 0,
    name: str = "",
) -> JobTable:
    """Jobs for a fleet of `gpus` GPUs, submitted in [from_ms, until_ms), instants since 1970.

    `spec.load` is met to half a job. With `spec.jobs` the time is as long as their work and
    the load ask for, and `until_ms` is not used. `name` tells the streams of several generators of
    one seed apart. Raises InputError for a mix that the fleet cannot run, or too many jobs.
    """
    load = workload_figure("load") if spec.load is None else spec.load
    lot = _Lot(spec, _classes(spec, gpus), f"{name}/" if name else "", seed)
    if spec.jobs is not None:
        drawn = lot.draw(spec.jobs)
        until_ms = from_ms + max(1, round(drawn.work.sum() / (gpus * load)))
    elif until_ms is None or until_ms <= from_ms:
        raise InputError("a generated workload needs a number of jobs, or an end after its start")
    else:
        drawn = lot.until(float(gpus) * load * (until_ms - from_ms))
    count = len(drawn.run_ms)
    submit_ms = arrivals_ms(spec, count, from_ms, until_ms, lot.stream("arrival"))
    return job_table(
        submit_ms=submit_ms,
        is_dated=True,
        run_ms=drawn.run_ms,
        estimate_ms=drawn.limit_ms,
        gpus_milli=drawn.gpus * MILLI,
        outcome=drawn.outcome,
        workload=drawn.workload,
        **lot.people(count),
    )


class _Drawn(NamedTuple):
    """Jobs before they are submitted."""

    gpus: Int64
    run_ms: Int64
    limit_ms: Int64
    outcome: NDArray[np.int8]
    workload: Labels

    @property
    def work(self) -> Float64:
        """GPU-milliseconds of each job."""
        return self.gpus.astype(np.float64) * self.run_ms

    def first(self, count: int) -> _Drawn:
        """The first jobs only."""
        return _Drawn(
            gpus=self.gpus[:count],
            run_ms=self.run_ms[:count],
            limit_ms=self.limit_ms[:count],
            outcome=self.outcome[:count],
            workload=Labels(self.workload.codes[:count], self.workload.names),
        )


class _Lot:
    """Classes with the share of jobs that gives each mix its share of the GPU time."""

    def __init__(
        self,
        spec: Generator,
        mixes: Sequence[tuple[float, list[JobClass]]],
        prefix: str,
        seed: int,
    ) -> None:
        self.spec, self.prefix, self.seed = spec, prefix, seed
        self.classes = [row for _, rows in mixes for row in rows]
        self.shares = np.concatenate([_jobs_of(share, rows) for share, rows in mixes])

    def stream(self, name: str) -> Draws:
        return Draws(self.seed, f"{self.prefix}{name}")

    def draw(self, count: int) -> _Drawn:
        """So many jobs; a longer draw begins with the jobs of a shorter one."""
        if count > _JOBS_MAX:
            raise InputError(
                f"{count:,} jobs are more than {_JOBS_MAX:,}: shorten the time, or leave out mixes"
                " of small jobs"
            )
        kind = self.stream("class").picks(count, self.shares)
        gpus = _of(self.classes, "gpus", np.int64)[kind]
        run_s = self.stream("run").normals(count) * _of(self.classes, "run_sigma")[kind]
        run_s = np.exp(run_s) * _of(self.classes, "run_s_median")[kind]
        run_s = run_s.clip(
            _of(self.classes, "run_s_min")[kind], _of(self.classes, "run_s_max")[kind]
        )
        run_ms = np.rint(run_s * (self.spec.run_stretch * MS_PER_S)).astype(np.int64)
        outcome = self._outcomes(kind, count)
        limits: Asked = asked(self.spec.limits, run_ms, self.stream("limit"), self.stream("hit"))
        outcome = np.where(limits.is_hit, np.int8(Outcome.TIMEOUT), outcome)
        names = tuple(dict.fromkeys(row.workload for row in self.classes if row.workload))
        codes = [names.index(row.workload) if row.workload else -1 for row in self.classes]
        workload = Labels(np.array(codes, dtype=np.int32)[kind], names)
        return _Drawn(gpus, limits.run_ms, limits.limit_ms, outcome, workload)

    def until(self, work: float) -> _Drawn:
        """The jobs, in the order drawn, that hold so many GPU-milliseconds as nearly as can be."""
        shares = self.shares / self.shares.sum()
        each = float(np.dot(shares, [_mean_work([row]) for row in self.classes]))
        count = int(_MARGIN * work / (each * MS_PER_S * self.spec.run_stretch)) + MILLI
        while True:
            drawn = self.draw(count)
            done = np.cumsum(drawn.work)
            if done[-1] >= work:
                return drawn.first(int(np.abs(done - work).argmin()) + 1)
            count *= 2

    def people(self, count: int) -> dict[str, object]:
        """Who submits, and what could be stopped."""
        users = self.spec.users or int(workload_figure("users"))
        projects = min(users, self.spec.projects or int(workload_figure("projects")))
        ranks = np.arange(1, users + 1, dtype=np.float64)
        user = self.stream("user").picks(count, ranks ** -workload_figure("user_zipf"))
        stoppable = self.stream("preemptible").uniforms(count) < self.spec.preemptible
        return {
            "user": Labels(user.astype(np.int32), _numbered("user", users)),
            "project": Labels((user % projects).astype(np.int32), _numbered("project", projects)),
            "preemptible": stoppable,
        }

    def _outcomes(self, kind: Int64, count: int) -> NDArray[np.int8]:
        shares = np.array([(row.completed, row.failed, row.cancelled) for row in self.classes])
        edges = np.cumsum(shares, axis=1) / shares.sum(axis=1, keepdims=True)
        at = self.stream("outcome").uniforms(count)
        place = (at >= edges[kind, 0]).astype(np.int64) + (at >= edges[kind, 1])
        outcomes: NDArray[np.int8] = np.array(_OUTCOMES, dtype=np.int8)[place]
        return outcomes


def _classes(spec: Generator, gpus: int) -> list[tuple[float, list[JobClass]]]:
    """Mixes with their share of the GPU time, and those of their classes that fit."""
    largest = gpus if spec.gpus_max is None else min(gpus, spec.gpus_max)
    mix: Mapping[str, float] = spec.mix if spec.mix is not None else _usual_mix()
    if not mix:
        raise InputError("mix: name at least one mix of the catalogue, such as llm or research")
    found = {name: [row for row in job_classes(name) if row.gpus <= largest] for name in mix}
    empty = [name for name, rows in found.items() if not rows]
    if empty:
        raise InputError(f"mix {', '.join(empty)} has no job of at most {largest} GPUs")
    return [(mix[name], rows) for name, rows in found.items()]


def _usual_mix() -> dict[str, float]:
    return {name: workload_figure(f"mix_{name}") for name in ("llm", "research")}


def _jobs_of(share: float, classes: Sequence[JobClass]) -> Float64:
    """Jobs of each class for a mix that holds `share` of the GPU time; shape (classes,)."""
    shares = np.array([row.share for row in classes])
    jobs: Float64 = shares * (share / (shares.sum() * _mean_work(classes)))
    return jobs


def _mean_work(classes: Sequence[JobClass]) -> float:
    """Mean GPU-seconds of a job of these classes, clipped as they are."""
    shares = np.array([row.share for row in classes])
    work = [row.gpus * _mean_clipped_s(row) for row in classes]
    return float(np.dot(shares, work) / shares.sum())


def _mean_clipped_s(row: JobClass) -> float:
    """Mean of a log-normal run time clipped on both sides, seconds; in closed form."""
    low, high, sigma = row.run_s_min, row.run_s_max, row.run_sigma
    from_, until = (math.log(edge / row.run_s_median) / sigma for edge in (low, high))
    within = _normal(until - sigma) - _normal(from_ - sigma)
    between = row.run_s_median * math.exp(sigma * sigma / 2) * within
    return low * _normal(from_) + between + high * (1.0 - _normal(until))


def _normal(at: float) -> float:
    return (1.0 + math.erf(at / math.sqrt(2.0))) / 2.0


def _numbered(word: str, count: int) -> tuple[str, ...]:
    width = len(str(count))
    return tuple(f"{word}-{number:0{width}}" for number in range(1, count + 1))


def _of(classes: Sequence[JobClass], field: str, kind: type = np.float64) -> NDArray[Any]:
    return np.array([getattr(row, field) for row in classes], dtype=kind)
