#!/bin/bash
#SBATCH -J gpus
#SBATCH -N 2 -n 4
#SBATCH --gpus-per-task=1
#SBATCH -c 1 -t 5
#SBATCH -o gpus.out
echo "tasks $SLURM_NTASKS on $SLURM_NNODES nodes, $SLURM_GPUS_PER_TASK GPU each"
srun bash -c 'echo "task $SLURM_PROCID is number $SLURM_LOCALID on node $SLURM_NODEID"'
