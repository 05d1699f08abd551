"""Entry of `srun` and `scontrol` inside a job, run by path with `python -I -S`: starts fast."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


def main(arguments: list[str]) -> int:
    """Run the tool named first; its exit code."""
    tool, *rest = arguments
    if tool == "srun":
        from arkwright.engines.batch.srun import srun

        return srun(rest)
    from arkwright.engines.batch.scontrol import scontrol

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `scontrol show hostnames | head -n 1`
    return scontrol(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
