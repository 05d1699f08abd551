#!/bin/bash
#SBATCH -J label -N 2 --ntasks-per-node=1 -t 5
#SBATCH -o label.out
srun --label bash -c 'echo from $SLURM_PROCID'
echo "for all" | srun --label cat
echo "for one" | srun -n 1 -N 1 cat
