"""Storage by the published guideline, the checkpoint and the capacity that is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.design.storage import storage
from arkwright.factory import Storage, StorageLevel

# NVIDIA DGX SuperPOD RA-11333-001 V11, Table 6: (GPUs, level): read, write in GB/s.
PUBLISHED = {
    (1024, "good"): (60, 30),
    (1024, "better"): (160, 80),
    (1024, "best"): (500, 250),
    (256, "good"): (15, 7),
    (256, "better"): (40, 20),
    (256, "best"): (125, 62),
}


@pytest.mark.parametrize("row", PUBLISHED)
def test_the_published_guideline_is_met_exactly(row):
    """One unit is printed rounded down: 7.5 as 7 and 62.5 as 62."""
    gpus, level = row
    plan = storage(Storage(level=StorageLevel(level)), gpus)
    assert (int(plan.read_gb_s_asked), int(plan.write_gb_s_asked)) == PUBLISHED[row]


def test_nodes_follow_from_what_asks_most():
    # 500 GB/s read over 90 is 5.6; 250 written over 65 is 3.8.
    plan = storage(Storage(level=StorageLevel.BEST), 1024)
    assert (plan.nodes, plan.decided_by) == (6, "read")
    assert plan.power_kw_max == pytest.approx(13.2)  # 6 x 2.2 kW


def test_a_checkpoint_in_time_asks_for_write_bandwidth():
    # 782 GB within 1 s: 782 / 65 = 12.03 nodes; then 13 x 65 = 845 GB/s write it in 0.93 s.
    plan = storage(Storage(checkpoint=782.0, checkpoint_within=1.0), 1024)
    assert (plan.nodes, plan.decided_by) == (13, "write")
    assert plan.checkpoint_s == pytest.approx(0.925, abs=1e-3)


def test_capacity_is_what_the_nodes_hold_unless_more_is_asked_for():
    assert storage(Storage(), 8).capacity_tb == 1000  # two nodes of 500 TB
    plan = storage(Storage(capacity=10_000_000.0), 8)
    assert (plan.nodes, plan.decided_by) == (20, "capacity")


@given(st.integers(1, 500_000), st.sampled_from(list(StorageLevel)), st.floats(0, 1e9))
def test_what_is_built_is_never_less_than_what_is_asked(gpus, level, capacity):
    plan = storage(Storage(level=level, capacity=capacity), gpus)
    assert plan.read_gb_s >= plan.read_gb_s_asked
    assert plan.write_gb_s >= plan.write_gb_s_asked
    assert plan.capacity_tb >= (plan.capacity_tb_asked or 0)
    assert plan.nodes >= 2
