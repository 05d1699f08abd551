"""Arrays, dependencies and begin times with a real server and real processes."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.slow

TELL = (
    "echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT "
    "from $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX by $SLURM_ARRAY_TASK_STEP"
)


def test_an_array_runs_every_task_with_its_index_and_is_over_when_all_are(factory):
    said = factory(
        "submit", "--wait", "--name", "sweep", "--array", "1-5:2%2", "--", "sh", "-c", TELL
    )
    first, last = said.splitlines()
    array = re.fullmatch(r"submitted (\w{22}): 3 tasks, \1_1,3,5", first)[1]
    assert re.fullmatch(rf"{array} succeeded \(3 succeeded\) after .*", last)
    number = json.loads(factory("ps", "--all", "--json"))["items"][-1]["number"]
    for index in (1, 3, 5):
        assert factory("logs", f"{array}_{index}") == f"{number} {index} of 3 from 1 to 5 by 2\n"
    assert factory("logs", f"{number}_3") == factory("logs", "sweep_3")
    assert f"{array[-8:]}_[1,3,5%2]" in factory("ps", "--all")
    assert f"{array[-8:]}_3 " in factory("ps", "--all", "--tasks")
    assert "is an array: name one of its tasks" in factory("logs", array, code=2)


def test_the_exit_code_of_an_array_is_that_of_its_worst_task(factory):
    fails = 'test "$SLURM_ARRAY_TASK_ID" != 2'
    said = factory("submit", "--wait", "--array", "0-3", "--", "sh", "-c", fails, code=100)
    assert "failed (3 succeeded, 1 failed)" in said
    assert re.search(r"exit code 1: task 2: failed on \S+ with exit code 1", said)


def test_a_pipeline_runs_in_its_order_and_what_can_never_run_is_cancelled(factory):
    ids = {}
    for name, command, needs in (
        ("prepare", "sleep 0.3", []),
        ("train", "exit 3", ["afterok:prepare"]),
        ("report", "true", ["afterok:train"]),
        ("clean", "true", ["afterany:report", "afternotok:train"]),
    ):
        words = [word for need in needs for word in ("--depends-on", need)]
        said = factory("submit", "--name", name, *words, "--", "sh", "-c", command)
        ids[name] = said.split()[1]
    assert "[dependency]" in factory("why", "clean") or "succeeded" in factory("why", "clean")
    wait = ["submit", "--wait", "--depends-on", "clean", "--name", "last", "--", "true"]
    assert "succeeded" in factory(*wait)
    assert f"dependency can never be met: afterok:{ids['train']}, which failed" in factory(
        "why", "report"
    )
    assert "done" in factory("why", "clean")


def test_some_tasks_are_cancelled_and_a_deferred_job_says_until_when(factory):
    said = factory("submit", "--array", "0-9%1", "--name", "many", "--", "sleep", "60")
    array = said.split()[1].rstrip(":")
    assert "(" in factory("cancel", f"{array}_[2-9]")
    assert "[array-limit]" in factory("why", f"{array}_1")
    shown = factory("cancel", array)
    assert shown.startswith(f"{array[-8:]} many: ")
    late = factory("submit", "--begin", "now+1hour", "--name", "late", "--", "true").split()[1]
    assert "does not begin before" in factory("why", late)
    assert "starts about" in factory("when", late)
    assert "late: cancelled" in factory("cancel", late)
