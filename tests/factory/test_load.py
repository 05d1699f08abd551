"""From a file to a checked factory, or to every reason why not."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from arkwright import factory
from arkwright.errors import InputError
from arkwright.factory import Backfill, EngineKind, PowerBasis

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = [p for p in sorted(EXAMPLES.glob("*.yaml")) if "factory:" in p.read_text("utf-8")]
HALL = "{system: gb300-nvl72, gpus: 72}"


def problems_of(text, **options):
    with pytest.raises(InputError) as caught:
        factory.loads(text.encode(), "f.yaml", **options)
    return list(caught.value.problems)


def only_problem(text, **options):
    (problem,) = problems_of(text, **options)
    return problem


def with_site(body):
    return f"factory: f\nsites:\n  a:\n    {body}\n"


def test_ten_lines_are_a_factory():
    assert len((EXAMPLES / "fjord.yaml").read_text().splitlines()) <= 10
    fjord = factory.load(EXAMPLES / "fjord.yaml")
    narvik = fjord.sites["narvik"]
    assert narvik.country == "NO"
    assert narvik.grid.connection == 12_000  # kW
    assert narvik.grid.basis is PowerBasis.GRID
    assert narvik.halls["h1"].gpus == 5184
    assert fjord.organisations["lab"].quota.gpus == 2048
    assert fjord.policy.backfill is Backfill.EASY


def test_a_workstation_can_be_run():
    here = factory.load(EXAMPLES / "workstation.yaml", runnable=True).sites["here"]
    assert here.engine.kind is EngineKind.LOCAL
    assert (here.engine.nodes, here.engine.gpus_per_node) == (4, 2)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_the_schema_accepts_every_example(path):
    schema = factory.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    # BaseLoader keeps every scalar a text; numbers must be numbers again for the schema.
    document = _numbers(yaml.load(path.read_bytes(), Loader=yaml.BaseLoader))
    jsonschema.validate(document, schema)
    factory.load(path)


def _numbers(value):
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if value in ("true", "false"):
        return value == "true"
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return value


@pytest.mark.parametrize(
    "body",
    ["grid: {connection: 12}", "country: Norway", "halls: {h1: {system: x, gpus: 0}}", "pue: 0.9"],
)
def test_the_schema_refuses_what_loading_refuses(body):
    validator = jsonschema.Draft202012Validator(factory.schema())
    document = _numbers(yaml.load(with_site(body), Loader=yaml.BaseLoader))
    assert not validator.is_valid(document)
    assert problems_of(with_site(body))


def test_typing_mistakes_and_broken_rules_are_reported_in_one_round():
    problems = problems_of(
        """factory: fjord
sites:
  narvik:
    grid: {connection: 12}
    halls:
      h1: {system: gb300-nvl7, gpus: 5184}
  bergen: {}
organisations:
  lab: {quota: {gpus: 20}, projects: {p: {quota: {gpus: 30}}}}
polcy: {}
"""
    )
    assert {(problem.where, problem.key) for problem in problems} == {
        ("f.yaml:4", "sites.narvik.grid.connection"),
        ("f.yaml:6", "sites.narvik.halls.h1.system"),
        ("f.yaml:7", "sites.bergen"),
        ("f.yaml:9", "organisations.lab.projects.p.quota.gpus"),
        ("f.yaml:10", "polcy"),
    }


def test_a_part_that_could_not_be_read_breaks_no_rule_by_its_absence():
    # Without its only hall, site a would have neither halls nor an engine: that is not the mistake.
    problem = only_problem(with_site("halls: {h1: {system: gb300-nvl72, gpus: many}}"))
    assert problem.key == "sites.a.halls.h1.gpus"


@pytest.mark.parametrize(
    ("text", "where", "key", "found", "right"),
    [
        ("sites: {a: {engine: {kind: local}}}", "f.yaml:1", "factory", "missing", "add factory"),
        ("factory: f", "f.yaml:1", "sites", "no site", "add one"),
        ("factory: f\nsites:", "f.yaml:2", "sites", "no site", "add one"),
        (with_site("country: norway"), "f.yaml:4", "sites.a.country", "'norway'", "NO"),
        (with_site("country: NO"), "f.yaml:3", "sites.a", "neither halls nor", "add halls"),
        (
            with_site("grid: {connection: 12}\n    halls: {h: " + HALL + "}"),
            "f.yaml:4",
            "sites.a.grid.connection",
            "the bare number 12",
            "132 kW",
        ),
        (
            with_site("halls: {h: {system: GB300-NVL72, gpus: 72}}"),
            "f.yaml:4",
            "sites.a.halls.h.system",
            "unknown system",
            "did you mean gb300-nvl72?",
        ),
        (
            with_site("halls: {h: {system: abacus, gpus: 72}}"),
            "f.yaml:4",
            "sites.a.halls.h.system",
            "unknown system 'abacus'",
            "dgx-h100",
        ),
        (
            with_site("halls: {h: {system: dgx-h100}}"),
            "f.yaml:4",
            "sites.a.halls.h",
            "neither gpus nor racks",
            "gpus: 5184",
        ),
        (
            with_site("halls: {h: {system: dgx-h100, gpus: 8, racks: 1}}"),
            "f.yaml:4",
            "sites.a.halls.h",
            "both gpus and racks",
            "one of them",
        ),
        (
            with_site("halls: {local: " + HALL + "}"),
            "f.yaml:4",
            "sites.a.halls.local",
            "taken by the nodes of an engine",
            "h1",
        ),
        (
            with_site("halls: {h: " + HALL + "}") + "policy: {power_tiers: {}}\n",
            "f.yaml:5",
            "policy.power_tiers",
            "not yet",
            "leave it out",
        ),
        (
            with_site("engine: {kind: slurm, output_dir: /o, nodes: 4}"),
            "f.yaml:4",
            "sites.a.engine.nodes",
            "finds its nodes itself",
            "leave it out",
        ),
        (
            with_site("engine: {kind: cloud}"),
            "f.yaml:4",
            "sites.a.engine.kind",
            "'cloud'",
            "local, slurm, kubernetes",
        ),
        (
            with_site("energy: {price: 0.08}\n    halls: {h: " + HALL + "}"),
            "f.yaml:4",
            "sites.a.energy.price",
            "0.08",
            "80 EUR/MWh",
        ),
        (
            with_site("energy: {carbon: 30}\n    halls: {h: " + HALL + "}"),
            "f.yaml:4",
            "sites.a.energy.carbon",
            "the bare number 30",
            "30 g/kWh",
        ),
        (
            with_site("engine: {kind: local}") + "organisations: {lab: {residency: [SE]}}",
            "f.yaml:5",
            "organisations.lab.residency[0]",
            "no site is called SE",
            "use a",
        ),
        (
            with_site("engine: {kind: local}") + "organisations: {Lab: {}}",
            "f.yaml:5",
            "organisations.Lab",
            "'Lab'",
            "lower-case",
        ),
        (
            with_site("engine: {kind: local}")
            + "policy: {time_limit_default: 3 h, time_limit_max: 2 h}",
            "f.yaml:5",
            "policy.time_limit_default",
            "longer than time_limit_max (2 h)",
            "at most 2 h",
        ),
        (
            with_site("engine: {kind: local}") + "policy: {placement: fgd}",
            "f.yaml:5",
            "policy.placement",
            "judges nodes by typical jobs",
            "add typical_jobs",
        ),
        (
            with_site("engine: {kind: local}")
            + "policy: {typical_jobs: [{gpus_per_node: 1}, {gpus_per_node: 1.5}]}",
            "f.yaml:5",
            "policy.typical_jobs[1].gpus_per_node",
            "1.5 GPUs",
            "whole GPUs",
        ),
        (with_site("engine: {kind: local}\n  a: {}"), "f.yaml:5", "sites.a", "twice", "keep one"),
        (
            with_site("halls: {h1: {system: vr-nvl72, racks: 1000000}}"),
            "f.yaml:2",
            "sites",
            "72,000,000 GPUs",
            "at most 5,000,000",
        ),
    ],
)
def test_each_mistake_has_its_place_and_its_remedy(text, where, key, found, right):
    problem = only_problem(text)
    assert (problem.where, problem.key) == (where, key)
    assert found in problem.found
    assert right in problem.right


@pytest.mark.parametrize(
    ("addition", "key"),
    [],
)
def test_what_is_not_run_yet_is_valid_but_refused_for_running(addition, key):
    text = with_site("engine: {kind: local}") + "organisations: {lab: {}}\n" + addition
    factory.loads(text.encode())
    problem = only_problem(text, runnable=True)
    assert problem.key == key
    assert "not yet" in problem.found


@pytest.mark.parametrize("engine", ["kind: kubernetes", "kind: local, ownership: shared"])
def test_an_engine_of_a_later_version_is_valid_but_not_run(engine):
    text = with_site(f"engine: {{{engine}}}") + "organisations: {lab: {}}\n"
    factory.loads(text.encode())
    assert "not yet" in only_problem(text, runnable=True).found


def test_a_factory_in_which_nobody_could_submit_is_not_run():
    text = with_site("engine: {kind: local}")
    assert only_problem(text, runnable=True).key == "organisations"


def test_a_plan_without_an_engine_cannot_be_run():
    text = with_site("halls: {h: " + HALL + "}")
    factory.loads(text.encode())
    assert only_problem(text, runnable=True).key == "sites"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x02",
        b"\xff\xfe\x00",
        b"just words",
        b"- a\n- b",
        b"[" * 10_000,
        b"x" * 5_000_000,
    ],
    ids=["empty", "nul", "utf16", "text", "list", "deep", "large"],
)
def test_what_is_no_factory_at_all_is_an_input_error(data):
    with pytest.raises(InputError) as caught:
        factory.loads(data, "f.yaml")
    assert caught.value.problems
    assert caught.value.exit_code == 2
