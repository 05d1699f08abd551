"""Exports: a design in the words of Slurm, Kubernetes, Topograph, NetBox and others, and imports.

Beside `engines` and `fleet`, above `design`: a format needs the whole blueprint and its network and
nothing needs a format. Functions give text; the command line writes files.
"""
