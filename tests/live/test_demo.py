"""The main job, as `make run` starts it: it checks what it shows, so its exit code says it all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arkwright.sched import Kernels
from live.command_line import CommandLine

DEMO_S_MAX = 400


@pytest.mark.slow
def test_the_demo_resumes_a_gang_from_its_checkpoint_and_leaves_nothing_running(
    tmp_path: Path, kernels: Kernels, kernels_folder: Path
) -> None:
    arkwright = CommandLine(tmp_path)
    arkwright.home.mkdir()
    (arkwright.home / ".kernels").symlink_to(kernels_folder)
    shown = arkwright.run("demo", "--folder", "stage")
    assert re.search(r"racks +97, 72 of them with 5,184 GPUs\n", shown)
    assert re.search(r"power +11\.55\d MW of the 13 MW asked of the grid", shown)
    assert re.search(r"network +333 switches, [\d,]+ cables\n", shown)
    assert re.search(r"cost +.* USD to build, .* USD a used GPU-hour\n", shown)
    resumed = re.search(r"resumed from step (\d+), not 0", shown)
    assert resumed is not None
    assert int(resumed[1]) >= 150
    assert "nodes-down" in shown
    assert "can never run here" in shown
    assert "virtual GPU-hours" in shown
    assert (tmp_path / "stage" / "year" / "report.html").stat().st_size > 100_000
    assert "the same bytes" in shown
    took = re.search(r"The demo took (\d+) s", shown)
    assert took is not None
    assert int(took[1]) <= DEMO_S_MAX
    stage = str(tmp_path / "stage").encode()
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if stage in _read(p)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
