"""Slurm behind the engine port: slurmrestd first, Slurm's commands as fallback.

`engine` is the engine; `rest` and `commands` are the two ways to Slurm behind the `Transport` of
`records`; `dialects` and `text` read and write what the versions of Slurm say; `batch_script` is
what a job runs; `folder` is what it leaves on the shared file system.
"""
