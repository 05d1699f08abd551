#!/bin/bash
#SBATCH -J gpus
#SBATCH -N 2 -n 4 --ntasks-per-node=2
#SBATCH --gpus-per-task=1
#SBATCH -c 1 -t 5
#SBATCH -o gpus.out
echo "tasks $SLURM_NTASKS on $SLURM_NNODES nodes"
srun bash -c 'echo "task $SLURM_PROCID is number $SLURM_LOCALID on node $SLURM_NODEID"'
