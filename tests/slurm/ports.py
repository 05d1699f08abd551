"""Blocks of TCP ports: two test runs at once never get the same one, a dead run keeps none."""

from __future__ import annotations

import fcntl
import socket
from contextlib import contextmanager

from debian.roots import CACHE

FIRST, SIZE, BLOCKS = 20_000, 300, 40
"""Below 32,768, where the kernel begins to hand out ports by itself."""


@contextmanager
def ports(count):
    """`count` free ports on loopback; the lock on their block goes with the process."""
    if count > SIZE:
        raise ValueError(f"{count} ports asked for, there are {SIZE} in a block")
    CACHE.mkdir(parents=True, exist_ok=True)
    for block in range(BLOCKS):
        with (CACHE / f"ports-{block}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            found = [port for port in _block(block) if _free(port)][:count]
            if len(found) == count:
                yield found
                return
    raise RuntimeError(f"no {count} free ports from {FIRST} on")


def _block(block):
    return range(FIRST + block * SIZE, FIRST + (block + 1) * SIZE)


def _free(port):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
