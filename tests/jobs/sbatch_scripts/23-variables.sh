#!/bin/bash
#SBATCH --job-name=variables
#SBATCH --nodes=2 --ntasks-per-node=2 --cpus-per-task=2
#SBATCH --gpus-per-node=2 --time=5
#SBATCH --output=variables.out
# What scripts compute with: threads, the size of the world, workers of each node.
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
echo "world of $((SLURM_NNODES * SLURM_NTASKS_PER_NODE)), $SLURM_NTASKS tasks, $OMP_NUM_THREADS threads"
echo "${SLURM_GPUS_PER_NODE#*:} GPUs on each node, $SLURM_GPUS_ON_NODE on this one"
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" bash -c 'echo "task $SLURM_PROCID: $OMP_NUM_THREADS threads"'
