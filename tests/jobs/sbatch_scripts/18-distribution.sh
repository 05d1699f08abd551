#!/bin/bash
#SBATCH -J distribution
#SBATCH -N 2
#SBATCH --ntasks-per-node=2
#SBATCH -t 5 -o distribution.out
srun --distribution=block bash -c 'echo "block: task $SLURM_PROCID on node $SLURM_NODEID"'
srun --distribution=cyclic bash -c 'echo "cyclic: task $SLURM_PROCID on node $SLURM_NODEID"'
