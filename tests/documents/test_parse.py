"""Bytes to tree: YAML 1.2 values with lines, and clear refusals of everything hostile."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import documents
from arkwright.documents import Limits, reader
from arkwright.errors import InputError


def problems_of(data, **limits):
    with pytest.raises(InputError) as caught:
        documents.parse(data, "f.yaml", Limits(**limits))
    assert caught.value.problems, "an InputError without problems tells nobody anything"
    return [str(problem) for problem in caught.value.problems]


def value_of(text):
    return documents.parse(f"x: {text}".encode(), "f.yaml").value["x"].value


def test_the_c_parser_is_used_where_it_exists():
    import yaml

    assert not yaml.__with_libyaml__ or reader._Loader is yaml.CSafeLoader


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),  # Norway, not False
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("false", False),
        ("12:30", "12:30"),  # not 750
        ("2026-11-22", "2026-11-22"),  # not a date object
        ("007", "007"),  # not octal, not 7
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12", 12),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999999", "1e999999"),
        ("9" * 60, "9" * 60),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("~", None),
        ("", None),
        ("null", None),
    ],
)
def test_plain_scalars_follow_yaml_1_2_core(written, value):
    read = value_of(written)
    assert read == value
    assert type(read) is type(value)


def test_the_key_on_is_a_text_not_true():
    assert list(documents.parse(b"on: [failure]", "f").value) == ["on"]


def test_every_value_knows_its_line():
    tree = documents.parse(b"a: 1\nb:\n  c:\n    - 2\n    - 3\n", "f.yaml")
    assert tree.value["a"].where == "f.yaml:1"
    assert tree.value["b"].where == "f.yaml:2"  # the key's line, not where its content begins
    assert [item.line for item in tree.value["b"].value["c"].value] == [4, 5]


def test_json_is_read_too_with_tabs_between_values():
    assert documents.parse(b'{"a":\t[1, true, null, "x"]}', "f.json").value["a"].value[1].value


def test_a_duplicate_key_names_both_lines():
    (said,) = problems_of(b"sites:\n  a: 1\n  b: 2\n  a: 3\n")
    assert said == "f.yaml:4: sites.a: the key is given twice, first on line 2; keep one"


def test_all_duplicates_are_reported_at_once():
    assert len(problems_of(b"a: 1\na: 2\nb: 1\nb: 2\n")) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"a: 1\n---\nb: 2\n", "second document"),
        (b"a:\n\tb: 1\n", "f.yaml:2: a tab"),
        (b"a: [1, 2\n", "not YAML"),
        (b"a: b: c\n", "f.yaml:1"),
        (b"a: 1\nb: \x00\n", "f.yaml:2: a NUL byte"),
        (b"a: 1\nb: \xff\n", "f.yaml:2: byte 0xff is not UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "NUL byte"),
        (b"a: \x01\n", "f.yaml"),
        (b'a: "x\\0y"\n', "f.yaml:1: a text with a NUL character"),
        (b"a: !!python/object/apply:os.system [ls]\n", "the tag"),
        (b"a: !include x\n", "the tag !include"),
        (b"a: *nothing\n", "has no anchor"),
        (b"a: &x [*x]\n", "has no anchor"),
        (b"? [1, 2]\n: 3\n", "used as a key"),
        (b"a: &x 1\n*x : 2\n", "alias used as a key"),
        (b"b: &b {x: 1}\na:\n  <<: *b\n", "a merge key"),
        (b"[" * 100_000, "nested deeper than 64"),
        (b"{a: " * 1000, "nested deeper than 64"),
        (b"- " * 1000 + b"x", "nested deeper than 64"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(data, said):
    assert any(said in problem for problem in problems_of(data))


def test_an_alias_bomb_is_counted_not_expanded():
    # Nine levels of ten aliases: 10^9 values from half a kilobyte.
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    began = time.process_time()
    assert any("expands to more than" in said for said in problems_of("\n".join(lines).encode()))
    assert time.process_time() - began < 1


def test_a_ladder_of_aliases_is_as_deep_as_what_it_stands_for():
    # 500 lines of one level each: without expansion nothing here is deeper than two.
    ladder = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 500)]
    (said,) = problems_of("\n".join(ladder).encode())
    assert "f.yaml:64: a63: nested deeper than 64 levels" in said
    documents.parse("\n".join(ladder[:60]).encode(), "f.yaml")


def test_a_modest_alias_is_the_value_it_names():
    tree = documents.parse(b"a: &q {gpus: 8}\nb: *q\n", "f.yaml")
    assert tree.value["b"].value["gpus"].value == 8


def test_a_fifty_megabyte_text_is_refused_by_its_size():
    began = time.process_time()
    assert "larger than 4 MiB" in problems_of(b"x" * 50_000_000)[0]
    assert time.process_time() - began < 0.5


def test_more_values_than_allowed_are_refused():
    assert (
        "expands to more than 100 values"
        in problems_of(b"a: [" + b"1," * 200 + b"1]", nodes=100)[0]
    )


def test_a_file_is_never_read_past_the_limit(tmp_path):
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(InputError, match="larger than 4 MiB"):
        documents.read(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        documents.read(tmp_path / "no.yaml")
    with pytest.raises(InputError, match="is a directory"):
        documents.read(tmp_path)


TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=8)
"""Without control characters and line separators, which YAML reads as line ends."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=20,
)


def bare(node):
    if isinstance(node.value, dict):
        return {key: bare(child) for key, child in node.value.items()}
    return [bare(child) for child in node.value] if isinstance(node.value, tuple) else node.value


@given(JSON)
def test_a_json_value_as_a_tree_is_the_same_value(value):
    assert bare(documents.plain(value, "body")) == value


@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=5), JSON, min_size=1, max_size=4))
def test_json_text_reads_as_the_same_value(value):
    # ensure_ascii would write astral characters as surrogate pairs, which YAML does not have.
    text = json.dumps(value, ensure_ascii=False)
    assert bare(documents.parse(text.encode(), "f.json")) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_but_never_crash(data):
    problems = None
    try:
        documents.parse(data, "f")
    except InputError as error:
        problems = error.problems
    assert problems is None or problems


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": "x\0y"}, "NUL"),
        ({"a": "\ud800"}, "surrogate"),
        ({"\0": 1}, "key"),
        ({"a": 10**400}, "38 digits"),
    ],
)
def test_a_body_that_would_break_a_process_or_a_database_is_refused(value, said):
    with pytest.raises(InputError, match=said):
        documents.plain(value, "body")


HOSTILE = [
    *(b"&a ", b"? ", b"!x ", b"[],", b"{},", b"a: {", b"'", b'"', b"- ", b"*a ", b"a\n", b"%"),
    *(b"|\n", b"a: b, ", b"[a: ", b",", b":", b": ", b"\n", b"#", b"- [", b"[[],", b"{a: {}, b: "),
]


@pytest.mark.parametrize("token", HOSTILE)
def test_no_repetition_of_a_token_takes_long(token):
    began = time.process_time()
    with contextlib.suppress(InputError):
        documents.parse(b"[" + token * (300_000 // len(token)), "f")
    with contextlib.suppress(InputError):
        documents.parse(token * (300_000 // len(token)), "f")
    assert time.process_time() - began < 3


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": b"x"}, {"a": object()}])
def test_a_body_with_values_json_does_not_have_is_refused(value):
    with pytest.raises(InputError, match="JSON values only"):
        documents.plain(value, "body")


def test_a_deep_body_is_refused():
    value = []
    for _ in range(100):
        value = [value]
    with pytest.raises(InputError, match="nested deeper"):
        documents.plain(value, "body")


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("sites.narvik.halls[1].gpus", 5),
        ("sites.narvik.halls[1].racks", 5),  # not written: that of its hall
        ("sites.narvik.climate.year", 2),
        ("policy", 1),
    ],
)
def test_a_key_is_found_where_it_or_the_nearest_above_it_was_written(key, line):
    text = b"sites:\n  narvik:\n    halls:\n      - gpus: 8\n      - gpus: 16\n"
    tree = documents.parse(text, "f.yaml")
    where = documents.where_of(tree, key)
    assert where == (f"f.yaml:{line}" if line > 1 else tree.where)
