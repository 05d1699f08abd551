"""Quotas from the factory file to capacity rows, and back to what people see."""

from __future__ import annotations

import pytest

from arkwright import sched
from arkwright.errors import InputError
from arkwright.fleet import Budget, Fleet, FleetPolicy, ProjectQuota, TypeQuota
from arkwright.fleet.lowering import names_of
from arkwright.fleet.periods import period_of
from arkwright.fleet.quota_tree import rows_of
from arkwright.fleet.whatif import Changes, QuotaChange, whatif
from arkwright.jobs.spec import Resources
from fleet.world import NODES, Log, spec

LAB = ProjectQuota(
    path="lab",
    gpus_limit=32,
    guarantee=24,
    lend=16,
    by_type=(TypeQuota(gpu_type="h100", gpus_limit=16, guarantee=8, lend=0),),
    budget=Budget(gpu_hours=2.5),
)
PROJECTS = (
    LAB,
    ProjectQuota(path="lab/vision", gpus_limit=None, guarantee=8, share=3),
    ProjectQuota(path="rival", gpus_limit=None, guarantee=8),
)


def fleet(*projects: ProjectQuota, **policy) -> Fleet:
    return Fleet(NODES, projects or PROJECTS, FleetPolicy(**policy))


def typed(gpus: int, gpu_type: str | None = "h100", **fields):
    return spec(resources=Resources(gpus_per_node=gpus, gpu_type=gpu_type), **fields)


def test_rows_are_the_factory_then_projects_then_types_then_budgets():
    tree = names_of(NODES, PROJECTS).quotas
    assert [row.label for row in tree.rows] == [
        "factory", "lab", "lab/vision", "rival", "factory@h100", "lab@h100", "the budget of lab"
    ]  # fmt: skip
    rows = rows_of(tree, 0)
    assert rows.parent == [-1, 0, 1, 0, -1, 4, -1]
    assert rows.limit == [40_000, 32_000, -1, -1, 32_000, 16_000, 9_000_000]
    assert rows.guarantee == [-1, 24_000, 8_000, 8_000, -1, 8_000, -1]
    assert rows.kept == [0, 8_000, 0, 0, 0, 8_000, 0]
    assert rows.budget == [-1, 6, -1, -1, -1, -1, -1]
    assert rows.share == [40, 24, 3, 8, 32, 8, 24]


def test_without_guarantees_there_is_no_row_above_the_organisations():
    tree = names_of(NODES, [ProjectQuota(path="lab", gpus_limit=8)]).quotas
    assert [row.label for row in tree.rows] == ["lab"]
    assert rows_of(tree, 0).parent == [-1]


def test_a_neighbour_borrows_what_is_lent_and_not_what_is_kept():
    log = Log(fleet())
    for number in range(5):
        log.submit(f"r{number}", typed(8, time_limit=10.0), "rival")
    started = [start.job_id for start in log.fleet.decide(log.now_ms)]
    assert started == ["r0", "r1", "r2"], "lab keeps 8 of all GPUs and 8 of the 32 h100"
    for number, path in enumerate(n.path for n in NODES[:3]):
        log.start(f"r{number}", path)
    reason = log.fleet.explain("r3", log.now_ms)
    assert reason.message == (
        "the factory has 32 GPUs of type h100, of which 32 are in use or kept under guarantees "
        "now, and it would need 8 more"
    )
    uses = {use.project: use for use in log.fleet.quotas(log.now_ms)}
    assert (uses["rival"].used, uses["rival"].borrowed) == (24, 16)
    assert (uses["lab"].lend, uses["lab"].lent) == (16, 16)
    assert uses[""].used == 32
    (h100,) = uses["lab"].by_type
    assert (h100.gpus_limit, h100.guarantee, h100.lend, h100.lent) == (16, 8, 0, 0)


def test_a_job_counted_by_type_has_to_name_its_type():
    with pytest.raises(InputError, match=r"gpu_type: .*b200, h100"):
        fleet().refusal(typed(1, None, time_limit=10.0), "lab")
    assert fleet().refusal(typed(1, time_limit=10.0), "lab") is None
    assert fleet().refusal(typed(0, None, time_limit=10.0), "lab") is None
    one_type = Fleet(NODES[:4], PROJECTS, FleetPolicy())
    assert one_type.refusal(typed(1, None, time_limit=10.0), "lab") is None


def test_where_nobody_shares_a_type_only_its_own_project_has_to_name_it():
    lab = ProjectQuota(
        path="lab", gpus_limit=None, by_type=(TypeQuota(gpu_type="h100", gpus_limit=8),)
    )
    plain = fleet(lab, ProjectQuota(path="rival", gpus_limit=None))
    assert plain.refusal(typed(1, None), "rival") is None
    with pytest.raises(InputError, match="counted by type"):
        plain.refusal(typed(1, None), "lab")


def test_a_quota_of_a_type_refuses_with_its_name():
    log = Log(fleet())
    for number in range(3):
        log.submit(f"v{number}", typed(8, time_limit=10.0), "lab/vision")
    assert len(log.fleet.decide(log.now_ms)) == 2
    log.start("v0", NODES[0].path)
    log.start("v1", NODES[1].path)
    assert log.fleet.explain("v2", log.now_ms).message.startswith("lab@h100 may use 16 GPUs")


@pytest.mark.parametrize(
    ("at", "per", "first", "following"),
    [
        ("2027-01-31T23:59:59.999", "month", "2027-01", "2027-02"),
        ("2027-02-01T00:00:00.000", "month", "2027-02", "2027-03"),
        ("2026-12-15T00:00:00.000", "month", "2026-12", "2027-01"),
        ("2027-05-15T12:00:00.000", "quarter", "2027-04", "2027-07"),
        ("2028-12-31T23:00:00.000", "year", "2028-01", "2029-01"),
    ],
)
def test_periods_begin_with_calendar_months(at, per, first, following):
    import numpy as np

    def ms(text):
        return int(np.datetime64(text, "ms").astype(np.int64))

    assert period_of(ms(at), per) == (ms(first), ms(following))


def test_what_if_a_guarantee_were_larger():
    """A guarantee that is kept whole takes room from the neighbour that waits to borrow it."""
    log = Log(fleet())
    log.submit("big", typed(8, nodes=3, time_limit=50.0), "rival")
    scene = log.fleet.scene(log.now_ms, 10**7)
    kept = QuotaChange(project="lab", guarantee=24, lend=0)
    (move,) = whatif(scene, Changes(quotas=(kept,))).moves
    assert (move.before_ms, move.after_ms) == (log.now_ms, None)
    with pytest.raises(InputError, match="lend at most"):
        whatif(scene, Changes(quotas=(QuotaChange(project="lab", lend=99),)))
    alone = Fleet(NODES, [ProjectQuota(path="lab", gpus_limit=None)], FleetPolicy())
    with pytest.raises(InputError, match="nobody in this factory has a guarantee"):
        whatif(alone.scene(0, 10**7), Changes(quotas=(QuotaChange(project="lab", guarantee=1),)))


def test_fair_share_is_shown_with_shares():
    log = Log(fleet(ordering="fair-share", half_life_s=3600.0))
    log.fleet.count_use("lab/vision", 8, 0, 3_600_000)
    uses = {use.project: use for use in log.fleet.quotas(0)}
    assert (uses["lab/vision"].share, uses["lab/vision"].usage_gpu_hours) == (3, 8)
    assert uses["lab"].usage_gpu_hours == 8
    later = {use.project: use.usage_gpu_hours for use in log.fleet.quotas(3_600_000)}
    assert later["lab"] == 4
    assert sched.check(log.fleet._state) == []
