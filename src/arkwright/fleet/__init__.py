"""Fleet: the only translator between names and the scheduler's arrays.

Above it there are node paths, job ids, projects and events; below it indices and integers.
The twin and the control plane feed it the same events, so a live log replays in the twin unchanged.

- `lowering`: nodes, projects and job specifications as rows, columns and shapes
- `fleet`: `Fleet`, which follows events and decides
- `reasons`: the scheduler's reason codes in words, with the smallest change that would help
"""

from arkwright.fleet.assembly import assemble, project_quotas
from arkwright.fleet.fleet import Fleet, JobPlacement, Start
from arkwright.fleet.lowering import FleetPolicy, ProjectQuota
from arkwright.fleet.reasons import WaitReason

__all__ = [
    "Fleet",
    "FleetPolicy",
    "JobPlacement",
    "ProjectQuota",
    "Start",
    "WaitReason",
    "assemble",
    "project_quotas",
]
