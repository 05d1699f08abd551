"""Tree to typed value: every problem at once, each with line, key, found and right."""

import time
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from arkwright import documents
from arkwright.errors import InputError
from arkwright.units import Celsius, Gigabytes, Kilowatts, Seconds


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=1, le=10)]
    weight: float = 1.0


class Thing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern="^[a-z]+$", description="a small word", examples=["oak"])]
    power: Kilowatts | None = None
    pause: Seconds = 10.0
    heat: Celsius | None = None
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    flag: bool = False
    parts: dict[str, Part] = {}
    best: Part | None = None
    words: tuple[str, ...] = ()
    pair: tuple[int, str] | None = None
    many: int | tuple[str, ...] = 1
    limits: dict[str, Gigabytes] = {}
    anything: Any = None

    def __post_init__(self):
        if self.name == "cursed":
            raise ValueError("nothing may be called cursed")


def decoded(text):
    return documents.decode(documents.parse(text.encode(), "f.yaml"), Thing)


def problems_of(text):
    with pytest.raises(InputError) as caught:
        decoded(text)
    return list(caught.value.problems)


def test_a_complete_document_becomes_the_typed_value():
    thing = decoded(
        """
name: oak
power: 1.5 MW
pause: 2 h
heat: -5 °C
colour: green
mode: b
flag: true
parts: {left: {size: 3}, right: {size: 4, weight: 2}}
best: {size: 1}
words: [one, 2, 3.50, true]
pair: [7, x]
many: [a, b]
limits: {small: 4 GiB}
anything: {x: [1, null]}
"""
    )
    assert thing == Thing(
        name="oak",
        power=1500.0,
        pause=7200.0,
        heat=-5.0,
        colour=Colour.GREEN,
        mode="b",
        flag=True,
        parts={"left": Part(size=3), "right": Part(size=4, weight=2.0)},
        best=Part(size=1),
        words=("one", "2", "3.50", "true"),  # numbers as they were written
        pair=(7, "x"),
        many=("a", "b"),
        limits={"small": 4.294967296},
        anything={"x": [1, None]},
    )
    assert type(thing.parts["right"].weight) is float


def test_every_problem_is_reported_at_once_with_line_and_key():
    problems = problems_of(
        "name: Oak\npower: 12\npause: 5 kW\n"
        "parts:\n  left:\n    size: 11\n    wieght: 2\n  right: {}\nflag: yes\n"
    )
    assert [(p.where, p.key) for p in problems] == [
        ("f.yaml:1", "name"),
        ("f.yaml:2", "power"),
        ("f.yaml:3", "pause"),
        ("f.yaml:9", "flag"),
        ("f.yaml:7", "parts.left.wieght"),
        ("f.yaml:6", "parts.left.size"),
        ("f.yaml:8", "parts.right.size"),
    ]


@pytest.mark.parametrize(
    ("text", "key", "found", "right"),
    [
        ("name: Oak", "name", "the text 'Oak'", "a small word, for example oak"),
        ("name: oak\npower: 12", "power", "the bare number 12", "power with its unit"),
        ("name: oak\npower: 12 m", "power", "'m' is not a unit of power", "use one of W, kW"),
        ("name: oak\npower: -1 kW", "power", "'-1 kW'", "at least 0 kW"),
        ("name: oak\npower: [1]", "power", "a list", "for example '132 kW'"),
        ("name: oak\ncolour: gren", "colour", "'gren'", "did you mean green?"),
        ("name: oak\nmode: c", "mode", "'c'", "use one of a, b"),
        ("name: oak\nflag: 1", "flag", "the number 1", "true or false"),
        ("name: oak\ncolor: red", "color", "not a known key", "did you mean colour?"),
        ("power: 1 kW", "name", "it is missing", "add name"),
        ("name:", "name", "it is empty", "write name"),
        ("name: oak\nbest: {size: two}", "best.size", "the text 'two'", "a whole number"),
        ("name: oak\nbest: {size: 2.5}", "best.size", "the number 2.5", "a whole number"),
        ("name: oak\nbest: {size: true}", "best.size", "found true", "a whole number"),
        ("name: oak\nbest: 5", "best", "the number 5", "keys of: size, weight"),
        ("name: oak\nparts: [1]", "parts", "a list", "a mapping"),
        ("name: oak\nwords: x", "words", "the text 'x'", "a list"),
        ("name: oak\nwords: [x, [y]]", "words[1]", "a list", "write text"),
        ("name: oak\npair: [1]", "pair", "a list of 1", "a list of 2"),
        ("name: oak\nmany: {}", "many", "a mapping", "a whole number"),
        ("name: oak\nbest: {size: 1, weight: .inf}", "best.weight", "'.inf'", "a number"),
        ("name: cursed", "", "nothing may be called cursed", ""),
        ("- a", "", "a list", "a mapping with keys of: name"),
    ],
)
def test_a_wrong_value_says_what_was_found_and_what_would_be_right(text, key, found, right):
    (problem,) = problems_of(text)
    assert problem.key == key
    assert found in problem.found
    assert right in problem.right


def test_an_empty_section_whose_keys_are_all_optional_is_that_section():
    class Outer(Struct, frozen=True, forbid_unknown_fields=True):
        inner: dict[str, "Options"] = {}

    class Options(Struct, frozen=True, forbid_unknown_fields=True):
        depth: int = 3

    Outer.__annotations__["inner"] = dict[str, Options]
    tree = documents.parse(b"inner:\n  a:\n", "f")
    assert documents.decode(tree, Outer).inner == {"a": Options()}


def test_a_flood_of_problems_is_cut_off_and_says_so():
    text = "name: oak\n" + "\n".join(f"bad{i}: 1" for i in range(500))
    problems = problems_of(text)
    assert len(problems) == 101
    assert "more problems" in problems[-1].found


def test_what_is_wrong_after_the_last_listed_problem_is_still_refused():
    text = "name: oak\n" + "\n".join(f"bad{i}: 1" for i in range(200)) + "\nbest: {weight: 1}"
    assert len(problems_of(text)) == 101  # best lacks its size; nothing may be built from it


def test_a_name_may_not_end_in_a_hidden_line_break():
    (problem,) = problems_of('name: "oak\\n"')
    assert problem.key == "name"


def test_hostile_texts_are_refused_quickly():
    began = time.process_time()
    huge = "1" * 1_000_000
    body = {"name": "oak", "power": huge + "a b", "colour": huge, huge: 1}
    body |= {f"x{i}": 1 for i in range(50_000)}
    with pytest.raises(InputError):
        documents.decode(documents.plain(body, "body"), Thing)
    assert time.process_time() - began < 2


def test_a_body_without_lines_names_its_source():
    with pytest.raises(InputError) as caught:
        documents.decode(documents.plain({"name": 5}, "request body"), Thing)
    assert caught.value.problems[0].where == "request body"


KEYS = st.sampled_from([*Thing.__struct_fields__, "nmae", "on", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["oak", "12 kW", "1e400 kW", "red", "2 h", "NO", "-1 s", "x" * 500]),
    st.text(max_size=10),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.just("size"), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(KEYS, TREES, max_size=8))
def test_any_tree_is_decoded_or_refused_but_never_crashes(value):
    problems = None
    try:
        result = documents.decode(documents.plain(value, "body"), Thing)
    except InputError as error:
        problems = error.problems
    if problems is None:
        assert isinstance(result, Thing)
    else:
        assert problems
        assert all(problem.found for problem in problems)


class Bounded(Struct, forbid_unknown_fields=True):
    """A quantity with bounds of its own beside those of its dimension."""

    half_life: Annotated[Seconds, Meta(gt=0, le=3600)] | None = None


@pytest.mark.parametrize("text", ["0 s", "61 min"])
def test_the_bounds_of_a_quantity_are_said_in_its_unit(text):
    with pytest.raises(InputError) as caught:
        documents.decode(documents.parse(f"half_life: {text}\n".encode(), "f.yaml"), Bounded)
    (problem,) = caught.value.problems
    assert problem.right == "use a duration above 0 s and of at most 1 h"
