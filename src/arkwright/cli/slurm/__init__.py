"""`arkwright slurm`: Slurm's commands by their own names and options, answered by Arkwright.

For fingers and scripts that know Slurm: the same words in, the same lines out. Nothing here hides a
real Slurm: the names come into PATH only where `link` is asked to put them.
"""

from arkwright.cli.slurm.group import slurm

__all__ = ["slurm"]
