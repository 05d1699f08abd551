"""Paths as host names: short, sure both ways, and in Slurm's lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.export import host_name, path_of
from arkwright.hostlist import hostlist
from export.readers import expanded

PLACES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)


def test_a_path_becomes_a_host_name():
    assert host_name("narvik/h1/r001/t01") == "narvik-h1-r001-t01"
    assert host_name("new-york/h1/r001/t01") == "new--york-h1-r001-t01"
    assert host_name("narvik/h1/n001/compute-leaf-001") == "narvik-h1-n001-compute-leaf-001"


@given(PLACES, PLACES, PLACES, PLACES, st.integers(1, 4))
def test_the_way_back_is_the_way_there(site, hall, rack, device, depth):
    path = "/".join([site, hall, rack, device][:depth])
    assert path_of(host_name(path)) == path


@given(st.tuples(PLACES, PLACES), st.tuples(PLACES, PLACES))
def test_no_two_paths_share_a_name(one, other):
    # a-b/c and a/b-c would both be a-b-c.
    assert (host_name("/".join(one)) == host_name("/".join(other))) == (one == other)


def test_a_name_too_long_for_a_label_is_refused():
    with pytest.raises(InputError, match="64 characters and 63 are allowed; shorten the name"):
        host_name("a" * 52 + "/h1/r001/t01")


def test_racks_and_trays_become_two_ranges():
    names = [f"narvik-h1-r{r:03d}-t{t:02d}" for r in range(1, 73) for t in range(1, 19)]
    assert hostlist(names) == "narvik-h1-r[001-072]-t[01-18]"
    assert hostlist(names[:19]) == "narvik-h1-r001-t[01-18],narvik-h1-r002-t01"
    assert hostlist(names, numbers=1).startswith("narvik-h1-r001-t[01-18],narvik-h1-r002-")


def test_a_thousandth_rack_begins_a_range_of_its_own():
    # Readers differ on 998-1001; two ranges of one width each are read alike.
    names = [f"a-r{r:03d}" for r in range(998, 1002)]
    assert hostlist(names) == "a-r[998-999],a-r[1000-1001]"


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b-h1"]), st.integers(1, 1200), st.integers(1, 20)),
        unique=True,
        max_size=40,
    )
)
def test_a_list_expands_to_the_same_names_in_the_same_order(found):
    names = [f"{site}-r{rack:03d}-t{tray:02d}" for site, rack, tray in found]
    text = hostlist(names)
    assert sorted(expanded(text)) == sorted(names)
    if found == sorted(found):
        assert expanded(text) == names
