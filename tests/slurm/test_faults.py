"""What goes wrong between Arkwright and a real Slurm, one fault after another.

After each the store and Slurm's own list tell the same story, and the jobs' ledger says that
nothing ran twice (`plant.Plant.check`).
"""

from __future__ import annotations

import time

import pytest

from slurm.lab import VERSIONS, cluster
from slurm.plant import plant
from slurm.proxy import Proxy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=VERSIONS)
def running(request):
    with cluster(request.param, nodes=4, gpus=32, cpus=32, node_timeout_s=5) as lab:
        yield lab


@pytest.fixture
def lab(running):
    running.wait_for_nodes(states=("idle",))
    yield running
    running.wait_for_nodes()


@pytest.fixture
def proxy(lab):
    with Proxy(lab.ports["rest"]) as between:
        yield between


def test_a_job_runs_to_its_end(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        job = works.submit("true")
        assert works.until_state(job, "succeeded", "failed") == "succeeded"
        assert [what for _, what, _ in works.told()] == ["start", "end"]
        works.check()


def test_a_submission_whose_answer_was_lost_is_found_and_not_repeated(lab, tmp_path, proxy):
    lost = []

    def lose(head):
        if head.startswith("POST") and not lost:
            lost.append(head)
            return "lose"
        return None

    proxy.fault = lose
    with plant(lab, tmp_path, url=proxy.url) as works:
        job = works.submit()
        works.until_state(job, "running")
        assert lost
        works.check()
        assert proxy.count("job/submit") == 1
