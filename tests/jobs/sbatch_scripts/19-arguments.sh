#!/bin/bash
#SBATCH --job-name="spaces in a name"
#SBATCH --comment='two words # and a sign'
#SBATCH -t 5
##SBATCH --nodes=64
#SBATCH --chdir=runs   # a comment after an option
#SBATCH --output=arguments.out

echo "$# arguments: $1 / $2"
echo "in $(basename "$PWD"), submitted in $([ "$SLURM_SUBMIT_DIR" = "$(dirname "$PWD")" ] && echo its parent)"
#SBATCH --nodes=32
echo "$SLURM_NNODES node"
