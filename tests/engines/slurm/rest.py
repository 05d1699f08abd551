"""A slurmrestd over `PretendSlurm`: two dialects, and faults on demand."""

from __future__ import annotations

import json
import socketserver
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from engines.slurm.pretend import Job, Node, PretendSlurm

Reply = tuple[int, dict[str, Any]]


class PretendRest:
    """Serves on loopback until closed. `dialect` is 38 or a data parser's number.

    `faults` are used up one by one, by requests whose path holds the word they stand with:
    `lost` does it and gives no answer, `broken` gives a 500 without words and does nothing,
    `late` does it and gives a 504, `refused` closes the door before the question, `unreachable`
    says in Slurm's words that the controller was not reached, `warned` does it and answers with an
    error beside the job's number, as for nodes that are away.
    """

    def __init__(self, slurm: PretendSlurm, dialect: int = 45) -> None:
        self.slurm = slurm
        self.dialect = dialect
        self.faults: deque[tuple[str, str]] = deque()
        self.tokens: dict[str, set[str]] = {}
        """Tokens that are good, by user; any is while there are none."""
        self.asked: list[tuple[str, str, str]] = []
        """Method, path and user of every request."""
        self.bodies: list[dict[str, Any]] = []
        """What came with them."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._handle(self, "GET")

            def do_POST(self) -> None:
                outer._handle(self, "POST")

            def do_DELETE(self) -> None:
                outer._handle(self, "DELETE")

            def log_message(self, *_words: object) -> None:
                pass

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, method: str, word: str) -> int:
        return sum(each[0] == method and word in each[1] for each in self.asked)

    def _handle(self, request: BaseHTTPRequestHandler, method: str) -> None:
        length = int(request.headers.get("Content-Length", 0))
        body = json.loads(request.rfile.read(length)) if length else {}
        user = request.headers["X-SLURM-USER-NAME"]
        self.asked.append((method, request.path, user))
        if body:
            self.bodies.append(body)
        fault = ""
        if self.faults and self.faults[0][1] in f"{method} {request.path}":
            fault = self.faults.popleft()[0]
        if fault == "refused":
            return
        if fault == "broken":
            self._send(request, 500, None)
            return
        if fault == "unreachable":
            words = "Unable to contact slurm controller (connect failure)"
            self._send(request, 502, {"errors": [{"error_number": 1800, "error": words}]})
            return
        if self.tokens and request.headers["X-SLURM-USER-TOKEN"] not in self.tokens.get(user, ()):
            self._send(request, 401, {"errors": [{"error": "Authentication failure"}]})
            return
        status, answer = self._answer(method, request.path, user, body)
        if fault == "warned":
            words = "Required node not available (down, drained or reserved)"
            answer = answer | {"errors": [{"error_code": 2068, "error": words}]}
            self._send(request, 500, answer)
        elif fault == "late":
            self._send(request, 504, None)
        elif fault != "lost":
            self._send(request, status, {"errors": []} | answer)

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: object) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _answer(self, method: str, path: str, user: str, body: dict[str, Any]) -> Reply:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        root = f"/slurm/v0.0.{self.dialect}/"
        if parts.path == "/openapi/v3":
            names = ["job/submit", "jobs/", "job/{job_id}", "nodes/", "node/{node_name}"]
            names += ["jobs/state/"] if self.dialect >= 41 else []
            return 200, {"paths": {root + name: {} for name in names}}
        if not parts.path.startswith(root):
            return 404, {"errors": [{"error_number": 9001, "error": "Unable find requested URL"}]}
        name, _, rest = parts.path.removeprefix(root).partition("/")
        verbs: dict[tuple[str, str], Callable[[], Reply]] = {
            ("POST", "job"): lambda: self._submit(user, body),
            ("GET", "job"): lambda: self._job(int(rest)),
            ("DELETE", "job"): lambda: self._delete(int(rest), query),
            ("GET", "jobs"): lambda: self._states() if rest else self._jobs(),
            ("GET", "nodes"): lambda: (
                200, {"nodes": [self._node(each) for each in self.slurm.nodes.values()]}
            ),
            ("POST", "node"): lambda: self._set_node(rest, body),
        }  # fmt: skip
        with self.slurm.lock:
            return verbs[method, name]()

    def _submit(self, user: str, body: dict[str, Any]) -> Reply:
        if self.slurm.refusal is not None:
            number, words = self.slurm.refusal
            return 500, {"errors": [{"error_number": number, "error": words}]}
        job = body["job"]
        is_old = self.dialect < 39
        gres = job.get("gres" if is_old else "tres_per_node", "gpu:0")
        job_id = self.slurm.submit(
            job["name"],
            user,
            job["nodelist"].split(",") if is_old else job["required_nodes"],
            body["script"] if is_old else job["script"],
            int(gres.rpartition(":")[2]),
            job["standard_output"],
            workdir=job["current_working_directory"],
        )
        return 200, {"job_id": job_id}

    def _job(self, job_id: int) -> Reply:
        job = self.slurm.find(job_id)
        if job is None:
            return 500, {"errors": [{"error_number": 2017, "error": "Invalid job id specified"}]}
        return 200, {"jobs": [self._told(job)]}

    def _jobs(self) -> Reply:
        return 200, {"jobs": [self._told(job) for job in self.slurm.known()]}

    def _states(self) -> Reply:
        known = self.slurm.known()
        return 200, {"jobs": [{"job_id": str(job.id), "state": job.states} for job in known]}

    def _delete(self, job_id: int, query: dict[str, str]) -> Reply:
        number = int(query["signal"]) if "signal" in query else None
        if not self.slurm.signal(job_id, number):
            return 500, {"errors": [{"error_number": 2017, "error": "Invalid job id specified"}]}
        return 200, {}

    def _set_node(self, name: str, body: dict[str, Any]) -> Reply:
        if self.dialect < 39:
            return 404, {"errors": [{"error_number": 9001, "error": "unknown method"}]}
        node = self.slurm.nodes[name]
        node.states = ["IDLE", "DRAIN"] if body["state"] == ["DRAIN"] else ["IDLE"]
        node.reason = body.get("reason", "")
        return 200, {}

    def _told(self, job: Job) -> dict[str, Any]:
        told: dict[str, Any] = {
            "job_id": job.id,
            "name": job.name,
            "user_name": job.user,
            "nodes": ",".join(job.nodes),
            "state_reason": job.reason or "None",
        }
        number = job.exit_code if job.exit_code >= 0 else 0
        if self.dialect < 39:
            status = -job.exit_code if job.exit_code < 0 else job.exit_code << 8
            is_completing = "COMPLETING" in job.states
            return told | {
                "job_state": "COMPLETING" if is_completing else job.states[0],
                "exit_code": status,
                "submit_time": job.submit_s,
                "start_time": job.start_s,
                "end_time": job.end_s,
            }
        killed = {"set": job.exit_code < 0, "number": max(0, -job.exit_code)}
        return told | {
            "job_state": job.states,
            "exit_code": {"return_code": {"number": number}, "signal": {"id": killed}},
            "submit_time": {"set": True, "number": job.submit_s},
            "start_time": {"set": True, "number": job.start_s},
            "end_time": {"set": True, "number": job.end_s},
        }

    def _node(self, node: Node) -> dict[str, Any]:
        used = self.slurm.gpus_used(node.name)
        told: dict[str, Any] = {
            "name": node.name,
            "address": "127.0.0.1",
            "cpus": node.cpus,
            "alloc_cpus": used,
            "real_memory": 64_000,
            "gres": f"gpu:h100:{node.gpus}(S:0-1)",
            "gres_used": f"gpu:h100:{used}(IDX:N/A)",
            "partitions": ["all"],
            "reason": node.reason,
        }
        if self.dialect < 39:
            return told | {"state": node.states[0].lower(), "state_flags": node.states[1:]}
        return told | {"state": node.states}
