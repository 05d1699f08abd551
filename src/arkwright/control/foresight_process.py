"""The process that looks ahead: `python -m arkwright.control.foresight_process CACHE_FOLDER`.

It compiles the kernels, says that it is ready, and then runs one pure function after another, as
frames on standard input ask for. It ends when its standard input does. Frames are pickles between
a server and its own child; nothing from outside ever gets into one.
"""

from __future__ import annotations

import inspect
import os
import pickle
import signal
import struct
import sys
from typing import IO, Any, Final

import numpy as np

from arkwright import sched

READY: Final = "ready"
BEHIND: Final = 5
"""Niceness: the server decides first, then this process compiles and looks ahead."""
_LENGTH: Final = struct.Struct("<Q")


def main(cache_folder: str) -> int:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when this ends
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing but frames may reach the server
    os.nice(BEHIND)
    kernels = sched.compiled(cache_folder)
    _compile(kernels)
    send(answers, READY)
    while True:
        try:
            function, arguments = receive(questions)
        except EOFError:
            return 0
        try:
            # Functions that run kernels take them as an argument; the others do not.
            takes_kernels = "kernels" in inspect.signature(function).parameters
            given = {"kernels": kernels} if takes_kernels else {}
            send(answers, (True, function(*arguments, **given)))
        except Exception as error:  # noqa: BLE001 - raised again by whoever asked
            send(answers, (False, error))


def send(pipe: IO[bytes], value: Any) -> None:
    """Write one frame."""
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(body)) + body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one frame; raises EOFError at the end."""
    length = pipe.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        raise EOFError("no further frame")
    (size,) = _LENGTH.unpack(length)
    body = pipe.read(size)
    if len(body) < size:
        raise EOFError("a frame was cut")
    return pickle.loads(body)


def _compile(kernels: sched.Kernels) -> None:
    """One question and one decision of a factory of one node: every kernel has one signature."""
    nodes = sched.Nodes([[0]], [0], [0], [0], [8000], [0], [0])
    state = sched.apply(sched.empty(nodes), sched.add_class(0, sched.Shape(1, 1000)))
    state = sched.apply(state, sched.submit(0, 0, 1))
    ride = sched.Ride(np.array([1], np.int64), np.array([0], np.int64))
    sched.foresee(state, 0, [ride], sched.Horizon(1, 1), kernels=kernels)
    sched.cycle(state, 0, sched.room(state), kernels=kernels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
