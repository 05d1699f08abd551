"""`arkwright observe`: a cluster that somebody else runs, seen with Arkwright's scheduler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from arkwright.cli.observe_seen import Seen
from arkwright.cli.show import API_VERSION, paint, show_json

Command = TypeVar("Command", bound=Callable[..., Any])
DAYS = 14.0


def source_options(command: Command) -> Command:
    """Where the cluster is seen, and how the answer is printed."""
    for option in (
        click.option("--json", "is_json", is_flag=True, help="Print JSON."),
        click.option(
            "--save",
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="Keep the raw outputs there, to be sent or read again with --from.",
        ),
        click.option(
            "--days",
            type=click.FloatRange(min=0, max=366),
            default=DAYS,
            show_default=True,
            help="How much history sacct is asked for; 0 asks for none.",
        ),
        click.option("--prefix", metavar="COMMAND", help="Before each command: 'ssh login1'."),
        click.option(
            "--from",
            "folder",
            metavar="DIR",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Outputs that --save kept, instead of asking the cluster.",
        ),
    ):
        command = option(command)
    return command


@click.group(short_help="Look at a cluster that runs already; change nothing")
def observe() -> None:
    """Look at a cluster that somebody else runs, and change nothing there."""


@observe.group("slurm", invoke_without_command=True)
@source_options
@click.pass_context
def slurm(context: click.Context, /, **source: Any) -> None:
    """Look at a Slurm cluster: what it has, what runs, what waits, and why.

    \b
    arkwright observe slurm                      what there is, and what waits
    arkwright observe slurm why JOB              what a job waits for, with numbers
    arkwright observe slurm when JOB             when it starts, with a band
    arkwright observe slurm whatif JOB --nodes 4 who would start when if it asked for less
    arkwright observe slurm cost JOB             what a finished job used
    arkwright observe slurm compare              the last weeks as Arkwright would have decided them

    Only reads: `date`, `scontrol show`, `squeue`, `sacct`. On another machine: --prefix 'ssh
    login1', or --save DIR there and --from DIR here. Options may stand before or after the verb.
    """
    context.obj = source
    if context.invoked_subcommand is None:
        from arkwright.cli.observe_text import show_summary
        from arkwright.twin.observed.summary import summary_of

        seen = Seen(context, source)
        found = summary_of(seen.found, seen.now, seen.past)
        if source["is_json"]:
            _json("observed_cluster", found)
        else:
            show_summary(found)


@slurm.command("why")
@click.argument("job")
@source_options
@click.pass_context
def why(context: click.Context, /, job: str, **source: Any) -> None:
    """What a job waits for: Slurm's word, and Arkwright's with numbers."""
    from arkwright import fleet

    seen = Seen(context, source)
    asked = seen.job(job)
    reason = fleet.why(seen.released(asked.id), asked.id)
    word = seen.now.held.get(asked.id)
    if seen.is_json:
        _json("observed_reason", {"job_id": asked.id, "slurm": _slurm(asked), "reason": reason})
        return
    click.echo(f"{asked.id} {asked.name}: {asked.state.lower()}, {_slurm_says(asked)}")
    if word is not None:
        dependency = f" ({asked.dependency})" if asked.dependency else ""
        click.echo(f"  Slurm keeps it from starting{dependency}; if it did not:")
    click.echo(f"  [{reason.code}] {reason.message}")
    if reason.change:
        click.echo(f"  smallest change: {reason.change}")


@slurm.command("when")
@click.argument("job")
@source_options
@click.pass_context
def when(context: click.Context, /, job: str, **source: Any) -> None:
    """When a job starts, run forward with Arkwright's scheduler; beside it, what Slurm expects."""
    import msgspec

    from arkwright import fleet
    from arkwright.cli.forecast_text import instant
    from arkwright.cli.when import show_forecast

    seen = Seen(context, source)
    asked = seen.job(job)
    begins = asked.id in seen.now.begins_ms
    found = fleet.forecast(seen.scene(asked.id), asked.id, is_deferred=begins)
    expected_ms = asked.start_ms if asked.is_waiting else None
    if seen.is_json:
        value = {"job_id": asked.id, "forecast": found, "slurm_start_ms": expected_ms}
        _json("observed_forecast", value)
        return
    plain = msgspec.to_builtins(found)
    show_forecast({"job_id": asked.id, "forecast": plain, "alternatives": []})
    if asked.is_waiting:
        said = instant(expected_ms, seen.found.now_ms) if expected_ms else "nothing yet"
        click.echo(f"  Slurm itself expects: {said}")


@slurm.command("whatif")
@click.argument("job", required=False)
@click.option("--nodes", type=click.IntRange(min=1), help="The job asks for so many nodes.")
@click.option("--gpus-per-node", type=float, help="GPUs on each node of the job.")
@click.option("--time", "time_limit", metavar="TIME", help="The job's time limit, e.g. '2 h'.")
@click.option("--priority", type=int, help="The job's priority, as Slurm counts it.")
@click.option("--over", "is_over", is_flag=True, help="The job is over now.")
@click.option("--node", "node", multiple=True, metavar="NODE=STATE", help="up, draining or down.")
@source_options
@click.pass_context
def whatif(context: click.Context, /, job: str | None, node: Sequence[str], **given: Any) -> None:
    """Who would start when if a job asked for something else, or a node were in another state."""
    import msgspec

    from arkwright import fleet
    from arkwright.cli.whatif import job_change, node_change, show_moves

    asked = {name: given.pop(name) for name in _CHANGES}
    wanted = {"jobs": job_change(job, asked), "nodes": [node_change(text) for text in node]}
    if not any(wanted.values()):
        raise click.UsageError("nothing would change; give for example JOB --nodes 2")
    seen = Seen(context, given)
    for change in wanted["jobs"]:
        change["job"] = seen.job(change["job"]).id
        if "priority" in change:
            change["priority"] = seen.rank(change["job"], change["priority"])
    for change in wanted["nodes"]:
        change["node"] = seen.node(change["node"])
    changes = msgspec.convert(_parsed(wanted), fleet.Changes)
    named = [change["job"] for change in wanted["jobs"]]
    scene = seen.released(named[0]) if named else seen.scene()
    if named and named[0] in seen.now.held:
        word = seen.now.held[named[0]]
        click.echo(f"note: as if Slurm did not keep {named[0]} from starting ({word})", err=True)
    found = fleet.whatif(scene, changes)
    plain = msgspec.to_builtins(found) | {"moves_of_others": 0}
    if seen.is_json:
        _json("observed_whatif", plain)
    else:
        show_moves(plain)


@slurm.command("cost")
@click.argument("job", required=False)
@click.option("--country", metavar="CC", help="Whose price and carbon intensity, e.g. NO.")
@source_options
@click.pass_context
def cost(context: click.Context, /, job: str | None, country: str | None, **source: Any) -> None:
    """What a finished job used; without one, what each account used in the history.

    Energy is an estimate from the catalogue, and says so.
    """
    from arkwright.cli.cost import show_receipt
    from arkwright.cli.observe_text import show_accounts
    from arkwright.twin.observed.cost import by_account, receipt_of
    from arkwright.twin.observed.present import site_of

    seen = Seen(context, source)
    past = seen.needed_past()
    if job is None:
        rows = by_account(past, seen.now)
        if seen.is_json:
            _json("observed_accounts", {"items": rows})
        else:
            show_accounts(rows, past.from_ms, past.until_ms)
        return
    import msgspec

    found = receipt_of(past, seen.now, job, site_of(seen.found), _tariff(country))
    if seen.is_json:
        _json("receipt", found)
    else:
        show_receipt(msgspec.to_builtins(found))


@slurm.command("compare")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html and tables of the run.",
)
@source_options
@click.pass_context
def compare(context: click.Context, /, output: Path | None, **source: Any) -> None:
    """The history decided anew by Arkwright's scheduler, beside what happened.

    The same jobs come when they could first start, ask for what they got and last what they
    lasted; waits by size, utilisation, and GPU-hours that stood idle while jobs waited. What
    accounting does not know is said below.
    """
    from arkwright.cli.observe_text import show_comparison
    from arkwright.cli.progress import Progress
    from arkwright.cli.simulate_quick import kernels_folder, notice
    from arkwright.twin.observed.compare import compare as compared
    from arkwright.twin.outcome import Simulated
    from arkwright.twin.outputs.folder import check_folder, write_outputs

    if output is not None:
        check_folder(output)
    seen = Seen(context, source)
    past = seen.needed_past()
    with Progress("history") as progress:
        found = compared(seen.found, past, kernels_folder(), progress.told, notice)
    if output is not None:
        name = f"{found.outcome.factory}, observed"
        write_outputs(output, Simulated(name=name, outcomes=(found.outcome,)))
    if seen.is_json:
        _json("observed_comparison", found.comparison)
        return
    show_comparison(found.comparison)
    if output is not None:
        click.echo(f"wrote {output / 'report.html'} and the tables of the run")


_CHANGES = ("nodes", "gpus_per_node", "time_limit", "priority", "is_over")


def _slurm(job: Any) -> dict[str, Any]:
    keys = ("state", "reason", "dependency", "priority", "start_ms")
    return {key: getattr(job, key) for key in keys}


def _slurm_says(job: Any) -> str:
    return f"Slurm says {paint(job.reason, 'queued')}" if job.reason else "Slurm gives no reason"


def _parsed(wanted: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Time limits as seconds."""
    from arkwright import units
    from arkwright.errors import UnitError

    for change in wanted["jobs"]:
        if "time_limit" in change:
            try:
                change["time_limit"] = units.parse(change["time_limit"], "s")
            except UnitError as error:
                raise click.BadParameter(str(error), param_hint="--time") from None
    return wanted


def _tariff(country: str | None) -> Any:
    if country is None:
        return None
    from arkwright.factory import Energy, Factory, Site, energy_at, pue_at
    from arkwright.ledger import Tariff

    made = Factory(factory="observed", sites={"site": Site(country=country)}, energy=Energy())
    terms, pue = energy_at(made, "site"), pue_at(made, "site")
    return Tariff(
        currency=terms.currency or "EUR",
        price_per_kwh=terms.price.value if terms.price else None,
        price_per_gpu_hour=None,
        carbon_g_per_kwh=terms.carbon.value if terms.carbon else None,
        pue=pue.value,
        price_source=terms.price.source if terms.price else "",
        carbon_source=terms.carbon.source if terms.carbon else "",
        pue_source=pue.source,
    )


def _json(kind: str, value: Any) -> None:
    import msgspec

    plain = msgspec.to_builtins(value)
    show_json({"api_version": API_VERSION, "kind": kind} | _finite(plain))


def _finite(value: Any) -> Any:
    """NaN has no place in JSON: null says that there is no figure."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value != value else value
