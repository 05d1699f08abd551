"""What a client verb takes, from the shell's point of view. Goal: every one ≤ 0.4 s."""

from __future__ import annotations

from typing import Any

from benchmarks.live import arkwright, live_server

VERB_S_GOAL = 0.4
REPEATS = 5
VERBS: dict[str, tuple[str, ...]] = {
    "help": ("--help",),
    "submit": ("submit", "--project", "lab", "--name", "short", "--", "true"),
    "ps": ("ps", "--all"),
    "why": ("why", "long"),
    "logs": ("logs", "short"),
    "nodes": ("nodes",),
    "events": ("events", "long"),
    "cost": ("cost", "short"),
    "exec": ("exec", "long", "--", "true"),
    "release": ("release", "waiting"),
    "cancel": ("cancel", "waiting"),
}


def run() -> dict[str, Any]:
    """Best and median wall seconds of every verb over `REPEATS` runs."""
    figures: dict[str, Any] = {}
    with live_server() as server:

        def verb(*words: str) -> float:
            return arkwright(server.folder, server.environment, *words)

        verb("submit", "--project", "lab", "--name", "long", "--", "sleep", "600")
        verb("submit", "--project", "lab", "--name", "short", "--wait", "--", "true")
        with server.client() as client:
            while client.job("long")["state"] != "running":
                pass
        for name, words in VERBS.items():
            times = []
            for _ in range(REPEATS):
                if name in ("release", "cancel"):
                    verb("submit", "--project", "lab", "--name", "waiting", "--held", "--", "true")
                times.append(verb(*words))
                if name == "submit":
                    with server.client() as client:
                        client.wait("short", timeout_s=60)
            times.sort()
            figures[f"{name}_s"] = round(times[REPEATS // 2], 3)
    figures["slowest_s"] = max(value for value in figures.values())
    figures["goal_reached"] = figures["slowest_s"] <= VERB_S_GOAL
    return figures
