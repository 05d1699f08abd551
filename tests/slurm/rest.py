"""slurmrestd as a test asks it: one request, one answer, no opinion."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit


def ask(url, method, path, user, token, body=None, timeout_s=30):
    """Returns (status, decoded answer); the answer is None where it is not JSON."""
    link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)
    headers = {"X-SLURM-USER-NAME": user, "X-SLURM-USER-TOKEN": token}
    try:
        text = None if body is None else json.dumps(body)
        link.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = link.getresponse()
        said = answer.read()
    finally:
        link.close()
    try:
        return answer.status, json.loads(said)
    except ValueError:
        return answer.status, None


def interface(url, user, token):
    """The newest version of the interface, such as `v0.0.38`, from its OpenAPI."""
    _, found = ask(url, "GET", "/openapi/v3", user, token)
    versions = {path.split("/")[2] for path in found["paths"] if path.startswith("/slurm/v")}
    return max(versions, key=lambda version: int(version.split(".")[2]))


def submission(version, script, cwd, name="job", nodes=1, gres=None, **more):
    """The body of a submission in the words of `version`: they changed between .38 and .42."""
    old = version <= "v0.0.38"
    job = {"name": name, "current_working_directory": str(cwd), **more}
    job["nodes"] = nodes if old else str(nodes)
    job["environment"] = {"PATH": "/usr/bin"} if old else ["PATH=/usr/bin"]
    if gres:
        job["gres" if old else "tres_per_node"] = f"gres:{gres}" if old else f"gres/{gres}"
    return {"job": job, "script": script} if old else {"job": {**job, "script": script}}
