"""`arkwright check`: is this file right?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, count, show_json
from arkwright.errors import InputError, Problem

if TYPE_CHECKING:
    from arkwright.design.whole import Design
    from arkwright.factory import Factory


@click.command(short_help="Check a factory or job file, every problem at once")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--job", "is_job", is_flag=True, help="FILE is a job, not a factory.")
@click.option("--schema", "is_schema", is_flag=True, help="Print the JSON Schema, for editors.")
@json_option
def check(file: Path | None, is_job: bool, is_schema: bool, is_json: bool) -> None:
    """Check a factory file (or, with --job, a job file); names every problem at once.

    FILE may be - for standard input. Exit code 2 when there is a problem.
    """
    if is_schema:
        show_json(_schema(is_job))
        return
    if file is None:
        raise click.UsageError("give a file to check, or --schema")
    try:
        found = _job(file) if is_job else _factory(file)
    except InputError as error:
        if not is_job and {"command", "script"} & {problem.key for problem in error.problems}:
            raise InputError(f"{file} looks like a job; check it with --job") from error
        if is_json:
            found_wrong = error.problems or [Problem(str(file), "", str(error), "")]
            problems = [problem._asdict() for problem in found_wrong]
            show_json(_result(is_valid=False, problems=problems))
        raise
    if is_json:
        show_json(_result(is_valid=True, problems=[]) | found)
    else:
        click.echo(f"ok: {found['summary']}")
        for warning in found["warnings"]:
            click.echo(f"warning: {warning}")


def _schema(is_job: bool) -> dict[str, Any]:
    if is_job:
        from arkwright import documents
        from arkwright.jobs.spec import JobSpec

        return documents.schema(JobSpec, "Arkwright job file")
    from arkwright import factory

    return factory.schema()


def _result(*, is_valid: bool, problems: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "api_version": API_VERSION,
        "kind": "check",
        "is_valid": is_valid,
        "problems": problems,
    }


def _factory(file: Path) -> dict[str, Any]:
    from arkwright import factory
    from arkwright.design import inventory_nodes
    from arkwright.design.whole import whole
    from arkwright.factory.series import read_weather

    if str(file) == "-":
        found = factory.loads(sys.stdin.buffer.read(), "standard input")
    else:
        found = factory.load(file)
    # Standard input has no folder: files it names are looked for here.
    built = whole(found, read_weather(found, file.parent))
    plan = built.blueprint
    parts = [count(len(found.sites), "site")]
    if plan.racks:
        parts += [
            count(len(plan.racks), "rack"),
            count(len(plan.nodes), "node"),
            count(plan.gpus, "GPU"),
        ]
    standing = inventory_nodes(found)
    if standing:
        gpus = sum(node.gpus for node in standing)
        parts.append(f"{count(len(standing), 'node')} and {count(gpus, 'GPU')} in inventories")
    engines = [
        f"{name} ({site.engine.kind.value})" for name, site in found.sites.items() if site.engine
    ]
    parts += [f"jobs run at {', '.join(engines)}"] if engines else []
    parts += [count(len(found.organisations), "organisation")]
    return {
        "factory": found.factory,
        "sites": len(found.sites),
        "racks": len(plan.racks),
        "nodes": len(plan.nodes),
        "gpus": plan.gpus,
        "summary": ", ".join(parts),
        "warnings": [
            *_judged(found, built),
            *(f"up would refuse it: {problem}" for problem in _unrunnable(found)),
        ],
    }


def _judged(found: Factory, built: Design) -> list[str]:
    """What `design` would warn of: its own findings, and those of its checker."""
    from arkwright.design import Severity
    from arkwright.design.checker import check as check_design

    faults = [f for f in check_design(found, built) if f.severity is not Severity.NOTE]
    # What the checker finds again is said by the checker.
    said = {fault.where for fault in faults}
    warned = [f for f in built.findings if f.severity is Severity.WARNING and f.where not in said]
    return [
        *(f"{finding.where}: {finding.text}" for finding in warned),
        *(f"{fault.where}: {fault.text} ({fault.margin}); {fault.fix}" for fault in faults),
    ]


def _unrunnable(found: Factory) -> list[Problem]:
    """What keeps a factory that is to run jobs from running them; a plan on paper need not."""
    from arkwright.factory import validate_runnable

    has_engine = any(site.engine is not None for site in found.sites.values())
    return validate_runnable(found) if has_engine else []


def _job(file: Path) -> dict[str, Any]:
    from arkwright.cli.job_file import checked, from_file
    from arkwright.cli.submit import with_begin

    text = from_file(str(file))
    spec = checked(with_begin(text.spec))
    summary = f"job {spec['name']}, {count(int(spec.get('nodes', 1)), 'node')}"
    return {"name": spec["name"], "summary": summary, "warnings": list(text.warnings)}
