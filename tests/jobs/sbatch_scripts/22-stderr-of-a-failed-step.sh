#!/bin/bash
#SBATCH -J failed-step -n 2 -N 1 -t 5
#SBATCH -o failed-step.out -e failed-step.err
set -e
srun bash -c '[ $SLURM_PROCID = 0 ] || exit 4'
echo "never reached: set -e"
