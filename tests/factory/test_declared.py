"""`programme.declared`: statements are read as they were made; what none can say is refused."""

import pytest

from arkwright import factory
from arkwright.design.timeline import date_text
from arkwright.errors import InputError
from arkwright.factory.declared_dates import period
from arkwright.factory.declared_spec import DeclaredBasis, DeclaredKind


def declared(body, sites="a: {country: NO}", more=""):
    text = f"factory: f\n{more}sites:\n  {sites}\nprogramme:\n  declared:\n"
    text += "\n".join("    " + line for line in body.strip("\n").splitlines())
    return factory.loads(text.encode(), "f.yaml")


def refused(body, **more):
    with pytest.raises(InputError) as caught:
        declared(body, **more)
    return [(problem.key, str(problem)) for problem in caught.value.problems]


ONE = """
one:
  kind: announced
  stated: 2025-07-31
  source: somebody
  sites: [a]
  system: gb300-nvl72
  headline: {gpus: 100000, power: 230 MW, basis: unstated, by: 2026-Q4}
  phase: {power: 20 MW, basis: unstated, money: 1 B USD, equity: 250 M USD}
"""


def test_a_programme_of_statements_alone_is_valid_and_needs_no_hall():
    one = declared(ONE).programme.declared["one"]
    assert one.kind is DeclaredKind.ANNOUNCED
    assert (one.headline.gpus, one.headline.power) == (100_000, 230_000)
    assert one.headline.basis is DeclaredBasis.UNSTATED
    assert one.phase.money == "1 B USD"


def test_a_site_that_nobody_speaks_of_still_needs_halls_or_an_engine():
    ((key, said),) = refused(ONE, sites="a: {country: NO}\n  b: {country: NO}")
    assert key == "sites.b"
    assert "neither halls nor an engine" in said


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-H1", "2026-01-01", "2026-06-30"),
        ("2026-H2", "2026-07-01", "2026-12-31"),
        ("2028-Q1", "2028-01-01", "2028-03-31"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-11-23", "2026-11-23", "2026-11-23"),
    ],
)
def test_a_moment_is_as_long_as_it_is_vague(written, first, last):
    span = period(written)
    assert (date_text(span.first), date_text(span.last)) == (first, last)


def test_every_problem_is_told_at_once_with_its_key_line_and_fix():
    found = refused(
        """
one:
  kind: announced
  stated: 2025-02-30
  source: somebody
  sites: [narvik, a, a]
  system: gb301-nvl72
  headline: {power: 230 MW, by: 2026-13}
two:
  kind: contracted
  stated: 2025-10-15
  source: somebody
  headline: {gpus: 8000, basis: grid, from: 2027-Q1, by: 2026-Q1}
  phase: {gpus: 9000, money: 1 B USD, equity: 2 B USD}
  contract: {}
  within: [three, two]
""",
    )
    text = dict(found)
    assert "did you mean" not in text["programme.declared.one.sites[0]"]
    assert "known: a" in text["programme.declared.one.sites[0]"]
    assert "named twice" in text["programme.declared.one.sites[2]"]
    assert "did you mean gb300-nvl72?" in text["programme.declared.one.system"]
    assert "no such day as 2025-02-30" in text["programme.declared.one.stated"]
    assert "megawatts without a basis" in text["programme.declared.one.headline.basis"]
    assert "2026-13" in text["programme.declared.one.headline.by"]
    assert "there is no power" in text["programme.declared.two.headline.basis"]
    assert "2026-Q1 is before 2027-Q1" in text["programme.declared.two.headline.by"]
    assert "at most 8000" in text["programme.declared.two.phase.gpus"]
    assert "equity is a part" in text["programme.declared.two.phase.equity"]
    assert "give value, years or both" in text["programme.declared.two.contract"]
    assert "unknown statement 'three'" in text["programme.declared.two.within[0]"]
    assert "it names itself" in text["programme.declared.two.within[1]"]
    assert all(said.startswith("f.yaml:") for said in text.values())


@pytest.mark.parametrize(
    ("change", "key", "word"),
    [
        (("kind: announced", "kind: promised"), "kind", "grid-secured"),
        (("1 B USD", "-1 B USD"), "phase.money", "2.5 B USD"),
        (("1 B USD", "0 USD"), "phase.money", "no money"),
        (("1 B USD", "1 B ISK"), "phase.money", "rates: {ISK: …}"),
        (("by: 2026-Q4", "by: 2024-Q4"), "headline.by", "over when it was promised"),
        (("source: somebody", "source: ''"), "source", "at least 1"),
        (("gpus: 100000", "gpus: -5"), "headline.gpus", "-5"),
        (("230 MW", "230"), "headline.power", "unit"),
        (("20 MW, basis: unstated", "300 MW, basis: unstated"), "phase.power", "at most 230 MW"),
        (("kind: announced", "kind: energised"), "headline.by", "use kind: announced"),
    ],
)
def test_what_no_statement_can_say_is_refused(change, key, word):
    found = dict(refused(ONE.replace(", equity: 250 M USD", "").replace(*change)))
    assert list(found) == [f"programme.declared.one.{key}"]
    assert word in found[f"programme.declared.one.{key}"]


def test_a_statement_must_say_something():
    nothing = "one: {kind: announced, stated: 2025-07-31, source: x, sites: [a]}"
    ((_, said),) = refused(nothing)
    assert "it declares nothing" in said


def test_only_what_was_said_before_can_be_replaced():
    found = refused(
        ONE
        + """
two:
  kind: announced
  stated: 2025-01-01
  source: somebody
  headline: {gpus: 1}
  updates: [one]
"""
    )
    assert [key for key, _ in found] == ["programme.declared.two.updates[0]"]


def test_two_statements_cannot_each_lie_within_the_other():
    other = ONE.replace("one:", "two:") + "  within: [one]\n"
    found = refused(ONE + "  within: [two]\n" + other)
    assert {key for key, _ in found} == {
        "programme.declared.one.within",
        "programme.declared.two.within",
    }
