"""What every verb that asks a server shares: its options, its client, its completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from arkwright.client import Client

Verb = TypeVar("Verb", bound=Callable[..., Any])

COMPLETION_TIMEOUT_S = 0.5
COMPLETION_JOBS_MAX = 200
SHORT_ID = 8
"""Letters of an id that tables show: its end, which is enough to name the job."""


def connect(factory: str | None, timeout_s: float = 60.0) -> Client:
    """A client of the server the user means. Imported here, so that `--help` need not."""
    from arkwright.client import Client

    return Client.discover(factory=factory, timeout_s=timeout_s)


def client_options(verb: Verb) -> Verb:
    """`--factory` and `--json`."""
    factory = click.option(
        "--factory",
        metavar="NAME",
        envvar=None,
        help="Factory to ask; default $ARKWRIGHT_FACTORY, else the last one started.",
    )
    return factory(json_option(verb))


def json_option(verb: Verb) -> Verb:
    """`--json`."""
    return click.option("--json", "is_json", is_flag=True, help="Print JSON.")(verb)


def job_argument(verb: Verb) -> Verb:
    """One job."""
    return click.argument("job", metavar="JOB", shell_complete=complete_job)(verb)


def complete_job(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids and names of jobs that begin with what is typed; nothing when the server is away."""
    try:
        with connect(ctx.params.get("factory"), COMPLETION_TIMEOUT_S) as client:
            jobs = client.jobs_page(is_all=True, limit=COMPLETION_JOBS_MAX)["items"]
    except Exception:  # noqa: BLE001 - a shell's prompt is no place for errors
        return []
    words = [word for job in jobs for word in (job["name"], short_id(job["id"]), job["id"])]
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def complete_node(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Paths of nodes that begin with what is typed."""
    try:
        with connect(ctx.params.get("factory"), COMPLETION_TIMEOUT_S) as client:
            paths = [node["path"] for node in client.nodes()["items"]]
    except Exception:  # noqa: BLE001 - a shell's prompt is no place for errors
        return []
    return [path for path in paths if path.startswith(incomplete)]


def short_id(job_id: str) -> str:
    """The end of a job's id, as tables show it."""
    root, mark, index = job_id.partition("_")
    return root[-SHORT_ID:] + mark + index
