"""The part of a supervisor that starts tasks of job steps on its node when `srun` asks for them.

Never blocks for long and has no thread: the supervisor calls `serve` whenever it wakes, and `srun`
wakes it. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

from arkwright.engines.attempt_files import NodeFiles
from arkwright.engines.batch import step_wire
from arkwright.engines.control_groups import PartGroup
from arkwright.engines.marks import PART_MARK
from arkwright.engines.rank_process import LaunchError, Program, await_program, fork_rank


class _Peer:
    """One connection: a task (`pid`), a reservation (`cpus`, `gpus`), or neither yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = step_wire.Lines(connection)
        self.pid = 0
        self.cpus = 0.0
        self.gpus: list[int] = []


class StepServer:
    """Tasks and reservations of one node. Raises OSError where its socket cannot be made."""

    def __init__(
        self, node: NodeFiles, group: PartGroup, *, cpus: float, gpus: int, affinity: list[int]
    ) -> None:
        self._node = node
        self._group = group
        self._cpus = cpus
        self._gpus = gpus
        self._affinity = affinity
        self._peers: list[_Peer] = []
        self._socket = step_wire.listen(node.directory)

    @property
    def pids(self) -> list[int]:
        """Tasks that run."""
        return [peer.pid for peer in self._peers if peer.pid]

    def serve(self) -> None:
        """Take what has come: new tasks and reservations, signals, and the ends of connections."""
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._socket.accept()
                self._begin(connection)
        for peer in list(self._peers):
            messages = peer.lines.read()
            if messages is None:
                self._drop(peer)
            for message in messages or ():
                if peer.pid and "signal" in message:
                    _signal(peer.pid, int(message["signal"]))

    def ended(self, pid: int, code: int) -> bool:
        """Tell `srun` of a task's end, if it was one: its code, negative for a signal."""
        peer = next((peer for peer in self._peers if peer.pid == pid), None)
        if peer is None:
            return False
        peer.pid = 0
        with contextlib.suppress(OSError):
            step_wire.send(peer.connection, {"ended": code})
        return True

    def signal(self, number: int) -> None:
        """A signal to every task, with what it started in its process group."""
        for pid in self.pids:
            _signal(pid, number)

    def close(self) -> None:
        """No task can start any more."""
        self._socket.close()
        with contextlib.suppress(OSError):
            (self._node.directory / step_wire.SOCKET).unlink()

    def _begin(self, connection: socket.socket) -> None:
        try:
            message, handles = step_wire.receive_first(connection)
        except (OSError, ValueError):
            connection.close()
            return
        peer = _Peer(connection)
        try:
            answer = self._answer(peer, message, handles)
        finally:
            for handle in handles:
                os.close(handle)
        try:
            step_wire.send(connection, answer)
        except OSError:
            self._drop(peer)
        else:
            self._peers.append(peer)

    def _answer(
        self, peer: _Peer, message: Mapping[str, Any], handles: list[int]
    ) -> dict[str, Any]:
        if "reserve" in message:
            return self._reserve(peer, message["reserve"])
        if len(handles) != 3 or not message.get("argv"):
            return {"code": 1, "why": "srun and the supervisor are of different versions"}
        try:
            start = fork_rank(
                Program(
                    argv=message["argv"],
                    workdir=message["cwd"],
                    environment={**message["env"], PART_MARK: str(self._node.directory)},
                    log=None,
                    cpus=self._affinity,
                    stdio=(handles[0], handles[1], handles[2]),
                    is_session=bool(message.get("terminal")),
                ),
                self._group,
            )
            peer.pid = start.pid
            await_program(start)
        except LaunchError as error:
            return {"code": error.exit_code, "why": str(error)}
        except OSError as error:
            return {"code": 1, "why": f"cannot start a process: {error}"}
        return {"pid": peer.pid}

    def _reserve(self, peer: _Peer, asked: Mapping[str, Any]) -> dict[str, Any]:
        """CPUs and GPUs for one step alone, if no other step has them."""
        cpus, gpus = float(asked["cpus"]), int(asked["gpus"])
        held = sum(other.cpus for other in self._peers)
        taken = {gpu for other in self._peers for gpu in other.gpus}
        free = [gpu for gpu in range(self._gpus) if gpu not in taken]
        if (held + cpus > self._cpus + 1e-6 and held > 0) or gpus > len(free):
            return {"granted": False}
        peer.cpus, peer.gpus = cpus, free[:gpus]
        return {"granted": True, "gpus": peer.gpus}

    def _drop(self, peer: _Peer) -> None:
        """`srun` is gone: so is what it asked for."""
        if peer.pid:
            _signal(peer.pid, signal.SIGKILL)
        if peer in self._peers:
            self._peers.remove(peer)
        peer.connection.close()


def _signal(pid: int, number: int) -> None:
    """To the task's process group, or to the task where it left that."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
