"""An ordinary torch DistributedDataParallel script: it knows nothing of what launches it.

It reads RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT through `env://`, fits a line to noisy
points, and resumes from its checkpoint when there is one.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

STEPS = 60


def main() -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    print(
        f"rank {rank} of {world} on {os.environ.get('ARKWRIGHT_NODE', 'this machine')}", flush=True
    )
    torch.manual_seed(rank)
    inputs = torch.rand(256, 1)
    targets = 3 * inputs + 1 + 0.01 * torch.randn(256, 1)
    model = DistributedDataParallel(torch.nn.Linear(1, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    checkpoint = Path(os.environ.get("ARKWRIGHT_CHECKPOINT_DIR", ".")) / "line.pt"
    start = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.module.load_state_dict(saved["model"])
        start = saved["step"]
    for step in range(start, STEPS):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimiser.step()
        if rank == 0 and (step + 1) % 20 == 0:
            print(f"step {step + 1} loss {loss.item():.4f}", flush=True)
            torch.save({"model": model.module.state_dict(), "step": step + 1}, checkpoint)
    weight = model.module.weight.item()
    print(f"rank {rank} weight {weight:.2f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
