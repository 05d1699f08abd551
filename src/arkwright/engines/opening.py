"""From a site's `engine` section to the engine itself."""

from __future__ import annotations

from pathlib import Path

from arkwright.engines.local import LocalEngine
from arkwright.engines.port import Engine
from arkwright.engines.slurm.opening import open_slurm
from arkwright.errors import InputError
from arkwright.factory.spec import Engine as EngineSection
from arkwright.factory.spec import EngineKind
from arkwright.units import gigabytes_to_mib


def open_engine(site: str, section: EngineSection, root: Path) -> Engine:
    """The engine that runs the jobs of `site`; `root` is where it may keep files.

    Raises InputError for a kind this version cannot drive, EngineError when `root` is unusable.
    """
    if section.kind is EngineKind.SLURM:
        return open_slurm(site, section, root)
    if section.kind is not EngineKind.LOCAL:
        raise InputError(f"sites.{site}.engine.kind: not yet: {section.kind.value}; use local")
    memory_gb = section.memory_per_node
    return LocalEngine(
        root,
        site=site,
        nodes=section.nodes,
        gpus_per_node=section.gpus_per_node,
        cpus_per_node=section.cpus_per_node,
        memory_per_node_mib=gigabytes_to_mib(memory_gb) if memory_gb is not None else None,
    )
