"""Batch scripts as sites have them, unmodified, on real Slurm: through Arkwright, and without it.

The cases, and what each comes to, are those of the local engine (`jobs/sbatch_scripts`). Alice
submits on the cluster, with Arkwright's `sbatch` first in her PATH, or with Slurm's own: what the
files say is Slurm's outcome and not only ours.
"""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

import arkwright
from control.server_process import ServerProcess
from jobs.sbatch_runner import Ended, cases, run_case
from slurm.lab import USERS, VERSIONS, cluster
from slurm.plant import engine_section

pytestmark = pytest.mark.slow

SOURCE = Path(arkwright.__file__).parents[1]
AT_ONCE = 6
LIMIT_S = 150
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


@pytest.fixture(scope="module", params=VERSIONS)
def lab(request):
    with cluster(request.param, nodes=6, gpus=8, cpus=16, binds=[SOURCE]) as running:
        yield running


@pytest.fixture(scope="module", params=["arkwright", "slurm"])
def outcomes(request, lab, tmp_path_factory):
    """By name what each wanted case comes to, as a future: they run side by side."""
    folder = lab.shared / request.param
    folder.mkdir()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        if request.param == "slurm":
            yield _begin(pool, request, lab, folder, {})
            return
        server = _server(lab, tmp_path_factory.mktemp("server")).ready()
        try:
            yield _begin(pool, request, lab, folder, _environment(lab, server, folder))
        finally:
            pool.shutdown(cancel_futures=True)
            server.close()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_script_comes_to_its_outcome_on_slurm(case, outcomes):
    if case.name not in outcomes:
        pytest.skip("Arkwright refuses it, Slurm does not")
    assert outcomes[case.name].result() == []


def _begin(pool, request, lab, folder, environment):
    """Start those of the cases that this run of pytest asks for."""
    wanted = {item.callspec.params["case"].name for item in request.session.items
              if "outcomes" in getattr(item, "fixturenames", ())}  # fmt: skip
    started = {}
    for case in cases():
        if case.name not in wanted or (case.is_only_arkwright and not environment):
            continue
        directory = folder / case.name
        directory.mkdir()
        os.chown(directory, USERS["alice"], USERS["alice"])
        shell = partial(_shell, lab, environment)
        started[case.name] = pool.submit(run_case, case, directory, shell)
    return started


def _server(lab, folder):
    factory = {
        "factory": "real",
        "sites": {"lab": {"country": "NO", "engine": engine_section(lab)}},
        "organisations": {"org": {}},
    }
    return ServerProcess(folder, factory=json.dumps(factory))


def _environment(lab, server, folder):
    """What alice has in her environment: the server's address, and our commands."""
    host, port = server.address
    found = {
        "ARKWRIGHT_URL": f"http://{host}:{port}",
        "ARKWRIGHT_TOKEN": server.token,
        "ARKWRIGHT_PROJECT": "org",
        "PYTHONPATH": str(SOURCE),
        "PATH": f"{folder}/bin:{PATH}",
    }
    link = [lab.python, "-m", "arkwright.cli", "slurm", "link", str(folder / "bin")]
    words = [f"{name}={value}" for name, value in found.items()]
    os.chown(folder, USERS["alice"], USERS["alice"])
    lab.run("env", *words, *link, user="alice")
    return found


def _shell(lab, environment, directory, command):
    words = ["env", *(f"{name}={value}" for name, value in environment.items())]
    clean = {key: value for key, value in os.environ.items()
             if not key.startswith(("ARKWRIGHT", "SLURM", "SBATCH", "PYTEST"))}  # fmt: skip
    done = subprocess.run(
        lab.command(*words, "/bin/sh", "-c", command, user="alice", cwd=directory),
        env=clean,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
