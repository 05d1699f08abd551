"""The acts of the demo, in order. Each checks what it shows: a demo that lies fails."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.resources import files

import click

from arkwright.cli.demo.stage import Background, Stage, quoted
from arkwright.engines.local import LocalEngine
from arkwright.errors import InternalError
from arkwright.home import Paths

STEPS = 900
KILL_AFTER_STEP = 150
NODES, GPUS_PER_NODE = 4, 2
"""As `workshop.yaml` divides this machine."""
FILES = (
    "fjord.yaml",
    "north.yaml",
    "year.yaml",
    "workshop.yaml",
    "corpus.py",
    "train.py",
    "measure.py",
)

TRAIN = """\
name: train
project: lab
nodes: 2
ranks_per_node: 2
resources: {{gpus_per_node: 2}}
command: [{python}, train.py, --steps, "{steps}"]
env: {{CORPUS: corpus.bin, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1"}}
checkpoint: {{dir: checkpoints}}
retry: {{limit: 3, on: [node-lost]}}
time_limit: 5 min
"""


def prepare(stage: Stage) -> None:
    """Write the files of the demo where a reader can look at them."""
    source = files("arkwright.cli.demo") / "files"
    stage.write({name: (source / name).read_text() for name in FILES})
    stage.write({"train.yaml": TRAIN.format(python=sys.executable, steps=STEPS)})


def a_factory_on_paper(stage: Stage) -> None:
    """(a) Ten lines become racks, megawatts, a network, and what they cost."""
    stage.title("a", "Ten lines become a factory on paper")
    click.echo((stage.folder / "fjord.yaml").read_text())
    stage.run("design", "fjord.yaml")
    stage.say("In short:")
    for line in _in_short(stage):
        click.echo(f"  {line}")
    stage.run("report", "fjord.yaml", "-o", "fjord.html")


def a_running_factory(stage: Stage) -> str:
    """(b) This machine becomes a factory; three real jobs run. Returns the training job's id."""
    stage.title("b", "This machine becomes a small factory, and real jobs run on it")
    stage.run("up", "workshop.yaml", "--port", "0")
    stage.run("nodes")
    python = sys.executable
    job = ("submit", "--project", "lab", "--name")
    stage.run(
        *(*job, "corpus", "--env", "CORPUS=corpus.bin", "--wait", "--", python, "corpus.py"),
        show="submit --project lab --name corpus --env CORPUS=corpus.bin --wait "
        "-- python corpus.py",
    )
    stage.run("logs", "corpus")
    stage.run("submit", "train.yaml")
    stage.run(
        *(*job, "measure", "--", python, "measure.py"),
        show="submit --project lab --name measure -- python measure.py",
    )
    with stage.client() as client:
        train = str(client.job("train")["id"])
        stage.until(lambda: client.job(train)["state"] == "running", "the training's start")
    stage.run("ps")
    return train


def a_lost_node(stage: Stage, train: str) -> None:
    """(c) Every process of one node dies; the gang goes on from its checkpoint elsewhere."""
    stage.title("c", "A node dies in the middle of the training")
    with stage.client() as client:
        stage.until(lambda: _last_step(stage, train, 1) >= KILL_AFTER_STEP, "the first steps")
        node = client.job(train)["attempts"][0]["nodes"][1]
        stage.run("logs", "train")
        stage.say(f"Now every process on {node} gets SIGKILL, its supervisor too.")
        _kill_node(stage, node)
        stage.until(
            lambda: "resumed from step" in _log(stage, train, 2), "the resumption elsewhere"
        )
        again = client.job(train)["attempts"][1]["nodes"]
    resumed = _resumed_from(_log(stage, train, 2))
    if resumed < KILL_AFTER_STEP or node in again:
        raise InternalError(f"demo: resumed from step {resumed} on {', '.join(again)}")
    stage.say(f"The gang is whole again on {', '.join(again)}, resumed from step {resumed}, not 0.")
    stage.run("events", train)


def a_job_that_waits(stage: Stage) -> None:
    """(d) One job waits for the whole factory, one can never fit: both are told why."""
    stage.title("d", "One job waits, one can never fit: both are told why")
    whole = ("--nodes", "4", "--gpus-per-node", "2", "--time", "1 min")
    words = ("submit", "--project", "lab", "--name", "whole", *whole, "--", "hostname")
    stage.run(*words, show=quoted(words))
    stage.run("why", "whole")
    impossible = ("submit", "--project", "lab", "--nodes", "5", "--gpus-per-node", "2")
    stage.run(*impossible, "--", "hostname", expect=2)
    lost = [line.split()[0] for line in stage.run("nodes").splitlines() if " down " in line]
    stage.say("The lost node is mended, so we return it to service:")
    stage.run("nodes", "resume", *lost)
    stage.run("when", "whole")
    stage.say("And what if the training were over now?")
    stage.run("whatif", "train", "--over")


def the_receipts(stage: Stage, train: str) -> None:
    """(e) The training ends; what it used and cost; its log decides the same again."""
    stage.title("e", "The training ends: its loss, its receipt, and where everything is")
    with stage.client() as client:
        ended = client.wait(train, timeout_s=90)
        whole = client.wait("whole", timeout_s=90)
        log_path, url = client.factory()["log_path"], client.url
    click.echo("…\n" + "\n".join(_log(stage, train, 2).splitlines()[-6:]))
    if ended["state"] != "succeeded" or whole["state"] != "succeeded":
        raise InternalError(f"demo: train {ended['state']}, whole {whole['state']}")
    _check_loss(stage, train)
    stage.run("ps", "--all")
    stage.run("cost", "train")
    stage.say("Every decision of this log, taken once more by the same scheduler:")
    stage.run("replay", "--log")
    paths = Paths(stage.home, "workshop")
    stage.say(f"event log  {log_path} (table events), or: arkwright events")
    click.echo(f"API        {url}/v1/openapi.json describes it; token in {paths.owner_token}")
    click.echo(f"job files  {stage.folder}")


def a_year_begins(stage: Stage) -> Background:
    """Let the twin begin its year: the scheduler is compiled for it, once on this machine."""
    return stage.begin("simulate", "year.yaml", "-o", "year")


def a_year_in_the_twin(stage: Stage, year: Background) -> None:
    """(f) The same scheduler runs a hundred thousand GPUs through a year."""
    stage.title("f", "A year of a hundred thousand GPUs, by the same scheduler")
    click.echo((stage.folder / "year.yaml").read_text())
    if year.process.poll() is None:
        stage.say("It began with this demo and is not over yet: the first time on a machine the")
        click.echo("scheduler is compiled for it, which takes a minute or two.")
    stage.ended(year)
    click.echo(f"report     {stage.folder}/year/report.html: open it and press play")


def the_end(stage: Stage) -> None:
    """Stop cleanly."""
    stage.run("down", "--stop-jobs")


def _in_short(stage: Stage) -> Iterator[str]:
    """Racks, megawatts, network and cost of the factory on paper, from the design itself."""
    from arkwright import factory, units
    from arkwright.design import portrait
    from arkwright.design.whole import whole

    read = factory.load(stage.folder / "fjord.yaml")
    built = whole(read)
    (site,) = built.sites
    power, network = site.power, site.network
    money = portrait.site_portrait(read, built, site, start_day=0).money
    if money.per_gpu_hour is None or power.connection_kw is None:
        raise InternalError("demo: the factory on paper has no price, or no connection")
    racks = len(network.floor.racks)
    switches = sum(fabric.switches for fabric in network.fabrics)
    yield f"racks    {racks:,}, {site.plan.racks:,} of them with {site.plan.gpus:,} GPUs"
    drawn, offered = (
        units.render(round(kw), "kW") for kw in (power.grid_kw_max, power.connection_kw)
    )
    yield f"power    {drawn} of the {offered} asked of the grid, PUE {power.pue:.2f}"
    yield f"network  {switches:,} switches, {len(network.schedule):,} cables"
    building, hour = money.capex_total.text(money.currency), money.per_gpu_hour.text(money.currency)
    yield f"cost     {building} to build, {hour} a used GPU-hour"


def _kill_node(stage: Stage, node: str) -> None:
    """What losing its power would do to a node: nothing on it gets to say goodbye."""
    root = Paths(stage.home, "workshop").engine / "here"
    LocalEngine(root, site="here", nodes=NODES, gpus_per_node=GPUS_PER_NODE).lose_node(node)


def _log(stage: Stage, job: str, attempt: int) -> str:
    """What rank 0 of an attempt has written so far; empty before it began."""
    from arkwright.client import Refused

    with stage.client() as client:
        try:
            return str(client.logs(job, attempt=attempt)["text"])
        except Refused:
            return ""


def _last_step(stage: Stage, job: str, attempt: int) -> int:
    return max((step for step, _ in _losses(_log(stage, job, attempt))), default=0)


def _losses(log: str) -> list[tuple[int, float]]:
    return [(int(s), float(x)) for s, x in re.findall(r"step (\d+) loss ([\d.]+)", log)]


def _resumed_from(log: str) -> int:
    found = re.search(r"resumed from step (\d+)", log)
    return int(found[1]) if found else 0


def _check_loss(stage: Stage, train: str) -> None:
    """The loss fell before the loss of the node, and went on from there."""
    before, after = (_losses(_log(stage, train, attempt)) for attempt in (1, 2))
    if not before[0][1] > before[-1][1] > after[-1][1]:
        raise InternalError(f"demo: the loss did not go on falling: {before[-1]}, {after[-1]}")
    stage.say(
        f"loss: {before[0][1]} at step {before[0][0]}, {before[-1][1]} at step {before[-1][0]} "
        f"when the node died, {after[-1][1]} at step {after[-1][0]}"
    )
