#!/bin/bash
#SBATCH --job-name=export
#SBATCH -t 5 -o export.out
# What was set where the script was submitted is set in it, and what steps are given in them.
export ALPHA=1
echo "alpha $ALPHA, gamma $GAMMA"
srun -n 1 /bin/bash -c 'echo "in a step: alpha $ALPHA, gamma $GAMMA"'
srun -n 1 --export=ALL,DELTA=4 /bin/bash -c 'echo "in a step: gamma $GAMMA, delta $DELTA"'
# Beside ALL, what has a value keeps it.
srun -n 1 --export=ALL,ALPHA=2 /bin/bash -c 'echo "in a step: alpha $ALPHA"'
