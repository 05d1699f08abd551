"""Quotas, guarantees and budgets in the factory file: what is read, and what is refused."""

from __future__ import annotations

import pytest

from arkwright import factory
from arkwright.errors import InputError

SITE = "factory: f\nsites: {a: {engine: {kind: local}}}\n"


def problems(organisation: str):
    text = f"{SITE}organisations:\n  lab: {organisation}\n"
    with pytest.raises(InputError) as caught:
        factory.loads(text.encode(), "f.yaml")
    return [(problem.key, problem.found, problem.right) for problem in caught.value.problems]


def test_a_whole_quota_is_read():
    text = (
        "organisations: {lab: {quota: {gpus: 8, guarantee: 6, lend: 4, share: 2, "
        "by_type: {h100: {gpus: 4, guarantee: 2}}}, budget: {gpu_hours: 50000}}}"
    )
    lab = factory.loads((SITE + text).encode()).organisations["lab"]
    assert (lab.quota.guarantee, lab.quota.lend, lab.quota.share) == (6, 4, 2)
    assert lab.quota.by_type["h100"].guarantee == 2
    assert lab.budget is not None
    assert (lab.budget.gpu_hours, lab.budget.per.value) == (50_000, "month")


@pytest.mark.parametrize(
    ("organisation", "key", "right"),
    [
        ("{quota: {gpus: 4, guarantee: 5}}", "quota.guarantee", "give at most 4"),
        ("{quota: {guarantee: 5, lend: 6}}", "quota.lend", "give at most 5"),
        ("{quota: {lend: 6}}", "quota.lend", "give guarantee as well"),
        (
            "{quota: {by_type: {h100: {gpus: 1, guarantee: 2}}}}",
            "quota.by_type.h100.guarantee",
            "give at most 1",
        ),
        (
            "{quota: {guarantee: 4}, projects: {a: {quota: {guarantee: 3}}, "
            "b: {quota: {guarantee: 2}}}}",
            "quota.guarantee",
            "give at least 5, or guarantee less",
        ),
        (
            "{quota: {by_type: {h100: {gpus: 2}}}, projects: {a: {quota: {by_type: "
            "{h100: {gpus: 3}}}}}}",
            "projects.a.quota.by_type.h100.gpus",
            "give at most 2",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_would_do(organisation, key, right):
    ((found_key, _, found_right),) = problems(organisation)
    assert (found_key, found_right) == (f"organisations.lab.{key}", right)


@pytest.mark.parametrize("budget", ["{gpu_hours: -1}", "{per: month}", "{gpu_hours: 1, per: day}"])
def test_a_budget_without_hours_or_with_another_period_is_refused(budget):
    assert problems(f"{{budget: {budget}}}")
