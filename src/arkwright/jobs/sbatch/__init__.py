"""`#SBATCH` scripts as jobs: pure, from text to a `JobSpec` and what its author should know."""
