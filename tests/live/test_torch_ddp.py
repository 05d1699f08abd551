"""An ordinary torch DDP script: four ranks over two virtual nodes, as its user submits it."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from live.command_line import CommandLine

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the torch extra is not installed"
)
def test_an_unmodified_ddp_script_trains_on_four_ranks_over_two_nodes(tmp_path: Path) -> None:
    for name in ("ddp.py", "ddp.yaml", "workstation.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    arkwright = CommandLine(tmp_path)
    arkwright.run("up", "workstation.yaml", "--port", "0")
    try:
        arkwright.run("submit", "ddp.yaml", "--wait", "--timeout", "240")
        logs = arkwright.run("logs", "ddp", "--all-ranks")
    except AssertionError:
        print(arkwright.run("logs", "ddp", "--all-ranks"))  # what a rank said before it died
        raise
    finally:
        arkwright.run("down", "--stop-jobs")
    nodes = set(re.findall(r"rank \d of 4 on (\S+)", logs))
    assert len(nodes) == 2
    assert sorted(re.findall(r"rank (\d) of 4", logs)) == ["0", "1", "2", "3"]
    # Every rank ends with the same weight, near the 3 the points were made with: it was averaged.
    weights = re.findall(r"rank \d weight ([\d.]+)", logs)
    assert len(weights) == 4
    assert len(set(weights)) == 1
    assert abs(float(weights[0]) - 3) < 0.5
    assert (tmp_path / "checkpoints" / "line.pt").exists()
