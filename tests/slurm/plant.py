"""Arkwright's control plane over a test cluster, and whether the two tell the same story.

Jobs leave a line in `ledger` when they start and when they end, so that a test knows what ran,
whatever either side says of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path

from arkwright.control.api import Api
from arkwright.control.factory_server import open_factory
from arkwright.factory import loads
from arkwright.home import Paths
from control.asgi import call
from slurm.lab import USERS

WAIT_S = 60.0
ATTEMPT = re.compile(r"[0-9a-z]{10,}\.[0-9]+")
EVENTS_MAX = 1_000_000
LIVE = {"PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "STOPPED", "SIGNALING"}
PLACED = {"starting", "running", "stopping"}
OVER = {"succeeded", "failed", "cancelled"}


class Plant:
    """One server over one lab; `stop` and `start` it as often as wanted, on the same files."""

    def __init__(self, lab, folder, url=None, has_rest=True, sites=None, **engine):
        """`sites` are others beside `lab`, by name the `engine:` of each."""
        self.lab, self.folder = lab, Path(folder)
        self.ledger = lab.shared / "ledger"
        self.ledger.touch()
        self.ledger.chmod(0o666)
        self.sections = {"lab": engine_section(lab, url or lab.url, has_rest) | engine}
        self.sections |= sites or {}
        self._runner = None
        self.start()

    # --- the server ----------------------------------------------------------------------------

    def start(self):
        """A new server on the store that is there."""
        factory = {
            "factory": "plant",
            "sites": {
                name: {"country": "NO", "engine": section}
                for name, section in self.sections.items()
            },
            "organisations": {"org": {}},
        }
        self._runner = asyncio.Runner()
        paths = Paths(self.folder, "plant").make()
        self.server = open_factory(loads(json.dumps(factory).encode()), paths)
        self._application = Api(self.server).application()
        if paths.owner_token.exists():
            self._token = paths.owner_token.read_text().strip()
        self._run(self._begin())

    async def _begin(self):
        self.server.start()

    def stop(self):
        """Let go; jobs run on."""
        if self._runner is None:
            return
        self.server.stop()
        for name, section in self.sections.items():
            if section["kind"] == "slurm":
                self.server.engines[name].close()
        self._runner.close()
        self._runner = None

    def _run(self, work):
        return self._runner.run(work)

    def ask(self, method, path, body=None, **query):
        """One request as the owner; returns the decoded answer."""
        status, answer = self._answer(method, path, body, **query)
        assert status < 400, (method, path, status, answer)
        return answer

    def _answer(self, method, path, body=None, **query):
        pieces = [b"" if body is None else json.dumps(body).encode()]
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._run(
            call(self._application, method, path, query=query, headers=headers, pieces=pieces)
        )
        return answer.status, answer.json

    # --- what users do -------------------------------------------------------------------------

    def submit(self, script="sleep 300", **fields):
        """A job that keeps the ledger around `script`; returns its id."""
        return self.ask("POST", "/v1/jobs", self._body(script, fields))["id"]

    def submit_many(self, count, script="sleep 300", **fields):
        """So many alike in one request; returns their ids."""
        items = [self._body(script, fields)] * count
        return [item["id"] for item in self.ask("POST", "/v1/jobs", {"items": items})["items"]]

    def _body(self, script, fields):
        text = (
            "#!/bin/sh\n"
            f'say() {{ [ "${{RANK:-0}}" != 0 ] || '
            f'echo "$ARKWRIGHT_ATTEMPT $1 $(hostname)" >> {self.ledger}; }}\n'
            f"say start\n{script}\nsay end\n"
        )
        return {"name": "job", "project": "org", "script": text, "starts": "batch"} | fields

    def cancel(self, job_id):
        """Cancel it, unless it is over by then."""
        status, answer = self._answer("POST", f"/v1/jobs/{job_id}/cancel")
        assert status < 400 or (status == 409 and "is over" in answer["detail"]), answer

    def cancel_all(self, limit_s=WAIT_S):
        """Cancel whatever is not over, and wait until nothing is left."""
        for job_id, state in self.states().items():
            if state not in OVER:
                self.cancel(job_id)
        self.until(lambda: set(self.states().values()) <= OVER, limit_s)

    # --- what is seen --------------------------------------------------------------------------

    def job(self, job_id):
        return self.ask("GET", f"/v1/jobs/{job_id}")

    def why(self, job_id):
        """The code of what it waits for."""
        return self.ask("GET", f"/v1/jobs/{job_id}/why")["reason"]["code"]

    def out_of_reach(self):
        """Sites that the log says do not answer."""
        answers = {}
        for event in self.server.store.read().events(limit=EVENTS_MAX):
            if event.kind.value in ("site_unreachable", "site_reachable"):
                answers[event.subject] = event.after["is_reachable"]
        return [site for site, is_reachable in answers.items() if not is_reachable]

    def slurm_job(self, job_id):
        """Number and state of the newest job of Slurm's that runs it."""
        found = [(int(number), state) for number, attempt, state, _ in self.squeue()
                 if attempt.startswith(f"{job_id}.")]  # fmt: skip
        return max(found, default=(0, ""))

    def hosts(self, job_id):
        """Names of the nodes of its newest attempt."""
        started = [event for event in self.events()
                   if event["job"] == job_id and event["kind"] == "job_started"]  # fmt: skip
        return [path.rpartition("/")[2] for path in started[-1]["nodes"]] if started else []

    def attempts(self, job_id):
        """How many there were."""
        return max(event["attempt"] for event in self.events() if event["job"] == job_id)

    def states(self):
        """State by job, of every job there ever was."""
        return {event["job"]: event["state"] for event in self.events()}

    def counts(self):
        return Counter(self.states().values())

    def events(self):
        """Every change of a job's state: job, attempt (0 before the first), state before, after."""
        found = []
        for event in self.server.store.read().events(limit=EVENTS_MAX):
            job_id, _, attempt = event.subject.partition(".")
            if event.kind.value.startswith("job_") and "state" in event.after:
                found.append(
                    {
                        "job": job_id,
                        "attempt": int(attempt or 0),
                        "before": event.before.get("state"),
                        "state": event.after["state"],
                        "kind": event.kind.value,
                        "cause": event.cause,
                        "nodes": event.after.get("nodes"),
                        "ended_ms": event.after.get("ended_ms"),
                    }
                )
        return found

    def nodes(self):
        """State by node name."""
        items = self.ask("GET", "/v1/nodes")["items"]
        return {item["path"].rpartition("/")[2]: item["state"] for item in items}

    def squeue(self, lab=None):
        """Slurm's own list: number, attempt, state, nodes."""
        printed = (lab or self.lab).run("squeue", "-h", "-a", "-t", "all", "-o", "%i|%j|%T|%N")
        return [line.split("|") for line in printed.splitlines()]

    def live(self, lab=None):
        """Attempts that Slurm has now; direct jobs have names of another form."""
        return [name for _, name, state, _ in self.squeue(lab)
                if state in LIVE and ATTEMPT.fullmatch(name)]  # fmt: skip

    def told(self):
        """The ledger: attempt, `start` or `end`, host."""
        return [line.split() for line in self.ledger.read_text().splitlines()]

    def until(self, reached, limit_s=WAIT_S):
        deadline = time.monotonic() + limit_s
        while True:
            began = time.monotonic()
            if reached():
                return
            if began > deadline:
                raise TimeoutError(
                    f"not after {limit_s} s: {self.counts()}; Slurm has {self.squeue()[:20]};"
                    f" {[event for event in self.events() if event['cause']][-8:]}"
                )
            # Looking must not take the machine from what is looked at.
            self._run(asyncio.sleep(max(0.05, 3 * (time.monotonic() - began))))

    def until_state(self, job_id, *states, limit_s=WAIT_S):
        self.until(lambda: self.states()[job_id] in states, limit_s)
        return self.states()[job_id]

    # --- the promises --------------------------------------------------------------------------

    def check(self, limit_s=20.0):
        """The promises of the live system hold, and store and Slurm agree before long."""
        self._check_events()
        self.check_starts()
        self.until(lambda: not self.disagreements(), limit_s)
        self.check_starts()

    def disagreements(self):
        """What the store and Slurm tell differently, in words."""
        placed = {}
        for event in self.events():
            if event["state"] in PLACED:
                placed[event["job"]] = f"{event['job']}.{event['attempt']}"
            else:
                placed.pop(event["job"], None)
        wanted, found = Counter(placed.values()), Counter(self.live())
        return [f"{name}: store {wanted[name]}, Slurm {found[name]}"
                for name in wanted | found if wanted[name] != found[name]]  # fmt: skip

    def _check_events(self):
        """Every change follows from the one before it; an attempt is followed by one only after
        its end."""
        last, attempts = {}, defaultdict(int)
        for event in self.events():
            job = event["job"]
            assert event["before"] in (None, last.get(job)), event
            if event["kind"] == "job_started":
                assert last[job] not in PLACED, f"{job} is placed and started again"
                assert event["attempt"] == attempts[job] + 1, event
                attempts[job] = event["attempt"]
            last[job] = event["state"]

    def check_starts(self):
        """Nothing ran twice, and nothing ran that the store does not know."""
        starts = Counter(attempt for attempt, what, _ in self.told() if what == "start")
        assert all(many == 1 for many in starts.values()), starts
        known = {f"{event['job']}.{event['attempt']}" for event in self.events()}
        assert set(starts) <= known, set(starts) - known
        jobs = Counter(attempt.rpartition(".")[0] for attempt in self.live())
        assert all(many == 1 for many in jobs.values()), f"two live attempts: {jobs}"


def engine_section(lab, url=None, has_rest=True):
    """`engine:` of a site of the factory file, its output directory in the lab's shared folder."""
    output = lab.shared / "out"
    output.mkdir(exist_ok=True)
    for user in lab.users:  # who has an account on the cluster may have none here
        home = output / user
        if not home.exists():
            home.mkdir()
            home.chmod(0o2770)
            os.chown(home, USERS[user], 0)
    token = lab.command("scontrol", "token", "username={user}", "lifespan=3600")
    rest = {"url": url or lab.url, "token_command": token} if has_rest else {}
    return {
        "kind": "slurm",
        **rest,
        "cli": True,
        "command_prefix": lab.prefix,
        "operator": "root",
        "users": {"owner": "alice", "bert": "bob"},
        "output_dir": str(output),
        "poll": "0.5 s",
    }


@contextmanager
def plant(lab, folder, **how):
    """A plant that leaves nothing in the lab's queue."""
    made = Plant(lab, folder, **how)
    try:
        yield made
    finally:
        if len(made.sections) > 1:  # what runs on this machine is in no lab that ends
            with suppress(TimeoutError):
                made.cancel_all()
        made.stop()
        for user in lab.users:
            lab.run("scancel", f"--user={user}", check=False)
        made.ledger.unlink()
