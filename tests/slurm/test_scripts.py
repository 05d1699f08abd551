"""The scripts that run unmodified on the local engine come to the same outcome on real Slurm."""

from __future__ import annotations

import pytest

from jobs.sbatch_runner import Ended, cases, run_case

lab_module = pytest.importorskip("slurm.lab", reason="there is no test cluster in this checkout")

pytestmark = pytest.mark.slow
TIMEOUT_S = 150
"""A job that asks to be queued again waits for some 40 s until Slurm looks at it."""
SAME = [case for case in cases() if not case.is_only_arkwright]


@pytest.fixture(scope="module", params=lab_module.VERSIONS)
def lab(request):
    with lab_module.cluster(request.param, nodes=3) as running:
        yield running


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.name)
def test_a_script_comes_to_its_outcome_on_slurm(lab, case):
    directory = lab.home("alice") / case.name
    directory.mkdir()
    directory.chmod(0o777)

    def shell(where, command):
        done = lab.sandbox.run("sh", "-c", command, user="alice", cwd=where, timeout=TIMEOUT_S)
        return Ended(done.returncode, done.stdout, done.stderr)

    assert run_case(case, directory, shell) == []
