"""The golden EASY traces, where they lie beside the checkout."""

import csv
from pathlib import Path

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden_easy"


def read_golden(load):
    """Jobs as (submit_s, run_s, gpus), and the start seconds that CQSim gives them."""
    with (GOLDEN / f"trace_10k_1024_load{load}.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (GOLDEN / f"starts_10k_1024_load{load}.csv").open() as file:
        starts = {row["job_id"]: int(row["start_s"]) for row in csv.DictReader(file)}
    jobs = [(int(row["submit_s"]), int(row["duration_s"]), int(row["gpus"])) for row in rows]
    return jobs, [starts[row["job_id"]] for row in rows]
