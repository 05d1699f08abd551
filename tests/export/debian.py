"""Programs of a Debian suite below a folder of their own, for tests that want the real thing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "arkwright-tests"
LIMIT_S = 300


def root_of(suite, name, packages):
    """The Debian `suite` with `packages`, kept as `name`; skips where it is not to be had."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root directory")
    root = CACHE / f"{name}-{suite}"
    if not root.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [str(HERE / "install-debian.sh"), suite, str(root), packages]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{name} of Debian {suite} was not installed: {error}")
        if done.returncode:
            shutil.rmtree(f"{root}.part", ignore_errors=True)
            pytest.skip(f"{name} of Debian {suite} is not installable: {done.stderr[-200:]}")
    return root
