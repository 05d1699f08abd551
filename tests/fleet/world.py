"""A small factory of two sites, written as the fleet takes it: nodes, quotas, policy."""

from __future__ import annotations

from typing import Any

import msgspec

from arkwright.design import Node
from arkwright.fleet import Fleet, FleetPolicy, ProjectQuota
from arkwright.fleet.lowering import names_of
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import JobSpec, Resources

PROJECTS = (
    ProjectQuota(path="lab", gpus_limit=16, priority=5),
    ProjectQuota(path="lab/vision", gpus_limit=8),
    ProjectQuota(path="lab/vision/small", gpus_limit=None, sites=("narvik",)),
    ProjectQuota(path="rival", gpus_limit=None, sites=("oslo",)),
)


def node(site: str, rack: int, tray: int, **changes: Any) -> Node:
    rack_path = f"{site}/h1/r{rack}"
    path = f"{rack_path}/t{tray}"
    given: dict[str, Any] = {"gpus": 8, "gpu_type": "h100", "cpus": 64.0, "memory_mib": 500_000}
    return Node(
        path=path,
        site=site,
        hall="h1",
        rack=f"r{rack}",
        tray=f"t{tray}",
        system="",
        is_virtual=False,
        power_kw_max=None,
        domains=(path, rack_path, f"{rack_path}/leaf", f"{site}/h1", f"{site}/h1", site),
        **given | changes,
    )


NODES = (
    *(node("narvik", rack, tray) for rack in (1, 2) for tray in (1, 2)),
    node("oslo", 1, 1, gpu_type="b200", gpus=4),
    node("oslo", 1, 2, gpu_type="b200", gpus=4),
)
NAMES = names_of(NODES, PROJECTS)


def fleet(**policy: Any) -> Fleet:
    return Fleet(NODES, PROJECTS, FleetPolicy(**policy))


def spec(gpus: float = 8, **fields: Any) -> JobSpec:
    given: dict[str, Any] = {"name": "job", "resources": Resources(gpus_per_node=gpus)}
    return JobSpec(**given | fields)


class Log:
    """Writes events as the controller does, and lets a fleet follow."""

    def __init__(self, follower: Fleet) -> None:
        self.fleet = follower
        self.events: list[Event] = []
        self.attempts: dict[str, int] = {}
        """How many each job has begun."""

    def write(
        self, kind: EventKind, subject: str, before: str | None, after: dict[str, Any]
    ) -> None:
        event = Event(
            seq=len(self.events) + 1,
            at_ms=1_000 * len(self.events),
            kind=kind,
            subject=subject,
            actor="test",
            cause="test",
            before={} if before is None else {"state": before},
            after=after,
        )
        self.events.append(event)
        self.fleet.apply(event)

    @property
    def now_ms(self) -> int:
        return 1_000 * len(self.events)

    def submit(
        self, job_id: str, asked: JobSpec, project: str = "lab", state: str = "queued"
    ) -> str:
        body = {
            "state": state, "project": project, "user": "u", "spec": msgspec.to_builtins(asked)
        }  # fmt: skip
        self.write(EventKind.JOB_SUBMITTED, job_id, None, body)
        return job_id

    def start(self, job_id: str, *nodes: str, gpus: tuple[int, ...] = ()) -> str:
        """`gpus`: of a fraction, which of each node; without, the first with room."""
        attempt = self.attempts.get(job_id, 0) + 1
        self.attempts[job_id] = attempt
        body = {"state": "starting", "nodes": list(nodes), "attempt": attempt, "gpus": 0.0}
        body |= {"gpu_indexes": list(gpus)} if gpus else {}
        self.write(EventKind.JOB_STARTED, f"{job_id}.{attempt}", "queued", body)
        return job_id

    def attempt_id(self, job_id: str) -> str:
        """The job's last attempt."""
        return f"{job_id}.{self.attempts.get(job_id, 1)}"

    def end(self, job_id: str, before: str = "starting", after: str = "succeeded") -> None:
        self.write(EventKind.JOB_ENDED, self.attempt_id(job_id), before, {"state": after})

    def node(self, path: str, state: str) -> None:
        self.write(EventKind.NODE_STATE_CHANGED, path, None, {"state": state})
