"""Nodes whose state is kept by their engine: what operators say here goes there, what is said there
is recorded here.

The engine is the one place where such a state is kept, for its own admins change it too. An order
of ours is told until the engine took it, and until then what the engine says of that node is old.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from arkwright.control.store import NewEvent
from arkwright.engines.port import Engine, NodeCondition
from arkwright.errors import EngineError
from arkwright.jobs.events import Event, EventKind

LOG = logging.getLogger("arkwright.control")
LOOK_MS = 2000
"""How often engines are asked for their nodes."""
BACK = "in service again"


class States(Protocol):
    """The states as they are recorded; `fleet.Fleet` has this shape."""

    def node_state(self, path: str) -> str: ...  # noqa: D102


class NodeStates:
    """Between the log and the engines that keep node states (`set_node` among their verbs)."""

    def __init__(
        self, engines: Mapping[str, Engine], known: frozenset[str], past: Iterable[Event]
    ) -> None:
        """`known` has the paths of all nodes of the factory, `past` what the log says of nodes."""
        self._engines = {site: engine for site, engine in engines.items() if _keeps(engine)}
        self._known = known
        self._orders: dict[str, tuple[str, str]] = {}
        """By path, state and reason that an engine is still to be told."""
        self._seen: dict[str, tuple[NodeCondition, ...]] = {}
        """By site, the answer that was followed last: the same object is the same answer."""
        self._faults: dict[str, str] = {}
        self._next_ms = 0
        self._tell_ms = 0
        for event in past:
            self.follow(event)
        # An operator's drain is told again, in case it was not: a node that is up here may have
        # been drained there meanwhile, and is not resumed for that.
        self._orders = {path: told for path, told in self._orders.items() if told[0] != "up"}

    def follow(self, event: Event) -> None:
        """An event of the log: what a person said of a node is told to its engine."""
        if event.kind is not EventKind.NODE_STATE_CHANGED:
            return
        site = event.subject.partition("/")[0]
        if site in self._engines:
            self._seen.pop(site, None)
            if event.actor.startswith("engine:"):
                self._orders.pop(event.subject, None)
            else:
                self._orders[event.subject] = (event.after["state"], event.cause)

    def tell(self) -> None:
        """Pass on what is not told yet; what cannot be now is tried again."""
        for path, (state, reason) in list(self._orders.items()):
            try:
                self._engines[path.partition("/")[0]].set_node(path, state, reason)
            except EngineError as error:
                LOG.warning("node %s cannot be set to %s: %s", path, state, error)
                continue
            del self._orders[path]

    def fault(self, site: str) -> str:
        """Why the engine of a site could not say how its nodes are when it was asked last; empty
        where it could."""
        return self._faults.get(site, "")

    def hurry(self) -> None:
        """Look in this round: an end just told of a node that somebody took."""
        self._next_ms = 0

    def look(self, states: States, now_ms: int) -> list[NewEvent]:
        """What the engines say that is not recorded yet."""
        if self._orders and now_ms >= self._tell_ms:
            self.tell()
            self._tell_ms = now_ms + LOOK_MS if self._orders else 0
        if now_ms < self._next_ms or not self._engines:
            return []
        self._next_ms = now_ms + LOOK_MS
        new: list[NewEvent] = []
        for site, engine in self._engines.items():
            try:
                found = engine.nodes()
            except EngineError as error:
                self._complain(site, str(error))
                continue
            self._complain(site, "")
            if found is not self._seen.get(site):
                self._seen[site] = found
                new += self._news(site, found, states)
        return new

    def _news(self, site: str, found: tuple[NodeCondition, ...], states: States) -> list[NewEvent]:
        return [
            NewEvent(
                EventKind.NODE_STATE_CHANGED,
                each.path,
                f"engine:{site}",
                each.reason or BACK,
                {"state": before},
                {"state": each.state},
            )
            for each in found
            if each.path in self._known
            and each.path not in self._orders
            and (before := states.node_state(each.path)) != each.state
        ]

    def _complain(self, site: str, fault: str) -> None:
        """Once for each time that an engine stops telling."""
        if fault and not self._faults.get(site):
            LOG.warning("nodes of site %s are not known: %s", site, fault)
        self._faults[site] = fault


def _keeps(engine: Engine) -> bool:
    """Whether node states are kept there; one that does not answer at the start is not asked."""
    try:
        return "set_node" in engine.capabilities().verbs
    except EngineError:
        return False
