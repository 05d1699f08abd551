#!/bin/bash
#SBATCH --job-name=memory
#SBATCH --nodes=1 --ntasks=2
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=200M
#SBATCH --time=00:05:00
#SBATCH --output=memory.out
# Each task holds 20 MB of the 200 it may have.
srun bash -c 'block=$(head -c 20000000 /dev/zero | tr "\0" x); echo "${#block} bytes held"'
