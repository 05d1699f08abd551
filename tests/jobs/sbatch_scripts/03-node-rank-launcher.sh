#!/bin/bash
#SBATCH -J launcher
#SBATCH -N 3
#SBATCH --ntasks-per-node=1
#SBATCH -t 5
#SBATCH -o launcher.out
# One launcher per node, which starts its own workers: what torchrun does with --node_rank.
export NPROC_PER_NODE=2
srun bash -c '
  for local in $(seq 0 $((NPROC_PER_NODE - 1))); do
    echo "rank $((SLURM_NODEID * NPROC_PER_NODE + local)) of $((SLURM_NNODES * NPROC_PER_NODE))"
  done
'
