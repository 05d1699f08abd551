#!/bin/bash
#SBATCH --exclusive
#SBATCH --nodes=1
#SBATCH --job-name=whole-node
#SBATCH --time=5
#SBATCH --output=%x.out
echo "on $SLURM_NNODES node, $([ "$SLURM_CPUS_ON_NODE" -ge 1 ] && echo with its CPUs)"
srun --ntasks=1 echo "one task"
