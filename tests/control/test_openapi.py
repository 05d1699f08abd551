"""The API's description fits the API: every route is in it and everything it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from arkwright.control.api import ROUTES
from control.site import Site, job


@pytest.fixture
def document(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.ask("GET", "/v1/openapi.json").json
    return found


def test_every_route_is_described_and_nothing_else(document: dict[str, Any]) -> None:
    routes = {(method, path.replace(":path", "")) for method, path, _ in ROUTES}
    described = {
        (method.upper(), path) for path, verbs in document["paths"].items() for method in verbs
    }
    assert described == routes | {("GET", "/healthz")}


def test_every_operation_has_a_summary_its_path_s_parameters_and_a_problem(
    document: dict[str, Any],
) -> None:
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            assert operation["summary"]
            in_path = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)
            if path != "/healthz":
                assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    references = set(_references(document))
    assert len(references) > 15
    for reference in sorted(references):
        assert reference.startswith("#/")
        place: Any = document
        for key in reference.removeprefix("#/").split("/"):
            place = place[key]


def test_every_schema_is_a_valid_json_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_what_is_described_is_what_is_sent(site: Site, document: dict[str, Any]) -> None:
    job_id = site.running()
    answers = {
        "/v1/jobs": {},
        "/v1/jobs/{job}": {},
        "/v1/jobs/{job}/why": {},
        "/v1/jobs/{job}/when": {},
        "/v1/jobs/{job}/cost": {},
        "/v1/jobs/{job}/logs": {},
        "/v1/factory": {},
        "/v1/nodes": {},
        "/v1/reservations": {},
        "/v1/contracts": {},
        "/v1/events": {},
        "/healthz": {},
    }
    for path in answers:
        described = document["paths"][path]["get"]["responses"]
        schema = next(iter(described.values()))["content"]["application/json"]["schema"]
        body = site.ask("GET", path.replace("{job}", job_id)).json
        _validator(document, schema).validate(body)


@pytest.mark.parametrize("fields", [{}, {"time_limit": "2 h"}, {"resources": {"gpus_per_node": 2}}])
def test_a_job_the_server_takes_is_one_the_schema_takes(
    site: Site, document: dict[str, Any], fields: dict[str, object]
) -> None:
    body = job(held=True, **fields)
    schema = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    _validator(document, schema["schema"]).validate(body)
    _validator(document, schema["schema"]).validate({"items": [body]})
    assert site.ask("POST", "/v1/jobs", body).status == 201


@pytest.mark.parametrize("fields", [{"time_limit": 60}, {"nodes": 0}, {"colour": "red"}])
def test_a_job_the_server_refuses_is_none_to_the_schema_either(
    site: Site, document: dict[str, Any], fields: dict[str, object]
) -> None:
    body = job(**fields)
    schema = {"$ref": "#/components/schemas/JobSpec"}
    assert not _validator(document, schema).is_valid(body)
    assert site.ask("POST", "/v1/jobs", body).status == 422


def test_a_change_the_server_takes_is_one_the_schema_takes(
    site: Site, document: dict[str, Any]
) -> None:
    change = {"job": site.submit(held=True), "time_limit": "2 h", "nodes": 2}
    body = {"jobs": [change], "quotas": [{"project": "lab"}], "submit": [job()]}
    described = document["paths"]["/v1/whatif"]["post"]
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    _validator(document, schema).validate(body)
    answer = site.ask("POST", "/v1/whatif", body)
    assert answer.status == 200, answer.json
    sent = described["responses"]["2XX"]["content"]["application/json"]["schema"]
    _validator(document, sent).validate(answer.json)
    assert not _validator(document, schema).is_valid({"jobs": [{"job": "x", "time_limit": 2}]})


def test_problems_are_as_described(site: Site, document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    for body in (job(nodes=9), job(nodes="x"), job(array="2-1")):
        answer = site.ask("POST", "/v1/jobs", body)
        assert answer.media_type == "application/problem+json"
        _validator(document, schema).validate(answer.json)


def _validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]})


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
