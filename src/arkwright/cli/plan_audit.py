"""`arkwright plan audit`: can what was declared be true?"""

from __future__ import annotations

from pathlib import Path

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, show_json
from arkwright.errors import InputError


@click.command(short_help="Hold a declared plan against arithmetic, lead times and base rates")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--as-of", "as_of", metavar="DATE", help="Know only what had been stated by that day."
)
@click.option("--sources", "is_sourced", is_flag=True, help="Name the source of every finding.")
@click.option("--strict", "is_strict", is_flag=True, help="Exit with 1 on a contradiction.")
@click.option(
    "--record",
    "is_record",
    is_flag=True,
    help="Show the dated record of past promises against the odds of their time; needs no FILE.",
)
@json_option
def audit(
    file: Path | None,
    as_of: str | None,
    is_sourced: bool,
    is_strict: bool,
    is_record: bool,
    is_json: bool,
) -> int:
    """Judge the statements under programme.declared of a factory file. Nothing is optimised.

    GPUs against megawatts, money against both, a first phase against its headline, dates against
    lead times, parts against the whole, and what has changed since: each finding with the rule that
    found it. What agrees is listed too. For each promise the probability that it comes in time, a
    band of dates, and what it would take.

    Exit code 0 also when something was found; with --strict 1 when figures contradict each other.
    """
    if is_record:
        if file is not None or as_of is not None:
            raise click.UsageError("--record is of the catalogue's record; give no file and no day")
        return _record(is_json, is_sourced)
    if file is None:
        raise click.UsageError("give a factory file, or --record")
    from arkwright import factory
    from arkwright.plan.audit import Weight
    from arkwright.plan.audit import audit as audited

    found = audited(factory.load(file), None if as_of is None else _day(as_of))
    if is_json:
        from arkwright.plan.audit.document import document

        show_json({"api_version": API_VERSION, "kind": "plan_audit"} | document(found))
    else:
        from arkwright.cli.plan_audit_text import show

        show(found, is_sourced)
    return 1 if is_strict and found.of(Weight.CONTRADICTION) else 0


def _record(is_json: bool, is_sourced: bool) -> int:
    from arkwright.plan.audit.backtest import backtest

    found = backtest()
    if is_json:
        from arkwright.plan.audit.document import record_document

        body = record_document(found)
        show_json({"api_version": API_VERSION, "kind": "plan_audit_record"} | body)
    else:
        from arkwright.cli.plan_audit_text import show_record

        show_record(found, is_sourced)
    return 0


def _day(written: str) -> int:
    """The last day of what was written: `2025-10` knows all of October."""
    from arkwright.factory.declared_dates import period

    try:
        return period(written).last
    except (ValueError, IndexError):
        raise InputError(f"--as-of {written}: there is no such day; write 2025-10-15") from None
