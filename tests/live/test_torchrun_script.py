"""The usual multi-node torchrun script for Slurm, unmodified, with the real torch."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from live.command_line import CommandLine

FACTORY = """
factory: torchrun
sites:
  here: {country: NO, engine: {kind: local, nodes: 2, gpus_per_node: 1, cpus_per_node: 2}}
organisations:
  lab: {}
"""
SCRIPT = f"""#!/bin/bash
#SBATCH --job-name=ddp
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
#SBATCH --time=00:05:00
#SBATCH --output=%x.out
export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))
export OMP_NUM_THREADS=1
srun {sys.executable} -m torch.distributed.run --nnodes "$SLURM_NNODES" --nproc-per-node 2 \\
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$MASTER_ADDR:$MASTER_PORT" sum.py
"""
SUM = """
import os, torch, torch.distributed as dist
dist.init_process_group("gloo")
x = torch.ones(1) * dist.get_rank()
dist.all_reduce(x)
print(f"rank {dist.get_rank()} on {os.environ['SLURMD_NODENAME']} has {x.item():.0f}", flush=True)
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the torch extra is not installed"
)
def test_torchrun_meets_over_two_nodes_of_a_batch_script(tmp_path: Path) -> None:
    """Four ranks, two on each node: every one of them sums 0 + 1 + 2 + 3."""
    (tmp_path / "factory.yaml").write_text(FACTORY)
    (tmp_path / "train.sbatch").write_text(SCRIPT)
    (tmp_path / "sum.py").write_text(SUM)
    arkwright = CommandLine(tmp_path)
    arkwright.run("up", "factory.yaml", "--port", "0")
    try:
        submit = ("submit", "train.sbatch", "--project", "lab", "--wait", "--timeout", "600")
        arkwright.run(*submit)
        logs = arkwright.run("logs", "ddp")
    finally:
        arkwright.run("down", "--stop-jobs")
    found = dict(re.findall(r"rank (\d) on (\S+) has 6", (tmp_path / "ddp.out").read_text()))
    assert sorted(found) == ["0", "1", "2", "3"]
    assert len(set(found.values())) == 2
    assert "rank 3" in logs
