"""Several files, one factory: later keys win, lines stay those of the file they were written in."""

import pytest

from arkwright import factory
from arkwright.errors import InputError


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path / "main.yaml"

    return write


SITE = "sites: {a: {country: NO, engine: {kind: local, nodes: 2}}}\n"


def test_the_including_file_wins_key_by_key(folder):
    path = folder(
        main="factory: f\ninclude: base.yaml\nsites: {a: {engine: {nodes: 8}}}\n", base=SITE
    )
    site = factory.load(path).sites["a"]
    assert site.engine.nodes == 8
    assert site.country == "NO"


def test_of_several_included_files_the_later_wins(folder):
    path = folder(
        main="factory: f\ninclude: [base.yaml, more.yaml]\n",
        base=SITE,
        more="sites: {a: {country: SE}}\n",
    )
    assert factory.load(path).sites["a"].country == "SE"


def test_a_problem_names_the_file_it_is_in(folder):
    path = folder(main="factory: f\ninclude: base.yaml\n", base=SITE + "policy: {backfil: easy}\n")
    with pytest.raises(InputError) as caught:
        factory.load(path)
    assert [p.where for p in caught.value.problems] == ["base.yaml:2"]


def test_a_broken_rule_in_an_included_file_has_its_line(folder):
    path = folder(main="factory: f\ninclude: base.yaml\n", base="\n\nsites: {a: {country: NO}}\n")
    with pytest.raises(InputError) as caught:
        factory.load(path)
    assert [p.where for p in caught.value.problems] == ["base.yaml:3"]


@pytest.mark.parametrize(
    ("main", "said"),
    [
        ("factory: f\ninclude: main.yaml\n", "includes itself"),
        ("factory: f\ninclude: loop.yaml\n", "includes itself"),
        ("factory: f\ninclude: none.yaml\n", "no such file"),
        ("factory: f\ninclude: /etc/hostname\n", "absolute path"),
        ("factory: f\ninclude: {a: b}\n", "not a file name"),
        ("factory: f\ninclude: [3]\n", "not a file name"),
    ],
)
def test_an_include_that_cannot_be_followed_says_why(folder, main, said):
    path = folder(main=main, loop="include: main.yaml\n")
    with pytest.raises(InputError, match=said):
        factory.load(path)


def test_a_tree_of_includes_ends(folder):
    # Each level includes the next one twice: 2^n files without a bound.
    files = {f"l{i}": f"include: [l{i + 1}.yaml, l{i + 1}.yaml]\n" for i in range(12)}
    path = folder(main="factory: f\ninclude: l0.yaml\n", l12=SITE, **files)
    with pytest.raises(InputError, match="more than 32 files"):
        factory.load(path)


def test_files_that_are_too_much_together_are_refused(folder):
    many = "organisations: {lab: {residency: [" + "NO, " * 150_000 + "NO]}}\n"
    path = folder(
        main="factory: f\ninclude: [base.yaml, more.yaml]\n",
        base=SITE + many,
        more=many.replace("lab", "other"),
    )
    with pytest.raises(InputError, match="together hold"):
        factory.load(path)


def test_a_text_without_a_folder_cannot_include():
    with pytest.raises(InputError, match="load it as a file"):
        factory.loads(b"factory: f\ninclude: base.yaml\n" + SITE.encode())
