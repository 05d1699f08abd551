"""Batch scripts on the local engine: the script runs once, `srun` inside it starts the rest.

A step's tasks are children of the supervisors of their nodes, inside those parts' control groups,
so that limits, the loss of a node, a stop and the energy count hold for them as for any rank.
Everything here that a supervisor or a tool of a script imports is standard library only.
"""
