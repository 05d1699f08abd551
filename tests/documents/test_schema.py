"""JSON Schema: agrees with the decoder about what is right."""

import jsonschema
import pytest

from arkwright import documents
from arkwright.errors import InputError
from arkwright.jobs.spec import JobSpec


@pytest.fixture(scope="module")
def validator():
    schema = documents.schema(JobSpec, "Arkwright job")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


GOOD = [
    {"name": "a", "command": ["sleep", 5]},
    {"name": "a", "time_limit": "2 h", "resources": {"memory_per_node": "4 GB"}},
    {"name": "a", "topology": {"level": "rack", "mode": "required"}},
    {"name": "a", "retry": {"on": ["failure"]}, "checkpoint": None},
]
BAD = [
    {},
    {"name": "a", "nme": 1},
    {"name": "a", "time_limit": 5},
    {"name": "a", "time_limit": "5 kW"},
    {"name": "a", "nodes": 0},
    {"name": "a", "tier": "gold"},
    {"name": "a", "env": {"1A": "x"}},
    {"name": "a", "topology": {"mode": "require"}},
    {"name": "/", "nodes": 1},
]


@pytest.mark.parametrize("document", GOOD)
def test_what_the_schema_accepts_the_decoder_accepts(validator, document):
    validator.validate(document)
    documents.decode(documents.plain(document, "body"), JobSpec)


@pytest.mark.parametrize("document", BAD)
def test_what_the_schema_refuses_the_decoder_refuses(validator, document):
    assert not validator.is_valid(document)
    with pytest.raises(InputError):
        documents.decode(documents.plain(document, "body"), JobSpec)


def test_quantities_are_texts_with_unit_and_default():
    memory = documents.schema(JobSpec)["$defs"]["Resources"]["properties"]["memory_per_node"]
    assert memory["type"] == "string"
    assert memory["x-unit"] == "GB"
    assert memory["default"] == "0 B" or memory["default"].startswith("0")


def test_attribute_notes_become_descriptions():
    properties = documents.schema(JobSpec)["properties"]
    assert "what backfill plans with" in properties["time_limit"]["description"]
