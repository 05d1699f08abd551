#!/bin/bash
#SBATCH --job-name=hello
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --time=5
#SBATCH --output=hello.out
echo "job $SLURM_JOB_NAME on $SLURM_NNODES nodes, $SLURM_NTASKS tasks, $SLURM_TASKS_PER_NODE"
echo "node $SLURM_NODEID, process $SLURM_PROCID, numeric id: $(( SLURM_JOB_ID > 0 ))"
[ "$SLURM_JOB_ID" = "$SLURM_JOBID" ] && echo same
[ "$PWD" = "$SLURM_SUBMIT_DIR" ] && echo "where it was submitted"
srun true && echo "steps run"
