"""A real Slurm cluster of virtual nodes on this machine, for tests and benchmarks.

    with cluster(version="22.05", nodes=8) as lab:
        subprocess.run([*lab.command("sbatch", user="alice"), script])

Each node is a PID namespace with its own host name and slurmd, and eight device files that pass
for GPUs; the controller, slurmrestd (JWT) and munged run beside them. All listen on loopback. When
this process ends, however it ends, so does the cluster (`debian.sandbox`).

A virtual node has no hardware of its own: CPUs and memory are claims, limits are not enforced.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from debian.roots import root_of
from debian.sandbox import ANYONE, Sandbox
from slurm import accounting, settings
from slurm.munge import start_munged
from slurm.ports import ports

SUITES = {"22.05": "bookworm", "newest": "sid"}
VERSIONS = tuple(SUITES)
PACKAGES = (
    "munge,slurmctld,slurmd,slurm-client,slurmrestd,slurmdbd,slurm-wlm-jwt-plugin,"
    "slurm-wlm-basic-plugins,slurm-wlm-mysql-plugin,mariadb-server,libfaketime,python3"
)
USERS = {"alice": 6001, "bob": 6002, "slurmrest": 6100}
OLD_INTERFACES = "openapi/v0.0.36,openapi/v0.0.37,openapi/v0.0.38"
LIBRARY = "usr/lib/x86_64-linux-gnu/libmariadb.so.3"
START_LIMIT_S = 40


def slurm_root(version):
    """The folder with Slurm's programs. What is missing, of any version, is installed at once."""
    with ThreadPoolExecutor() as installing:
        roots = {
            name: installing.submit(root_of, suite, "slurm", PACKAGES)
            for name, suite in SUITES.items()
        }
        return roots[version].result()


@contextmanager
def cluster(version="22.05", nodes=8, gpus=8, **how):
    """A running cluster; see `Lab.__init__` for the rest of what can be asked for."""
    with ExitStack() as stack:
        folder = how.pop("folder", None) or _temporary(stack)
        found = stack.enter_context(ports(nodes + 3))
        lab = Lab(slurm_root(version), Path(folder), found, nodes=nodes, gpus=gpus, **how)
        stack.enter_context(lab)
        yield lab


def _temporary(stack):
    folder = tempfile.mkdtemp(prefix="slurm-lab-", dir="/tmp")  # sockets want short paths
    Path(folder).chmod(0o755)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Lab:
    """One cluster. `nodes` are the names, `url` is slurmrestd's, `shared` the jobs' folder.

    `shared` has the same path inside and outside, and so have `binds` (this Python's folders
    always do: `python` runs on the nodes too). Homes of `users` lie in it.
    """

    def __init__(
        self, root, folder, ports, *, nodes=8, gpus=8, cpus=16, memory_mib=64_000, gpu="h100",
        leaf=4, prefix="n", binds=(), partitions=settings.PARTITIONS, extra="", files=None,
        node_timeout_s=10, job_age_s=300, debug="info", with_accounting=False, clock_offset_s=0,
    ):  # fmt: skip
        self.folder = folder
        self.old = "bookworm" in root.name
        self.nodes = [f"{prefix}{number}" for number in range(1, nodes + 1)]
        self.users = [name for name in USERS if name != "slurmrest"]
        self.shared = folder / "shared"
        self.python, python_folders = _python()
        self.shared.mkdir(parents=True)
        self.shared.chmod(0o1777)
        self.sandbox = Sandbox(root, folder, binds=[self.shared, *python_folders, *binds])
        self.ports = {"controller": ports[0], "rest": ports[-1], "accounting": ports[-2]}
        self.url = f"http://127.0.0.1:{self.ports['rest']}"
        self.rest_socket = folder / "run/slurmrestd/socket"
        self.gpus = gpus
        self.accounting = with_accounting
        self.hosts, self.slurmds = {}, {}
        self.munged = self.slurmctld = self.slurmrestd = self.slurmdbd = self.database = None
        self.daemon_environment = _clock(clock_offset_s)
        values = {"cpus": cpus, "memory_mib": memory_mib, "gpu": gpu, "gpus": gpus}
        values |= {"node_timeout_s": node_timeout_s, "job_age_s": job_age_s, "debug": debug}
        dbd = self.ports["accounting"] if with_accounting else None
        self.files = {
            "slurm.conf": settings.slurm_conf(self.nodes, ports, values, partitions, dbd, extra),
            "gres.conf": settings.gres_conf(self.nodes, gpu, gpus),
            "topology.conf": settings.topology_conf(self.nodes, leaf),
            "cgroup.conf": f"CgroupPlugin={'cgroup/v1' if self.old else 'disabled'}\n",
        } | (files or {})

    def __enter__(self):
        self._write()
        self.sandbox.__enter__()
        try:
            self._devices()
            self.munged = start_munged(self.sandbox, self.daemon_environment)
            if self.accounting:
                self._start_accounting()
            self.start_controller(fresh=True)
            with ThreadPoolExecutor(4) as starting:
                list(starting.map(self.revive, self.nodes))
            self.start_rest()
            self.wait_for_nodes()
        except BaseException:
            self.sandbox.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        self.sandbox.__exit__()

    # What is asked of the cluster.

    @property
    def version(self):
        """What `slurmctld -V` says, such as `22.05.8`."""
        return self.sandbox.run("slurmctld", "-V").stdout.split()[-1]

    def command(self, name, *words, user=None, cwd=None, node=None):
        """The command line of a Slurm program (or any), run by `user` (root if none).

        `cwd` is where it runs (the user's home); `node` names the node it runs on.
        """
        cwd = cwd or (self.home(user) if user else self.shared)
        host = self.hosts[node] if node else None
        return self.sandbox.argv(name, *words, user=user, cwd=cwd, host=host)

    @property
    def prefix(self):
        """Begins a command line of any user; `{user}` in it is to be replaced by who that is."""
        return self.sandbox.argv(user=ANYONE, cwd=self.shared)

    def run(self, name, *words, user=None, cwd=None, node=None, check=True, **how):
        """Run it to the end; returns its standard output without the last newline."""
        cwd = cwd or (self.home(user) if user else self.shared)
        host = self.hosts[node] if node else None
        done = self.sandbox.run(name, *words, user=user, cwd=cwd, host=host, **how)
        if check and done.returncode:
            raise RuntimeError(f"{name} {words}: {done.stderr}{done.stdout}")
        return done.stdout.rstrip("\n")

    def home(self, user):
        return self.shared / "home" / user

    def path(self, inside):
        """Where a file of the cluster lies on this machine."""
        return self.sandbox.path(inside)

    def token(self, user="root", lifespan=3600):
        """A JWT for `user`, valid for `lifespan` seconds."""
        said = self.run("scontrol", "token", f"username={user}", f"lifespan={lifespan}")
        return said.removeprefix("SLURM_JWT=")

    def node_states(self):
        """State of every node, such as `idle` or `down*`."""
        lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return dict(line.split() for line in lines)

    def job(self, job_id):
        """All of `scontrol show job` as a dictionary."""
        line = self.run("scontrol", "--oneliner", "show", "job", str(job_id))
        return dict(re.findall(r"(\S+?)=(\S*)", line))

    def wait_for_job(self, job_id, *states, limit_s=30):
        """Wait until it is in one of `states` (such as `COMPLETED`); returns `job(job_id)`."""
        found = {}

        def reached():
            found.update(self.job(job_id))
            return found["JobState"] in states

        self.wait(reached, limit_s, lambda: f"job {job_id} is {found}, not {states}")
        return found

    def wait_for_nodes(self, *, names=None, states=("idle", "mixed", "allocated"), limit_s=None):
        """Wait until the nodes (all of them) are in one of `states`."""
        names = names or self.nodes
        found = {}

        def reached():
            found.update(self.node_states())
            return all(found[name] in states for name in names)

        self.wait(reached, limit_s or START_LIMIT_S, lambda: f"nodes are {found}\n{self.log()}")

    def wait(self, reached, limit_s, told):
        """Poll until `reached()`; fails with what `told()` says."""
        deadline = time.monotonic() + limit_s
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {limit_s} s: {told()}")
            time.sleep(0.05)

    def log(self, name="slurmctld"):
        """The log of `slurmctld`, `slurmrestd`, `slurmdbd` or a node, by name."""
        path = self.folder / f"var/log/slurm/{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # What is done to it.

    def start_controller(self, fresh=False):
        """Start slurmctld, from its saved state unless `fresh`; returns when it answers."""
        words = ["slurmctld", "-D", *(["-c"] if fresh else [])]
        self.slurmctld = self._start("slurmctld", words)
        self.wait(
            lambda: "UP" in self.sandbox.run("scontrol", "ping").stdout or self._died("slurmctld"),
            START_LIMIT_S,
            self.log,
        )

    def stop_controller(self, kill=False):
        """Stop it in order (state saved), or `kill` it."""
        _stop(self.slurmctld, kill)

    def restart_controller(self, kill=False):
        self.stop_controller(kill)
        self.start_controller()

    def start_rest(self):
        """Start slurmrestd; returns when its port answers."""
        self.rest_socket.unlink(missing_ok=True)
        environment = {"SLURM_JWT": "daemon", **self.daemon_environment}
        where = [f"127.0.0.1:{self.ports['rest']}", "unix:/run/slurmrestd/socket"]
        # 22.05's plugins of the accounting refuse to start where there is none.
        only = [] if self.accounting or not self.old else ["-s", OLD_INTERFACES]
        words = ["slurmrestd", "-a", "rest_auth/jwt", *only, *where]
        self.slurmrestd = self._start("slurmrestd", words, "slurmrest", environment)
        self.wait(
            lambda: _answers(self.ports["rest"]) or self._died("slurmrestd"),
            START_LIMIT_S,
            lambda: self.log("slurmrestd"),
        )

    def stop_rest(self, kill=False):
        _stop(self.slurmrestd, kill)

    def restart_rest(self, kill=False):
        self.stop_rest(kill)
        self.start_rest()

    def crash(self, node):
        """Every process of the node is gone at once, as when its power is cut."""
        self.hosts.pop(node).kill()
        self.slurmds.pop(node).process.wait()

    def kill_slurmd(self, node):
        """Only the daemon dies: the steps of running jobs live on without it."""
        _stop(self.slurmds.pop(node), kill=True)

    def revive(self, node):
        """Bring a crashed node, or a killed slurmd, back; returns before Slurm sees it."""
        if node not in self.hosts:
            self.hosts[node] = self.sandbox.start_host(node)
        words = ["slurmd", "-D", "-N", node]
        self.slurmds[node] = self._start(f"{node}-output", words, host=self.hosts[node])

    def memory_mib(self):
        """Memory that all processes of the cluster hold, shared pages divided among them, MiB."""
        return sum(_pss_kib(pid) for pid in self.sandbox.pids()) / 1024

    def _died(self, name):
        if not getattr(self, name).alive():
            raise RuntimeError(f"{name} ended: {self.log()}{self.log(name + '-output')}")

    def _start(self, name, words, user=None, environment=None, host=None):
        log = self.folder / f"var/log/slurm/{name}.log"
        environment = self.daemon_environment if environment is None else environment
        return self.sandbox.start(*words, log=log, user=user, environment=environment, host=host)

    def _write(self):
        """Users and configuration, before anything runs."""
        etc = self.folder / "etc"
        (etc / "hosts").write_text(f"127.0.0.1 localhost lab {' '.join(self.nodes)}\n")
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        with (etc / "passwd").open("a") as passwd, (etc / "group").open("a") as group:
            for name, number in USERS.items():
                home = self.home(name)
                home.mkdir(parents=True)
                os.chown(home, number, number)
                passwd.write(f"{name}:x:{number}:{number}::{home}:/bin/bash\n")
                group.write(f"{name}:x:{number}:\n")
        for name in ("var/spool/slurmctld", "var/spool/slurmd", "var/log/slurm", "run/slurmrestd"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        os.chown(self.folder / "run/slurmrestd", USERS["slurmrest"], USERS["slurmrest"])
        (etc / "slurm").mkdir(exist_ok=True)
        for name, text in self.files.items():
            (etc / "slurm" / name).write_text(text)
        key = etc / "slurm/jwt.key"
        key.write_bytes(os.urandom(32))
        key.chmod(0o600)

    def _start_accounting(self):
        logs = self.folder / "var/log/slurm"
        self.database = accounting.start_database(self.sandbox, self.sandbox.root, logs)
        port = self.ports["accounting"]
        library = None if self.old else slurm_root("22.05") / LIBRARY
        log = logs / "slurmdbd.log"
        self.slurmdbd = accounting.start_slurmdbd(self.sandbox, port, log, library)
        accounting.add_accounts(self.sandbox, self.users)

    def _devices(self):
        """GPUs are clones of /dev/null: Slurm counts and hands out device files."""
        made = [f"mknod -m 666 /dev/nvidia{index} c 1 3" for index in range(self.gpus)]
        self.sandbox.run("sh", "-ec", "\n".join(made))


def _python():
    """This Python, and the folders to be seen inside for it to run there too."""
    if sys.base_prefix == "/usr":  # the Debian's own has that place inside
        return "/usr/bin/python3", []
    return sys.executable, sorted({sys.prefix, sys.base_prefix})


def _clock(offset_s):
    """The environment in which a daemon's clock is off by `offset_s`."""
    if not offset_s:
        return {}
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    return {"LD_PRELOAD": library, "FAKETIME": f"{offset_s:+d}", "FAKETIME_DONT_RESET": "1"}


def _stop(daemon, kill):
    daemon.stop(signal.SIGKILL if kill else signal.SIGTERM)


def _answers(port):
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def _pss_kib(pid):
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
