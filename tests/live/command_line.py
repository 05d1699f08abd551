"""The command line as a user has it: an activated environment, a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 500


class CommandLine:
    """Runs `arkwright` in `folder`, with its own home in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ARKWRIGHT_")}
        self.environment = {**kept, "PATH": path, "ARKWRIGHT_HOME": str(self.home)}

    def run(self, *words: str, expect: int = 0, stdin: str | None = None) -> str:
        """What `arkwright <words>` prints; it must end with `expect`."""
        done = subprocess.run(
            ["arkwright", *words],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == expect, f"{words} ended with {done.returncode}: {done.stdout}"
        return done.stdout
