"""Exports: a design in the words of Slurm, Kubernetes, Topograph, NetBox and others, and imports.

Beside `engines` and `fleet`, above `design`: a format needs the whole blueprint and its network,
and nothing needs a format. Functions give text; the command line reads and writes files.
"""

from arkwright.export.dps import Fed, Inventory, import_dps, servers_csv
from arkwright.export.formats import FORMATS, Design, Files, export
from arkwright.export.names import host_name, path_of
from arkwright.export.nscale import Imported, Place, Server, imported, places_csv, read_nscale
from arkwright.export.slurm_inventory import slurm_factory, slurm_of_inventory

__all__ = [
    "FORMATS",
    "Design",
    "Fed",
    "Files",
    "Imported",
    "Inventory",
    "Place",
    "Server",
    "export",
    "host_name",
    "import_dps",
    "imported",
    "path_of",
    "places_csv",
    "read_nscale",
    "servers_csv",
    "slurm_factory",
    "slurm_of_inventory",
]
