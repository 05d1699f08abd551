"""NVIDIA's management library, called directly: which GPUs are here, what energy they have used.

Standard library only: supervisors read the counters at both ends of an attempt, also while no
server runs. Function names and the meaning of results: NVML API reference, NVIDIA,
`nvmlDeviceGetTotalEnergyConsumption` (millijoules since the driver was loaded, Volta and later),
`nvmlDeviceSetPowerManagementLimit` (milliwatts).
"""

from __future__ import annotations

import ctypes
import re
from typing import Any, NamedTuple

_NAME_BYTES = 96


class GpuFacts(NamedTuple):
    """One GPU as the driver names it."""

    number: int
    name: str


class Nvml:
    """An initialised library. `library` has NVML's C functions, results by reference."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def gpus(self) -> list[GpuFacts]:
        """Every GPU the driver shows; one that does not answer is left out."""
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return []
        found = []
        for index in range(count.value):
            handle = self._handle(index)
            name = ctypes.create_string_buffer(_NAME_BYTES)
            if handle and not self._library.nvmlDeviceGetName(handle, name, _NAME_BYTES):
                found.append(GpuFacts(index, name.value.decode(errors="replace")))
        return found

    def energy_mj(self, index: int) -> int | None:
        """Energy counter of one GPU in millijoules; None where it has none."""
        handle = self._handle(index)
        counter = ctypes.c_ulonglong()
        if handle is None:
            return None
        status = self._library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(counter))
        return counter.value if status == 0 else None

    def limit_power(self, index: int, less_w: int) -> bool:
        """Limit one GPU to `less_w` below its default, not below what the driver allows; 0 is the
        default again. False where the driver has no such limit or refuses (it wants root)."""
        handle = self._handle(index)
        default, least, most = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
        if handle is None or self._library.nvmlDeviceGetPowerManagementDefaultLimit(
            handle, ctypes.byref(default)
        ):
            return False
        if self._library.nvmlDeviceGetPowerManagementLimitConstraints(
            handle, ctypes.byref(least), ctypes.byref(most)
        ):
            return False
        limit_mw = max(least.value, default.value - less_w * 1000)
        status = self._library.nvmlDeviceSetPowerManagementLimit(handle, ctypes.c_uint(limit_mw))
        return bool(status == 0)

    def _handle(self, index: int) -> ctypes.c_void_p | None:
        handle = ctypes.c_void_p()
        status = self._library.nvmlDeviceGetHandleByIndex_v2(
            ctypes.c_uint(index), ctypes.byref(handle)
        )
        return handle if status == 0 else None


def open_nvml() -> Nvml | None:
    """The library of the installed driver, or None on a machine without one."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        return Nvml(library) if library.nvmlInit_v2() == 0 else None
    except (OSError, AttributeError):
        return None


def catalogue_name(name: str) -> str:
    """The catalogue's form of a driver's name: `NVIDIA H100 80GB HBM3` becomes `h100`.

    Maker, memory size and board form are dropped, what is left is joined by hyphens.
    """
    words = re.split(r"[\s_-]+", name.lower())
    dropped = re.compile(r"nvidia|tesla|graphics|device|\d+gb|hbm\d\w*|sxm\d*|pcie|nvl|ac|mig.*")
    kept = [word for word in words if word and not dropped.fullmatch(word)]
    return "-".join(kept) or "unknown"


def visible(gpus: list[GpuFacts], restriction: str | None) -> list[GpuFacts]:
    """The GPUs that the server's own CUDA_VISIBLE_DEVICES (`restriction`) leaves; None: all."""
    if restriction is None:
        return gpus
    allowed = {word.strip() for word in restriction.split(",")}
    return [gpu for gpu in gpus if str(gpu.number) in allowed]
