"""A Debian of its own for a test: file system, processes and host name, but loopback is shared.

Everything that runs in a sandbox, whoever started it and however far it forked, is in one PID
namespace, whose first process dies with this one: nothing outlives a test run that was killed.
`/usr` is the cached root, read-only, so that many sandboxes share one. All else lies below the
sandbox's folder: `Sandbox.path` says where.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from debian.roots import unavailable

START_LIMIT_S = 20
ANYONE = "{user}"
"""Stands for a user whom somebody else will fill in."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"

# Arguments: the cached root, the folder, host name, then folders seen at the same path inside.
# The second half runs in the new root; tini reaps what daemons leave behind.
SETUP = r"""
set -eu
root=$1 folder=$2 host=$3; shift 3
new=$folder/root
mount -t tmpfs -o mode=755 tmpfs "$new"
cd "$new"
mkdir usr etc var run tmp home root dev proc sys old
for name in bin sbin lib lib64; do ln -s usr/$name $name; done
mount --bind "$root/usr" usr
mount -o remount,bind,ro usr
for name in etc var run tmp home; do mount --bind "$folder/$name" $name; done
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/zero c 1 5; mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9; mknod -m 666 dev/tty c 5 0
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
mount -t sysfs -o ro sysfs sys
mount -t proc proc proc
for path in "$@"; do
    mkdir -p ".$path"
    mount --rbind "$path" ".$path"
done
hostname "$host"
pivot_root . old
cd /
umount -l old
rmdir old
exec /usr/bin/tini -- sleep infinity
"""
HOST_SETUP = r"""
set -eu
hostname "$1"
mount -t proc proc /proc
exec /usr/bin/tini -- sleep infinity
"""


class Sandbox:
    """The folders and the first process of one sandbox; a context manager.

    `binds` are folders of this machine that are seen inside at the same path.
    """

    def __init__(self, root, folder, host="lab", binds=()):
        self.root, self.folder, self.host = Path(root), Path(folder), host
        self.binds = [str(Path(path).absolute()) for path in binds]
        for name in ("root", "run", "home", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        for name in ("etc", "var"):
            shutil.copytree(self.root / name, self.folder / name, symlinks=True)
        self.first = None
        self.started = []

    def __enter__(self):
        """Start the first process; files below `etc` may be written before."""
        words = ["--mount", "--pid", "--uts", "--fork", "--kill-child", "sh", "-c", SETUP, "sh"]
        arguments = [str(self.root), str(self.folder), self.host, *self.binds]
        # The sandbox must not outlive this process, even if it is killed.
        guard = ["setpriv", "--pdeathsig", "KILL", "unshare"]
        with (self.folder / "sandbox.log").open("w") as log:
            process = subprocess.Popen([*guard, *words, *arguments], stdout=log, stderr=log)
        self.first = First(process)
        if self.first.pid is None:
            self.__exit__()
            text = (self.folder / "sandbox.log").read_text()
            unavailable("slurm", f"no namespaces of our own on this machine: {text}")
        return self

    def __exit__(self, *_error):
        """Kill every process inside at once, and collect those that wait for one out here."""
        self.first.kill()
        for process in self.started:
            process.wait()

    def argv(self, *words, user=None, host=None, cwd="/", environment=None):
        """The command line that runs `words` inside, from here, as `user` (root if none).

        It keeps the caller's environment but for PATH, HOME and USER. `host` is a `First`.
        """
        pid = (host or self.first).pid
        enter = ["nsenter", f"--target={pid}", "--mount", "--pid", "--uts", f"--wdns={cwd}", "--"]
        switch = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        values = {"PATH": PATH, "USER": user or "root"}
        if user != ANYONE:
            values["HOME"] = self.home(user)
        values |= environment or {}
        pairs = [f"{key}={value}" for key, value in values.items()]
        return [*enter, *(switch if user else []), "env", *pairs, *words]

    def home(self, user):
        """The home of `user`, as /etc/passwd of the sandbox says."""
        for line in (self.folder / "etc/passwd").read_text().splitlines():
            if line.startswith(f"{user or 'root'}:"):
                return line.split(":")[5]
        raise LookupError(f"no user {user} in this sandbox")

    def run(self, *words, timeout=60, input=None, **how):
        """Run to the end; returns the finished process with its output as text."""
        return subprocess.run(
            self.argv(*words, **how),
            capture_output=True,
            text=True,
            timeout=timeout,
            input=input,
            check=False,
        )

    def start(self, *words, log, **how):
        """Start a daemon that stays in the foreground, its output appended to the file `log`."""
        with Path(log).open("a") as out:
            process = subprocess.Popen(
                self.argv(*words, **how), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        self.started.append(process)
        return Daemon(process)

    def start_host(self, host):
        """A machine within: own processes and host name, same files; killing it is a crash."""
        words = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        with (self.folder / "sandbox.log").open("a") as log:
            process = subprocess.Popen(
                self.argv(*words, "sh", "-c", HOST_SETUP, "sh", host),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        first = First(process)
        if first.pid is None:
            raise RuntimeError((self.folder / "sandbox.log").read_text())
        return first

    def pids(self):
        """Every process inside, as this machine numbers them."""
        return pids_in(self.folder)

    def path(self, inside):
        """Where the file `inside` lies on this machine."""
        inside = Path(inside)
        for bind in self.binds:
            if inside.is_relative_to(bind):
                return inside
        top = inside.parts[1]
        if top in ("etc", "var", "run", "tmp", "home"):
            return self.folder / inside.relative_to("/")
        if top == "usr":
            return self.root / inside.relative_to("/")
        return Path(f"/proc/{self.first.pid}/root") / inside.relative_to("/")


class First:
    """The first process of a PID namespace: killing it kills all the others with it."""

    def __init__(self, process):
        self.process = process
        self.pid = self._wait()

    def _wait(self):
        deadline = time.monotonic() + START_LIMIT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            for pid in descendants(self.process.pid):
                if name_of(pid) == "tini":
                    return pid
            time.sleep(0.005)
        return None

    def alive(self):
        return self.pid is not None and name_of(self.pid) == "tini"

    def kill(self):
        """Kill the whole namespace, and wait for it."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()


class Daemon:
    """A process inside a sandbox, started by `Sandbox.start`."""

    def __init__(self, process):
        self.process = process

    def alive(self):
        return self.process.poll() is None

    def send(self, number):
        """Send it to the program, not to the `nsenter` that waits for it here."""
        pid = descendants(self.process.pid)
        if self.alive() and len(pid) > 1:
            os.kill(pid[1], number)

    def stop(self, number=signal.SIGTERM, limit_s=15):
        """Signal, wait, and kill what does not go."""
        self.send(number)
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait()


def descendants(pid):
    """`pid`, its first child, that one's first child, and so on."""
    found = [pid]
    while children := _children(found[-1]):
        found.append(children[0])
    return found


def _children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def pids_in(folder):
    """Every process of the sandbox in `folder`: they see its `var` as /var."""
    mark = f" {folder}/var /var "
    found = [path for path in Path("/proc").glob("[0-9]*") if mark in _mounts(path)]
    return [int(path.name) for path in found]


def _mounts(process):
    try:
        return (process / "mountinfo").read_text()
    except OSError:
        return ""


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None
