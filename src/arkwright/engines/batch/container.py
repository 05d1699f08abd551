"""pyxis's container options on the local engine: run by Apptainer, where that is installed.

Image names: pyxis's README (`REGISTRY#IMAGE:TAG`, an image of Docker Hub, or a file). Standard
library only.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

PROGRAMS = ("apptainer", "singularity")


class NoContainers(Exception):
    """Nothing here can run a container."""


def container_argv(
    image: str,
    mounts: str | None,
    directory: str,
    *,
    has_gpus: bool,
    which: Callable[[str], str | None] = shutil.which,
) -> list[str]:
    """What goes before a command to run it in `image` with `mounts` (pyxis's form) at `directory`.

    Raises NoContainers where neither Apptainer nor Singularity is installed.
    """
    program = next(filter(None, map(which, PROGRAMS)), None)
    if program is None:
        raise NoContainers(
            f"the container {image} cannot be run: Apptainer is not installed here; install it, or"
            " leave --container-image out"
        )
    binds = [word for mount in _mounts(mounts) for word in ("--bind", mount)]
    nvidia = ["--nv"] if has_gpus else []
    return [program, "exec", *nvidia, *binds, "--pwd", directory, address(image)]


def address(image: str) -> str:
    """The image as Apptainer names it.

    >>> address("nvcr.io#nvidia/pytorch:24.01-py3")
    'docker://nvcr.io/nvidia/pytorch:24.01-py3'
    """
    if image.startswith(("/", "./", "../")) or Path(image).suffix in (".sif", ".sqsh"):
        return image
    return f"docker://{image.removeprefix('docker://').replace('#', '/', 1)}"


def _mounts(mounts: str | None) -> Sequence[str]:
    """`SOURCE:TARGET[:FLAGS]`; of the flags only `ro` and `rw` have a meaning here."""
    found = []
    for mount in filter(None, (mounts or "").split(",")):
        source, _, rest = mount.partition(":")
        target, _, flags = rest.partition(":")
        mode = ":ro" if "ro" in flags.split("+") else ""
        found.append(f"{source}:{target or source}{mode}")
    return found
