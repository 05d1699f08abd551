#!/bin/bash
#SBATCH --job-name=requeue
#SBATCH --ntasks=1
#SBATCH --time=00:01:00
#SBATCH --signal=B:USR1@57
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=requeue.out
# Saves and asks to run again when its time is nearly over; the second run finds the checkpoint.
save() {
  echo "saved at the signal"
  echo 42 > checkpoint
  scontrol requeue "$SLURM_JOB_ID"
  exit 0
}
trap save USR1
if [ -f checkpoint ]; then
  echo "restart ${SLURM_RESTART_COUNT:-0} goes on from $(cat checkpoint)"
  exit 0
fi
echo "first run, restart ${SLURM_RESTART_COUNT:-0}"
srun sleep 50 2> /dev/null &
wait
echo "never reached"
