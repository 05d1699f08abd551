"""Entry of a supervisor, run by path with `python -I -S`: no site packages, no user settings."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from arkwright.engines.supervisor import main

if __name__ == "__main__":
    main(sys.argv[1:])
