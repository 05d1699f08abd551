"""Scripts as sites have them run unmodified: here on the local engine, through a real server.

The same cases run on real Slurm elsewhere; see `sbatch_scripts/README.md`.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arkwright.errors import InputError
from arkwright.jobs.sbatch.script_job import Place, read_script
from arkwright.jobs.sense import nonsense
from arkwright.jobs.spec import JobSpec, unsupported
from control.server_process import ServerProcess
from jobs.sbatch_runner import SCRIPTS, Case, Ended, cases, run_case

FACTORY = """
factory: real
sites:
  here: {country: NO, engine: {kind: local, nodes: 3, gpus_per_node: 2, cpus_per_node: 4}}
organisations:
  lab: {}
"""
TIMEOUT_S = 100
NOT_YET = {key for key, _ in unsupported(JobSpec(name="j", array="0-1", depends_on=("1",)))}


def test_there_are_twenty_and_more():
    assert len(cases()) >= 20


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.stem)
def test_every_script_is_read_or_refused_by_name(path):
    """The heterogeneous one alone is refused; all others make sense as jobs."""
    now = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
    place = Place("/home/ada", {"HOME": "/home/ada"}, now)
    if path.stem == "12-heterogeneous":
        with pytest.raises(InputError, match=":3: hetjob: a heterogeneous job"):
            read_script(path.read_text(), path.name, place)
    else:
        assert nonsense(read_script(path.read_text(), path.name, place).spec) == []


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Iterator[dict[str, str]]:
    """A shell's environment with a running factory, and Slurm's names in PATH."""
    folder = tmp_path_factory.mktemp("factory")
    server = ServerProcess(folder, factory=FACTORY).ready()
    try:
        found = {k: v for k, v in os.environ.items() if not k.startswith(("ARKWRIGHT_", "SLURM"))}
        host, port = server.address
        found |= {"ARKWRIGHT_URL": f"http://{host}:{port}", "ARKWRIGHT_TOKEN": server.token}
        found |= {"ARKWRIGHT_HOME": str(server.home), "ARKWRIGHT_PROJECT": "lab"}
        found["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        programs = folder / "programs"
        link = [sys.executable, "-m", "arkwright.cli", "slurm", "link", str(programs)]
        subprocess.run(link, env=found, check=True, capture_output=True, timeout=TIMEOUT_S)
        found["PATH"] = f"{programs}:{found['PATH']}"
        yield found
    finally:
        server.close()


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_script_comes_to_its_outcome_on_the_local_engine(case: Case, environment, tmp_path: Path):
    if missing := NOT_YET & set(case.needs):
        pytest.skip(f"not yet: {', '.join(missing)}")

    def shell(directory: Path, command: str) -> Ended:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    assert run_case(case, tmp_path, shell) == []
