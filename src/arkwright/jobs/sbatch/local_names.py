"""Slurm's names (partition, account, GPU type) as this factory's, where it has them.

A cluster's names mean nothing elsewhere: a name the factory knows is taken, another is warned of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from arkwright.jobs.sbatch.reading import Reading
from arkwright.jobs.sbatch.shape import NodeSize


class Known(NamedTuple):
    """What a factory has: catalogue names of its GPUs, project paths, sites, its largest node."""

    gpu_types: Sequence[str]
    projects: Sequence[str]
    sites: Sequence[str]
    size: NodeSize | None = None
    is_slurm: bool = False
    """Some site runs on Slurm: partitions and accounts may mean something there."""


def gpu_type(reading: Reading, kind: str, known: Known | None) -> str | None:
    """The catalogue's name of a GPU type, from the option or from the partition's name."""
    if not kind:
        partition = reading.held.get("partition")
        return type_named(partition.value, known) if partition and known else None
    if known is None:
        return kind.lower()
    found = type_named(kind, known)
    if found is None and set(known.gpu_types) <= {"virtual"}:
        name = next((n for n in ("gres", "gpus-per-node", "gpus", "gpus-per-task")
                     if n in reading.held), "gres")  # fmt: skip
        reading.warn(name, f"no GPU is a {kind} here, all are virtual: any is taken")
        return None
    return found or kind.lower()


def type_named(text: str, known: Known | None) -> str | None:
    """The type whose name stands in `text` as a word: `h100` in `nvidia_h100_80gb_hbm3`."""
    words = set(re.split(r"[^a-z0-9]+", text.lower()))
    types = known.gpu_types if known is not None else ()
    for name in types:
        if name.lower() == text.lower() or name.lower().replace("-", "_") == text.lower():
            return name
    fitting = [name for name in types if set(name.lower().split("-")) <= words]
    return fitting[0] if len(fitting) == 1 else None


def project_of(reading: Reading, known: Known | None) -> str | None:
    """The project that an account's name means: its path, or the one path that ends so."""
    account = reading.held.get("account")
    if account is None or known is None:
        return None
    name = account.value.lower()
    fitting = [path for path in known.projects if path == name]
    fitting = fitting or [path for path in known.projects if path.rpartition("/")[2] == name]
    if len(fitting) == 1:
        return fitting[0]
    if not known.is_slurm:
        reading.warn("account", f"{account.value} is no project here; ARKWRIGHT_PROJECT names one")
    return None


def sites_of(reading: Reading, known: Known | None) -> tuple[str, ...]:
    """The sites that a list of partitions names, where they are sites."""
    partition = reading.held.get("partition")
    if partition is None or known is None:
        return ()
    names = partition.value.split(",")
    if set(names) <= set(known.sites):
        return tuple(names)
    if not known.is_slurm and type_named(partition.value, known) is None:
        reading.warn("partition", f"{partition.value} is no site or GPU type here; it is ignored")
    return ()
