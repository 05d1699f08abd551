"""A free port for the gang's rendezvous, another one for every attempt."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Container

from arkwright.errors import EngineError

FIRST, LAST = 20_000, 32_767
"""Below Linux's default range of ephemeral ports (32768 and up), so that no outgoing connection
takes the port between this choice and the gang's own bind."""


def choose_port(key: str, taken: Container[int]) -> int:
    """The first free port from a place that `key` picks, not in `taken`. Raises EngineError."""
    span = LAST - FIRST + 1
    start = zlib.crc32(key.encode())
    for step in range(span):
        port = FIRST + (start + step) % span
        if port not in taken and _is_free(port):
            return port
    raise EngineError(f"no free port between {FIRST} and {LAST} for a gang's rendezvous")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
