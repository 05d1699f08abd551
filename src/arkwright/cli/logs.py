"""`arkwright logs`: what a job's ranks wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import client_options, connect, job_argument
from arkwright.cli.show import show_json_line

if TYPE_CHECKING:
    from arkwright.client import Client


@click.command(short_help="Print what a job's ranks wrote")
@job_argument
@click.option("-f", "--follow", "is_following", is_flag=True, help="Go on as it is written.")
@click.option("--rank", type=click.IntRange(min=0), help="Which rank; default 0.")
@click.option("--all-ranks", is_flag=True, help="Every rank, each line with its rank.")
@click.option("--attempt", type=click.IntRange(min=1), help="Which attempt; default the newest.")
@client_options
def logs(
    job: str,
    is_following: bool,
    rank: int | None,
    all_ranks: bool,
    attempt: int | None,
    factory: str | None,
    is_json: bool,
) -> None:
    """Print the output of one rank, or of all.

    With -f it goes on until the job is over, across its attempts. With --json it prints the
    API's pieces, one on each line.
    """
    if all_ranks and rank is not None:
        raise click.UsageError("--rank and --all-ranks exclude each other")
    ranks = None if all_ranks else (rank or 0,)
    with connect(factory) as client:
        if is_following:
            pieces = client.follow(job, ranks=ranks, attempt=attempt)
        else:
            pieces = _written(client, job, ranks, attempt)
        printer = _Printer(is_prefixed=all_ranks)
        for piece in pieces:
            if is_json:
                show_json_line(piece)
            else:
                printer.show(piece)
        printer.finish()


def _written(
    client: Client, job: str, ranks: Sequence[int] | None, attempt: int | None
) -> Iterator[dict[str, Any]]:
    """Pieces of what is there now, rank by rank."""
    piece = client.logs(job, rank=0 if ranks is None else ranks[0], attempt=attempt)
    # By id and attempt from here on, so that all pieces are of the same run.
    job, attempt = piece["job_id"], piece["attempt"]
    for number, rank in enumerate(range(piece["ranks"]) if ranks is None else ranks):
        if number:
            piece = client.logs(job, rank=rank, attempt=attempt)
        yield piece
        while piece["text"] and not piece["is_end"]:
            piece = client.logs(job, rank=rank, attempt=attempt, offset=piece["next_offset"])
            yield piece


class _Printer:
    """Prints pieces; with a prefix, only whole lines, so that ranks do not mix within one."""

    def __init__(self, *, is_prefixed: bool) -> None:
        self._is_prefixed = is_prefixed
        self._unfinished: dict[int, str] = {}
        self._attempt: int | None = None

    def show(self, piece: dict[str, Any]) -> None:
        if self._attempt not in (None, piece["attempt"]):
            self.finish()
            click.echo(f"--- attempt {piece['attempt']} ---", err=True)
        self._attempt = piece["attempt"]
        if not self._is_prefixed:
            click.echo(piece["text"], nl=False)
            return
        rank = piece["rank"]
        *lines, rest = (self._unfinished.pop(rank, "") + piece["text"]).split("\n")
        for line in lines:
            click.echo(f"{rank}: {line}")
        if rest:
            self._unfinished[rank] = rest

    def finish(self) -> None:
        """Print what no line end came for."""
        for rank, rest in sorted(self._unfinished.items()):
            click.echo(f"{rank}: {rest}")
        self._unfinished.clear()
