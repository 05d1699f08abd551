"""One running factory, put together: store, engines, fleet, controller, loop.

`open_factory` is the composition root of the live system. What it builds is handed to the API.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from sqlalchemy import select

from arkwright import __version__, catalog
from arkwright.control.clock import system_clock, system_entropy
from arkwright.control.controller import Controller
from arkwright.control.file_change import refuse_lost_ground
from arkwright.control.foresight import Foresight
from arkwright.control.job_views import array_job
from arkwright.control.loop import Loop
from arkwright.control.naming import first_task
from arkwright.control.resources import FactoryResource, SiteResource
from arkwright.control.store import NewEvent, Store, open_store
from arkwright.control.tables import META, NODES, USERS
from arkwright.control.users import OWNER, new_user, write_token
from arkwright.design import engine_nodes, power_limits
from arkwright.engines.opening import open_engine
from arkwright.engines.port import Capabilities, Engine, NodeFacts
from arkwright.errors import EngineError, InputError
from arkwright.factory import Factory, dump, energy_at, pue_at
from arkwright.factory.spec import Engine as EngineSection
from arkwright.factory.weather import Weather
from arkwright.fleet import Fleet, Runner, assemble, in_process
from arkwright.home import Paths, write_whole
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.lifecycle import FINAL, State
from arkwright.ledger import Receipt, Tariff, receipt
from arkwright.sched import Kernels

LOG = logging.getLogger("arkwright.control")
EVENTS_PER_JOB_MAX = 1_000_000


class FactoryServer:
    """Everything the API needs of the running factory."""

    def __init__(
        self,
        factory: Factory,
        store: Store,
        fleet: Fleet,
        engines: Mapping[str, Engine],
        found: Mapping[str, Capabilities],
        paths: Paths,
    ) -> None:
        self.factory = factory
        self.store = store
        self.fleet = fleet
        self.engines = engines
        self.found = found
        self.paths = paths
        self.reader = store.read()
        self.is_stopping = False
        self.changed = asyncio.Event()
        self._asyncio_loop: asyncio.AbstractEventLoop | None = None
        controller = Controller(store, fleet, engines, system_clock, system_entropy)
        self.loop = Loop(controller, self._announce)
        self.deciding = controller.deciding
        self._kernels_folder = paths.root / "kernels"
        self.foresight = Foresight(len(fleet.nodes), self._kernels_folder)
        self.foresight.on_ready = self._load_kernels
        self.foresight.on_failure = self.deciding.failed

    def start(self) -> None:
        """Begin to reconcile. Called on the event loop that serves the API."""
        self._asyncio_loop = asyncio.get_running_loop()
        self.deciding.begin()
        self.loop.start()
        self.foresight.start()

    def stop(self) -> None:
        """Stop reconciling and close the store. Jobs go on; the next server adopts them."""
        self.is_stopping = True
        self.changed.set()
        self.loop.stop()
        self.foresight.stop()
        self.store.close()

    @property
    def run_explain(self) -> Runner:
        """Who works out why a job waits: a worker thread here, or compiled kernels next door."""
        return self.foresight.run if self.deciding.wants_compiled else in_process

    def receipt(self, job_id: str) -> Receipt:
        """What a job has used and cost so far."""
        return self._receipt(self.reader.events(job_id=job_id, limit=EVENTS_PER_JOB_MAX))

    def receipt_of_array(self, array_id: str) -> Receipt:
        """What all tasks of an array have used and cost so far."""
        array, _ = array_job(self.reader, array_id)
        first = self.reader.events(job_id=first_task(self.reader, array_id).id, limit=1)[0]
        found = self._receipt(self.reader.attempts_of_array(first, array_id))
        is_over = State(array.state) in FINAL
        return msgspec.structs.replace(found, job_id=array_id, state=array.state, is_final=is_over)

    def _receipt(self, events: list[Event]) -> Receipt:
        return receipt(
            events,
            now_ms=system_clock(),
            tariffs={site: tariff_of(self.factory, site) for site in self.engines},
            cpu=catalog.cpu_model(),
        )

    def describe(self) -> FactoryResource:
        """The factory for people and programs."""
        lost = self.store.read().lost_sites()
        return FactoryResource(
            name=self.factory.factory,
            server_version=__version__,
            pid=os.getpid(),
            epoch=self.store.epoch,
            sites=[_site(name, found, lost.get(name)) for name, found in self.found.items()],
            projects=list(self.fleet.project_paths),
            policy_sha256=self.fleet.policy_sha256,
            last_seq=self.store.last_seq,
            log_path=str(self.paths.store_db),
        )

    def _load_kernels(self) -> None:
        """They are compiled: let the loop decide by them. Called on a thread of foresight's."""

        def use(kernels: Kernels) -> None:
            self.loop.ask(lambda controller: controller.deciding.use(kernels))

        self.deciding.load(self._kernels_folder, use)

    def _announce(self) -> None:
        """The log grew: wake whoever watches. Called on the loop's thread."""
        if self._asyncio_loop is not None and not self._asyncio_loop.is_closed():
            self._asyncio_loop.call_soon_threadsafe(self._pulse)

    def _pulse(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


EngineOpener = Callable[[str, EngineSection, Path], Engine]
"""From a site's name, its `engine` section and a folder of its own to the engine."""


def open_factory(
    factory: Factory,
    paths: Paths,
    open_engine: EngineOpener = open_engine,
    weather: Mapping[str, Weather] | None = None,
) -> FactoryServer:
    """Open store and engines of `factory` and bring the log up to what the file now says.

    `weather` has the years of sites whose file names one: their power is designed under it.
    Raises StoreError, EngineError, or InputError when the file leaves out what a job holds.
    """
    store = open_store(paths.store_db)
    try:
        engines = {
            name: open_engine(name, site.engine, paths.engine / name)
            for name, site in factory.sites.items()
            if site.engine is not None
        }
        found = {name: found_at(store, name, engine) for name, engine in engines.items()}
        nodes = [node for facts in found.values() for node in engine_nodes(facts.nodes)]
        fleet = assemble(factory, nodes, power_limits(factory, weather=weather))
        refuse_lost_ground(store.read(), fleet, earlier=paths.factory_yaml)
        record_factory(store, factory, found)
        _first_owner(store, paths.owner_token)
        # Only now: a file that was refused must not replace the one that jobs still rely on.
        write_whole(paths.factory_yaml, dump(factory))
        return FactoryServer(factory, store, fleet, engines, found, paths)
    except BaseException:
        store.close()
        raise


def found_at(store: Store, site: str, engine: Engine) -> Capabilities:
    """What the engine finds; of one that does not answer, the nodes that are known of before.

    Raises EngineError where none are known: a site that was never there cannot be run.
    """
    try:
        return engine.capabilities()
    except EngineError as error:
        rows = store.read().rows(select(NODES.c.facts).order_by(NODES.c.path))
        known = [msgspec.convert(row.facts, NodeFacts) for row in rows]
        nodes = tuple(facts for facts in known if facts.path.partition("/")[0] == site)
        if not nodes:
            raise
        LOG.warning("site %s is out of reach, going on with its known nodes: %s", site, error)
        return Capabilities(
            engine="unreachable", nodes=nodes, verbs=(), energy="none", limits="not known now"
        )


def tariff_of(factory: Factory, site: str) -> Tariff:
    """What energy costs and emits at a site, each figure with its source."""
    terms, pue = energy_at(factory, site), pue_at(factory, site)
    is_local = factory.sites[site].engine is not None and not factory.sites[site].halls
    own_pue = None if is_local and pue.is_default else pue
    return Tariff(
        currency=terms.currency or "EUR",
        price_per_kwh=terms.price.value if terms.price else None,
        price_per_gpu_hour=None,
        carbon_g_per_kwh=terms.carbon.value if terms.carbon else None,
        pue=own_pue.value if own_pue else None,
        price_source=terms.price.source if terms.price else "",
        carbon_source=terms.carbon.source if terms.carbon else "",
        pue_source=own_pue.source if own_pue else "",
    )


def record_factory(store: Store, factory: Factory, found: Mapping[str, Capabilities]) -> None:
    """Record the file when it changed, and every node that is new or different."""
    reader = store.read()
    digest = hashlib.sha256(msgspec.json.encode(factory, order="deterministic")).hexdigest()
    meta = {row.key: row.value for row in reader.rows(select(META))}
    if meta.get("factory", factory.factory) != factory.factory:
        raise InputError(
            f"this store belongs to factory {meta['factory']}, not {factory.factory}; "
            "give the file its own --home"
        )
    new = []
    told = reader.events_of("factory_")
    # A log that was begun before it held the file is told it once more.
    if meta.get("factory_sha256") != digest or "file" not in told[-1].after:
        body = {"sha256": digest, "server_version": __version__, "file": dump(factory)}
        new.append(NewEvent(EventKind.FACTORY_LOADED, factory.factory, "server", "file", {}, body))
    rows = {row.path: row for row in reader.rows(select(NODES))}
    for capabilities in found.values():
        for node in capabilities.nodes:
            facts = msgspec.to_builtins(node)
            row = rows.get(node.path)
            if row is None or msgspec.convert(row.facts, NodeFacts) != node:
                state, reason = (row.state, row.reason) if row else ("up", "")
                body = {"state": state, "reason": reason, "facts": facts}
                new.append(NewEvent(EventKind.NODE_ADDED, node.path, "server", "found", {}, body))
    if new:
        store.append(new, system_clock())


def _first_owner(store: Store, path: Path) -> None:
    """Give the first owner a token. The file is written before the user is: a crash between the
    two leaves a token nobody has, and the next start writes another."""
    if store.read().first(select(USERS).where(USERS.c.role == OWNER)) is not None:
        return
    event, token = new_user("owner", OWNER, None, system_entropy, "server")
    write_token(path, token)
    store.append([event], system_clock())


def _site(name: str, found: Capabilities, lost_ms: int | None) -> SiteResource:
    return SiteResource(
        name=name,
        engine=found.engine,
        nodes=len(found.nodes),
        gpus=sum(node.gpus for node in found.nodes),
        is_virtual=any(node.is_virtual for node in found.nodes),
        energy=found.energy,
        limits=found.limits,
        unreachable_since_ms=lost_ms,
    )
