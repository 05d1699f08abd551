"""Pure parts of batch scripts on the local engine: names, patterns, layouts, containers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.engines.batch.container import NoContainers, container_argv
from arkwright.engines.batch.patterns import filled, job_values
from arkwright.engines.batch.step_layout import JobShape, layout_of
from arkwright.engines.batch.tasks import block, counted

# Three nodes of 4 CPUs and 2 GPUs; the job has two tasks on each.
JOB = JobShape(
    names=["n01", "n02", "n03"],
    tasks=[2, 2, 2],
    cpus=[4, 4, 4],
    gpus=[2, 2, 2],
    cpus_per_task=None,
    gpus_per_task=None,
)


def counts(**options: str) -> tuple[list[int], list[int]]:
    """Nodes (as places in the job) and tasks of each, for options of srun."""
    layout = layout_of({name.replace("_", "-"): text for name, text in options.items()}, JOB)
    return list(layout.nodes), list(layout.counts)


def test_patterns_of_output_files():
    values = job_values("42", "train", "ada", ("40", "7"), "n01")
    assert filled("%x-%j-%A_%a-%u-%N.out", values) == "train-42-40_7-ada-n01.out"
    assert filled("%5j_%3a", values) == "00042_007"
    assert filled("100%%_%q", values) == "100%_%q"
    assert filled("\\%x", values) == "%x"
    assert filled("%a", job_values("42", "t", "u", None, "n")) == "4294967294"  # as Slurm writes it


def test_tasks_of_each_node():
    assert block(6, 3) == [2, 2, 2]
    assert block(5, 3) == [2, 2, 1]
    assert block(5, 3, 2) == [2, 2, 1]
    assert block(3, 2, 2) == [2, 1]
    assert counted([8, 8, 4]) == "8(x2),4"


@given(st.integers(1, 200), st.integers(1, 20))
def test_no_task_is_lost_and_none_invented(tasks, nodes):
    found = block(tasks, nodes)
    assert sum(found) == tasks
    assert max(found) - min(found) <= 1


@pytest.mark.parametrize(
    ("options", "nodes", "tasks"),
    [
        ({}, [0, 1, 2], [2, 2, 2]),
        ({"ntasks": "1"}, [0], [1]),
        ({"nodes": "2"}, [0, 1], [2, 2]),
        ({"nodes": "1", "ntasks": "4"}, [0], [4]),
        ({"ntasks_per_node": "1"}, [0, 1, 2], [1, 1, 1]),
        ({"nodelist": "n02"}, [1], [2]),
        ({"nodelist": "n[02-03]", "ntasks": "2"}, [1, 2], [1, 1]),
        ({"nodelist": "127.0.1.3", "ntasks": "1"}, [2], [1]),  # as scontrol shows it
        ({"nodelist": "n03", "nodes": "2", "ntasks": "2"}, [0, 2], [1, 1]),
        ({"exclude": "n01"}, [1, 2], [2, 2]),
        ({"relative": "2", "ntasks": "1"}, [2], [1]),
        ({"gpus": "4", "gpus_per_task": "2", "nodes": "2"}, [0, 1], [1, 1]),
    ],
)
def test_where_the_tasks_of_a_step_run(options, nodes, tasks):
    assert counts(**options) == (nodes, tasks)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ntasks": "13"}, "More processors requested than permitted"),
        ({"ntasks": "6", "cpus_per_task": "3"}, "More processors requested than permitted"),
        ({"nodes": "4"}, "Requested node configuration is not available"),
        ({"nodelist": "n09"}, "Invalid node name specified"),
        ({"nodelist": "n01", "exclude": "n01"}, "both asked for and excluded"),
        ({"gpus_per_task": "2"}, "Invalid generic resource"),
        ({"ntasks": "none"}, "--ntasks=none"),
    ],
)
def test_what_a_job_has_no_room_for_is_refused_in_sruns_words(options, said):
    with pytest.raises(ValueError, match=said):
        counts(**options)


def test_overcommit_puts_any_number_of_tasks_on_a_node():
    assert counts(ntasks="13", overcommit="")[1] == [5, 4, 4]


def test_ranks_go_node_by_node_or_in_turns():
    block_ = layout_of({}, JOB).tasks
    assert [(task.rank, task.node) for task in block_] == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]  # fmt: skip  # noqa: E501
    turns = layout_of({"distribution": "cyclic"}, JOB).tasks
    assert [task.node for task in turns] == [0, 1, 2, 0, 1, 2]


def test_a_container_is_run_by_apptainer_with_pyxis_words():
    argv = container_argv(
        "nvcr.io#nvidia/pytorch:24.01-py3",
        "/data:/d:ro,/scratch",
        "/home/ada",
        has_gpus=True,
        which={"apptainer": "/usr/bin/apptainer"}.get,
    )
    assert argv == [
        "/usr/bin/apptainer", "exec", "--nv", "--bind", "/data:/d:ro", "--bind",
        "/scratch:/scratch", "--pwd", "/home/ada", "docker://nvcr.io/nvidia/pytorch:24.01-py3",
    ]  # fmt: skip


def test_without_apptainer_a_container_is_refused():
    with pytest.raises(NoContainers, match="Apptainer is not installed here"):
        container_argv("ubuntu", None, "/", has_gpus=False, which=lambda _name: None)
