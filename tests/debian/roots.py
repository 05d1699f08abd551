"""Programs of a Debian suite below a folder of their own, for tests that want the real thing.

Where they cannot be had a test skips with the reason; with `CI_REQUIRES_SLURM=1` (the name in
capitals) in the environment it fails instead.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("install.sh")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "arkwright-tests"
LIMIT_S = 300
FAILURES = {}


def root_of(suite, name, packages):
    """The Debian `suite` with `packages` (separated by commas), kept as `name` for later runs."""
    if os.geteuid() != 0:
        unavailable(name, "only root can change the root directory")
    digest = hashlib.sha256(SCRIPT.read_bytes() + packages.encode()).hexdigest()[:8]
    root = CACHE / f"{name}-{suite}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:  # two workers may want the same one at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _install(suite, name, root, packages)
    return root


def _install(suite, name, root, packages):
    # What failed once is not tried by every test anew: it may take its whole time limit.
    if root not in FAILURES:
        FAILURES[root] = _failure([str(SCRIPT), suite, str(root), packages])
    if FAILURES[root] is not None:
        shutil.rmtree(f"{root}.part", ignore_errors=True)
        unavailable(name, f"{name} of Debian {suite} was not installed: {FAILURES[root]}")


def _failure(command):
    """Why the script failed; None where it did not."""
    try:
        done = subprocess.run(["sh", *command], capture_output=True, text=True, timeout=LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr[-400:] if done.returncode else None


def unavailable(name, reason):
    """Skip, or fail where the environment says that `name` has to be there."""
    if os.environ.get(f"CI_REQUIRES_{name.upper()}") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
