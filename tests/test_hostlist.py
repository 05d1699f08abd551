"""Slurm's lists of names, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.hostlist import expand, hostlist

EXPANDED = [
    ("gpu[001-003,07]", ["gpu001", "gpu002", "gpu003", "gpu07"]),
    ("n[9-11]", ["n9", "n10", "n11"]),
    ("r[1-2]-t[01-02]", ["r1-t01", "r1-t02", "r2-t01", "r2-t02"]),
    ("login, a[1,3]b ,x", ["login", "a1b", "a3b", "x"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "names"), EXPANDED)
def test_a_list_in_short_becomes_its_names_in_order(text, names):
    assert expand(text) == names


@pytest.mark.parametrize("text", ["n[1-3", "n1-3]", "n[3-1]", "n[a-c]", "n[]", "n[1-99999999]"])
def test_what_is_no_list_is_refused_with_the_text(text):
    with pytest.raises(InputError, match="list of names"):
        expand(text)


names = st.lists(
    st.one_of(
        st.from_regex(r"[a-z]{1,4}[0-9]{0,4}(-[a-z]{1,3}[0-9]{1,3})?", fullmatch=True),
        st.integers(0, 1200).map(lambda number: f"node{number:04d}"),
    ),
    max_size=60,
)


@given(names)
def test_every_list_comes_back_as_it_was(listed):
    assert expand(hostlist(listed)) == listed
