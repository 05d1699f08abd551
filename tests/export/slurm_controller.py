"""Slurm's own controller in a Debian below a folder, on loopback: does it take our files?"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

PACKAGES = "slurmctld,slurm-client,munge"
START_LIMIT_S = 30

CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmctldParameters=idle_on_node_suspend
CommunicationParameters=NoCtldInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=/run/munge/test.socket
CryptoType=crypto/munge
StateSaveLocation=/var/spool/slurm-test
SlurmctldPidFile=/run/slurmctld-test.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
GresTypes=gpu
TopologyPlugin={plugin}
ReturnToService=2
Include /etc/slurm/nodes.conf
"""


@contextmanager
def controller(root, files, plugin, hosts):
    """slurmctld with `files` (by name) in its configuration; gives what to ask it with.

    Every one of `hosts` is this machine, where nothing listens: the nodes stay down.
    """
    folder = root / "etc" / "slurm"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(root / "var/spool/slurm-test", ignore_errors=True)
    for path in (folder, root / "var/spool/slurm-test", root / "run/munge", root / "var/log/munge"):
        path.mkdir(parents=True, exist_ok=True)
    names = ["localhost", socket.gethostname(), *hosts]
    (root / "etc/hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in names))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = CONFIG.format(host=socket.gethostname(), port=port, plugin=plugin)
    for name, text in ({"slurm.conf": config, "cgroup.conf": ""} | files).items():
        (folder / name).write_text(text)
    log = (root / "tmp/slurmctld.log").open("w+")
    started = []
    try:
        for command in (_munged(root), ["/usr/sbin/slurmctld", "-D", "-c"]):
            started.append(_start(root, command, log))
            time.sleep(0.2)
        yield Asking(root, started[-1], log)
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(started):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


class Asking:
    """scontrol in the same root, once the controller answers."""

    def __init__(self, root, process, log):
        self.root, self.process, self.log_file = root, process, log
        deadline = time.monotonic() + START_LIMIT_S
        while "UP" not in self.run("ping").stdout:
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def run(self, *words):
        return subprocess.run(
            ["chroot", str(self.root), "scontrol", *words],
            capture_output=True,
            text=True,
            timeout=30,
        )

    def __call__(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}{self.log()}"
        return done.stdout

    def log(self):
        self.log_file.flush()
        self.log_file.seek(0)
        return self.log_file.read()

    def complaints(self):
        """Lines of the controller's log that blame our files."""
        mine = ("topology", "node", "gres", "block", "switch")
        lines = [line for line in self.log().splitlines() if "error:" in line or "fatal:" in line]
        return [line for line in lines if any(word in line.lower() for word in mine)]

    def expand(self, names):
        """A hostlist as Slurm itself reads it."""
        return self("show", "hostnames", names).split()


def _munged(root):
    key = root / "etc/munge/test.key"
    key.parent.mkdir(exist_ok=True)
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    words = ["--foreground", "--force", "--key-file=/etc/munge/test.key", "--num-threads=1"]
    return ["/usr/sbin/munged", *words, "--socket=/run/munge/test.socket",
            "--pid-file=/run/munge/test.pid", "--log-file=/var/log/munge/test.log",
            "--seed-file=/var/lib/munge/test.seed"]  # fmt: skip


def _start(root, command, log):
    return subprocess.Popen(
        ["chroot", str(root), *command], stdout=log, stderr=subprocess.STDOUT, text=True
    )
