"""`Fleet`: asks the scheduler to decide, and why, on what the event log has led to."""

from __future__ import annotations

from collections.abc import Collection
from operator import sub

from msgspec import Struct

from arkwright import sched
from arkwright.errors import InputError
from arkwright.fleet import lowering
from arkwright.fleet.capped_jobs import saved_watts, wanted_caps
from arkwright.fleet.contracts import Oversold, is_bounded, oversold
from arkwright.fleet.experience import Finished, group_of
from arkwright.fleet.follower import Follower
from arkwright.fleet.job_placement import JobPlacement, cpu_share, groups_of
from arkwright.fleet.notices import Notice, notices_of
from arkwright.fleet.power_book import PowerWindow
from arkwright.fleet.quota_tree import Contract
from arkwright.fleet.quota_use import QuotaUse, periods_ahead, quota_uses
from arkwright.fleet.reasons import WaitReason, in_words
from arkwright.fleet.reservations import Reservation, free_nodes
from arkwright.fleet.scene import Scene
from arkwright.fleet.snapshot import Snapshot
from arkwright.jobs.spec import JobSpec, gpus_of, parts_of
from arkwright.sched import codes
from arkwright.units import MILLI, gigabytes_to_mib


class Start(Struct, frozen=True, kw_only=True):
    """One decision: this job, there, now."""

    job_id: str
    placement: JobPlacement


class Decided(Struct, frozen=True, kw_only=True):
    """One decision, in the order in which it is to be recorded: starts, then notices."""

    starts: list[Start]
    notices: tuple[Notice, ...] = ()


class PowerUse(Struct, frozen=True, kw_only=True):
    """A row of the power tree; above its limit only where that was cut under running jobs."""

    path: str
    used_w: int
    """Expected at the racks, from what the jobs there say or the catalogue's maximum."""
    limit_w: int | None
    """In force now; None is no limit."""
    limit_w_file: int | None = None
    """What the factory file says, or the design made of it."""
    is_designed: bool = False
    """A part of the chain, whose limit the design gives."""
    basis: str = ""
    """Where that limit is from."""
    is_set: bool = False
    """An operator's limit stands in for the file's."""
    capped_w: int = 0
    """So much less than `used_w` is drawn, because jobs are capped."""
    over_w: int = 0
    """What runs draws so much more than a limit that was cut under it, caps counted."""
    windows: list[PowerWindow] = []
    """Limits announced, by time."""


class Fleet(Follower):
    """A factory that decides: what it follows, it can be asked about and moved on from."""

    scheduler_version = codes.VERSION

    # --- decide --------------------------------------------------------------------------------

    @property
    def queued_count(self) -> int:
        """Jobs that wait and are not held."""
        return int(self._state.queued_count[0])

    def decide(
        self,
        now_ms: int,
        kernels: sched.Kernels = sched.INTERPRETED,
        queue_max: int | None = None,
    ) -> list[Start]:
        """What the scheduler would start now, in its order. This fleet is left as it is."""
        return self.decisions(now_ms, kernels, queue_max).starts

    def decisions(
        self,
        now_ms: int,
        kernels: sched.Kernels = sched.INTERPRETED,
        queue_max: int | None = None,
    ) -> Decided:
        """The same, with who is told to stop for whom.

        With `queue_max` only the first so many jobs are looked at: what is decided for them is what
        the whole queue's decision would have for them. Where jobs may be stopped for others, every
        job holds a place in a plan or starts move projects in the order, that is not so, and the
        whole queue is looked at.
        """
        trial = self._as_of(now_ms)
        is_cut = queue_max is not None and queue_max < self.queued_count and self._can_be_cut()
        if is_cut:
            trial = sched.shortlist(trial, queue_max or 0)
        found = sched.decisions(trial, now_ms, self._backfill, kernels)
        if not found.starts and not found.notices:
            if not is_cut:
                # Keeps what the cycle learned of who is blocked by what; no decision is in it.
                self._state = trial._replace(job_saved_ms=self._state.job_saved_ms)
            return Decided(starts=[])
        starts = [
            Start(job_id=self._job_ids[job], placement=self._placement(trial, job))
            for job in found.starts
        ]
        paths = [node.path for node in self._names.nodes]
        return Decided(
            starts=starts, notices=notices_of(trial, found.notices, self._job_ids, paths)
        )

    def _can_be_cut(self) -> bool:
        is_preempting = self._policy.preemption.enabled or int(self._state.claim_count[0]) > 0
        is_fair_share = int(self._state.fair[0]) > 0
        return not (is_preempting or is_fair_share or self._backfill == sched.CONSERVATIVE)

    def _as_of(self, now_ms: int) -> sched.State:
        """A copy that knows what jobs with a checkpoint interval have saved by now.

        A job is taken to save every interval from its start on: what it cost to stop it is judged
        by that, and nothing else is.
        """
        state = sched.copy(self._state)
        for job, every_ms in self._save_every_ms.items():
            if int(state.job_state[job]) in (sched.STARTING, sched.RUNNING, sched.STOPPING):
                start_ms = int(state.job_start_ms[job])
                saved_ms = start_ms + max(0, now_ms - start_ms) // every_ms * every_ms
                state = sched.apply(state, sched.saved(now_ms, job, saved_ms))
        return state

    def _placement(self, state: sched.State, job: int) -> JobPlacement:
        spec = self._specs[self._job_ids[job]]
        indices = sched.nodes_of(state, job)
        nodes = [self._names.nodes[index] for index in indices]
        firsts = state.node_gpu_first[list(indices)].tolist()
        groups, first = groups_of(spec, nodes), parts_of(spec)[0].resources
        gpus = first.gpus_per_node * len(nodes)
        cpus_per_node = first.cpus_per_node or cpu_share(nodes, first.gpus_per_node)
        return JobPlacement(
            site=nodes[0].site,
            nodes=tuple(node.path for node in nodes),
            gpus=gpus_of(spec) if groups else gpus,
            gpu_type=nodes[0].gpu_type,
            is_virtual=any(node.is_virtual for node in nodes),
            gpus_per_node=first.gpus_per_node,
            cpus_per_node=groups[0].cpus_per_node if groups else cpus_per_node,
            memory_per_node_mib=gigabytes_to_mib(first.memory_per_node),
            gpu_indexes=tuple(map(sub, sched.gpus_of(state, job), firsts)),
            groups=groups,
        )

    def full_watts_per_gpu(self, job_id: str) -> int:
        """What a GPU of the job is expected to draw uncapped, with its share of the node."""
        cls = int(self._state.job_class[self._job_index[job_id]])
        gpu_milli = max(1, int(self._state.class_gpu_milli[cls]))
        return int(self._state.class_watts[cls]) * MILLI // gpu_milli

    def wanted_caps(self, sites: Collection[str]) -> dict[str, int]:
        """Jobs to be slowed where a limit was cut below what runs: watts per GPU, with its share of
        the node. The engines of `sites` can slow jobs. Rule: `capping`."""
        return wanted_caps(self._state, self._names, self._job_ids, self._specs, sites)

    # --- ask -----------------------------------------------------------------------------------

    def explain(self, job_id: str, now_ms: int) -> WaitReason:
        """Why the job is not running, with the smallest change that would start it."""
        job = self._job_index[job_id]
        state = self._as_of(now_ms)
        reason = sched.explain(state, job, now_ms, self._backfill)
        return in_words(reason, self._names, self._specs.get(job_id), self._job_ids)

    def scene(self, now_ms: int, visits: int) -> Scene:
        """All that a question about the future needs, to be answered while this fleet goes on."""
        return Scene(
            state=self._as_of(now_ms),
            now_ms=now_ms,
            backfill=self._backfill,
            names=self._names,
            policy=self._policy,
            job_ids=tuple(self._job_ids),
            job_index=dict(self._job_index),
            specs=dict(self._specs),
            groups=tuple(self._groups),
            keys=tuple(self._keys),
            lessons=self._experience.lessons(),
            later=periods_ahead(self._state, self._names, now_ms),
            visits=visits,
            lost_sites=self.lost_sites,
        )

    def snapshot(self, job_id: str, now_ms: int, parent: int) -> Snapshot:
        """This instant, to be saved and decided again elsewhere; `parent` is the last decision."""
        return Snapshot(
            state=self._as_of(now_ms),
            now_ms=now_ms,
            parent=parent,
            backfill=self._backfill,
            policy_sha256=self._policy.sha256,
            nodes=[node.path for node in self._names.nodes],
            jobs=tuple(self._job_ids),
            projects=[row.label for row in self._names.quotas.rows],
            power=[limit.path for limit in self._names.power_limits],
            sites=self._names.sites,
            gpu_types=self._names.gpu_types,
            job=job_id,
            spec=self._specs.get(job_id),
        )

    def finished(self, spec: JobSpec, project: str, user: str, ran_ms: int) -> Finished:
        """An attempt that is over, as `reset` takes it."""
        gpus = gpus_of(spec)
        limit_ms = lowering.duration_ms(spec, self._policy)
        return Finished(group_of(project, user, gpus), limit_ms, ran_ms)

    def refusal(self, spec: JobSpec, project: str) -> WaitReason | None:
        """Why no state of this factory could ever run the job, or None when one could."""
        unknown = [site for site in spec.sites if site not in self._names.sites]
        if unknown:
            raise InputError(
                f"job {spec.name}: unknown site {', '.join(unknown)}; "
                f"this factory has {', '.join(self._names.sites)}"
            )
        lowering.refuse_unsaid_type(self._names, spec, project)
        shape = lowering.shape_of(self._names, spec, project)
        has_form = shape.segment != 0 or shape.spread_level >= 0 or shape.rails != 0
        if has_form and self._backfill == sched.CONSERVATIVE:
            raise InputError(
                f"job {spec.name}: under backfill: conservative nodes are chosen by index alone, "
                "so that promises hold; leave topology.segment, spread and rails out"
            )
        lasts_ms = lowering.duration_ms(spec, self._policy)
        reason = lowering.never_fits(self._state, self._names, spec, project, lasts_ms)
        return in_words(reason, self._names, spec, self._job_ids) if reason is not None else None

    def job_id(self, index: int) -> str:
        """The job a reason's number `job` stands for."""
        return self._job_ids[index]

    @property
    def project_paths(self) -> tuple[str, ...]:
        """Organisations and projects, by path."""
        return tuple(project.path for project in self._names.projects)

    def has_project(self, path: str) -> bool:
        """Whether jobs may be submitted to `path`."""
        return path in self._names.row_of_project

    def node_state(self, path: str) -> str:
        """`up`, `draining` or `down`, whether or not its site is in reach. KeyError: unknown."""
        self._names.node_index[path]
        return self._own_states.get(path, "up")

    def reservation(self, name: str, now_ms: int) -> Reservation | None:
        """The reservation of this name whose time is not over."""
        return self._reservations.find(name, now_ms)

    def reservations(self, now_ms: int) -> list[Reservation]:
        """Those whose time is not over, by start."""
        return self._reservations.coming(now_ms)

    def reservable(self, span_ms: tuple[int, int], gpu_type: str | None = None) -> list[str]:
        """Paths of nodes that could be kept from the one instant until the other, best first."""
        coming = self._reservations.coming(span_ms[0])
        return free_nodes(self._state, self._names, coming, span_ms, gpu_type)

    def contract(self, name: str, now_ms: int) -> Contract | None:
        """The contract of this name whose time is not over."""
        return self._contracts.find(name, now_ms)

    def contracts(self, now_ms: int) -> list[Contract]:
        """Those whose time is not over, by start."""
        return self._contracts.coming(now_ms)

    def bought(self, project: str) -> list[Contract]:
        """All contracts of the project that are known, those whose time is over as well."""
        return [each for each in self._contracts if each.project == project]

    def guaranteed(self, project: str) -> dict[str | None, int]:
        """GPUs that the factory file guarantees the project, by type; under None of all types."""
        rows = self._names.quotas.rows
        return {
            row.gpu_type: row.quota.guarantee or 0
            for row in rows
            if row.path == project and not row.is_budget
        }

    def oversold(self, contract: Contract) -> Oversold | None:
        """Where the contract would find no room beside what is kept for others; None nowhere."""
        return oversold(self._state, self._names, self._contracts, contract)

    def can_keep(self, contract: Contract) -> bool:
        """Whether there is a quota that the contract counts in, and above it the bound of all GPUs
        (of the type) without which nothing could be kept from anybody."""
        return is_bounded(self._state, self._names, contract.holders[-1])

    def gpus_limit(self, project: str) -> int | None:
        """Most GPUs that jobs of the organisation or project may hold together."""
        return self._names.projects[self._names.row_of_project[project]].gpus_limit

    def gpus_free(self, path: str) -> float:
        """GPUs of a node that no job holds."""
        index = self._names.node_index[path]
        return float(self._state.node_gpu_milli_free[index]) / MILLI

    def power(self) -> list[PowerUse]:
        """Every row of the power tree, by path: what jobs are expected to draw, and the limit."""
        used, limit = self._state.row_used.tolist(), self._state.row_limit.tolist()
        saved = saved_watts(self._state, self._names, self._job_index, self._caps)
        limits = {place.path: place for place in self._names.power_limits}
        return [
            PowerUse(
                path=path,
                used_w=used[row],
                limit_w=limit[row] if limit[row] >= 0 else None,
                limit_w_file=self._power.file_limit(path),
                is_designed=limits[path].is_designed,
                basis=limits[path].basis,
                is_set=self._power.is_set(path),
                capped_w=saved.get(row, 0),
                over_w=max(0, used[row] - saved.get(row, 0) - limit[row]) if limit[row] >= 0 else 0,
                windows=self._power.windows(path),
            )
            for path, row in self._names.row_of_power.items()
        ]

    def quotas(self, now_ms: int) -> list[QuotaUse]:
        """The quota tree by path, with what is used, borrowed, lent, spent and remembered."""
        return quota_uses(self._state, self._names, self.contracts(now_ms), now_ms)

    def violations(self) -> list[str]:
        """Invariants that do not hold; empty when all do."""
        return sched.check(self._state)
