#!/bin/bash
#SBATCH -J bad-exit
#SBATCH -N 2 --ntasks-per-node=1
#SBATCH -t 5 -o bad-exit.out
# Task 0 fails at once; task 1 would go on for a minute.
SECONDS=0
srun --kill-on-bad-exit=1 bash -c '[ $SLURM_PROCID = 0 ] && exit 9; exec sleep 60' 2> /dev/null
code=$?
[ $code -ne 0 ] && [ $SECONDS -lt 40 ] && echo "ended together"
