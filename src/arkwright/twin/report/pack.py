"""Columns as the page carries them: small, and read back by a few lines of JavaScript.

Integers are written as what they exceed the smallest by, of differences where a column rises, in as
few bytes as the largest needs, all lowest bytes first: deflate then finds the repetition. Floats
are little-endian float32, text is UTF-8 with line feeds between. `assets/unpack.js` is the reader.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

_LEVEL = 6


class Pack:
    """One block of bytes, and where in it each column lies."""

    def __init__(self) -> None:
        self.columns: dict[str, dict[str, int | str | bool]] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def ints(self, name: str, values: npt.NDArray[Any], *, is_rising: bool = False) -> None:
        """Exact integers; `is_rising` where neighbours are closer to each other than to zero."""
        whole = np.diff(values.astype(np.int64), prepend=0) if is_rising else values
        low = int(whole.min()) if len(whole) else 0
        above = (whole - low).astype("<u8") if low or whole.dtype != np.uint8 else whole
        largest = int(above.max()) if len(above) else 0
        width = max(1, (largest.bit_length() + 7) // 8)
        planes = np.ascontiguousarray(above).view(np.uint8).reshape(-1, above.itemsize)[:, :width]
        entry = {"kind": "int", "n": len(values), "width": width, "low": low, "rises": is_rising}
        self._add(name, planes.T.tobytes(), entry)

    def floats(self, name: str, values: npt.NDArray[np.float64]) -> None:
        """float32: seven digits, enough to draw. What is not finite is drawn as nothing: NaN."""
        finite = np.where(np.isfinite(values), values, np.nan)
        self._add(name, finite.astype("<f4").tobytes(), {"kind": "float", "n": len(values)})

    def texts(self, name: str, values: Iterable[str]) -> None:
        """Text without line feeds in it; those become blanks."""
        lines = [value.replace("\n", " ") for value in values]
        self._add(name, "\n".join(lines).encode(), {"kind": "text", "n": len(lines)})

    def base64(self) -> str:
        """The whole block, deflated, as text."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), _LEVEL)).decode()

    def _add(self, name: str, content: bytes, entry: dict[str, Any]) -> None:
        self.columns[name] = {**entry, "at": self._size, "bytes": len(content)}
        self._parts.append(content)
        self._size += len(content)
