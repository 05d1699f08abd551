#!/bin/bash
#SBATCH -J chain -t 5 --open-mode=append -o chain.out
echo "step $1"
