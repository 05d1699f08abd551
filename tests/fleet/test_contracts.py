"""Contracts in a fleet: followed in the log, looked ahead to, kept while they run, and where they
are of a type counted in two quotas.

Four nodes of 8 h100; in some tests two of 4 b200 beside them. The lab buys, its rival is the other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from arkwright import sched
from arkwright.fleet import (
    Changes,
    Contract,
    Fleet,
    FleetPolicy,
    JobChange,
    NoticeKind,
    Preemption,
    ProjectQuota,
    TypeQuota,
    forecast,
    whatif,
)
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import JobSpec, Resources, Tier
from fleet.world import NODES, Log, spec

HOUR_MS = 3_600_000
VISITS = 10**7
NARVIK = NODES[:4]


def bought(gpus: int, *hours: float, **fields: Any) -> Contract:
    """The lab's, in the factory file."""
    given: dict[str, Any] = {"name": "lab#1", "project": "lab", "is_in_file": True}
    given |= {"from_ms": int(hours[0] * HOUR_MS), "until_ms": int(hours[1] * HOUR_MS)}
    return Contract(gpus=gpus, **given | fields)


def fleet(*contracts: Contract, nodes: Any = NARVIK, **policy: Any) -> Fleet:
    lab = ProjectQuota(path="lab", gpus_limit=None, contracts=contracts)
    rival = ProjectQuota(path="rival", gpus_limit=None, guarantee=0)
    return Fleet(nodes, (lab, rival), FleetPolicy(**policy))


def lasting(hours: float, gpus: float = 8, **fields: Any) -> JobSpec:
    return spec(gpus, time_limit=hours * 3600.0, **fields)


def write(log: Log, at_hour: float, kind: EventKind, subject: str, **after: Any) -> None:
    """As the controller does, at that hour."""
    event = Event(
        seq=len(log.events) + 1,
        at_ms=int(at_hour * HOUR_MS),
        kind=kind,
        subject=subject,
        actor="test",
        cause="test",
        before={},
        after=after,
    )
    log.events.append(event)
    log.fleet.apply(event)


def reach(log: Log, at_hour: float) -> list[tuple[str, int, int]]:
    """What is due is noted, as the controller does: whose, GPUs until then, GPUs from then on."""
    due = log.fleet.contract_book.due(int(at_hour * HOUR_MS))
    for holder, before, after in due:
        write(log, at_hour, EventKind.CONTRACT_REACHED, holder.label, gpus=after.gpus)
        assert before != after
    return [(holder.label, before.gpus, after.gpus) for holder, before, after in due]


def starts(fleet: Fleet, now_ms: int) -> list[str]:
    found = sorted(start.job_id for start in fleet.decide(now_ms))
    assert fleet.violations() == []
    return found


def test_a_job_of_others_that_would_still_run_when_a_contract_begins_leaves_its_gpus_free() -> None:
    # 24 of 32 GPUs are the lab's from hour 1 on. Of rival's two jobs of two hours one starts: it
    # leaves 24. The one that is over by then starts as well.
    log = Log(fleet(bought(24, 1, 3)))
    log.submit("a", lasting(2), "rival")
    log.submit("b", lasting(2), "rival")
    log.submit("c", lasting(0.9), "rival")
    assert starts(log.fleet, log.now_ms) == ["a", "c"]
    why = log.fleet.explain("b", log.now_ms)
    assert why.code == "contract-ahead"
    assert why.message == (
        "would still run when the contract of lab begins at 1970-01-01T01:00:00Z and 24 GPUs are "
        "kept for it; it asks for 8 GPUs, 0 GPUs will be left beside what is expected to run then: "
        "8 GPUs short"
    )
    # The log is at second 3, so 3,597 s are left; a limit is told in units that are whole.
    assert why.change is not None
    assert why.change.startswith("time_limit: ")


def test_while_it_runs_it_is_kept_used_or_not_and_once_over_it_is_everybodys() -> None:
    log = Log(fleet(bought(24, 1, 3)))
    assert reach(log, 0.9) == []
    assert reach(log, 1) == [("lab", 0, 24)]
    assert reach(log, 1) == []
    log.submit("a", lasting(1), "rival")
    log.submit("b", lasting(1), "rival")
    log.submit("mine", lasting(1), "lab")
    assert starts(log.fleet, HOUR_MS) == ["a", "mine"]
    write(log, 1, EventKind.JOB_STARTED, "a.1", state="starting", nodes=[NARVIK[0].path], attempt=1)
    assert starts(log.fleet, HOUR_MS) == ["mine"]
    assert log.fleet.explain("b", HOUR_MS).code == "quota"
    assert reach(log, 3) == [("lab", 24, 0)]
    assert starts(log.fleet, 3 * HOUR_MS) == ["b", "mine"]


def test_its_owner_uses_it_before_in_and_after_its_time() -> None:
    log = Log(fleet(bought(32, 1, 3)))
    log.submit("mine", lasting(9, nodes=4), "lab")
    assert starts(log.fleet, log.now_ms) == ["mine"]


def test_what_a_contract_lends_is_borrowed_and_reclaimed() -> None:
    # 8 GPUs are nobody's and 16 of the 24 are lent: rival has three nodes of four, and one is kept.
    policy = Preemption(enabled=True)
    log = Log(fleet(bought(24, 0, 9, lend=16), preemption=policy))
    assert reach(log, 0) == [("lab", 0, 24)]
    soft = lasting(5, preemptible=True, tier=Tier.STANDARD)
    for name in "abcd":
        log.submit(name, soft, "rival")
    assert starts(log.fleet, log.now_ms) == ["a", "b", "c"]
    for name, node in zip("abc", NARVIK, strict=False):
        log.start(name, node.path)
    log.submit("mine", lasting(1, nodes=2, tier=Tier.STANDARD), "lab")
    decided = log.fleet.decisions(log.now_ms)
    told = [(each.kind, each.job_id, each.why) for each in decided.notices]
    # One node is free, tier and priority are the same: one borrower goes, who lost least, the last.
    assert told == [
        (NoticeKind.CLAIM, "mine", ""),
        (NoticeKind.PREEMPT, "c", "evicted"),
    ]


def test_a_contract_of_a_type_is_kept_of_that_type_and_needs_room_among_all() -> None:
    # 8 b200 in all; the lab has bought 4 of them from hour 1 on. Rival's long jobs get the other 4
    # b200, and all h100.
    log = Log(fleet(bought(4, 1, 3, gpu_type="b200"), nodes=NODES))
    b200 = Resources(gpus_per_node=4, gpu_type="b200")
    h100 = Resources(gpus_per_node=8, gpu_type="h100")
    for name, asked in (("a", b200), ("b", b200), ("c", h100)):
        nodes = 4 if asked is h100 else 1
        log.submit(name, spec(time_limit=7200.0, nodes=nodes, resources=asked), "rival")
    assert starts(log.fleet, log.now_ms) == ["a", "c"]
    why = log.fleet.explain("b", log.now_ms)
    assert (why.code, why.numbers["limit"]) == ("contract-ahead", 4000)
    assert "the contract of lab@b200 begins" in why.message
    assert reach(log, 1) == [("lab", 0, 4), ("lab@b200", 0, 4)]
    assert log.fleet.violations() == []


def test_a_forecast_and_a_question_know_when_contracts_begin_and_end() -> None:
    # 16 GPUs for two hours: not beside the 24 of hours 1 to 3, so at 3; for an hour less: now.
    log = Log(fleet(bought(24, 1, 3)))
    log.submit("wide", lasting(2, nodes=2), "rival")
    scene = log.fleet.scene(log.now_ms, VISITS)
    assert forecast(scene, "wide").start_ms_by_limits == 3 * HOUR_MS
    (move,) = whatif(scene, Changes(jobs=(JobChange(job="wide", time_limit=1800.0),))).moves
    assert (move.before_ms, move.after_ms) == (3 * HOUR_MS, log.now_ms)


def test_contracts_made_and_withdrawn_are_followed_and_a_rebuilt_fleet_is_the_same() -> None:
    log = Log(fleet(bought(8, 1, 3)))
    more = {"project": "lab", "gpus": 8, "from_ms": 2 * HOUR_MS, "until_ms": 4 * HOUR_MS}
    write(log, 0.5, EventKind.CONTRACT_MADE, "more", **more)
    now = more | {"project": "rival", "from_ms": HOUR_MS, "lend": 4}
    write(log, 1, EventKind.CONTRACT_MADE, "now", **now)
    assert [each.name for each in log.fleet.contracts(0)] == ["lab#1", "now", "more"]
    assert reach(log, 1) == [("lab", 0, 8)]
    assert amounts(log.fleet) == {"lab": (8000, 8000), "rival": (8000, 4000)}
    assert reach(log, 2.1) == [("lab", 8, 16)]
    write(log, 2.5, EventKind.CONTRACT_WITHDRAWN, "now")
    assert amounts(log.fleet) == {"lab": (16000, 16000), "rival": (0, 0)}
    assert log.fleet.contract("now", 0) is None
    assert reach(log, 3) == [("lab", 16, 8)]
    rebuilt = fleet(bought(8, 1, 3))
    for event in log.events:
        rebuilt.apply(event)
    assert sched.same(log.fleet._state, rebuilt._state)
    assert reach(log, 4) == [("lab", 8, 0)]
    assert amounts(log.fleet) == {"lab": (-1, 0), "rival": (0, 0)}
    assert int(log.fleet._state.step_count[0]) == 0


def test_after_a_reset_contracts_hold_below_what_runs() -> None:
    # Rival's three jobs run past the start of a contract for 16: they go on, and no other starts.
    log = Log(fleet(bought(16, 1, 3)))
    for name, node in zip("abc", NARVIK, strict=False):
        log.start(log.submit(name, lasting(0.5), "rival"), node.path)
    reach(log, 1)
    jobs = [event for event in log.events if event.kind is not EventKind.CONTRACT_REACHED]
    log.fleet.reset()
    for event in jobs:
        log.fleet.apply(event)
    log.fleet.bound_again()
    assert log.fleet.violations() == []
    assert amounts(log.fleet)["lab"] == (16000, 16000)
    write(log, 1.1, EventKind.CYCLE_RAN, "factory")
    log.fleet.apply(msgspec.structs.replace(submission("d"), at_ms=int(1.1 * HOUR_MS)))
    assert starts(log.fleet, int(1.1 * HOUR_MS)) == []


def test_a_contract_of_a_project_that_an_earlier_file_had_is_passed_over() -> None:
    log = Log(fleet(bought(8, 1, 3)))
    gone = {"project": "gone", "gpus": 8, "from_ms": 0, "until_ms": 4 * HOUR_MS}
    write(log, 0, EventKind.CONTRACT_MADE, "old", **gone)
    write(log, 0, EventKind.CONTRACT_REACHED, "gone-too", gpus=8)
    assert amounts(log.fleet) == {"lab": (-1, 0), "rival": (0, 0)}
    assert log.fleet.violations() == []


def test_more_than_the_factory_has_is_oversold_at_the_first_time_at_which_it_would_be() -> None:
    # 24 are promised in hours 1 to 3, and all may be lent: promised is promised.
    known = fleet(bought(24, 1, 3, lend=24))
    rivals = {"name": "x", "project": "rival", "is_in_file": False}
    assert known.oversold(bought(8, 0, 9, **rivals)) is None
    assert known.oversold(bought(32, 3, 9, **rivals)) is None
    found = known.oversold(bought(9, 0.5, 9, **rivals))
    assert found is not None
    assert tuple(found) == ("factory", 32, 33, HOUR_MS)
    lab, rival = (
        ProjectQuota(path=path, gpus_limit=None, by_type=(TypeQuota(gpu_type="b200", guarantee=0),))
        for path in ("lab", "rival")
    )
    lab = msgspec.structs.replace(lab, contracts=(bought(4, 1, 3, gpu_type="b200"),))
    typed = Fleet(NODES, (lab, rival), FleetPolicy())
    found = typed.oversold(bought(5, 2, 9, gpu_type="b200", **rivals))
    assert found is not None
    assert tuple(found) == ("factory@b200", 8, 9, 2 * HOUR_MS)
    # 40 GPUs in all, 4 of them promised as b200: 36 of any type are left.
    assert typed.oversold(bought(36, 1, 2, **rivals)) is None
    assert typed.oversold(bought(37, 1, 2, **rivals)) is not None


def test_a_contract_can_be_kept_only_where_something_bounds_the_whole() -> None:
    nobody = [ProjectQuota(path=path, gpus_limit=None) for path in ("lab", "rival")]
    assert not Fleet(NARVIK, nobody, FleetPolicy()).can_keep(bought(8, 1, 2))
    assert fleet().can_keep(bought(8, 1, 2))
    assert not fleet().can_keep(bought(8, 1, 2, gpu_type="h100"))
    assert fleet(bought(8, 1, 2, gpu_type="h100")).can_keep(bought(8, 1, 2))


def test_a_quota_shows_its_contracts_and_what_is_used_of_them() -> None:
    # The lab is guaranteed 8 besides: of the 20 GPUs its jobs hold, 12 are of the contract.
    lab = ProjectQuota(path="lab", gpus_limit=None, guarantee=8, contracts=(bought(16, 0, 3),))
    log = Log(Fleet(NARVIK, (lab,), FleetPolicy()))
    reach(log, 0)
    log.start(log.submit("a", lasting(1, nodes=2)), *(node.path for node in NARVIK[:2]))
    log.start(log.submit("b", lasting(1, 4)), NARVIK[2].path)
    use = {each.project: each for each in log.fleet.quotas(HOUR_MS)}["lab"]
    assert (use.guarantee, use.lend, use.used) == (24, 8, 20)
    (contract,) = use.contracts
    assert (contract.gpus, contract.used, contract.is_open) == (16, 12, True)
    assert {each.project: each for each in log.fleet.quotas(3 * HOUR_MS)}["lab"].contracts == []


def amounts(fleet: Fleet) -> dict[str, tuple[int, int]]:
    """Guarantee and what is kept of it [milli-GPU]."""
    rows = fleet._names.row_of_project
    state = fleet._state
    return {
        path: (int(state.row_guarantee[row]), int(state.row_kept[row]))
        for path, row in rows.items()
    }


def submission(job_id: str) -> Event:
    """Of a job of rival's."""
    log = Log(fleet())
    log.submit(job_id, lasting(0.5), "rival")
    return log.events[0]
