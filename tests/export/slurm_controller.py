"""Slurm's own controller in a Debian of its own, on loopback: does it take our files?"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from debian.sandbox import Sandbox
from slurm.lab import slurm_root
from slurm.munge import SOCKET, start_munged
from slurm.ports import ports

START_LIMIT_S = 30

CONFIG = """\
ClusterName=test
SlurmctldHost=lab(127.0.0.1)
SlurmctldPort={port}
SlurmctldParameters=idle_on_node_suspend
CommunicationParameters=NoCtldInAddrAny
SlurmUser=root
AuthType=auth/munge

CryptoType=crypto/munge
StateSaveLocation=/var/spool/slurmctld
SlurmctldPidFile=/run/slurmctld.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
GresTypes=gpu
TopologyPlugin={plugin}
ReturnToService=2
Include /etc/slurm/nodes.conf
"""


@contextmanager
def controller(version, files, plugin, hosts):
    """slurmctld with `files` (by name) in its configuration; gives what to ask it with.

    Every one of `hosts` is this machine, where nothing listens: the nodes stay down.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    try:
        sandbox = Sandbox(slurm_root(version), folder)
        with ports(1) as (port,):
            config = CONFIG.format(port=port, plugin=plugin, socket=SOCKET)
            _write(sandbox, {"slurm.conf": config, "cgroup.conf": ""} | files, hosts)
            with sandbox:
                start_munged(sandbox)
                log = folder / "slurmctld.log"
                yield Asking(sandbox, sandbox.start("slurmctld", "-D", "-c", log=log), log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(sandbox, files, hosts):
    for name in ("etc/slurm", "var/spool/slurmctld"):
        (sandbox.folder / name).mkdir(parents=True, exist_ok=True)
    names = ["localhost", sandbox.host, *hosts]
    (sandbox.folder / "etc/hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in names))
    for name, text in files.items():
        (sandbox.folder / "etc/slurm" / name).write_text(text)


class Asking:
    """scontrol in the same sandbox, once the controller answers."""

    def __init__(self, sandbox, daemon, log):
        self.sandbox, self.log_file = sandbox, log
        deadline = time.monotonic() + START_LIMIT_S
        while "UP" not in sandbox.run("scontrol", "ping").stdout:
            assert daemon.alive(), self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def __call__(self, *words):
        done = self.sandbox.run("scontrol", *words)
        assert done.returncode == 0, f"{words}: {done.stderr}{self.log()}"
        return done.stdout

    def log(self):
        return self.log_file.read_text()

    def complaints(self):
        """Lines of the controller's log that blame our files."""
        mine = ("topology", "node", "gres", "block", "switch")
        lines = [line for line in self.log().splitlines() if "error:" in line or "fatal:" in line]
        return [line for line in lines if any(word in line.lower() for word in mine)]

    def expand(self, names):
        """A hostlist as Slurm itself reads it."""
        return self("show", "hostnames", names).split()
