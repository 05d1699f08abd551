#!/bin/bash
#SBATCH -J after -t 5 --open-mode=append -o after.out
echo "$1"
exit $2
