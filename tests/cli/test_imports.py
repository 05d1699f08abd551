"""Verbs that ask the server start quickly, because they import nothing that is heavy."""

from __future__ import annotations

import os
import subprocess
import sys

from cli.fake_api import FACTORY, job, log, over
from cli.test_ask import answer, moves

HEAVY = ("alembic", "highspy", "numba", "numpy", "pyarrow", "rich",
         "joblib", "sqlalchemy", "starlette", "uvicorn", "yaml")  # fmt: skip
PROGRAM = f"""
import json, sys
from arkwright.cli import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    assert code == 0, (words, code)
print("heavy:", [name for name in {HEAVY!r} if name in sys.modules])
"""


def test_no_client_verb_imports_anything_heavy(api):
    verbs = scripted(api)
    assert heavy_after(verbs, {"ARKWRIGHT_URL": api.url, "ARKWRIGHT_TOKEN": "t"}) == "heavy: []"


def test_help_imports_nothing_heavy_either():
    assert heavy_after([["--help"], ["submit", "--help"], ["--version"]]) == "heavy: []"


def test_the_test_above_would_see_a_heavy_import():
    assert heavy_after([["check", "--schema"]]) == "heavy: ['yaml']"


def heavy_after(verbs, environ=None):
    import json

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(verbs)],
        env=os.environ | (environ or {}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def scripted(api):
    """Every verb that asks the server, and what the server says."""
    many = {"items": [], "next_cursor": None}
    reason = {"code": "held", "message": "it is held", "change": "release it"}
    api.say("POST", "/v1/jobs", over())
    api.say("GET", "/v1/jobs", many | {"items": [job(number=7)]})
    api.say("GET", f"/v1/jobs/{job()['id']}", over())
    api.say("GET", "/v1/jobs/train", over())
    api.say("GET", "/v1/jobs/train/why", {"job_id": "1", "state": "held", "reason": reason})
    api.say("GET", "/v1/jobs/train/when", answer())
    api.say("POST", "/v1/whatif", moves())
    api.say("GET", "/v1/jobs/train/logs", log("x"))
    api.say("GET", "/v1/jobs/train/cost", RECEIPT)
    api.say("POST", "/v1/jobs/train/exec", {"exit_code": 0, "output": ""})
    for verb in ("cancel", "hold", "release"):
        api.say("POST", f"/v1/jobs/train/{verb}", job())
    api.say("GET", "/v1/factory", FACTORY)
    api.say("GET", "/v1/nodes", many)
    api.say("POST", "/v1/nodes/n/drain", {"path": "n", "state": "draining"})
    api.say("GET", "/v1/events", many)
    api.say("POST", "/v1/users", {"token": "t"})
    return [
        ["submit", "--wait", "--nodes", "2", "--", "true"],
        ["exec", "train", "--", "ls"],
        ["ps"],
        ["why", "train"],
        ["when", "train"],
        ["whatif", "train", "--nodes", "2"],
        ["logs", "train"],
        *([verb, "train"] for verb in ("cancel", "hold", "release", "cost", "events")),
        ["nodes"],
        ["nodes", "drain", "n"],
        ["admin", "user", "add", "ada", "--project", "lab"],
        ["completion", "zsh"],
        ["ps", "--json"],
        ["slurm", "squeue"],
        ["slurm", "sinfo"],
        ["slurm", "scancel", "train"],
    ]


RECEIPT = {
    "job_id": "1",
    "name": "train",
    "project": "lab",
    "user": "ada",
    "state": "succeeded",
    "is_final": True,
    "is_virtual": True,
    "lines": [],
    "attempts": [],
}
