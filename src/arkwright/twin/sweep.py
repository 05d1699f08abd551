"""Many runs of one scenario: keys varied, seeds, policies; on as many processes as one likes.

Each run is worked out from its inputs alone, so the table is the same however many processes make
it and in whatever order they end. joblib hands the runs out: to processes by default, to a Dask or
Ray cluster where the user has one.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import joblib
from msgspec import Struct

from arkwright.errors import InputError
from arkwright.twin.outputs.summary import row
from arkwright.twin.scenario.account import surroundings
from arkwright.twin.scenario.load import load
from arkwright.twin.scenario.prepare import prepared
from arkwright.twin.scenario.simulate import Watcher, chosen, outcome_of
from arkwright.twin.scenario.vary import Change, axes, variants

BACKENDS: Final = ("processes", "dask", "ray")


class Sweep(Struct, frozen=True, kw_only=True):
    """What is asked."""

    path: Path
    over: tuple[str, ...] = ()
    """`KEY=A,B`, each."""
    seeds: int = 1
    seed: int | None = None
    """The first; None takes the scenario's."""
    policies: tuple[str, ...] = ()
    processes: int | None = None
    """None takes one for each CPU."""
    backend: str = "processes"
    """One of BACKENDS; `dask=ADDRESS` names the scheduler of a cluster that runs already."""


class Unit(NamedTuple):
    """One run, in words that any process can act on."""

    path: str
    changes: tuple[Change, ...]
    seed: int
    place: int
    """Of its factory and policy among the scenario's."""
    kernels_folder: str


class Table(Struct, frozen=True, kw_only=True):
    """What came of a sweep: a row for each run, as far as it came."""

    name: str
    keys: tuple[str, ...]
    """Columns that tell the runs apart: swept keys, `seed`, `run`."""
    rows: tuple[dict[str, Any], ...]
    """In the order asked: the last key changes fastest, then the seed, then the run."""
    units: int
    """Runs asked for."""

    @property
    def is_complete(self) -> bool:
        """Whether all of them are there."""
        return len(self.rows) == self.units


def units_of(asked: Sweep, kernels_folder: Path) -> tuple[str, tuple[str, ...], list[Unit]]:
    """Name of the scenario, swept keys, and every run. InputError before the first of them: each
    combination is read and checked as the file would be."""
    swept = axes(asked.over)
    found: list[Unit] = []
    name = ""
    for changes in variants(swept):
        loaded = load(asked.path, changes)
        name = loaded.scenario.name
        picked = chosen(loaded, asked.policies)
        first = loaded.scenario.seed if asked.seed is None else asked.seed
        for seed in range(first, first + asked.seeds):
            found += [
                Unit(str(asked.path.absolute()), changes, seed, place, str(kernels_folder))
                for place, site in enumerate(loaded.sites)
                if site in picked
            ]
    return name, tuple(key for key, _ in swept), found


def swept(
    asked: Sweep,
    kernels_folder: Path,
    told: Callable[[float], None] | None = None,
) -> Table:
    """Run all of it. `told` hears which share is done.

    KeyboardInterrupt from it ends the sweep with the runs that are over and those that other
    processes are at; from elsewhere at once.
    """
    name, keys, units = units_of(asked, kernels_folder)
    rows: list[dict[str, Any] | None] = [None] * len(units)
    asking = _Asking(units)
    try:
        with _backend(asked) as options:
            for place, found in _results(asking, options, told):
                rows[place] = found
                asking.count(told)
    except KeyboardInterrupt:
        pass
    there = tuple(found for found in rows if found is not None)
    return Table(name=name, keys=(*keys, "seed", "run"), rows=there, units=len(units))


def run_unit(place: int, unit: Unit, watcher: Watcher | None = None) -> tuple[int, dict[str, Any]]:
    """One run, in whatever process: its place and its row. KeyboardInterrupt where `watcher` ended
    it: a part of a run is no row."""
    loaded = load(Path(unit.path), unit.changes)
    site = loaded.sites[unit.place]
    ready = prepared(loaded, site, unit.seed)
    around = surroundings(loaded.scenario.environment, loaded.folder)
    outcome = outcome_of(ready, around, Path(unit.kernels_folder), watcher)
    if not outcome.is_complete:
        raise KeyboardInterrupt
    told = {change.key: change.text for change in unit.changes}
    figures = {key: value for key, value in row(outcome).items() if key != "sites"}
    own = {"seed": unit.seed, "run": site.name}
    return place, {**told, **own, **figures, "decisions_sha256": outcome.record.decisions}


class _Asking:
    """Runs as they are asked for, until no more are wanted."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units
        self.done = 0
        self.is_over = False

    def __iter__(self) -> Iterator[tuple[int, Unit]]:
        for place, unit in enumerate(self.units):
            if self.is_over:
                return
            yield place, unit

    def count(self, told: Callable[[float], None] | None) -> None:
        """One more is done."""
        self.done += 1
        if told is None or self.is_over:
            return
        try:
            told(self.done / len(self.units))
        except KeyboardInterrupt:
            self.is_over = True


class _Part:
    """Passes on how far one of several runs is, as the share of them all."""

    def __init__(self, told: Callable[[float], None] | None, done: int, units: int) -> None:
        self._told, self._done, self._units = told, done, units

    def begin(self, label: str) -> None:
        """Nothing is shown of a run of its own."""

    def told(self, share: float) -> None:
        """So much of this run is done."""
        if self._told is not None:
            self._told((self._done + share) / self._units)


def _undisturbed(place: int, unit: Unit) -> tuple[int, dict[str, Any]]:
    """`run_unit` in a process of its own: Ctrl-C in a terminal goes to all of them, and the one
    that asked decides when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return run_unit(place, unit)


def _results(
    asking: _Asking, options: dict[str, Any], told: Callable[[float], None] | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    if options.get("n_jobs") == 1:
        for place, unit in asking:
            yield run_unit(place, unit, _Part(told, place, len(asking.units)))
        return
    work = _undisturbed if options.get("backend") == "loky" else run_unit
    tasks = (joblib.delayed(work)(place, unit) for place, unit in asking)
    yield from joblib.Parallel(batch_size=1, pre_dispatch="n_jobs", **options)(tasks)


@contextmanager
def _backend(asked: Sweep) -> Iterator[dict[str, Any]]:
    """Options of joblib inside of which its runs go where they were asked to go."""
    kind, _, address = asked.backend.partition("=")
    if kind not in BACKENDS or (address and kind != "dask"):
        known = "processes, dask, dask=tcp://HOST:8786 or ray"
        raise InputError(f"--on {asked.backend}: there is no such backend; write {known}")
    n_jobs = joblib.cpu_count() if asked.processes is None else asked.processes
    if kind == "processes":
        options = {"n_jobs": n_jobs, "backend": "loky", "return_as": "generator_unordered"}
        yield options if n_jobs > 1 else {"n_jobs": 1}
        return
    with _cluster(kind, address, asked.processes), joblib.parallel_config(backend=kind):
        cluster = {"n_jobs": -1 if asked.processes is None else asked.processes}
        yield cluster | ({"return_as": "generator_unordered"} if kind == "dask" else {})


def _cluster(kind: str, address: str, processes: int | None) -> AbstractContextManager[Any]:
    """A connection to the user's cluster, or a local one for the time of the sweep."""
    module = {"dask": "distributed", "ray": "ray"}[kind]
    if find_spec(module) is None:
        raise InputError(
            f"--on {kind} needs {module}; install it, for example pip install {module}"
        )
    if kind == "dask":
        client = import_module(module).Client
        local = {"n_workers": processes, "threads_per_worker": 1, "dashboard_address": None}
        found: AbstractContextManager[Any] = client(address) if address else client(**local)
        return found
    import_module("ray.util.joblib").register_ray()
    return nullcontext()
