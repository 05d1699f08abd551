"""Node states go both ways, and what others run counts as occupied."""

from __future__ import annotations

import pytest

from arkwright.engines.port import AttemptPhase
from arkwright.engines.slurm.records import SlurmNode
from arkwright.engines.slurm.states import condition_of
from arkwright.errors import EngineError

N1, N3 = "narvik/hall/rack/n1", "narvik/hall/rack/n3"


def condition(bench, path: str) -> tuple[str, str]:
    bench.engine.work()
    found = {each.path: each for each in bench.engine.nodes()}
    return found[path].state, found[path].reason


def test_what_slurm_s_admin_does_shows_here(bench):
    bench.slurm.nodes["n1"].states = ["IDLE", "DRAIN"]
    bench.slurm.nodes["n1"].reason = "fan broken"
    bench.slurm.nodes["n3"].states = ["DOWN", "NOT_RESPONDING"]
    assert condition(bench, N1) == ("draining", "fan broken (IDLE+DRAIN in Slurm)")
    assert condition(bench, N3) == ("down", "DOWN+NOT_RESPONDING in Slurm")
    bench.slurm.nodes["n1"].states = ["IDLE"]
    bench.slurm.nodes["n1"].reason = ""
    assert condition(bench, N1) == ("up", "")


def test_what_is_drained_here_is_drained_there_and_resumed_again(bench):
    if bench.way == "v0.0.38":
        pytest.skip("slurmrestd sets no nodes before v0.0.39; commands do")
    bench.engine.set_node(N1, "draining", "disk is full")
    # Shown at once, whenever Slurm hears of it.
    assert bench.engine.nodes()[0].state == "draining"
    assert condition(bench, N1)[0] == "draining"
    assert bench.slurm.nodes["n1"].states == ["IDLE", "DRAIN"]
    assert bench.slurm.nodes["n1"].reason == "arkwright: disk is full"
    bench.engine.set_node(N1, "up", "")
    assert condition(bench, N1) == ("up", "")
    assert bench.slurm.nodes["n1"].states == ["IDLE"]


def test_nodes_with_jobs_of_others_are_occupied_and_with_ours_are_not(bench):
    bench.engine.launch(bench.attempt(command="sleep 60", nodes=1, gpus=4))
    bench.until(AttemptPhase.RUNNING)
    bench.slurm.foreign("n3", gpus=2)
    assert condition(bench, N1) == ("up", "")
    assert condition(bench, N3) == ("draining", "in use by others in Slurm (2 GPUs)")
    job = bench.slurm.foreign("n1", gpus=1)
    assert condition(bench, N1) == ("draining", "in use by others in Slurm (1 GPU)")
    bench.slurm.end(job, "COMPLETED")
    assert condition(bench, N1) == ("up", "")


def test_an_answer_in_which_nothing_is_new_is_the_same_object(bench):
    bench.engine.work()
    first = bench.engine.nodes()
    assert bench.engine.nodes() is first


def test_paths_once_given_are_kept_whatever_else_changes(bench):
    bench.slurm.nodes["n1"].gpus = 4
    bench.restart()
    first = bench.engine.capabilities().nodes[0]
    assert (first.path, first.gpus) == (N1, 4)


def test_a_node_that_is_not_there_is_said_to_be_missing(bench):
    with pytest.raises(EngineError, match="no node narvik/hall/rack/n9"):
        bench.engine.set_node("narvik/hall/rack/n9", "up", "")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("IDLE",), "up"),
        (("MIXED", "CLOUD"), "up"),
        (("ALLOCATED", "COMPLETING"), "up"),
        (("IDLE", "POWERED_DOWN"), "up"),
        (("ALLOCATED", "DRAIN"), "draining"),
        (("IDLE", "NOT_RESPONDING"), "draining"),
        (("IDLE", "MAINTENANCE", "RESERVED"), "draining"),
        (("IDLE", "RESERVED"), "draining"),
        (("DOWN",), "down"),
        (("DOWN", "DRAIN"), "down"),
        (("IDLE", "INVALID_REG"), "down"),
    ],
)
def test_each_state_of_slurm_s_means_up_draining_or_down(states, expected):
    node = SlurmNode(
        name="n1", address="n1", states=states, reason="", cpus=1, memory_mib=1, gres="",
        gpus_used=0, cpus_used=0, partitions=(),
    )  # fmt: skip
    assert condition_of(node, in_reservation=False)[0] == expected
    ours = "up" if states == ("IDLE", "RESERVED") else expected
    assert condition_of(node, in_reservation=True)[0] == ours
