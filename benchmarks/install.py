"""What the core install weighs and takes. Goals: ≤ 600 MB and ≤ 90 s in a fresh environment."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SECONDS_GOAL, MEGABYTES_GOAL = 90.0, 600.0


def run() -> dict[str, Any]:
    """Install the locked core requirements into a new virtual environment."""
    with tempfile.TemporaryDirectory(prefix="arkwright-install-") as name:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "venv", name], check=True)
        pip = [f"{name}/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        lock = str(ROOT / "requirements" / "core.txt")
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True, capture_output=True)
        subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True, capture_output=True
        )
        seconds = time.perf_counter() - began
        size = sum(f.stat().st_size for f in Path(name).rglob("*") if f.is_file()) / 1e6
    return {
        "install_s": round(seconds, 1),
        "install_mb": round(size, 1),
        "goal_reached": seconds <= SECONDS_GOAL and size <= MEGABYTES_GOAL,
    }
