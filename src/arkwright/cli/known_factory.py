"""What the factory knows of the names a script uses, asked of its server."""

from __future__ import annotations

from arkwright.cli.connection import connect
from arkwright.errors import ArkwrightError
from arkwright.jobs.sbatch.local_names import Known
from arkwright.jobs.sbatch.shape import NodeSize

PATIENCE_S = 5.0


def known_factory(factory: str | None) -> Known | None:
    """GPU types, projects, sites and the largest node; None where no server answers."""
    try:
        with connect(factory, PATIENCE_S) as client:
            found, nodes = client.factory(), client.nodes()["items"]
    except ArkwrightError:
        return None
    sites = found["sites"]
    size = None
    if nodes:
        gpus = max(int(node["gpus"]) for node in nodes)
        size = NodeSize(gpus, max(float(node["cpus"]) for node in nodes))
    return Known(
        gpu_types=sorted({str(node["gpu_type"]) for node in nodes}),
        projects=[str(path) for path in found["projects"]],
        sites=[str(site["name"]) for site in sites],
        size=size,
        is_slurm=any(site["engine"] == "slurm" for site in sites),
    )
