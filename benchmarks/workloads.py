"""What workloads of 1,000,000 jobs take: made ≤ 1 CPU s, read ≤ 3 CPU s from any CSV.

The year of the golden kind is made, written and read in the quick form and in Parquet; then a month
of a generated workload as `sacct -P` tells it. Each file is read in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

JOBS, GPUS, LOAD, SEED = 1_000_000, 102_400, 0.85, 7
MAKE_S_GOAL, READ_S_GOAL = 1.0, 3.0
FILES = ("quick.csv", "jobs.parquet", "sacct.txt")


def run() -> dict[str, Any]:
    """CPU seconds, megabytes of each file, and peak MiB of the process that read it."""
    with tempfile.TemporaryDirectory(prefix="arkwright-workloads-") as name:
        folder = Path(name)
        figures = _made(folder)
        for file in FILES:
            command = [sys.executable, "-m", "benchmarks.workloads", str(folder / file)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            kind = file.replace(".", "_")
            figures |= {f"{key}_{kind}": value for key, value in json.loads(done.stdout).items()}
    figures["goal_reached"] = figures["make_cpu_s"] <= MAKE_S_GOAL and all(
        value <= READ_S_GOAL for key, value in figures.items() if key.startswith("read_cpu_s")
    )
    return figures


def read(path: Path) -> dict[str, float]:
    """One file, in this process."""
    from arkwright.twin.workload.read import read_jobs

    began = time.process_time()
    reading = read_jobs(path)
    took = time.process_time() - began
    if len(reading.table) != JOBS or reading.dropped:
        raise SystemExit(reading.text())
    return {
        "read_cpu_s": round(took, 3),
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "peak_mib": round(_peak_kib() / 1024, 1),
    }


def _peak_kib() -> int:
    """Of this process; `getrusage` would tell its parent's where that was larger."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _made(folder: Path) -> dict[str, Any]:
    from arkwright.twin.tables import write_jobs
    from arkwright.twin.workload.generate import generate
    from arkwright.twin.workload.golden import YEAR_STRETCH, golden
    from arkwright.twin.workload.spec import Generator

    began = time.process_time()
    year = golden(JOBS, GPUS, LOAD, SEED, YEAR_STRETCH)
    made = time.process_time()
    write_jobs(folder / "jobs.parquet", year)
    written = time.process_time()
    month = generate(Generator(jobs=JOBS), GPUS, 1_767_225_600_000, seed=SEED)
    generated = time.process_time()
    with (folder / "quick.csv").open("w") as file:
        file.write("job_id,submit_s,duration_s,gpus\n")
        columns = (year.ids, year.submit_ms // 1000, year.run_ms // 1000, year.gpus_milli // 1000)
        file.writelines(f"{i},{at},{run},{n}\n" for i, at, run, n in zip(*columns, strict=True))
    _sacct(folder / "sacct.txt", month)
    return {
        "jobs": JOBS,
        "days": round(year.span_ms / 86.4e6, 1),
        "make_cpu_s": round(made - began, 3),
        "generate_cpu_s": round(generated - written, 3),
        "write_parquet_cpu_s": round(written - made, 3),
    }


def _sacct(path: Path, table: Any) -> None:
    import numpy as np

    def stamps(ms: Any) -> Any:
        return np.datetime_as_string((ms // 1000).astype("datetime64[s]"))

    starts, ends = stamps(table.submit_ms), stamps(table.submit_ms + table.run_ms)
    rows = zip(
        table.ids, starts, ends, table.run_ms // 1000, table.estimate_ms // 60_000,
        table.user.codes, table.gpus_milli // 1000, strict=True,
    )  # fmt: skip
    with path.open("w") as file:
        file.write(
            "JobIDRaw|Submit|Eligible|Start|End|ElapsedRaw|TimelimitRaw|State|User|Account"
            "|Partition|QOS|Priority|NNodes|ReqTRES|AllocTRES\n"
        )
        for job, at, end, run, limit, user, gpus in rows:
            nodes = -(-gpus // 8)
            tres = f"billing={gpus},cpu={gpus * 8},gres/gpu={gpus},mem={gpus * 64}G,node={nodes}"
            file.write(
                f"{job}|{at}|{at}|{at}|{end}|{run}|{limit}|COMPLETED|user-{user}|lab|gpu|normal"
                f"|{user}|{nodes}|{tres}|{tres}\n"
            )


if __name__ == "__main__":
    print(json.dumps(read(Path(sys.argv[1]))))
