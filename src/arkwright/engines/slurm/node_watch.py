"""The nodes of a cluster, watched: what Slurm says of them, and what it is to be told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from arkwright.engines.port import NodeCondition
from arkwright.engines.slurm import cluster, states
from arkwright.engines.slurm.entries import Entries, KnownNodes
from arkwright.engines.slurm.pace import Pace
from arkwright.engines.slurm.records import Refused, SlurmNode, Transport
from arkwright.engines.slurm.settings import Settings
from arkwright.errors import EngineError

LOG = logging.getLogger("arkwright.engines.slurm")
Held = Callable[[], Mapping[str, tuple[int, bool]]]
MARK = "arkwright"
"""Begins every reason and comment that is ours."""
RETRY_MS = 2_000
CPU_SHARE = 0.25


class NodeWatch:
    """Reads and sets nodes. Slurm is the one place where a node's state is kept; an order of ours
    is shown as if carried out until it is."""

    def __init__(
        self,
        site: str,
        settings: Settings,
        transport: Transport,
        files: Entries,
        place: cluster.Places,
        clock: Callable[[], int],
    ) -> None:
        self._site = site
        self._settings = settings
        self._transport = transport
        self._files = files
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._pace = Pace(settings.poll_s * 2, CPU_SHARE)
        self._orders: dict[str, NodeCondition] = {}
        self._conditions: tuple[NodeCondition, ...] = ()
        self._retry_ms = 0
        known = files.load_nodes()
        self.paths = dict(known.paths)
        """By name, kept for ever once given."""
        self.names = {path: name for name, path in self.paths.items()}
        """The other way round."""
        self.nodes: Mapping[str, SlurmNode] = {node.name: node for node in known.nodes}
        self.fault = "it has not been asked yet"
        """Why the last look failed; empty when it did not."""
        self.failures = 0
        """Looks in a row that failed."""
        self.asked_ms = 0
        """When the last look that succeeded began."""

    def work(self, held: Held) -> None:
        """Carry out orders, and look when it is time. `held` gives what our jobs hold, as
        `cluster.conditions` takes it."""
        self._carry_out(held)
        if self._pace.is_due():
            self.look(held)

    def look(self, held: Held) -> None:
        """Learn the nodes as they are now; `fault` says when that fails."""
        asked_ms = self._clock()
        before = held()
        with self._pace:
            try:
                nodes = self._transport.nodes()
            except EngineError as error:
                if not self.fault:
                    LOG.warning("site %s: %s", self._site, error)
                self.fault = str(error)
                self.failures += 1
                return
        with self._lock:
            self.fault, self.failures, self.asked_ms = "", 0, asked_ms
            if nodes is None:
                return
            # What began or ended while Slurm made the list may be in it or not: take all as ours.
            now = {name: max(held, before.get(name, held)) for name, held in held().items()}
            ours = {**before, **now}
            mine = [node for node in nodes if cluster.belongs(node, self._settings.partition)]
            paths = cluster.paths(self._site, mine, self.paths, self._place)
            is_new = paths != self.paths
            self.paths, self.nodes = paths, {node.name: node for node in mine}
            self._conditions = cluster.conditions(
                mine, paths, ours, in_reservation=self._settings.reservation is not None
            )
            if is_new:
                self.names = {path: name for name, path in paths.items()}
                self._files.save_nodes(KnownNodes(tuple(mine), paths))

    def order(self, path: str, state: str, reason: str) -> None:
        """Have a node drained or resumed. Raises EngineError when there is no such node."""
        name = path.rpartition("/")[2]
        if self.paths.get(name) != path or name not in self.nodes:
            raise EngineError(f"there is no node {path} on this cluster")
        with self._lock:
            self._orders[name] = NodeCondition(path=path, state=state, reason=reason)

    def conditions(self) -> tuple[NodeCondition, ...]:
        """Every node's state; the same object until something is new."""
        with self._lock:
            if self._orders:
                ordered = {each.path: each for each in self._orders.values()}
                return tuple(ordered.get(each.path, each) for each in self._conditions)
            return self._conditions

    def is_lost(self, name: str) -> bool:
        """Whether what ran on a node is gone."""
        node = self.nodes.get(name)
        return node is None or states.is_lost(node)

    def _carry_out(self, held: Held) -> None:
        """What Slurm refuses is said, and not asked again."""
        if not self._orders or self._clock() < self._retry_ms:
            return
        for name, order in list(self._orders.items()):
            is_up = order.state == "up"
            why = "" if is_up else f"{MARK}: {order.reason}"
            try:
                self._transport.set_node(name, "RESUME" if is_up else "DRAIN", why)
            except Refused as error:
                LOG.error("node %s is not set in Slurm: %s", name, error)
            except EngineError as error:
                LOG.warning("node %s is not set in Slurm yet: %s", name, error)
                self._retry_ms = self._clock() + RETRY_MS
                return
            with self._lock:
                if self._orders.get(name) is order:
                    del self._orders[name]
        self.look(held)
