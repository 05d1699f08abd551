"""The OpenAPI 3.1 document, generated from the routes and the structs they answer with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from arkwright import __version__
from arkwright.control import resources
from arkwright.jobs.spec import JobSpec
from arkwright.ledger import Receipt

_ANSWERS: dict[tuple[str, str], tuple[type, bool]] = {
    ("POST", "/v1/jobs"): (resources.JobResource, False),
    ("GET", "/v1/jobs"): (resources.JobResource, True),
    ("GET", "/v1/jobs/{job}"): (resources.JobResource, False),
    ("GET", "/v1/jobs/{job}/why"): (resources.WhyResource, False),
    ("GET", "/v1/jobs/{job}/cost"): (Receipt, False),
    ("GET", "/v1/jobs/{job}/logs"): (resources.LogResource, False),
    ("POST", "/v1/jobs/{job}/cancel"): (resources.JobResource, False),
    ("POST", "/v1/jobs/{job}/hold"): (resources.JobResource, False),
    ("POST", "/v1/jobs/{job}/release"): (resources.JobResource, False),
    ("POST", "/v1/jobs/{job}/exec"): (resources.ExecResource, False),
    ("GET", "/v1/factory"): (resources.FactoryResource, False),
    ("GET", "/v1/nodes"): (resources.NodeResource, True),
    ("POST", "/v1/nodes/{node}/drain"): (resources.NodeResource, False),
    ("POST", "/v1/nodes/{node}/resume"): (resources.NodeResource, False),
    ("POST", "/v1/users"): (resources.UserResource, False),
    ("GET", "/v1/events"): (resources.EventResource, True),
}
"""What each route answers with: the struct, and whether it is a list."""

_QUERIES: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/v1/jobs"): {
        "all": "boolean",
        "state": "string",
        "cursor": "integer",
        "limit": "integer",
    },
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

_BODIES: dict[str, dict[str, Any]] = {
    "/v1/jobs": {"$ref": "#/components/schemas/JobSpec"},
    "/v1/jobs/{job}/exec": {
        "type": "object",
        "required": ["command"],
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}},
            "timeout_s": {"type": "number"},
        },
    },
    "/v1/users": {
        "type": "object",
        "required": ["name", "role"],
        "properties": {key: {"type": "string"} for key in ("name", "role", "project")},
    },
}


def openapi(routes: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """The document for `routes`: (method, path, what it does)."""
    structs = [answer for answer, _ in _ANSWERS.values()] + [JobSpec, resources.Problem]
    unique = list(dict.fromkeys(structs))
    _, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, Any] = {}
    for method, path, what in routes:
        plain = path.replace(":path", "")
        paths.setdefault(plain, {})[method.lower()] = _operation(method, plain, what)
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


def _operation(method: str, path: str, what: str) -> dict[str, Any]:
    answer, is_list = _ANSWERS[method, path]
    reference = {"$ref": f"#/components/schemas/{answer.__name__}"}
    content = (
        {"type": "object", "properties": {"items": {"type": "array", "items": reference}}}
        if is_list
        else reference
    )
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
            "2XX": {"description": "done", "content": {"application/json": {"schema": content}}},
            "default": {
                "description": "a problem (RFC 9457)",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        },
    }
    if method == "POST" and path in _BODIES:
        operation["requestBody"] = {"content": {"application/json": {"schema": _BODIES[path]}}}
    return operation
