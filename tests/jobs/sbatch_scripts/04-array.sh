#!/bin/bash
#SBATCH --job-name=sweep
#SBATCH --array=1-7:2%2
#SBATCH --output=sweep_%a.out
#SBATCH --time=5
RATES=(0 0.1 0 0.3 0 0.5 0 0.7)
echo "task $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT: rate ${RATES[$SLURM_ARRAY_TASK_ID]}"
echo "from $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX by $SLURM_ARRAY_TASK_STEP"
[ -n "$SLURM_ARRAY_JOB_ID" ] && echo "part of an array"
