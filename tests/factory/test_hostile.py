"""Whatever the bytes: a factory or an InputError with problems, never a traceback."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.errors import InputError

WORDS = """factory sites organisations policy energy a b h1 lab country grid connection halls system
gpus racks engine kind nodes quota projects residency price carbon backfill include local pue
programme budget time_limit_default fabric scalable_unit_nodes basis"""
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
        blueprint = design.blueprint(made)
        assert design.summary(blueprint)
        assert factory.policy_hash(made)
    else:
        assert problems
        assert len({(p.where, p.key, p.found) for p in problems}) == len(problems)
