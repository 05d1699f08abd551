"""munged in a sandbox: who speaks is vouched for by a key that only this sandbox has."""

from __future__ import annotations

import os
import time

SOCKET = "/run/munge/munge.socket.2"
"""Where everything looks for it by itself."""
START_LIMIT_S = 10


def start_munged(sandbox, environment=None):
    """Start it as root (what `--force` is for); returns the daemon once its socket answers."""
    for name in ("run/munge", "var/log/munge", "var/lib/munge", "etc/munge"):
        folder = sandbox.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, 0, 0)
        folder.chmod(0o755 if name == "run/munge" else 0o700)
    key = sandbox.folder / "etc/munge/key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = {"key-file": "/etc/munge/key", "socket": SOCKET, "pid-file": "/run/munge/pid",
             "log-file": "/var/log/munge/log", "seed-file": "/var/lib/munge/seed"}  # fmt: skip
    words = [f"--{name}={path}" for name, path in files.items()]
    log = sandbox.folder / "var/log/munge/output"
    command = ["/usr/sbin/munged", "--foreground", "--force", "--num-threads=2", *words]
    daemon = sandbox.start(*command, log=log, environment=environment)
    deadline = time.monotonic() + START_LIMIT_S
    while not sandbox.path(SOCKET).exists():
        if not daemon.alive() or time.monotonic() > deadline:
            raise RuntimeError(f"munged did not start: {log.read_text()}")
        time.sleep(0.01)
    return daemon
