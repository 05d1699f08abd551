"""Capacity contracts in the factory file: what is read, and what is refused."""

from __future__ import annotations

import pytest

from arkwright import factory
from arkwright.errors import InputError
from arkwright.fleet import project_quotas

SITE = "factory: f\nsites: {a: {engine: {kind: local}}}\n"


def problems(organisation: str):
    text = f"{SITE}organisations:\n  lab: {organisation}\n"
    with pytest.raises(InputError) as caught:
        factory.loads(text.encode(), "f.yaml")
    return [(problem.key, problem.found, problem.right) for problem in caught.value.problems]


def test_a_contract_is_read_with_days_or_times_and_named_by_its_place():
    text = (
        "organisations: {lab: {contracts: [{gpus: 256, from: 2026-01-01, until: 2027-01-01}], "
        "projects: {vision: {contracts: [{gpus: 8, gpu_type: h100, "
        "from: '2026-01-01T08:00:00+01:00', until: 2026-06-01T00:00:00Z, "
        "lend: 4, usd_per_gpu_hour: 1.9}]}}}}"
    )
    quotas = project_quotas(factory.loads((SITE + text).encode()))
    (whole,), (typed,) = (quota.contracts for quota in quotas)
    # 2026-01-01 is 20,454 days after 1970-01-01; the year has 365.
    assert (whole.name, whole.project, whole.gpus) == ("lab#1", "lab", 256)
    assert (whole.from_ms, whole.until_ms) == (20_454 * 86_400_000, 20_819 * 86_400_000)
    assert (typed.name, typed.gpu_type, typed.lend) == ("lab/vision#1", "h100", 4)
    assert typed.from_ms == whole.from_ms + 7 * 3_600_000
    assert typed.usd_per_gpu_hour == 1.9
    assert whole.is_in_file


YEAR = "from: 2026-01-01, until: 2027-01-01"


@pytest.mark.parametrize(
    ("organisation", "key", "right"),
    [
        (f"{{contracts: [{{gpus: 4, lend: 5, {YEAR}}}]}}", "contracts[0].lend", "at most 4"),
        (
            "{contracts: [{gpus: 4, from: 2026-02-30, until: 2027-01-01}]}",
            "contracts[0].from",
            "2027-01-01",
        ),
        (
            "{contracts: [{gpus: 4, from: 2026-02-01, until: 2026-02-01}]}",
            "contracts[0].until",
            "give a later end",
        ),
        (
            "{contracts: [{gpus: 4, from: 1960-02-01, until: 2026-02-01}]}",
            "contracts[0].from",
            "2027-01-01",
        ),
        # 2 guaranteed, and 4 + 4 bought of the middle of the year: 10.
        (
            f"{{quota: {{gpus: 9, guarantee: 2}}, contracts: [{{gpus: 4, {YEAR}}}, "
            "{gpus: 4, from: 2026-03-01, until: 2026-04-01}]}",
            "contracts",
            "at least 10",
        ),
        (
            f"{{quota: {{by_type: {{h100: {{gpus: 3}}}}}}, contracts: [{{gpus: 4, gpu_type: h100, "
            f"{YEAR}}}]}}",
            "contracts",
            "at least 4",
        ),
        # Of two projects: 6 guaranteed to one, 4 bought by the other.
        (
            f"{{quota: {{gpus: 9}}, projects: {{a: {{quota: {{guarantee: 6}}}}, "
            f"b: {{contracts: [{{gpus: 4, {YEAR}}}]}}}}}}",
            "contracts",
            "at least 10",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_would_do(organisation, key, right):
    ((found_key, _, found_right),) = problems(organisation)
    assert found_key == f"organisations.lab.{key}"
    assert right in found_right


@pytest.mark.parametrize(
    "contract",
    [
        "{gpus: 4}",
        "{gpus: 0, from: 2026-01-01, until: 2027-01-01}",
        "{gpus: 4, from: soon, until: 2027-01-01}",
        "{gpus: 4, from: '2026-01-01T08:00:00', until: 2027-01-01}",
        "{gpus: 4, from: 2026-01-01, until: 2027-01-01, nodes: 2}",
    ],
)
def test_a_contract_without_times_or_an_amount_is_refused(contract):
    assert problems(f"{{contracts: [{contract}]}}")


def test_contracts_one_after_another_and_within_the_limit_are_fine():
    text = (
        "organisations: {lab: {quota: {gpus: 8, guarantee: 2}, contracts: ["
        "{gpus: 6, from: 2026-01-01, until: 2026-06-01}, "
        "{gpus: 6, from: 2026-06-01, until: 2027-01-01}]}}"
    )
    assert len(factory.loads((SITE + text).encode()).organisations["lab"].contracts) == 2
