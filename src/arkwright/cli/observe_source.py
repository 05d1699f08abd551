"""Where an existing cluster is observed: its commands, outputs that were kept, its own files."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from arkwright.errors import InputError

if TYPE_CHECKING:
    from arkwright.engines.slurm.description import Description
    from arkwright.engines.slurm.description_reading import Observed, Outputs

DESCRIPTION = ("date", "config", "nodes", "partitions", "topology", "topoconf")
"""Commands that say what there is, without what happens on it."""


def described(folder: Path | None, prefix: str | None) -> Description:
    """The cluster: of a folder of configuration files or kept outputs, else of its commands."""
    from arkwright.engines.slurm.description_conf import FILES, configured_cluster
    from arkwright.engines.slurm.description_reading import ask, kept, topology_of
    from arkwright.engines.slurm.description_scontrol import running_cluster

    if folder is not None and prefix is not None:
        raise InputError("give a folder or --prefix: a folder is not asked")
    if folder is not None and not (folder / "nodes.txt").is_file():
        texts = {
            path.name: path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(_folder(folder).iterdir())
            if path.is_file()
            and (path.suffix == ".conf" or path.name in FILES)
            # slurmdbd.conf is its own user's; what is needed and unreadable is said as missing.
            and os.access(path, os.R_OK)
        }
        if not texts:
            raise InputError(
                f"{folder} has neither slurm.conf nor nodes.conf, nor nodes.txt that `arkwright "
                "observe slurm --save` keeps"
            )
        return configured_cluster(texts)
    outputs = ask(split(prefix), 0, DESCRIPTION) if folder is None else kept(folder)
    texts = outputs.texts
    return running_cluster(
        texts.get("config", ""), texts["nodes"], texts["partitions"], topology_of(texts)
    )


def outputs_of(folder: Path | None, prefix: str | None, days: float) -> Outputs:
    """What the commands print, now or when they were kept in `folder`."""
    from arkwright.engines.slurm.description_reading import ask, kept

    return kept(_folder(folder)) if folder is not None else ask(split(prefix), days)


def observed_of(outputs: Outputs) -> Observed:
    """What they say."""
    from arkwright.engines.slurm.description_reading import observed

    return observed(outputs)


def split(prefix: str | None) -> list[str]:
    """The words of a prefix as a shell would see them."""
    try:
        return shlex.split(prefix or "")
    except ValueError as error:
        raise InputError(f"--prefix {prefix!r}: {error}") from None


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent
