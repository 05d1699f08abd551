#!/bin/bash
#SBATCH --job-name=export
#SBATCH --export=ALPHA=1,BETA=two
#SBATCH -t 5 -o export.out
echo "alpha $ALPHA, beta $BETA, gamma ${GAMMA-unset}"
srun -n 1 --export=ALL,DELTA=4 /bin/bash -c 'echo "in a step: alpha $ALPHA, delta $DELTA"'
srun -n 1 --export=ALL,BETA=three,EPSILON=5 /bin/bash -c 'echo "in a step: beta $BETA, epsilon $EPSILON"'
