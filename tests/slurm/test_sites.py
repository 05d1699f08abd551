"""One queue over this machine and two clusters of different versions, one of which goes silent."""

from __future__ import annotations

from collections import Counter

import pytest

from slurm.lab import cluster
from slurm.plant import engine_section, plant

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def labs():
    with (
        cluster("22.05", nodes=2, prefix="a") as lab,
        cluster("newest", nodes=2, prefix="b", binds=[lab.shared]) as other,
    ):
        yield lab, other


def test_a_silent_cluster_keeps_its_jobs_and_those_that_may_go_elsewhere_do(labs, tmp_path):
    lab, other = labs
    here = {"kind": "local", "nodes": 2, "gpus_per_node": 2}
    sites = {"other": engine_section(other), "here": here}
    with plant(lab, tmp_path, sites=sites) as works:
        running = {site: works.submit(sites=[site]) for site in works.sections}
        for job in running.values():
            assert works.until_state(job, "running", "failed") == "running"

        lab.stop_controller(kill=True)
        works.until(lambda: works.out_of_reach() == ["lab"])
        bound = works.submit(sites=["lab"])
        assert works.why(bound) == "site-unreachable"
        free = works.submit(sites=["lab", "other"])
        assert works.until_state(free, "running", "failed") == "running"
        assert works.job(free)["attempts"][-1]["nodes"][0].startswith("other/")
        assert works.states()[bound] == "queued"
        assert {works.states()[job] for job in running.values()} == {"running"}

        lab.start_controller()
        lab.wait_for_nodes()
        assert works.until_state(bound, "running", "failed") == "running"
        works.check_starts()
        for job in (*running.values(), bound, free):
            assert works.attempts(job) == 1
        attempts = [name for each in labs for name in works.live(each)]
        assert max(Counter(attempts).values()) == 1
        works.cancel_all()
        works.until(lambda: not any(works.live(each) for each in labs))
