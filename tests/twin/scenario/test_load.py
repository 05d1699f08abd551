"""A scenario is read whole or refused whole: every problem with its file, line and key."""

from pathlib import Path

import pytest

from arkwright.errors import InputError
from arkwright.twin.scenario.load import load
from arkwright.twin.scenario.vary import Change, axes, variants
from twin.scenario.written import SCENARIO, write

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "scenarios").glob("*.yaml"))


def problems(path, changes=()):
    with pytest.raises(InputError) as caught:
        load(path, changes)
    return {(problem.where, problem.key): problem for problem in caught.value.problems}


def test_every_policy_of_every_factory_is_one_run(tmp_path):
    text = SCENARIO.replace("small.yaml", "{a: small.yaml, b: small.yaml}")
    loaded = load(write(tmp_path, text))
    assert [site.name for site in loaded.sites] == ["a, strict", "a, easy", "b, strict", "b, easy"]


def test_a_policy_is_laid_over_the_factorys_own_key_by_key(tmp_path):
    path = write(tmp_path)
    factory = tmp_path / "small.yaml"
    factory.write_text(factory.read_text() + "policy: {placement: first-fit, ordering: age}\n")
    strict, easy = (site.factory.policy for site in load(path).sites)
    assert (strict.backfill.value, easy.backfill.value) == ("none", "easy")
    assert strict.ordering.value == "fifo"
    assert strict.placement.value == easy.placement.value == "first-fit"


def test_without_policies_the_factorys_own_is_the_one_run(tmp_path):
    text = SCENARIO.partition("policies:")[0]
    assert [site.name for site in load(write(tmp_path, text)).sites] == ["priority, easy"]


def test_all_problems_come_at_once_each_with_its_line(tmp_path):
    path = write(
        tmp_path,
        """\
        kind: scenario
        name: bad
        factory: small.yaml
        workloads:
          - {trace: nowhere.csv, window: {from: soon}}
          - {}
          - {generate: {load: 0.5}, scale: {run: 2}}
        failures: lama
        horizon: {from: 2026-02-01, until: 2026-01-01}
        events:
          - {from: 2026-01-01}
          - {from: 2026-01-01, limit: 2 MW}
        environment: {here: {price: {file: none.csv}}}
        pace: {leaf: 1.2, hall: 1.1}
        """,
    )
    found = problems(path)
    assert set(found) == {
        ("week.yaml:5", "workloads[0].trace"),
        ("week.yaml:5", "workloads[0].window.from"),
        ("week.yaml:6", "workloads[1]"),
        ("week.yaml:7", "workloads[2].scale"),
        ("week.yaml:8", "failures"),
        ("week.yaml:9", "horizon.until"),
        ("week.yaml:11", "events[0]"),
        ("week.yaml:12", "events[1].limit"),
        ("week.yaml:13", "environment.here.price.file"),
        ("week.yaml:14", "pace.hall"),
    }
    assert "the catalogue has default, llama3" in found["week.yaml:8", "failures"].right


def test_what_cannot_be_typed_does_not_hide_what_breaks_a_rule(tmp_path):
    path = write(
        tmp_path,
        """\
        kind: scenario
        name: bad
        factory: small.yaml
        workloads: [{}]
        policies: {x: {ordering: fastest}}
        speed: 3
        """,
    )
    assert set(problems(path)) == {
        ("week.yaml:4", "workloads[0]"),
        ("week.yaml:5", "policies.x.ordering"),
        ("week.yaml:6", "speed"),
    }


def test_problems_of_the_factory_name_the_factorys_file(tmp_path):
    path = write(tmp_path)
    (tmp_path / "small.yaml").write_text("factory: small\nsites: {here: {halls: {h1: {}}}}\n")
    assert ("small.yaml:2", "sites.here.halls.h1.system") in problems(path)


def test_surroundings_are_of_a_site_that_is_there(tmp_path):
    path = write(tmp_path, more="environment: {mars: {price: 80 EUR/MWh}}\n")
    assert list(problems(path)) == [("week.yaml:11", "environment.mars")]


def test_failures_need_an_end(tmp_path):
    path = write(tmp_path, SCENARIO.replace(", for: 6 h", ""), "failures: llama3\n")
    assert list(problems(path)) == [("week.yaml:11", "failures")]


def test_a_change_reaches_lists_every_policy_and_the_factory(tmp_path):
    changes = (
        Change("workloads[0].scale.run", "2"),
        Change("policy.placement", "random"),
        Change("factory.sites.here.halls.h1.nodes", "6"),
        Change("failures.factor", "3"),
        Change("seed", "9"),
    )
    loaded = load(write(tmp_path, more="failures: llama3\n"), changes)
    assert loaded.scenario.workloads[0].scale.run == 2
    assert {site.factory.policy.placement.value for site in loaded.sites} == {"random"}
    assert loaded.sites[0].factory.sites["here"].halls["h1"].nodes == 6
    assert (loaded.scenario.failures.mix, loaded.scenario.failures.factor) == ("llama3", 3)
    assert loaded.scenario.seed == 9


def test_a_change_that_has_no_place_is_named(tmp_path):
    path = write(tmp_path)
    for change, said in (
        (Change("workloads[7].scale.run", "2"), "there is no [7]"),
        (Change("sed", "2"), "did you mean seed?"),
        (Change("policy.backfill", "maybe"), "use one of easy, greedy, none, conservative"),
    ):
        with pytest.raises(InputError, match=r"--sweep") as caught:
            load(path, (change,))
        assert said in str(caught.value)


def test_sweeps_combine_the_last_key_changing_fastest():
    found = variants(axes(["a.b=1,2", "c=x,y"]))
    assert [[change.text for change in each] for each in found] == [
        ["1", "x"],
        ["1", "y"],
        ["2", "x"],
        ["2", "y"],
    ]
    assert variants([]) == [()]


@pytest.mark.parametrize("text", ["a", "=1", "a=", "a=1,,2", "a..b=1", "a=1,1", "a[x]=1"])
def test_what_is_no_sweep_is_refused(text):
    with pytest.raises(InputError, match="--sweep"):
        axes([text])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_right(path):
    assert load(path).sites


def test_there_are_examples():
    assert len(EXAMPLES) >= 3
