"""The OpenAPI 3.1 document, generated from the routes and the structs they answer with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from arkwright import __version__, documents
from arkwright.control import resources
from arkwright.control.contracting import ContractRequest
from arkwright.control.power import PowerRequest
from arkwright.control.reserving import ReservationRequest
from arkwright.fleet import Changes, PowerUse, QuotaUse
from arkwright.jobs.spec import JobSpec
from arkwright.ledger import Receipt, Statement

_ANSWERS: dict[tuple[str, str], tuple[type, bool]] = {
    ("POST", "/v1/jobs"): (resources.JobResource, False),
    ("GET", "/v1/jobs"): (resources.JobResource, True),
    ("GET", "/v1/jobs/{job}"): (resources.JobResource, False),
    ("GET", "/v1/jobs/{job}/why"): (resources.WhyResource, False),
    ("GET", "/v1/jobs/{job}/when"): (resources.WhenResource, False),
    ("POST", "/v1/jobs/when"): (resources.WhenResource, False),
    ("POST", "/v1/whatif"): (resources.WhatIfResource, False),
    ("GET", "/v1/jobs/{job}/cost"): (Receipt, False),
    ("GET", "/v1/jobs/{job}/logs"): (resources.LogResource, False),
    ("POST", "/v1/jobs/{job}/cancel"): (resources.JobResource, False),
    ("POST", "/v1/jobs/{job}/hold"): (resources.JobResource, False),
    ("POST", "/v1/jobs/{job}/release"): (resources.JobResource, False),
    ("POST", "/v1/jobs/{job}/exec"): (resources.ExecResource, False),
    ("GET", "/v1/factory"): (resources.FactoryResource, False),
    ("GET", "/v1/nodes"): (resources.NodeResource, True),
    ("GET", "/v1/quotas"): (QuotaUse, True),
    ("POST", "/v1/nodes/{node}/drain"): (resources.NodeResource, False),
    ("POST", "/v1/nodes/{node}/resume"): (resources.NodeResource, False),
    ("GET", "/v1/power"): (PowerUse, True),
    ("PUT", "/v1/power/{place}"): (PowerUse, False),
    ("DELETE", "/v1/power/{place}"): (PowerUse, False),
    ("POST", "/v1/reservations"): (resources.ReservationResource, False),
    ("GET", "/v1/reservations"): (resources.ReservationResource, True),
    ("DELETE", "/v1/reservations/{reservation}"): (resources.ReservationResource, False),
    ("POST", "/v1/contracts"): (resources.ContractResource, False),
    ("GET", "/v1/contracts"): (resources.ContractResource, True),
    ("GET", "/v1/contracts/{contract}/cost"): (Statement, False),
    ("DELETE", "/v1/contracts/{contract}"): (resources.ContractResource, False),
    ("POST", "/v1/users"): (resources.UserResource, False),
    ("GET", "/v1/events"): (resources.EventResource, True),
}
"""What each route answers with: the struct, and whether it is a list."""

_FILES = (("GET", "/v1/jobs/{job}/snapshot"),)
"""Routes that answer with a file."""

_QUERIES: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/v1/jobs"): {
        "all": "boolean",
        "state": "string",
        "arrays": "boolean",
        "cursor": "integer",
        "limit": "integer",
    },
    ("DELETE", "/v1/power/{place}"): {"from_ms": "integer"},
    ("GET", "/v1/jobs/{job}/when"): {"alternatives": "boolean"},
    ("GET", "/v1/jobs/{job}/logs"): {
        "rank": "integer",
        "attempt": "integer",
        "offset": "integer",
        "limit": "integer",
    },
    ("GET", "/v1/events"): {
        "job": "string",
        "after": "integer",
        "limit": "integer",
        "watch": "boolean",
    },
}

_SCHEMAS = "#/components/schemas/"
_REASON = {"type": "object", "properties": {"reason": {"type": "string"}}}
_HEALTH = {
    "summary": "Whether the server answers, and whether its loop can write. Needs no token.",
    "security": [],
    "responses": {
        status: {
            "description": what,
            "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}HealthResource"}}},
        }
        for status, what in (("200", "healthy"), ("503", "it cannot write: see `fault`"))
    },
}

_BODIES: dict[str, dict[str, Any]] = {
    "/v1/jobs": {
        "anyOf": [
            {"$ref": f"{_SCHEMAS}JobSpec"},
            {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": f"{_SCHEMAS}JobSpec"}}},
            },
        ]
    },
    "/v1/jobs/when": {"$ref": f"{_SCHEMAS}JobSpec"},
    "/v1/power/{place}": {"$ref": f"{_SCHEMAS}PowerRequest"},
    "/v1/whatif": {"$ref": f"{_SCHEMAS}Changes"},
    "/v1/jobs/{job}/cancel": _REASON,
    "/v1/nodes/{node}/drain": _REASON,
    "/v1/nodes/{node}/resume": _REASON,
    "/v1/jobs/{job}/exec": {
        "type": "object",
        "required": ["command"],
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}},
            "timeout_s": {"type": "number"},
        },
    },
    "/v1/reservations": {"$ref": f"{_SCHEMAS}ReservationRequest"},
    "/v1/contracts": {"$ref": f"{_SCHEMAS}ContractRequest"},
    "/v1/users": {
        "type": "object",
        "required": ["name", "role"],
        "properties": {key: {"type": "string"} for key in ("name", "role", "project")},
    },
}


def openapi(routes: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """The document for `routes`: (method, path, what it does)."""
    structs = [answer for answer, _ in _ANSWERS.values()]
    others = [resources.HealthResource, resources.Problem, ReservationRequest, ContractRequest]
    unique = list(dict.fromkeys([*structs, *others]))
    _, components = msgspec.json.schema_components(unique, ref_template=f"{_SCHEMAS}{{name}}")
    components |= _job_schemas()
    paths: dict[str, Any] = {}
    for method, path, what in routes:
        plain = path.replace(":path", "")
        paths.setdefault(plain, {})[method.lower()] = _operation(method, plain, what)
    paths["/healthz"] = {"get": _HEALTH}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Arkwright", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _job_schemas() -> dict[str, Any]:
    """Of what is sent: in the job file and in changes quantities are texts with units."""
    schemas: dict[str, Any] = {}
    for kind in (JobSpec, Changes, PowerRequest):
        root = documents.schema(kind)
        del root["$schema"]
        schemas |= root.pop("$defs") | {kind.__name__: root}
    text = msgspec.json.encode(schemas).decode()
    found: dict[str, Any] = msgspec.json.decode(text.replace('"#/$defs/', f'"{_SCHEMAS}'))
    return found


def _operation(method: str, path: str, what: str) -> dict[str, Any]:
    if (method, path) in _FILES:
        media = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    else:
        media = {"application/json": {"schema": _answer(method, path)}}
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    in_query = [
        {"name": name, "in": "query", "schema": {"type": kind}}
        for name, kind in _QUERIES.get((method, path), {}).items()
    ]
    operation: dict[str, Any] = {
        "summary": what.strip().partition("\n")[0],
        "parameters": in_path + in_query,
        "responses": {
            "2XX": {"description": "done", "content": media},
            "default": {
                "description": "a problem (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
            },
        },
    }
    if method in ("POST", "PUT") and path in _BODIES:
        operation["requestBody"] = {"content": {"application/json": {"schema": _BODIES[path]}}}
    return operation


def _answer(method: str, path: str) -> dict[str, Any]:
    answer, is_list = _ANSWERS[method, path]
    reference = {"$ref": f"{_SCHEMAS}{answer.__name__}"}
    head = {"api_version": {"const": resources.API_VERSION}, "kind": {"type": "string"}}
    page = {
        "items": {"type": "array", "items": reference},
        "next_cursor": {"type": ["integer", "null"]},
    }
    content: dict[str, Any] = {"type": "object", "properties": head | (page if is_list else {})}
    return content if is_list else {"allOf": [reference, content]}
