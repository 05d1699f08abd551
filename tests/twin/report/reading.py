"""Reads a page back: the same few rules as `assets/unpack.js`, written a second time."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import numpy as np


class ReadBack:
    """The data of a page."""

    def __init__(self, html: str) -> None:
        self.head: dict[str, Any] = json.loads(_script(html, "head"))
        self.block = zlib.decompress(base64.b64decode(_script(html, "block")))

    def column(self, name: str) -> Any:
        """int64, float32, or a list of text."""
        entry = self.head["columns"][name]
        raw = self.block[entry["at"] : entry["at"] + entry["bytes"]]
        if entry["kind"] == "text":
            return raw.decode().split("\n") if entry["n"] else []
        if entry["kind"] == "float":
            return np.frombuffer(raw, dtype="<f4")
        planes = np.frombuffer(raw, dtype=np.uint8).reshape(entry["width"], entry["n"])
        values = np.full(entry["n"], entry["low"], dtype=np.int64)
        for plane, bytes_ in enumerate(planes):
            values += bytes_.astype(np.int64) << (8 * plane)
        return np.cumsum(values) if entry["rises"] else values


def _script(html: str, name: str) -> str:
    found = re.findall(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert len(found) == 1
    return str(found[0])
