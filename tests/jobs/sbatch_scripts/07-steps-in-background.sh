#!/bin/bash
#SBATCH --job-name=steps
#SBATCH --nodes=2
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --time=5
#SBATCH --output=steps.out
# Four programs side by side, each on a CPU of its own.
for part in 1 2 3 4; do
  srun --nodes=1 --ntasks=1 --exact --mem=0 --output=part_$part.txt \
    bash -c "echo part $part, rank \$SLURM_PROCID of \$SLURM_NTASKS" &
done
wait
echo "parts: $(cat part_*.txt | wc -l)"
