"""What holds for the whole run: its longest parts start first, so that no worker ends alone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from arkwright import sched

# Machines that test are shared: how long an example takes says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

TESTS = Path(__file__).parent
LONGEST = (
    "sched/test_openb.py",
    "slurm/test_faults.py",
    "live/test_kill_server.py",
    "sched/test_jit.py",
    "live/test_demo.py",
    "simulation/test_log_replay.py",
    "sched/test_equals_naive.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A stable sort: within a file, and among the other files, the order stays."""
    first = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


@pytest.fixture(scope="session")
def kernels_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tests of one run keep compiled kernels: compiling takes longer than any of them."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"


@pytest.fixture(scope="session")
def kernels(kernels_folder: Path) -> sched.Kernels:
    """Compiled kernels: the first worker that asks compiles them, the others wait and read them.

    What a test starts finds them too, in `kernels_folder`.
    """
    kernels_folder.mkdir(exist_ok=True)
    nodes = sched.Nodes([], [0], [0], [0], [8000], [0], [0])
    state = sched.apply(sched.empty(nodes), sched.add_class(0, sched.Shape(1, 1000)))
    with (kernels_folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernels = sched.compiled(str(kernels_folder))
        sched.cycle(sched.copy(state), 0, sched.room(state), kernels=kernels)
        sched.forward(sched.copy(state), sched.timetable([]), 0, 1, kernels=kernels)
    return kernels
