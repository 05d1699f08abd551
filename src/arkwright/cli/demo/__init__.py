"""`arkwright demo`: from a ten-line factory file to a running job with a receipt, in six acts."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from arkwright.cli.demo.stage import Stage


@click.command(short_help="See it work: a factory, a gang, a lost node, a receipt")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".arkwright/demo"),
    show_default=True,
    help="Where the demo keeps its files; made anew each time.",
)
def demo(folder: Path) -> None:
    """Run the demo on this machine: a minute, at first two; all real, nothing left running."""
    from arkwright.cli.demo import acts
    from arkwright.cli.demo.stage import Stage

    began = time.monotonic()
    stage = Stage(folder.absolute())
    _clear(stage)
    acts.prepare(stage)
    acts.a_factory_on_paper(stage)
    year = acts.a_year_begins(stage)
    try:
        train = acts.a_running_factory(stage)
        acts.a_lost_node(stage, train)
        acts.a_job_that_waits(stage)
        acts.the_receipts(stage, train)
        acts.a_year_in_the_twin(stage, year)
    finally:
        year.process.kill()
        acts.the_end(stage)
    click.echo(f"\nThe demo took {time.monotonic() - began:.0f} s and left nothing running.")


def _clear(stage: Stage) -> None:
    """Take away what an earlier demo left, its server first if it was interrupted."""
    from arkwright.cli import server_process
    from arkwright.home import Paths

    record = server_process.live(Paths(stage.home, "workshop"))
    if record is not None:
        server_process.stop(record.pid, 30)
    shutil.rmtree(stage.folder, ignore_errors=True)
