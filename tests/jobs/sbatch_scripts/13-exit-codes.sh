#!/bin/bash
#SBATCH -J codes
#SBATCH -n 3 -N 1
#SBATCH -t 5 -o codes.out
srun bash -c 'exit $SLURM_PROCID' 2> /dev/null
echo "the highest: $?"
srun -n 1 bash -c 'kill -KILL $$' 2> /dev/null
echo "killed: $?"
srun -n 1 no-such-program 2> /dev/null
echo "not there: $?"
exit 5
