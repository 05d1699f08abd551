"""Scripts as sites have them run unmodified: here on the local engine, through a real server.

The same cases run on real Slurm elsewhere; see `sbatch_scripts/README.md`.
"""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
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

    assert run_case(case, tmp_path, partial(shell_of, environment)) == []


def shell_of(environment: dict[str, str], directory: Path, command: str) -> Ended:
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


@pytest.mark.slow
def test_an_allocation_is_held_for_a_command_and_given_back_when_it_ends(environment, tmp_path):
    inner = 'srun -l sh -c "echo \\$SLURM_NODEID"; exit 3'
    command = f"salloc -N 2 --ntasks-per-node=1 sh -c '{inner}'"
    ended = shell_of(environment, tmp_path, command)
    assert (ended.exit_code, sorted(ended.stdout.splitlines())) == (3, ["0: 0", "1: 1"])
    assert "salloc: Granted job allocation" in ended.stderr
    assert "salloc: Relinquishing job allocation" in ended.stderr


@pytest.mark.slow
def test_a_closed_window_gives_the_nodes_back(environment, tmp_path):
    """What a terminal sends to what runs in it when it goes away."""
    with subprocess.Popen(
        ["salloc", "-N", "1", "sleep", "60"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as window:
        assert window.stderr is not None
        assert any("Granted" in line for line in iter(window.stderr.readline, ""))
        window.send_signal(signal.SIGHUP)
        assert "salloc: Relinquishing job allocation" in window.stderr.read()
    assert window.returncode == 128 + signal.SIGHUP


@pytest.mark.slow
def test_an_allocation_without_a_shell_stays_until_it_is_cancelled(environment, tmp_path):
    ended = shell_of(environment, tmp_path, "salloc --no-shell -N1 && squeue -h -o '%i %j %t'")
    number = ended.stdout.split()[0]
    assert ended.stdout == f"{number} interactive R\n"
    said = shell_of(environment, tmp_path, f"scancel {number} && squeue -h -j {number} -o %i%t")
    assert said.stdout in ("", f"{number}CG\n")


@pytest.mark.slow
def test_a_skypilot_task_runs_once_on_every_node(environment, tmp_path):
    (tmp_path / "task.yaml").write_text(
        "num_nodes: 2\nsetup: echo ready > setup.$SKYPILOT_NODE_RANK\n"
        "run: cat setup.$SKYPILOT_NODE_RANK > ran.$SKYPILOT_NODE_RANK\n"
    )
    python = environment["PATH"].partition(":")[0]
    words = Path(python, "sbatch").read_text().splitlines()[-1].removeprefix("exec ")
    arkwright = words.partition(" slurm ")[0]
    ended = shell_of(environment, tmp_path, f"{arkwright} submit task.yaml --wait")
    assert ended.exit_code == 0, ended
    assert [(tmp_path / f"ran.{rank}").read_text() for rank in (0, 1)] == ["ready\n"] * 2
