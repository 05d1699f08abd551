#!/bin/bash
#SBATCH --job-name=export
#SBATCH --export=ALPHA=1,BETA=two
#SBATCH -t 5 -o export.out
echo "alpha $ALPHA, beta $BETA, gamma ${GAMMA-unset}"
DELTA=4 srun -n 1 bash -c 'echo "in a step: delta $DELTA"'
srun -n 1 --export=ALL,BETA=three bash -c 'echo "in a step: beta $BETA"'
