"""`Follower`: the scheduler's state of one factory, kept in step with the event log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import add
from typing import Any

import msgspec

from arkwright import sched
from arkwright.design import Node, PowerLimit
from arkwright.errors import InputError
from arkwright.fleet import lowering
from arkwright.fleet.contracts import CONTRACT_KINDS, ContractBook, events_to_tell
from arkwright.fleet.experience import Experience, Finished, Group, group_of, key_of
from arkwright.fleet.lowering import FleetPolicy
from arkwright.fleet.notices import WHY_CODES
from arkwright.fleet.ordering import order_key
from arkwright.fleet.power_book import POWER_KINDS, PowerBook
from arkwright.fleet.power_tree import listed
from arkwright.fleet.quota_tree import Holder, ProjectQuota
from arkwright.fleet.quota_use import periods_due
from arkwright.fleet.reservations import Reservation, Reservations
from arkwright.jobs.events import Event, EventKind, end_of, job_of
from arkwright.jobs.lifecycle import State
from arkwright.jobs.spec import JobSpec, gpus_of
from arkwright.units import MILLI, MS_PER_S

HALF_LIVES_KEPT = 20
"""Fair share forgets what was used so many half-lives ago: less than a millionth of it is left."""
_NOT_QUEUED = {State.HELD.value, State.DEFERRED.value}
SITE_KINDS = (EventKind.SITE_UNREACHABLE, EventKind.SITE_REACHABLE)
NODE_STATES = {"up": sched.UP, "draining": sched.DRAINING, "down": sched.DOWN}


class Follower:
    """A factory's nodes and quotas with the jobs on and before them, as the log tells of them."""

    def __init__(
        self,
        nodes: Sequence[Node],
        projects: Sequence[ProjectQuota],
        policy: FleetPolicy,
        power: Sequence[PowerLimit] = (),
    ) -> None:
        self._names = lowering.names_of(nodes, projects, power, policy.preemption.enabled)
        self._power = PowerBook({limit.path: limit.limit_w for limit in power})
        self._contracts = ContractBook(each for quota in projects for each in quota.contracts)
        self._policy = policy
        self._backfill = lowering.backfill_of(policy)
        self.reset()

    @property
    def policy_sha256(self) -> str:
        """Hash of the policy the decisions are made under."""
        return self._policy.sha256

    @property
    def time_limit_max_s(self) -> float | None:
        """The longest limit a job may ask for; None is no bound."""
        return self._policy.time_limit_max_s

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, by path."""
        return self._names.nodes

    @property
    def done_count(self) -> int:
        """Jobs that are over and still take a row; `reset` and a replay forget them."""
        return self._done_count

    def reset(self, finished: Sequence[Finished] = ()) -> None:
        """Back to an idle factory in which every node is up, with what it knows of attempts that
        are over (oldest first)."""
        self._state = lowering.empty_state(self._names, self._policy)
        self._own_states: dict[str, str] = {}
        self._lost_sites: dict[str, int] = {}
        self._last_submitted: tuple[dict[str, Any], str, JobSpec, int] | None = None
        self._job_index: dict[str, int] = {}
        self._job_ids: list[str] = []
        self._specs: dict[str, JobSpec] = {}
        self._groups: list[Group] = []
        self._keys: list[int] = []
        self._experience = Experience(finished)
        self._save_every_ms: dict[int, int] = {}
        self._done_count = 0
        self._caps: dict[str, int] = {}
        for path in self._names.row_of_power:
            self._tell_power(path, self._power.told_ms)
        self._tell_contracts()
        self._reservations = Reservations(self._names)

    def apply(self, event: Event) -> None:
        """Follow one event of the log. Kinds that touch neither capacity nor queue are passed."""
        if event.kind is EventKind.JOB_SUBMITTED:
            self._submit(event)
        elif event.kind in (EventKind.RESERVATION_MADE, EventKind.RESERVATION_WITHDRAWN):
            self._follow_reservation(event)
        elif event.kind is EventKind.NODE_STATE_CHANGED:
            self.set_node_state(event.subject, event.after["state"], event.at_ms)
        elif event.kind in SITE_KINDS:
            since_ms = None if event.after["is_reachable"] else event.at_ms
            self.set_reach(event.subject, since_ms, event.at_ms)
        elif event.kind in POWER_KINDS | CONTRACT_KINDS:
            self._follow_bound(event)
        elif event.kind is EventKind.BUDGET_PERIOD_BEGAN:
            self._begin_period(event)
        elif event.kind in (EventKind.JOB_CLAIMED, EventKind.JOB_UNCLAIMED):
            self._follow_claim(event)
        elif event.kind.value.startswith("job_"):
            self._follow(event)

    def _follow_bound(self, event: Event) -> None:
        """What the factory may draw, or is promised to whom, is another from now or then on."""
        if event.kind in CONTRACT_KINDS:
            for holder in self._contracts.follow(event):
                self._tell_contract(holder, event.at_ms)
        elif self._power.follow(event):
            self._tell_power(event.subject, event.at_ms)

    def _follow_reservation(self, event: Event) -> None:
        if event.kind is EventKind.RESERVATION_MADE:
            made = msgspec.convert(event.after | {"name": event.subject}, Reservation)
            self.reserve(made, event.at_ms)
            return
        for each in self._reservations.withdraw(event.subject, event.at_ms):
            self._state = sched.apply(self._state, each)

    def _begin_period(self, event: Event) -> None:
        """A budget that the factory file no longer has is passed over."""
        row = self._names.quotas.row_of_budget.get(event.subject)
        if row is not None:
            start_ms, end_ms = event.after["start_ms"], event.after["end_ms"]
            self._state = sched.apply(self._state, sched.period(start_ms, row, end_ms))

    def recall_periods(self, now_ms: int) -> int | None:
        """After `reset`: every budget is in its period of `now_ms`. Attempts that were over before
        the instant given back matter to no budget and to no fair share; None: none ever does."""
        for path, start_ms, end_ms in self.periods_due(now_ms):
            row = self._names.quotas.row_of_budget[path]
            self._state = sched.apply(self._state, sched.period(start_ms, row, end_ms))
        since = [
            int(self._state.row_period_ms[row]) for row in self._names.quotas.row_of_budget.values()
        ]
        if half_life_ms := int(self._state.fair[0]):
            since.append(max(0, now_ms - HALF_LIVES_KEPT * half_life_ms))
        return min(since, default=None)

    def count_use(self, project: str, gpus: float, start_ms: int, end_ms: int) -> None:
        """An attempt that is over and whose events are not followed: what it used still counts in
        budgets and in fair share. After `recall_periods`, oldest first, before the events."""
        row = self._names.row_of_project.get(project)
        if row is not None:
            gpu_milli = math.ceil(gpus * MILLI)
            event = sched.spent(start_ms, row, gpu_milli, max(start_ms, end_ms))
            self._state = sched.apply(self._state, event)

    def periods_due(self, now_ms: int) -> list[tuple[str, int, int]]:
        """Budgets whose period at `now_ms` has to be begun: project, its start and end [ms]."""
        return periods_due(self._state, self._names, now_ms)

    def recall(self, event: Event) -> None:
        """Take from the end of an attempt that is not followed how often its job made room."""
        job = self._job_index.get(job_of(event) or "")
        if job is not None and "evictions" in event.after:
            counts = event.after["evictions"], event.after["moves"]
            self._state = sched.apply(self._state, sched.recalled(event.at_ms, job, *counts))

    def _submit(self, event: Event) -> None:
        after = event.after
        spec, class_index = self._spec_and_class(event)
        self._job_index[event.subject] = int(self._state.job_count[0])
        self._job_ids.append(event.subject)
        self._specs[event.subject] = spec
        lasts_ms = lowering.duration_ms(spec, self._policy)
        checkpoint = spec.checkpoint
        if self._names.is_preempting and spec.preemptible and checkpoint and checkpoint.interval:
            every_ms = max(1, math.ceil(checkpoint.interval * MS_PER_S))
            self._save_every_ms[self._job_index[event.subject]] = every_ms
        gpus = gpus_of(spec)
        self._groups.append(group_of(after["project"], after["user"], gpus))
        self._keys.append(key_of(event.subject))
        self._experience.submitted(event.subject, self._groups[-1], lasts_ms)
        self._state = sched.apply(
            self._state,
            sched.submit(
                event.at_ms,
                class_index,
                lasts_ms,
                priority=order_key(self._names, self._policy, spec, after["project"], event.at_ms),
                held=State(after["state"]) in (State.HELD, State.DEFERRED),
            ),
        )

    def _spec_and_class(self, event: Event) -> tuple[JobSpec, int]:
        """Tasks of an array come one after another and have these in common."""
        fields, project = event.after["spec"], event.after["project"]
        last = self._last_submitted
        if last is not None and last[0] == fields and last[1] == project:
            return last[2], last[3]
        spec = msgspec.convert(fields, JobSpec)
        gang = lowering.gang_of(self._names, spec, project)
        class_index, classes = sched.class_of(self._state, gang, event.at_ms)
        for new in classes:
            self._state = sched.apply(self._state, new)
        self._last_submitted = fields, project, spec, class_index
        return spec, class_index

    def _follow(self, event: Event) -> None:
        job_id = job_of(event) or ""
        job = self._job_index[job_id]
        if event.kind is EventKind.JOB_CAPPED:
            self._follow_cap(job_id, event.after["watts_per_gpu"])
            return
        if event.kind is EventKind.JOB_ENDED:
            self._caps.pop(job_id, None)
        change = event.before.get("state"), event.after["state"]
        if change[0] == change[1] or set(change) == _NOT_QUEUED:
            return  # told to stop once more, or held in another way: the same for the scheduler
        self._state = sched.apply(self._state, self._lowered(event, job))
        self._experience.follow(event)
        if not self._is_active(event):
            self._done_count += 1
            self._save_every_ms.pop(job, None)
            del self._specs[job_id]

    def _follow_claim(self, event: Event) -> None:
        """Nodes are kept for a waiting job, or no longer. A policy without preemption keeps none,
        and nodes that an earlier factory file had are passed over."""
        job = self._job_index[event.subject]
        if event.kind is EventKind.JOB_UNCLAIMED:
            if self._has_claim(job):
                self._state = sched.apply(self._state, sched.unclaim(event.at_ms, job))
            return
        index = self._names.node_index
        nodes = [index[path] for path in event.after["nodes"] if path in index]
        if nodes and self._names.is_preempting:
            self._state = sched.apply(self._state, sched.claim(event.at_ms, job, nodes))

    def _has_claim(self, job: int) -> bool:
        return bool(self._state.job_victims[job] >= 0)

    def _follow_cap(self, job_id: str, watts_per_gpu: int | None) -> None:
        self._caps.pop(job_id, None)
        if watts_per_gpu is not None:
            self._caps[job_id] = watts_per_gpu

    def _lowered(self, event: Event, job: int) -> sched.Event:
        at_ms = event.at_ms
        match event.kind:
            case EventKind.JOB_HELD:
                return sched.hold(at_ms, job)
            case EventKind.JOB_RELEASED:
                return sched.release(at_ms, job)
            case EventKind.JOB_STARTED:
                index = self._names.node_index
                nodes = tuple(index[path] for path in event.after["nodes"])
                places = event.after.get("gpu_indexes", ())
                firsts = self._state.node_gpu_first[list(nodes)].tolist()
                gpus = tuple(map(add, firsts, places))
                return sched.start(at_ms, job, nodes, gpus)
            case EventKind.JOB_LAUNCHED:
                return sched.run(at_ms, job)
            case EventKind.JOB_STOPPING if "why" in event.after:
                claimant = self._job_index.get(event.after["for"], sched.NONE)
                if claimant >= 0 and not self._has_claim(claimant):
                    claimant = sched.NONE
                return sched.preempt(at_ms, job, claimant, WHY_CODES[event.after["why"]])
            case EventKind.JOB_STOPPING:
                return sched.stop(at_ms, job)
            case _ if self._is_active(event):
                return sched.requeue(end_of(event), job)
            case _:
                return sched.end(end_of(event), job)

    @staticmethod
    def _is_active(event: Event) -> bool:
        ends = (EventKind.JOB_ENDED, EventKind.JOB_CANCELLED)
        return event.kind not in ends or State(event.after["state"]) is State.QUEUED

    def set_node_state(self, path: str, state: str, at_ms: int = 0) -> None:
        """`up`, `draining` (takes nothing new) or `down`. Unknown nodes are passed over: they
        belonged to an earlier factory file."""
        if path in self._names.node_index:
            self._own_states[path] = state
            self._tell_node(path, at_ms)

    def set_reach(self, site: str, since_ms: int | None, at_ms: int = 0) -> None:
        """A site is out of reach since that instant; None: it is reachable. Its nodes take nothing
        new as long as it is; what is on them stays."""
        self._lost_sites.pop(site, None)
        if since_ms is not None:
            self._lost_sites[site] = since_ms
        for node in self._names.nodes:
            if node.site == site:
                self._tell_node(node.path, at_ms)

    @property
    def lost_sites(self) -> dict[str, int]:
        """Sites out of reach, and since when [ms since the epoch]; a copy."""
        return dict(self._lost_sites)

    def _tell_node(self, path: str, at_ms: int) -> None:
        """What a node's own state and the reach of its site make of it for the scheduler."""
        index = self._names.node_index[path]
        state = self._own_states.get(path, "up")
        if state == "up" and self._names.nodes[index].site in self._lost_sites:
            state = "draining"
        event = sched.node_state(at_ms, index, NODE_STATES[state])
        self._state = sched.apply(self._state, event)

    def reserve(self, reservation: Reservation, at_ms: int = 0) -> None:
        """Keep nodes for a project, or for nobody. One of the same name is replaced."""
        gone = self._reservations.withdraw(reservation.name, at_ms)
        made = self._reservations.make(reservation, at_ms)
        for event in [*gone, *made]:
            self._state = sched.apply(self._state, event)

    def set_power_limit(self, path: str, limit_w: int | None, at_ms: int = 0) -> None:
        """Another limit for a row of the power tree. A cut ends nothing; it stops new work."""
        limit = sched.UNLIMITED if limit_w is None else limit_w
        event = sched.row_limit(at_ms, self._power_row(path), limit)
        self._state = sched.apply(self._state, event)

    def announce_power_limit(
        self, path: str, from_ms: int, limit_w: int | None, at_ms: int = 0
    ) -> None:
        """A limit that will hold from `from_ms`: nothing starts that would break it then.

        When the time has come, `set_power_limit` makes it so and ends the announcement.
        """
        limit = sched.UNLIMITED if limit_w is None else limit_w
        event = sched.announce(at_ms, self._power_row(path), from_ms, limit)
        self._state = sched.apply(self._state, event)

    @property
    def power_book(self) -> PowerBook:
        """What operators set and announced, beside the factory file. It outlives `reset`."""
        return self._power

    def bound_again(self) -> None:
        """After a replay of what runs: limits and contracts were in force from its beginning, jobs
        may have started before them. Each is made once more, below what runs by now."""
        self._tell_contracts()
        at_ms = self._power.told_ms
        for path, row in self._names.row_of_power.items():
            lifted = sched.row_limit(at_ms, row, sched.UNLIMITED)
            self._state = sched.apply(self._state, lifted)
            self._tell_power(path, at_ms)

    def _tell_power(self, path: str, at_ms: int) -> None:
        """Bring the row's limit, and those to come, to what the book says."""
        row = self._power_row(path)
        book, state = self._power, self._state
        steps = slice(0, int(state.step_count[0]))
        pending = state.step_at_ms[steps][state.step_row[steps] == row].tolist()
        events = [sched.withdraw(at_ms, row, step_ms) for step_ms in pending]
        wanted = _lowered_limit(book.in_force(path))
        if wanted != int(state.row_limit[row]):
            events.append(sched.row_limit(at_ms, row, wanted))
        events += [
            sched.announce(at_ms, row, step_ms, _lowered_limit(limit))
            for step_ms, limit in book.steps(path, at_ms)
        ]
        for event in events:
            self._state = sched.apply(self._state, event)

    @property
    def contract_book(self) -> ContractBook:
        """What is bought: in the factory file, and since. It outlives `reset`."""
        return self._contracts

    def _tell_contracts(self) -> None:
        for holder in self._contracts.holders():
            self._tell_contract(holder, self._contracts.told_ms)

    def _tell_contract(self, holder: Holder, at_ms: int) -> None:
        """Bring the holder's guarantee, and those to come, to what the book says."""
        for event in events_to_tell(self._state, self._names, self._contracts, holder, at_ms):
            self._state = sched.apply(self._state, event)

    def _power_row(self, path: str) -> int:
        row = self._names.row_of_power.get(path)
        if row is None:
            known = listed(self._names.row_of_power)
            raise InputError(f"limit power at {path}: the places of this factory are {known}")
        return row


def _lowered_limit(limit_w: int | None) -> int:
    return sched.UNLIMITED if limit_w is None else limit_w
