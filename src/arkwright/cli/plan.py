"""`arkwright plan FILE` decides a roll-out over years; `arkwright plan audit FILE` checks one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from arkwright.cli.connection import json_option
from arkwright.cli.plan_audit import audit

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


class FileOrVerb(click.Group):
    """A command with verbs beside it: a first word that is none of them is its own argument."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Of the verb, or its own."""
        verb = self.commands.get(args[0]) if args else None
        if verb is not None:
            return verb.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As a command's."""
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As a command's."""
        return click.Command.invoke(self, ctx)


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds of `60s`, `5 min`, `90`."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        unit = text[len(number) :].strip() or "s"
        try:
            seconds = float(number) * _SECONDS[unit]
        except (KeyError, ValueError):
            self.fail(f"{value!r}; write a time such as 60s or 5min", param, ctx)
        if not 0 < seconds < float("inf"):
            self.fail(f"{value!r}; write a time above 0", param, ctx)
        return seconds


@click.group(
    cls=FileOrVerb,
    short_help="Decide a roll-out over years; `plan audit` checks a declared one",
    subcommand_metavar="",
    context_settings={"allow_interspersed_args": True},
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write plan.json, plan.csv, plan.html and a dated factory file for each phase there.",
)
@click.option(
    "--gap",
    type=click.FloatRange(min=0, max=1),
    default=0.01,
    show_default=True,
    help="Stop when no plan can be better by more than this share.",
)
@click.option(
    "--limit",
    "limit_s",
    type=_Duration(),
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Stop after this time with the best plan so far.",
)
@click.option("--outcomes", type=click.IntRange(min=1), metavar="N", help="Instead of the file's.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Instead of the file's.")
@click.option(
    "--whatif",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Plan again with a key of the file changed, and show the difference.",
)
@click.option(
    "--frontier", "with_frontier", is_flag=True, help="Plan for each weight of the risk as well."
)
@click.option(
    "--value",
    "with_value",
    is_flag=True,
    help="What waiting, planning for all outcomes, and knowing them would be worth.",
)
@click.option(
    "--tornado",
    "with_tornado",
    is_flag=True,
    help="Plan anew for each input of the tornado: what can be planned around.",
)
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Write the page alone.",
)
@json_option
def plan(
    file: Path,
    folder: Path | None,
    gap: float,
    limit_s: float,
    outcomes: int | None,
    seed: int | None,
    changes: Sequence[str],
    with_frontier: bool,
    with_value: bool,
    with_tornado: bool,
    page: Path | None,
    is_json: bool,
) -> int:
    """Decide what to build where and when: grid, halls, racks, loans, power contracts.

    \b
    arkwright plan examples/programme-small.yaml -o plan
    arkwright plan FILE --whatif 'programme.sites.loughton.tranches[0].earliest=2028-Q1'
    arkwright plan audit examples/nscale-programme.yaml

    FILE has a section `programme`. The plan maximises expected worth and the mean of the worst
    tail over many outcomes, keeps every rule in each of them, and comes with a bound: no plan is
    better by more than the gap. Several --whatif are changed together. `plan audit` decides
    nothing: it checks what was declared.

    Exit code 0 with a plan, 2 where the rules contradict each other, with the smallest set of them
    that does; 130 after Ctrl-C, with the best plan so far and its gap.
    """
    from arkwright.cli.plan_run import Asked, run

    asked = Asked(
        file=file, folder=folder, page=page, gap=gap, limit_s=limit_s, outcomes=outcomes,
        seed=seed, changes=tuple(changes), with_frontier=with_frontier,
        with_value=with_value, with_tornado=with_tornado, is_json=is_json,
    )  # fmt: skip
    return run(asked)


plan.add_command(audit)
