"""Whatever the bytes: a factory or an InputError with problems, never a traceback."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from arkwright import catalog, design, documents, factory
from arkwright.errors import InputError

WORDS = """factory sites organisations policy energy a b h1 lab country grid connection halls system
gpus racks engine kind nodes quota projects residency price carbon backfill include local pue
programme budget generations tranches demand from until time_limit_default fabric
scalable_unit_nodes basis"""
KEYS = st.sampled_from(re.findall(r"\w+", WORDS))
VALUES = st.sampled_from(
    [
        *("f", "NO", "12 MW", "gb300-nvl72", "dgx-h100", "local", "slurm", "easy", "80 EUR/MWh"),
        *("30 g/kWh", "1 h", "", None, True, 0, 1, 72, -1, 1.5, 10**30, [], {}, ["NO"], ["a", 3]),
    ]
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.dictionaries(KEYS, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=30,
)
HALLS = st.dictionaries(
    KEYS, st.fixed_dictionaries({}, optional={"system": VALUES, "gpus": VALUES, "racks": VALUES})
)
NAMES = st.sampled_from(["a", "b", "oslo", "h1"])
GOOD_HALL = st.fixed_dictionaries(
    {"system": st.sampled_from(list(catalog.systems())), "racks": st.integers(1, 5)},
    optional={"cpus_per_node": st.integers(1, 256), "memory_per_node": st.just("512 GiB")},
)
GOOD_SITE = st.fixed_dictionaries(
    {"halls": st.dictionaries(NAMES, GOOD_HALL, min_size=1, max_size=3)},
    optional={
        "country": st.sampled_from(["NO", "GB", "XK"]),
        "grid": st.sampled_from(
            [{}, {"connection": "500 kW"}, {"connection": "1 MW", "basis": "it"}]
        ),
        "pue": st.floats(1, 3),
        "engine": st.just({"kind": "local"}),
        "energy": st.sampled_from([{"price": "80 EUR/MWh"}, {"carbon": "30 g/kWh"}]),
        "fabric": st.just({"scalable_unit_nodes": 7}),
    },
)
GOOD = st.fixed_dictionaries(
    {"factory": NAMES, "sites": st.dictionaries(NAMES, GOOD_SITE, min_size=1, max_size=3)},
    optional={
        "organisations": st.sampled_from([{"lab": None}, {"lab": {"quota": {"gpus": 3}}}]),
        "policy": st.sampled_from([{}, {"backfill": "none"}, {"time_limit_default": "90 min"}]),
    },
)


@given(GOOD)
def test_a_factory_of_right_parts_loads_is_drawn_and_reads_back_the_same(document):
    made = factory.loads(json.dumps(document).encode(), "f.yaml")
    blueprint = design.blueprint(made)
    assert len(blueprint.nodes) == sum(site.nodes for site in blueprint.sites)
    again = factory.loads(json.dumps(documents.encode(made)).encode(), "f.yaml")
    assert again == made
    assert factory.policy_hash(again) == factory.policy_hash(made)


LIKELY = st.fixed_dictionaries(
    {"factory": st.just("f")},
    optional={
        "sites": st.dictionaries(
            KEYS,
            st.fixed_dictionaries({}, optional={"halls": HALLS | VALUES, "country": VALUES}),
        ),
        "organisations": TREES,
        "policy": TREES,
        "energy": TREES,
        "programme": TREES
        | st.fixed_dictionaries(
            {"from": VALUES | st.just("2026-Q4"), "until": VALUES | st.just("2030-02-30")},
            optional={
                **dict.fromkeys(("sites", "generations", "supply", "demand"), TREES),
                **dict.fromkeys(("capital", "power", "limits", "risk", "carbon_price"), TREES),
            },
        ),
    },
)


@given(st.dictionaries(KEYS, TREES, max_size=6) | LIKELY, st.booleans())
def test_any_document_is_a_factory_or_a_list_of_problems(document, runnable):
    problems = None
    try:
        made = factory.loads(json.dumps(document).encode(), "f.yaml", runnable=runnable)
    except InputError as error:
        problems = error.problems
    if problems is None:
        assert made.sites or made.programme.declared
    else:
        assert problems
        assert len({(p.where, p.key, p.found) for p in problems}) == len(problems)
