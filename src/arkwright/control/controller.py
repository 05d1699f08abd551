"""The reconcile loop: read, decide on a copy, commit, apply, execute, observe.

`Controller.step` is one round, synchronous, with clock, entropy, store and engines handed in, so
that tests drive the very same code under a fake clock and stop it between any two writes. Order is
what keeps the promises:

- an event is committed before it is applied in memory, so memory is never ahead of the store;
- an attempt is launched only after the decision that started it is committed;
- an attempt is followed by another only after its engine has said that nothing of it is left.

Past 400 lines because the order of a round is the promise, and is read in one piece.
"""

from __future__ import annotations

import logging
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from arkwright.control import endings, stopping_for
from arkwright.control.book import ActiveJob, Book
from arkwright.control.clock import Clock, Entropy
from arkwright.control.deciding import Deciding
from arkwright.control.deferral import Deferral
from arkwright.control.history import StoredPast
from arkwright.control.node_states import NodeStates
from arkwright.control.reach import Reach
from arkwright.control.recording import decision_of
from arkwright.control.store import Decision, Idempotency, NewEvent, Store
from arkwright.engines.port import (
    ArrayTask,
    Attempt,
    AttemptPhase,
    Engine,
    Observation,
    Placement,
    PowerCap,
)
from arkwright.errors import EngineError, EngineUnreachable
from arkwright.fleet import Fleet, Rebuilt, Start, rebuild
from arkwright.jobs.array import array_of, array_shape, index_of
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.lifecycle import State, Trigger, after, allowed
from arkwright.jobs.spec import parts_by_node, ranks_per_node

LOG = logging.getLogger("arkwright.control")
RECONSIDER_MS = 1000
"""A queue is looked at again this often even when nothing happened: time alone moves a shadow."""

DONE_KEPT = 5000
"""Jobs that are over are forgotten by replaying the others once there are so many of them."""


class Controller:
    """The one writer: store, fleet and book move together, event by event."""

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        engines: Mapping[str, Engine],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.store = store
        self.fleet = fleet
        self.engines = engines
        self.clock = clock
        self.entropy = entropy
        self.deciding = Deciding(len(fleet.nodes))
        self._launched: set[str] = set()
        self._stopped: set[str] = set()
        self._launch_errors: dict[str, str] = {}
        self._adjusted: dict[str, int | None] = {}
        """By attempt, the cap its engine was told last."""
        self._untold: set[str] = set()
        """Attempts started by this process of which no engine has heard."""
        self._to_forget: dict[str, str] = {}
        """By attempt that is over, the site whose engine did not hear that."""
        self._adjusting = frozenset(
            site for site, engine in engines.items() if "adjust" in _verbs(engine)
        )
        self._versions: dict[str, int | None] = {}
        """By site, up to where its engine's observations were followed."""
        self._is_dirty = True
        self._decided_ms = 0
        reader = store.read()
        here = frozenset(node.path for node in fleet.nodes)
        self._node_states = NodeStates(engines, here, reader.events_of("node_state_"))
        for event in [*reader.events_of("power_"), *reader.events_of("contract_")]:
            fleet.apply(event)
        self._recover()
        self.reach = Reach(fleet.lost_sites)
        # Observed before the first decision: what ended meanwhile holds nothing any more. What was
        # starting may not have reached its engine, and is launched (again) first.
        self._launched = {
            job.attempt_id for job in self.book.placed() if job.state is not State.STARTING
        }

    def step(self) -> None:
        """One round after the requests of the moment were recorded: observe, decide, execute."""
        if self.fleet.done_count > max(DONE_KEPT, 4 * len(self.book.jobs)):
            self._recover()
        self._begin_periods()
        self._observe()
        self.record(self._node_states.look(self.fleet, max(self.clock(), self.store.last_ms)))
        self._reach_limits()
        self._reach_contracts()
        self._admit()
        self._decide()
        self._cap()
        self._execute()

    def record(
        self,
        new: Sequence[NewEvent],
        *,
        decision: Decision | None = None,
        idempotency: Sequence[Idempotency] = (),
    ) -> list[Event]:
        """Commit events, then apply them here. Raises StoreError, and then nothing happened."""
        if not new:
            return []
        events = self.store.append(new, self.clock(), decision=decision, idempotency=idempotency)
        for event in events:
            self._apply(event)
        return events

    def request_stop(self, job: ActiveJob, *, cause: str, actor: str, is_cancel: bool) -> NewEvent:
        """The event that tells a placed job to stop."""
        trigger = Trigger.CANCEL if is_cancel else Trigger.STOP
        return NewEvent(
            EventKind.JOB_STOPPING,
            job.attempt_id,
            actor,
            cause,
            {"state": job.state.value},
            {"state": after(job.state, trigger).value, "is_cancel": is_cancel},
        )

    def _apply(self, event: Event) -> None:
        self.deferral.follow(event, self.book.apply(event))
        self.fleet.apply(event)
        self._node_states.follow(event)
        self._is_dirty = True

    # --- start ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Rebuild fleet and book from the store. Only jobs that are not over are replayed."""
        past = StoredPast(self.store.read(), self.fleet, self.store.last_ms)
        now_ms = self.clock()
        self.book = Book()
        self.deferral = Deferral(self.store.read(), self.book)
        for event in rebuild(self.fleet, past, now_ms):
            self.deferral.follow(event, self.book.apply(event))
        here = {node.path for node in self.fleet.nodes}
        self._rebuilt: Rebuilt | None = Rebuilt(
            seq=self.store.last_seq,
            now_ms=now_ms,
            absent=tuple(sorted(past.node_states().keys() - here)),
        )
        self._is_dirty = True

    # --- observe -------------------------------------------------------------------------------

    def _observe(self) -> None:
        """Ask each engine about its attempts and record what changed, first whether it answers."""
        now_ms = self.clock()
        by_site: dict[str, dict[str, ActiveJob]] = {site: {} for site in self.engines}
        for job in self.book.placed():
            if job.attempt_id in self._launched:
                by_site[job.site][job.attempt_id] = job
        for site, jobs in sorted(by_site.items()):
            if not self.reach.is_due(site, now_ms, has_jobs=bool(jobs)):
                continue
            engine = self.engines[site]
            version = engine.version() if jobs else None
            is_same = version is not None and version == self._versions.get(site)
            try:
                observations = () if is_same else engine.observe(tuple(jobs))
            except EngineError as error:
                self._lose(site, error)
                continue
            # What it knows of its attempts it may know from before; of its nodes it says more.
            if fault := self._node_states.fault(site):
                self._lose(site, EngineError(fault))
            else:
                self.record(self.reach.answered(site, now_ms, self.fleet.lost_sites))
            for observation in observations:
                self._follow(jobs[observation.attempt_id], observation)
            self._versions[site] = version

    def _follow(self, job: ActiveJob, observation: Observation) -> None:
        new = self._lost_nodes(job, observation)
        ended_id: str | None = None
        if observation.phase is AttemptPhase.ENDED:
            error = self._launch_errors.get(observation.attempt_id)
            new.append(endings.ended(job, observation, launch_error=error))
            ended_id = observation.attempt_id
            if observation.reason.startswith(endings.NOT_STARTED):
                self._node_states.hurry()
        else:
            if observation.phase is AttemptPhase.RUNNING and allowed(job.state, Trigger.LAUNCHED):
                new.append(_launched(job))
            if (cause := endings.broken(observation)) and job.state is not State.STOPPING:
                actor = f"engine:{job.site}"
                new.append(self.request_stop(job, cause=cause, actor=actor, is_cancel=False))
        self.record(new)
        if ended_id is not None:
            self._launch_errors.pop(ended_id, None)
            self._launched.discard(ended_id)
            self._stopped.discard(ended_id)
            self._adjusted.pop(ended_id, None)
            self._forget(ended_id, job.site)

    def _lose(self, site: str, error: EngineError) -> None:
        """A site does not answer. What was to start there and was never told may go elsewhere."""
        if not self.reach.is_lost(site):
            LOG.warning("site %s is out of reach: %s", site, error)
        self.record(self.reach.failed(site, self.clock(), error, self.fleet.lost_sites))
        untold = [
            job
            for job in self.book.placed()
            if job.site == site and job.attempt_id in self._untold and job.state is State.STARTING
        ]
        self.record([endings.never_launched(job) for job in untold])
        self._untold -= {job.attempt_id for job in untold}

    def _lost_nodes(self, job: ActiveJob, observation: Observation) -> list[NewEvent]:
        return [
            NewEvent(
                EventKind.NODE_STATE_CHANGED,
                path,
                f"engine:{job.site}",
                f"lost while running {observation.attempt_id}",
                {"state": self.fleet.node_state(path)},
                {"state": "down"},
            )
            for path in observation.lost_nodes
            if self.fleet.node_state(path) != "down"
        ]

    # --- limits --------------------------------------------------------------------------------

    def _reach_limits(self) -> None:
        """Record limits of the power tree whose announced time has come, or is over."""
        now_ms = max(self.clock(), self.store.last_ms)
        self.record(
            [
                NewEvent(
                    EventKind.POWER_LIMIT_REACHED,
                    path,
                    "scheduler",
                    "announced for this time",
                    {"limit_w": before_w},
                    {"limit_w": limit_w},
                )
                for path, before_w, limit_w in self.fleet.power_book.due(now_ms)
            ]
        )

    def _reach_contracts(self) -> None:
        """Record that the time of a contract has come, or is over."""
        now_ms = max(self.clock(), self.store.last_ms)
        self.record(
            [
                NewEvent(
                    EventKind.CONTRACT_REACHED,
                    holder.label,
                    "scheduler",
                    "the contract's time",
                    before._asdict(),
                    due._asdict(),
                )
                for holder, before, due in self.fleet.contract_book.due(now_ms)
            ]
        )

    def _begin_periods(self) -> None:
        """Note the budgets' new periods: a month begins at its first instant, UTC."""
        now_ms = max(self.clock(), self.store.last_ms)
        self.record(
            [
                NewEvent(
                    EventKind.BUDGET_PERIOD_BEGAN,
                    project,
                    "server",
                    "the calendar",
                    {},
                    {"start_ms": start_ms, "end_ms": end_ms},
                )
                for project, start_ms, end_ms in self.fleet.periods_due(now_ms)
            ]
        )

    # --- admit ---------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Queue the deferred jobs whose turn has come, and cancel those whose turn never comes."""
        while new := self.deferral.due(max(self.clock(), self.store.last_ms)):
            self.record(new)
            self.deferral.looked()
        self.deferral.looked()

    # --- decide --------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Run the scheduler on a copy of the state and commit what it decided."""
        now_ms = max(self.clock(), self.store.last_ms)
        if not self._is_dirty and now_ms - self._decided_ms < RECONSIDER_MS:
            return
        self._decided_ms = now_ms
        seen, queued = self.deciding.queue_max, self.fleet.queued_count
        decided = self.fleet.decisions(now_ms, self.deciding.kernels, seen)
        has_more = self.deciding.decided(len(decided.starts) + len(decided.notices), queued)
        if not decided.starts and not decided.notices:
            self._is_dirty = has_more
            return
        decision = decision_of(
            decided, now_ms=now_ms, parent=self.store.last_decision, policy=self.fleet.policy_sha256
        )
        jobs = self.book.jobs
        new = [_started(jobs[start.job_id], start) for start in decided.starts]
        new += [stopping_for.noticed(jobs[notice.job_id], notice) for notice in decided.notices]
        told: dict[str, Any] = {
            "now_ms": now_ms,
            "policy_sha256": self.fleet.policy_sha256,
            "scheduler": self.fleet.scheduler_version,
            "parent": decision.parent,
            "sha256": decision.sha256,
            # How many jobs at the front of the queue it was taken for; None is all.
            "queue_seen": seen,
            # How many events before this one it is made of.
            "events": len(new),
        }
        if self._rebuilt is not None:
            told["rebuilt"] = msgspec.to_builtins(self._rebuilt)
        ran = NewEvent(EventKind.CYCLE_RAN, str(decision.id), "scheduler", "decided", {}, told)
        self.record([*new, ran], decision=decision)
        self._untold |= {jobs[start.job_id].attempt_id for start in decided.starts}
        self._rebuilt = None

    # --- cap -----------------------------------------------------------------------------------

    def _cap(self) -> None:
        """Slow jobs where a limit was cut below what runs; speed them up again when it fits."""
        placed = self.book.placed()
        if not self._adjusting or not placed:
            return
        wanted = self.fleet.wanted_caps(self._adjusting)
        self.record(
            [
                NewEvent(
                    EventKind.JOB_CAPPED,
                    job.attempt_id,
                    "scheduler",
                    "power limit",
                    {"state": job.state.value, "watts_per_gpu": job.cap_w},
                    {"state": job.state.value, "watts_per_gpu": wanted.get(job.id)},
                )
                for job in placed
                if wanted.get(job.id) != job.cap_w
            ]
        )

    # --- execute -------------------------------------------------------------------------------

    def _execute(self) -> None:
        """Make the engines do what is recorded. Every call may be repeated."""
        for attempt_id, site in list(self._to_forget.items()):
            if not self.reach.is_lost(site):
                self._forget(attempt_id, site)
        for job in self.book.placed():
            if self.reach.is_lost(job.site):
                continue
            if job.attempt_id not in self._launched:
                self._launch(job)
                if self.reach.is_lost(job.site):
                    continue
            if job.was_capped and self._adjusted.get(job.attempt_id, -1) != job.cap_w:
                self._adjust(job)
            if job.state is State.STOPPING and job.attempt_id not in self._stopped:
                self._stop(job)

    def _launch(self, job: ActiveJob) -> None:
        engine = self.engines[job.site]
        self._untold.discard(job.attempt_id)
        try:
            if job.state is State.STARTING:
                engine.launch(attempt_of(job))
        except EngineUnreachable as error:
            # It may have heard: the same attempt is launched again when it answers.
            self._lose(job.site, error)
            return
        except EngineError as error:
            LOG.warning("%s cannot be launched: %s", job.attempt_id, error)
            self._launch_errors[job.attempt_id] = str(error)
            # Nothing changed at the site, which has no such attempt: it is asked all the same.
            self._versions.pop(job.site, None)
        self._launched.add(job.attempt_id)

    def _adjust(self, job: ActiveJob) -> None:
        full_w = self.fleet.full_watts_per_gpu(job.id)
        cap = None if job.cap_w is None else PowerCap(job.cap_w, full_w)
        try:
            self.engines[job.site].adjust(job.attempt_id, cap)
        except EngineUnreachable as error:
            self._lose(job.site, error)
            return
        except EngineError as error:
            LOG.warning("%s cannot be capped: %s", job.attempt_id, error)
        # An engine that cannot is not asked over and over; the next cap asks it again.
        self._adjusted[job.attempt_id] = job.cap_w

    def _stop(self, job: ActiveJob) -> None:
        try:
            self.engines[job.site].stop(
                job.attempt_id, grace_s=job.spec.grace, reason=job.stop_cause or "stopped"
            )
        except EngineUnreachable as error:
            self._lose(job.site, error)
            return
        except EngineError as error:
            LOG.warning("%s cannot be stopped, trying again: %s", job.attempt_id, error)
            return
        self._stopped.add(job.attempt_id)

    def _forget(self, attempt_id: str, site: str) -> None:
        """Tell the engine that the end is recorded, now or when it answers."""
        self._to_forget.pop(attempt_id, None)
        try:
            self.engines[site].forget(attempt_id)
        except EngineUnreachable as error:
            LOG.warning("%s is forgotten later: %s", attempt_id, error)
            self._to_forget[attempt_id] = site
        except EngineError as error:
            LOG.warning("%s cannot be forgotten: %s", attempt_id, error)


def _verbs(engine: Engine) -> tuple[str, ...]:
    """What it can do beside what all can; nothing while it does not answer."""
    try:
        return engine.capabilities().verbs
    except EngineError:
        return ()


def attempt_of(job: ActiveJob) -> Attempt:
    """Everything the engine needs, read from the recorded job; nothing is left to choose."""
    spec = job.spec
    checkpoint = spec.checkpoint
    return Attempt(
        attempt_id=job.attempt_id,
        job_id=job.id,
        job_name=spec.name,
        project=job.project,
        user=job.user,
        placements=_placements_of_groups(job) if job.groups else _placements(job),
        ranks_per_node=ranks_per_node(spec),
        command=spec.command,
        script=spec.script,
        workdir=spec.workdir,
        env=dict(spec.env),
        checkpoint_dir=checkpoint.dir if checkpoint else None,
        checkpoint_signal=checkpoint.signal if checkpoint else None,
        grace_s=spec.grace,
        time_limit_s=spec.time_limit,
        starts=spec.starts,
        slurm=spec.slurm,
        number=job.number,
        array=_array_task(job),
    )


def _array_task(job: ActiveJob) -> ArrayTask | None:
    array_id, text = array_of(job.id), job.spec.array
    if array_id is None or text is None:
        return None
    shape = array_shape(text)
    index = index_of(job.id)
    return ArrayTask(
        job_id=array_id,
        index=index,
        first=shape.indices[0],
        last=shape.indices[-1],
        step=shape.step,
        count=len(shape.indices),
        # Its tasks were submitted together, one after another.
        number=job.number - bisect_left(shape.indices, index),
    )


def _placements(job: ActiveJob) -> tuple[Placement, ...]:
    is_fraction = job.gpus_per_node < 1
    shared = job.gpu_indexes if is_fraction and job.gpu_indexes else (None,) * len(job.nodes)
    return tuple(
        Placement(
            node=node,
            gpus=math.ceil(job.gpus_per_node),
            gpu_fraction=job.gpus_per_node if gpu is not None else None,
            shared_gpu=gpu,
            cpus=job.cpus_per_node,
            memory_mib=job.memory_per_node_mib,
        )
        for node, gpu in zip(job.nodes, shared, strict=True)
    )


def _placements_of_groups(job: ActiveJob) -> tuple[Placement, ...]:
    parts = parts_by_node(job.spec, len(job.nodes))
    groups = [group for group in job.groups for _ in range(group.nodes)]
    return tuple(
        Placement(
            node=node,
            gpus=math.ceil(group.gpus_per_node),
            cpus=group.cpus_per_node,
            memory_mib=group.memory_per_node_mib,
            ranks=ranks_per_node(part),
            gang_group=group.name,
        )
        for node, part, group in zip(job.nodes, parts, groups, strict=True)
    )


def _started(job: ActiveJob, start: Start) -> NewEvent:
    attempt = job.attempt + 1
    return NewEvent(
        EventKind.JOB_STARTED,
        f"{job.id}.{attempt}",
        "scheduler",
        "placed",
        {"state": job.state.value},
        {"state": after(job.state, Trigger.START).value, "attempt": attempt}
        | msgspec.to_builtins(start.placement),
    )


def _launched(job: ActiveJob) -> NewEvent:
    return NewEvent(
        EventKind.JOB_LAUNCHED,
        job.attempt_id,
        f"engine:{job.site}",
        "every rank is running",
        {"state": job.state.value},
        {"state": after(job.state, Trigger.LAUNCHED).value},
    )
