#!/bin/bash
#SBATCH --job-name=rendezvous
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
#SBATCH --gpus-per-node=1
#SBATCH --time=00:05:00
#SBATCH --output=%x.out
# The usual head of a multi-node torchrun script; the workers stand in for torch.distributed.
set -e
export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_PORT=$((12000 + SLURM_JOB_ID % 5000))
cat > worker.py <<'PY'
import os, socket, time
rank, world = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == 0:
    server = socket.create_server(("", place[1]), backlog=world)
    total = sum(int(server.accept()[0].recv(16)) for _ in range(world - 1))
    print(f"sum over {world} ranks: {total}", flush=True)
else:
    for _ in range(200):
        try:
            with socket.create_connection(place, 5) as peer:
                peer.sendall(str(rank).encode())
            break
        except OSError:
            time.sleep(0.05)
    else:
        raise SystemExit("the master does not answer")
PY
srun --ntasks="$SLURM_NNODES" --ntasks-per-node=1 python3 worker.py
echo "all ended"
