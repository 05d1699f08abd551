"""What `srun` and a part's supervisor say to each other, over a socket in the part's directory.

One connection is one task, or one reservation of a node's CPUs and GPUs. A message is one line of
JSON; the first may carry three descriptors, the task's standard input, output and error. The
connection lives as long as what it is for: when `srun` is gone, so is the task.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SOCKET = "steps"
PIECE = 1 << 16
MESSAGE_MAX = 64 << 20
FIRST_PATIENCE_S = 5.0


def listen(directory: Path) -> socket.socket:
    """A socket at `directory/steps` that does not block. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        (directory / SOCKET).unlink()
    made = socket.socket(socket.AF_UNIX)
    with _short(directory) as name:
        made.bind(name)
    made.listen(1024)
    made.setblocking(False)
    return made


def connect(directory: Path) -> socket.socket:
    """A connection to the supervisor of the part with this directory. Raises OSError."""
    made = socket.socket(socket.AF_UNIX)
    with _short(directory) as name:
        made.connect(name)
    return made


@contextlib.contextmanager
def _short(directory: Path) -> Iterator[str]:
    """A name of the socket that fits: the kernel takes 107 bytes, and directories are deep."""
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


def send(connection: socket.socket, message: Any, handles: Sequence[int] = ()) -> None:
    """Send one message. Raises OSError."""
    data = json.dumps(message).encode() + b"\n"
    if handles:
        sent = socket.send_fds(connection, [data], list(handles))
        data = data[sent:]
    if data:
        connection.sendall(data)


def receive_first(connection: socket.socket) -> tuple[Any, list[int]]:
    """The first message with its descriptors. Raises OSError, ValueError."""
    connection.settimeout(FIRST_PATIENCE_S)
    data, handles, _, _ = socket.recv_fds(connection, PIECE, 3)
    for handle in handles:
        os.set_inheritable(handle, False)
    try:
        while not data.endswith(b"\n"):
            piece = connection.recv(PIECE)
            if not piece or len(data) > MESSAGE_MAX:
                raise ValueError("a message that does not end")
            data += piece
        message = json.loads(data)
    except BaseException:
        for handle in handles:
            os.close(handle)
        raise
    connection.setblocking(False)
    return message, handles


class Lines:
    """Messages of a connection as they come in pieces."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        self._waiting: list[Any] = []

    @property
    def is_waiting(self) -> bool:
        """Whether messages came with the first one."""
        return bool(self._waiting)

    def first(self) -> Any:
        """The first message, waited for; None when the other side is gone."""
        while True:
            messages = self.read()
            if messages is None:
                return None
            if messages:
                self._waiting = messages[1:]
                return messages[0]

    def read(self) -> list[Any] | None:
        """Messages that are complete; None when the other side is gone."""
        if self._waiting:
            messages, self._waiting = self._waiting, []
            return messages
        try:
            piece = self._connection.recv(PIECE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not piece:
            return None
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [json.loads(line) for line in lines]
