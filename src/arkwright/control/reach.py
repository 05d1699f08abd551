"""Which sites answer: one that does not takes nothing new, and what runs there goes on.

An engine that raises EngineError when it is observed, or EngineUnreachable whatever it is told, is
out of reach. The log says so (`site_unreachable`), the fleet masks the site's nodes, and the engine
is asked again after a pause that grows to `PAUSE_MS_MAX`. Its jobs keep the state that was seen
last; orders that were not given, or of which nobody knows whether they were carried out, are given
again when it answers: launches and stops are idempotent by attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from arkwright.control.store import NewEvent
from arkwright.jobs.events import EventKind

PAUSE_MS_MIN: Final = 1_000
PAUSE_MS_MAX: Final = 30_000
IDLE_MS: Final = 5_000
"""A site without jobs is asked this often whether it is there."""


class Reach:
    """What the loop knows of the way to its engines. `lost` of the log is the fleet's to keep."""

    def __init__(self, lost: Iterable[str]) -> None:
        self._ask_ms: dict[str, int] = {}
        self._pause_ms = dict.fromkeys(lost, PAUSE_MS_MIN)

    def is_lost(self, site: str) -> bool:
        """Whether the site is out of reach."""
        return site in self._pause_ms

    def is_due(self, site: str, now_ms: int, *, has_jobs: bool) -> bool:
        """Whether its engine is to be asked now."""
        ask_ms = self._ask_ms.get(site, now_ms)
        # A clock that was set back must not keep a site out of reach.
        is_time = now_ms >= ask_ms or ask_ms - now_ms > PAUSE_MS_MAX
        return is_time or (has_jobs and not self.is_lost(site))

    def answered(self, site: str, now_ms: int, since: Mapping[str, int]) -> list[NewEvent]:
        """Its engine answered; `since` has the sites that the log says are out of reach."""
        self._pause_ms.pop(site, None)
        self._ask_ms[site] = now_ms + IDLE_MS
        if site not in since:
            return []
        away_s = max(0, now_ms - since[site]) // 1000
        cause = f"it answers again, after {away_s} s"
        return [_changed(EventKind.SITE_REACHABLE, site, cause, is_reachable=True)]

    def failed(
        self, site: str, now_ms: int, error: Exception, since: Mapping[str, int]
    ) -> list[NewEvent]:
        """Its engine did not answer."""
        pause_ms = self._pause_ms.get(site, PAUSE_MS_MIN)
        self._ask_ms[site] = now_ms + pause_ms
        self._pause_ms[site] = min(2 * pause_ms, PAUSE_MS_MAX)
        if site in since:
            return []
        return [_changed(EventKind.SITE_UNREACHABLE, site, str(error), is_reachable=False)]


def _changed(kind: EventKind, site: str, cause: str, *, is_reachable: bool) -> NewEvent:
    before, after = {"is_reachable": not is_reachable}, {"is_reachable": is_reachable}
    return NewEvent(kind, site, f"engine:{site}", cause, before, after)
