"""Find and kill processes of a part that are nobody's descendants here; be sure none is left.

Standard library only: supervisors import this.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time

from arkwright.engines import procfs
from arkwright.engines.attempt_files import NodeFiles
from arkwright.engines.control_groups import PartGroup
from arkwright.engines.marks import PART_MARK


def close_part(group: PartGroup, node: NodeFiles, patience_s: float = math.inf) -> bool:
    """Let no further command start beside the part, then kill what is left of it."""
    with contextlib.suppress(OSError):
        node.closing.touch(mode=0o600)
    return kill_strays(group, str(node.directory), patience_s)


def kill_strays(group: PartGroup, part_directory: str, patience_s: float = math.inf) -> bool:
    """SIGKILL to processes of a part that are nobody's descendants here: commands run beside it,
    or all of it when its supervisor is dead. True: none is left. False: patience ran out."""
    mark = f"{PART_MARK}={part_directory}"
    own = os.getpid()
    deadline = time.monotonic() + patience_s
    while True:
        group.kill()
        strays = [
            pid
            for pid in dict.fromkeys([*group.pids(), *procfs.marked(mark)])
            if pid != own and (stat := procfs.read_stat(pid)) and stat.state not in "ZX"
        ]
        if not strays:
            return True
        for pid in strays:
            send(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone, or not ours to signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
