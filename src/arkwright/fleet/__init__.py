"""Fleet: the only translator between names and the scheduler's arrays.

Above it there are node paths, job ids, projects and events; below it indices and integers.
The twin and the control plane feed it the same events, so a live log replays in the twin unchanged.

- `lowering`: nodes, projects and job specifications as rows, columns and shapes
- `follower`: the scheduler's state of one factory, kept in step with the event log
- `fleet`: `Fleet`, a follower that decides and answers
- `notices`: who claims nodes and who is told to stop for whom, in names
- `contracts`: GPUs bought for a time without naming nodes
- `reservations`: nodes kept for a project in a time to come, by name
- `reasons`: the scheduler's reason codes in words, with the smallest change that would help
- `scene`: the fleet at one instant, for questions about the future, which never touch the live one:
  `forecast` (when a job starts), `alternatives` (what it could ask instead), `whatif`
- `snapshot`: the fleet at one instant as bytes that decide the same wherever they are read
- `rebuild`: a fleet brought to where its log is, as a server that starts does
- `log_past`, `log_replay`: a recorded log followed from its first event, and decided again
- `experience`: what finished jobs teach about how long others last
"""

from arkwright.fleet.alternatives import Alternative, alternatives
from arkwright.fleet.assembly import assemble, project_quotas
from arkwright.fleet.contracts import Bought, ContractBook, Oversold
from arkwright.fleet.experience import ATTEMPTS_MAX, Finished, group_of
from arkwright.fleet.fleet import Decided, Fleet, PowerUse, Start
from arkwright.fleet.forecast import Forecast, forecast, forecast_new
from arkwright.fleet.job_placement import GroupPlacement, JobPlacement
from arkwright.fleet.lowering import FleetPolicy, Preemption
from arkwright.fleet.notices import Notice, NoticeKind
from arkwright.fleet.power_book import POWER_KINDS, PowerBook, PowerWindow
from arkwright.fleet.quota_tree import Budget, Contract, Holder, ProjectQuota, TypeQuota
from arkwright.fleet.quota_use import BudgetUse, ContractUse, QuotaUse, TypeUse
from arkwright.fleet.reasons import WaitReason
from arkwright.fleet.rebuild import Past, Rebuilt, Spent, rebuild
from arkwright.fleet.reservations import Reservation
from arkwright.fleet.scene import Runner, Scene, in_process
from arkwright.fleet.snapshot import Replay, Snapshot, decision_bytes, replayed, saved
from arkwright.fleet.waiting import why
from arkwright.fleet.whatif import Changes, JobChange, Move, Outcome, whatif

__all__ = [
    "ATTEMPTS_MAX",
    "POWER_KINDS",
    "Alternative",
    "Bought",
    "Budget",
    "BudgetUse",
    "Changes",
    "Contract",
    "ContractBook",
    "ContractUse",
    "Decided",
    "Finished",
    "Fleet",
    "FleetPolicy",
    "Forecast",
    "GroupPlacement",
    "Holder",
    "JobChange",
    "JobPlacement",
    "Move",
    "Notice",
    "NoticeKind",
    "Outcome",
    "Oversold",
    "Past",
    "PowerBook",
    "PowerUse",
    "PowerWindow",
    "Preemption",
    "ProjectQuota",
    "QuotaUse",
    "Rebuilt",
    "Replay",
    "Reservation",
    "Runner",
    "Scene",
    "Snapshot",
    "Spent",
    "Start",
    "TypeQuota",
    "TypeUse",
    "WaitReason",
    "alternatives",
    "assemble",
    "decision_bytes",
    "forecast",
    "forecast_new",
    "group_of",
    "in_process",
    "project_quotas",
    "rebuild",
    "replayed",
    "saved",
    "whatif",
    "why",
]
