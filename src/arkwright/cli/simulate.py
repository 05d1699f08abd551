"""`arkwright simulate`: a factory, or a bare pool of GPUs, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from arkwright.cli.connection import json_option

_FILE = click.Path(path_type=Path, dir_okay=False)
ORDERS = (*("fifo", "sjf", "shortest-first", "priority", "age", "deadline", "fair-share"),)
BACKFILLS = ("none", "greedy", "easy", "conservative")
_QUICK = ("gpus", "gpus_per_node", "order", "backfill", "starts", "is_together")
_SCENARIO = ("policy", "sweep", "seeds", "processes", "backend", "seed")


@click.command(short_help="Run a factory's year in virtual time: waits, failures, power, cost")
@click.argument("scenario", required=False, type=_FILE)
@click.option("--policy", multiple=True, metavar="NAME", help="Of the scenario, only these.")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the scenario's.")
@click.option(
    "--sweep",
    multiple=True,
    metavar="KEY=A,B,…",
    help="Run the scenario with each value of a key of it; several sweeps are combined.",
)
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Run it with N seeds, from its own on."
)
@click.option(
    "-j",
    "--jobs",
    "processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that a sweep runs in; one for each CPU unless given.",
)
@click.option(
    "--on",
    "backend",
    metavar="BACKEND",
    help="What runs a sweep: processes (default), dask, dask=ADDRESS or ray.",
)
@click.option(
    "--from-live",
    is_flag=True,
    help="From the running factory's state ahead, until all that it knows is over.",
)
@click.option("--trace", type=_FILE, help="Quick form: a trace of jobs on a bare pool of GPUs.")
@click.option("--gpus", type=click.IntRange(min=1), help="Quick form: GPUs of the pool.")
@click.option(
    "--gpus-per-node",
    type=click.IntRange(min=1),
    help="Quick form: 8 unless given; larger jobs take whole nodes. 1 is a flat pool.",
)
@click.option("--order", type=click.Choice(ORDERS), help="Quick form: who goes first; fifo.")
@click.option("--backfill", type=click.Choice(BACKFILLS), help="Quick form: easy unless given.")
@click.option(
    "--together",
    "is_together",
    is_flag=True,
    help="Quick form: under easy, see all ends of an instant before deciding, as the live "
    "scheduler does; without it one after the other, as public simulators of it do.",
)
@click.option(
    "--starts", type=_FILE, metavar="OUT.csv", help="Quick form: write job_id,start_s there."
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write Parquet tables, summary.json and report.html there; of a sweep its table.",
)
@json_option
@click.pass_context
def simulate(
    ctx: click.Context,
    /,
    scenario: Path | None,
    trace: Path | None,
    folder: Path | None,
    from_live: bool,
    is_json: bool,
    **given: Any,
) -> int:
    """Run jobs through the scheduler of the live factory, in virtual time.

    \b
    arkwright simulate examples/scenarios/university-week.yaml -o week
    arkwright simulate SCENARIO.yaml --sweep failures.factor=1,2,4 --seeds 5 -o sweep
    arkwright simulate --trace jobs.csv --gpus 1024 --order fifo --backfill easy --starts out.csv
    arkwright simulate --from-live -o ahead

    SCENARIO names a factory, workloads, policies, failures and a span of time. The quick form
    needs none: columns of the trace are job_id, submit_s, duration_s and gpus, or one of the
    formats in docs/workloads.md. Ctrl-C ends a run with what was done; the exit code is 130.
    """
    if (scenario is not None) + (trace is not None) + from_live != 1:
        ways = "a SCENARIO, the quick form (--trace FILE --gpus N), or --from-live"
        raise click.UsageError(f"give one of: {ways}", ctx)
    if from_live:
        from arkwright.cli.simulate_from_live import run_from_live

        _refuse(ctx, given, (*_QUICK, *_SCENARIO), "--from-live")
        return run_from_live(folder, is_json)
    unfit = _QUICK if scenario is not None else _SCENARIO
    _refuse(ctx, given, unfit, "a scenario" if scenario is not None else "the quick form")
    if trace is not None:
        from arkwright.cli.simulate_quick import quick

        return quick(trace, folder, is_json, **{key: given[key] for key in _QUICK})
    from arkwright.cli.simulate_scenario import run_scenario

    assert scenario is not None
    return run_scenario(scenario, folder, is_json, **{key: given[key] for key in _SCENARIO})


def _refuse(ctx: click.Context, given: dict[str, Any], unfit: tuple[str, ...], form: str) -> None:
    named = {param.name: param.opts[-1] for param in ctx.command.params}
    wrong = [named[key] for key in unfit if given[key] not in (None, False, ())]
    if wrong:
        raise click.UsageError(f"{', '.join(wrong)} says nothing to {form}; leave it out", ctx)
