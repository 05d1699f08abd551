"""The demo's own training, through real Slurm: a node crashes, and it goes on from its checkpoint.

Job file, corpus and training are those that `arkwright demo` runs on this machine; only the engine
is another (acts (b), (c) and (e) of `arkwright.cli.demo.acts`).
"""

from __future__ import annotations

import os
import re
import time
from importlib.resources import files
from pathlib import Path

import pytest

from arkwright.cli.demo.acts import KILL_AFTER_STEP, STEPS, TRAIN
from arkwright.cli.job_file import from_file
from slurm.lab import USERS, VERSIONS, cluster
from slurm.plant import plant

pytestmark = pytest.mark.slow

REPLACED_S_MAX = 60.0
LIMIT_S = 150.0
"""For anything the training is waited for, on a machine that has other things to do."""


@pytest.fixture(scope="module", params=VERSIONS)
def lab(request):
    with cluster(request.param, nodes=4, gpus=2, cpus=4, node_timeout_s=5) as running:
        yield running


@pytest.mark.parametrize("place", [1, 0], ids=["another-node", "the-masters-node"])
def test_the_demos_training_goes_on_from_its_checkpoint_when_a_node_crashes(
    lab, tmp_path, place, record_property
):
    """SlurmdTimeout 5 s and cred_expire 5 s, as docs/slurm.md states: within a minute."""
    stage = _stage(lab, f"training-{place}")
    with plant(lab, tmp_path) as works:
        corpus = _submit(works, stage, "corpus.yaml")
        assert works.until_state(corpus, "succeeded", "failed") == "succeeded"
        train = _submit(works, stage, "train.yaml")
        works.until(lambda: _last_step(works, train, 1) >= KILL_AFTER_STEP, LIMIT_S)
        lost = works.job(train)["attempts"][0]["nodes"][place].rpartition("/")[2]

        crashed = time.monotonic()
        lab.crash(lost)
        try:
            works.until(lambda: "resumed from step" in _log(works, train, 2), LIMIT_S)
            works.until_state(train, "running")
            took_s = time.monotonic() - crashed
            record_property("replaced_s", round(took_s, 1))
            print(f"Slurm {lab.version}: from its checkpoint {took_s:.1f} s after the crash")
            works.check()
            assert took_s <= REPLACED_S_MAX
            assert lost not in works.hosts(train)
            assert works.until_state(train, *ENDS, limit_s=LIMIT_S) == "succeeded"
            _check_training(works, train)
            _check_store_and_receipt(works, train)
            works.check()
            assert lab.run("squeue", "--noheader") == ""
        finally:
            lab.revive(lost)
        lab.wait_for_nodes(states=("idle",))


ENDS = ("succeeded", "failed", "cancelled")


def _stage(lab, name):
    """The demo's files in a directory of alice's; the corpus is made by a job, as in the demo."""
    stage = lab.home("alice") / name
    stage.mkdir()
    os.chown(stage, USERS["alice"], USERS["alice"])
    source = files("arkwright.cli.demo") / "files"
    for each in ("corpus.py", "train.py"):
        (stage / each).write_text((source / each).read_text())
    (stage / "corpus.yaml").write_text(
        f"name: corpus\ncommand: [{lab.python}, corpus.py]\nenv: {{CORPUS: corpus.bin}}\n"
    )
    (stage / "train.yaml").write_text(TRAIN.format(python=lab.python, steps=STEPS))
    return stage


def _submit(works, stage: Path, name):
    """As `arkwright submit NAME --project org` reads and sends it."""
    spec = from_file(str(stage / name)).spec
    return works.ask("POST", "/v1/jobs", {**spec, "project": "org"})["id"]


def _check_training(works, train):
    """The second attempt began with the step that the first had saved, and learnt on from there."""
    first, second = (_log(works, train, attempt) for attempt in (1, 2))
    before, after = _losses(first), _losses(second)
    (resumed,) = re.findall(r"resumed from step (\d+)", second)
    assert KILL_AFTER_STEP <= int(resumed) < STEPS
    assert int(resumed) in dict(before)
    assert before[0][1] > before[-1][1] > after[-1][1]
    # It has not unlearnt: the first loss after the crash is nearer the last than the first one.
    assert abs(after[0][1] - before[-1][1]) < abs(after[0][1] - before[0][1])
    assert after[-1][0] == STEPS
    assert "done: final loss" in second
    # Each attempt ran once.
    for log in (first, second):
        assert len(re.findall(r"4 ranks, \d+ bytes each", log)) == 1


def _check_store_and_receipt(works, train):
    job = works.job(train)
    assert [each["n"] for each in job["attempts"]] == [1, 2]
    assert [each["exit_code"] for each in job["attempts"]] == [None, 0]
    assert "lost" in job["attempts"][0]["reason"]
    names = [name for _, name, _, _ in works.squeue() if name.startswith(train)]
    assert sorted(names) == [f"{train}.1", f"{train}.2"]
    receipt = works.ask("GET", f"/v1/jobs/{train}/cost")
    assert receipt["is_final"]
    assert [each["id"] for each in receipt["attempts"]] == [f"{train}.1", f"{train}.2"]
    assert [each["nodes"] for each in receipt["attempts"]] == [2, 2]


def _log(works, job, attempt):
    """What rank 0 of an attempt has written so far; empty before it began."""
    if works.attempts(job) < attempt:
        return ""
    return works.ask("GET", f"/v1/jobs/{job}/logs", attempt=str(attempt))["text"]


def _losses(log):
    return [(int(s), float(x)) for s, x in re.findall(r"step (\d+) loss ([\d.]+)", log)]


def _last_step(works, job, attempt):
    return max((step for step, _ in _losses(_log(works, job, attempt))), default=0)
