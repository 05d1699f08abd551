"""slurmdbd and its database in a sandbox, for `sacct` that outlives slurmctld's memory."""

from __future__ import annotations

import fcntl
import shutil
import time

from slurm import settings

START_LIMIT_S = 20
DATA = "/var/lib/mysql"
SOCKET = "/run/mysqld/mysqld.sock"
# A test's worth of rows: nothing is cached, nothing is made durable.
TUNING = ("--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--performance-schema=off",
          "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--key-buffer-size=64K",
          "--skip-networking", "--skip-grant-tables", "--innodb-lock-wait-timeout=900",
          "--loose-innodb-snapshot-isolation=OFF")  # fmt: skip


def start_database(sandbox, version_root, log_folder):
    """Start mariadbd on a socket; returns the daemon once it answers."""
    _install_tables(sandbox, version_root)
    (sandbox.folder / "run/mysqld").mkdir()
    (sandbox.folder / "run/mariadbd").symlink_to("mysqld")  # where newer clients look
    log = log_folder / "mariadb.log"
    files = [f"--datadir={DATA}", f"--socket={SOCKET}", "--pid-file=/run/mysqld/pid"]
    words = ["mariadbd", "--no-defaults", "--user=root", *files, *TUNING]
    daemon = sandbox.start(*words, log=log)
    _wait(sandbox.path(SOCKET).exists, daemon, log)
    return daemon


def _install_tables(sandbox, version_root):
    """The system's tables, made once for each root and copied from then on: two seconds less."""
    kept = version_root.with_suffix(".mysql")
    with version_root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            words = ["--no-defaults", "--user=root", f"--datadir={DATA}", "--skip-test-db",
                     "--innodb-log-file-size=8M"]  # fmt: skip
            shutil.rmtree(sandbox.path(DATA), ignore_errors=True)
            done = sandbox.run("mariadb-install-db", *words, timeout=START_LIMIT_S)
            if done.returncode:
                raise RuntimeError(f"no database: {done.stdout}{done.stderr}")
            part = kept.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(sandbox.path(DATA), part)
            part.rename(kept)
    shutil.rmtree(sandbox.path(DATA), ignore_errors=True)
    shutil.copytree(kept, sandbox.path(DATA))


def start_slurmdbd(sandbox, port, log, library=None):
    """Start slurmdbd; returns the daemon once `sacctmgr` gets an answer.

    `library` is a libmariadb to use instead of the suite's own: 11.8.9's refuses every answer that
    slurmdbd gets ("columns in result (=1) … maximum allowed number of columns (=0)").
    """
    environment = {}
    if library:
        environment["LD_LIBRARY_PATH"] = "/var/lib/slurmdbd"
        sandbox.path("/var/lib/slurmdbd").mkdir()
        shutil.copy(library, sandbox.path("/var/lib/slurmdbd") / "libmariadb.so.3")
    path = sandbox.folder / "etc/slurm/slurmdbd.conf"
    path.write_text(settings.DATABASE.format(port=port))
    path.chmod(0o600)
    daemon = sandbox.start("slurmdbd", "-D", log=log, environment=environment)
    _wait(lambda: not sandbox.run("sacctmgr", "-n", "show", "cluster").returncode, daemon, log)
    return daemon


def add_accounts(sandbox, users):
    """The cluster, one account, and the users in it."""
    for words in (
        ["cluster", "lab"],
        ["account", "lab", "Cluster=lab"],
        ["user", *users, "Account=lab"],
    ):
        done = sandbox.run("sacctmgr", "-i", "add", *words)
        if done.returncode and "already exists" not in done.stdout + done.stderr:
            raise RuntimeError(f"sacctmgr add {words}: {done.stdout}{done.stderr}")


def _wait(reached, daemon, log):
    deadline = time.monotonic() + START_LIMIT_S
    while not reached():
        if not daemon.alive() or time.monotonic() > deadline:
            raise RuntimeError(f"it did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)
