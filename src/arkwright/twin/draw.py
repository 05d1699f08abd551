"""What nodes draw at their inlet: with no job, out of service, and with work of a kind.

Measured draw where the catalogue has it, the makers' typical and idle figures else; never the
nameplate. The share of a rack's switches and shelves is in it, and so are the losses of the power
supplies inside the racks. Nothing virtual is given watts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arkwright import catalog
from arkwright.catalog import System, plant
from arkwright.design import inventory_nodes
from arkwright.errors import InternalError
from arkwright.factory import Factory
from arkwright.twin.record import Places
from arkwright.units import W_PER_KW

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TRAINING = frozenset({"training", "train", "pretrain", "pretraining", "sft", "fine-tuning"})
_SERVING = frozenset({"inference", "serving", "service"})
"""Words of traces for kinds of work whose draw is known; others count as training, and are said."""


class Draws(NamedTuple):
    """Watts. NaN where nobody knows: that site's power is not modelled then."""

    node_idle_w: Floats
    """[n_nodes]: in service, with no job."""
    node_out_w: Floats
    """[n_nodes]: out of service."""
    busy_w_per_gpu: Floats
    """[n_systems, n_kinds]: of a node with every GPU held, over its GPUs."""
    node_system: Ints
    """[n_nodes]: row of `busy_w_per_gpu`."""
    job_kind: Ints
    """[n_jobs]: column of `busy_w_per_gpu`."""
    job_w_per_gpu: Floats
    """[n_jobs], or [0]: a job's own figure, in place of its kind's; NaN where it has none."""
    notes: tuple[str, ...] = ()
    """Where the figures come from, as sentences."""


class NodeDraw(NamedTuple):
    """One node of a system [W]."""

    idle_w: float
    training_w: float
    inference_w: float
    source: str

    def at(self, kind: str) -> float:
        """Watts of the whole node at a kind of work, as a trace names it."""
        return self.inference_w if kind.lower() in _SERVING else self.training_w


def draws(
    places: Places,
    systems: Sequence[str | None],
    kinds: Sequence[str],
    job_kind: Ints,
    job_w_per_gpu: Floats | None = None,
) -> Draws:
    """The draw of every node and job.

    `systems`: of every hall, as `systems_of` has them; None for what is virtual or unknown. A node
    without GPUs draws nothing here. `kinds` names the codes of `job_kind` [n_jobs]; code -1 is
    not told, and training. `job_w_per_gpu` [n_jobs]: a job's own watts per GPU at the node's inlet,
    NaN where it has none. Raises InternalError for columns that do not fit.
    """
    if len(systems) != len(places.halls):
        raise InternalError(f"{len(systems)} systems for {len(places.halls)} halls")
    if job_w_per_gpu is not None and len(job_w_per_gpu) != len(job_kind):
        raise InternalError(f"{len(job_w_per_gpu)} watts for {len(job_kind)} jobs")
    known = list(dict.fromkeys(systems))
    rows = [_rows(name, kinds) for name in known]
    node_system = np.array([known.index(name) for name in systems], dtype=np.int64)[places.hall]
    idle: Floats = np.array([row.idle for row in rows])[node_system] * places.gpus
    return Draws(
        node_idle_w=idle,
        node_out_w=np.asarray(idle * plant.figure("node_out_share")),
        busy_w_per_gpu=np.array([row.busy for row in rows]),
        node_system=node_system,
        job_kind=np.where(job_kind < 0, len(kinds), job_kind),
        job_w_per_gpu=np.zeros(0) if job_w_per_gpu is None else job_w_per_gpu,
        notes=(*(row.note for row in rows), *_taken_for_training(kinds)),
    )


def systems_of(places: Places, factory: Factory | None = None) -> tuple[str | None, ...]:
    """The catalogue's system of every hall.

    A hall on paper says its own. Where an engine found the nodes it is the system with such GPUs
    that draws least, as the scheduler reckons it, and None where the GPUs are virtual or unknown.
    """
    on_paper = {
        f"{site}/{name}": hall.system
        for site, place in (factory.sites.items() if factory is not None else ())
        for name, hall in place.halls.items()
    }
    if factory is not None:
        on_paper |= _of_inventories(factory)
    first = np.full(len(places.halls), -1, dtype=np.int64)
    with_gpus = np.flatnonzero(places.gpus > 0)[::-1]
    first[places.hall[with_gpus]] = places.gpu_type[with_gpus]
    return tuple(
        on_paper[hall]
        if hall in on_paper
        else _with_gpu(places.gpu_types[code] if code >= 0 else "")
        for hall, code in zip(places.halls, first.tolist(), strict=True)
    )


def _of_inventories(factory: Factory) -> dict[str, str]:
    """The one system that the nodes of a hall are said to be, by hall."""
    found: dict[str, set[str]] = {}
    for node in inventory_nodes(factory):
        if node.gpus:
            found.setdefault(node.path.rsplit("/", 2)[0], set()).add(node.system)
    return {hall: names.pop() for hall, names in found.items() if len(names) == 1 and names != {""}}


def node_draw(name: str) -> NodeDraw:
    """What a node of the system called `name` draws; InputError for an unknown system."""
    system = catalog.system(name)
    row = plant.work_power().get(name)
    if row is None:
        idle_kw, training_kw, source = _of_maker(system)
    else:
        idle_kw, training_kw, source = row.idle_kw, row.training_kw, row.provenance
    share = plant.figure("inference_share")
    serving = row.inference_kw if row is not None else None
    serving_kw = idle_kw + share * (training_kw - idle_kw) if serving is None else serving
    return NodeDraw(idle_kw * W_PER_KW, training_kw * W_PER_KW, serving_kw * W_PER_KW, source)


class _Rows(NamedTuple):
    """A system's rows of the tables, per GPU."""

    idle: float
    busy: list[float]
    note: str


def _rows(name: str | None, kinds: Sequence[str]) -> _Rows:
    if name is None:
        note = "Virtual or unknown GPUs are given no watts: their power is not modelled."
        return _Rows(np.nan, [np.nan] * (len(kinds) + 1), note)
    system, draw = catalog.system(name), node_draw(name)
    gpus = system.gpus_per_node
    note = (
        f"A node of {system.title} draws {draw.idle_w:,.0f} W idle, {draw.training_w:,.0f} W "
        f"training and {draw.inference_w:,.0f} W serving: {draw.source}."
    )
    busy = [draw.at(kind) / gpus for kind in (*kinds, "training")]
    return _Rows(draw.idle_w / gpus, busy, note)


def _of_maker(system: System) -> tuple[float, float, str]:
    """Idle and typical draw of a node as the design reckons them."""
    share, least = plant.figure("rack_typical_fraction"), plant.figure("rack_idle_fraction")
    typical, idle = system.rack_power_kw_typical, system.node_power_kw_idle
    training_kw = (
        system.node_power_kw_max * share if typical is None else typical / system.nodes_per_rack
    )
    idle_kw = system.node_power_kw_max * least if idle is None else idle
    told = [
        f"training is {share:g} of its maximum, an estimate"
        if typical is None
        else "training is the typical draw of its rack",
        f"idle is {least:g} of its maximum" if idle is None else "idle is its least draw",
    ]
    return idle_kw, training_kw, f"not measured; {', '.join(told)}; {system.provenance}"


def _with_gpu(gpu_type: str) -> str | None:
    fitting = [row for row in catalog.systems().values() if row.gpu == gpu_type]
    return min(fitting, key=lambda row: row.gpu_power_w_max).name if fitting else None


def _taken_for_training(kinds: Sequence[str]) -> tuple[str, ...]:
    others = sorted(kind for kind in kinds if kind.lower() not in _TRAINING | _SERVING)
    if not others:
        return ()
    return (f"What training draws stands for work of other kinds: {', '.join(others)}.",)
