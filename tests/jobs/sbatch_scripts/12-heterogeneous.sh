#!/bin/bash
#SBATCH --job-name=two-kinds --nodes=1 --time=5
#SBATCH hetjob
#SBATCH --nodes=1 --gpus-per-node=1
srun --het-group=0,1 hostname
