#!/bin/bash
#SBATCH --job-name=patterns
#SBATCH --nodes=2 --ntasks-per-node=1
#SBATCH --time=5
#SBATCH --output=%x-%j.out
#SBATCH --error=%x-%j.err
echo "to the output"
echo "to the error" >&2
srun --output=%x_%t.txt bash -c 'echo "task $SLURM_PROCID"'
srun --output=step_%s.txt -N 1 -n 1 echo "the second step"
