#!/bin/bash -l
#SBATCH --job-name=login
#SBATCH --mail-type=END,FAIL --mail-user=ada@example.org
#SBATCH --wckey=demo
#SBATCH --nodes=1-2
#SBATCH --ntasks-per-node=1
#SBATCH --time=5 --time-min=1
#SBATCH --output=login.out
srun --ntasks=1 --nodes=1 echo "srun is found in a login shell"
