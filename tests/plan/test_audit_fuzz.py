"""Whatever is declared, the audit answers: never breaks, counts nothing twice, is written out."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import factory
from arkwright.cli.plan_audit_text import show
from arkwright.errors import InputError
from arkwright.factory.declared_spec import REACHED, DeclaredBasis, DeclaredKind
from arkwright.plan.audit import RULES, Weight, audit
from arkwright.plan.audit.document import document

SYSTEMS = (None, "gb300-nvl72", "vr-nvl72", "dgx-h100")
NAMES = ("s0", "s1", "s2", "s3")
MOMENTS = ("2026", "2026-Q3", "2027-H1", "2028-02", "2030-12-31")
STATED = ("2025-01-13", "2025-07-31", "2025-07-31", "2026-03-09")


def maybe(strategy):
    return st.none() | strategy


@st.composite
def sizes(draw):
    power = draw(maybe(st.integers(1, 2_000_000)))
    size = {
        "gpus": draw(maybe(st.integers(1, 500_000))),
        "power": None if power is None else f"{power} kW",
        "basis": None if power is None else draw(st.sampled_from(list(DeclaredBasis))).value,
        "by": draw(maybe(st.sampled_from(MOMENTS))),
    }
    return {key: value for key, value in size.items() if value is not None}


@st.composite
def statements(draw, index):
    money = st.integers(1, 9000).map(lambda n: f"{n} M {'EUR' if n % 2 else 'USD'}")
    kind = draw(st.sampled_from(list(DeclaredKind)))
    parts = {
        "kind": kind.value,
        "stated": STATED[index],
        "source": "somebody",
        "sites": draw(st.sampled_from([[], ["a"], ["b"], ["a", "b"]])),
        "system": draw(st.sampled_from(SYSTEMS)),
        "customer": draw(st.sampled_from([None, "lab"])),
        "headline": draw(sizes()),
        "phase": draw(maybe(sizes())),
        "ambition": draw(maybe(sizes())),
        "within": draw(st.lists(st.sampled_from(NAMES[:index] or ("none",)), max_size=2)),
        "updates": draw(st.lists(st.sampled_from(NAMES[:index] or ("none",)), max_size=1)),
        "withdraws": draw(st.lists(st.sampled_from(NAMES[:index] or ("none",)), max_size=1)),
    }
    if kind in REACHED:
        for key in ("headline", "phase", "ambition"):
            (parts[key] or {}).pop("by", None)
    if parts["phase"] is not None:
        parts["phase"] |= {"money": draw(money)}
    if draw(st.booleans()):
        parts["contract"] = {"value": draw(money), "years": draw(st.floats(0.1, 20))}
    if draw(st.booleans()):
        parts["funded"] = {"debt": draw(money)}
    for key in ("within", "updates", "withdraws"):
        parts[key] = list(dict.fromkeys(parts[key])) if index else []
    return {key: value for key, value in parts.items() if value is not None}


@settings(max_examples=60)
@given(st.tuples(*(statements(index) for index in range(4))))
def test_whatever_is_declared_is_answered(declared):
    body = {
        "factory": "f",
        "sites": {
            "a": {"country": "NO", "halls": {"h": {"system": "gb300-nvl72", "racks": 1}}},
            "b": {"halls": {"h": {"system": "gb300-nvl72", "racks": 1}}},
        },
        "organisations": {"lab": {"residency": ["NO"]}},
        "programme": {"declared": dict(zip(NAMES, declared, strict=True))},
    }
    try:
        read = factory.loads(json.dumps(body).encode())
    except InputError:
        return  # impossible, and refused with its reasons
    found = audit(read)
    assert {finding.rule for finding in found.findings} <= set(RULES)
    order = [list(Weight).index(finding.weight) for finding in found.findings]
    assert order == sorted(order)
    assert all(finding.sources and finding.statements for finding in found.findings)
    assert all(0 <= promise.odds.on_time <= 1 for promise in found.promises)
    for step in found.funnel:
        assert step.gpus <= sum(said.headline.gpus or 0 for said in found.statements)
    assert json.loads(json.dumps(document(found), allow_nan=False))
    show(found, True)
