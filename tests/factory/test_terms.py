"""What is in force: the site's word, then the factory's, then the catalogue's with its source."""

import pytest

from arkwright import catalog, factory


def made(sites="{a: {country: NO, engine: {kind: local}}}", rest=""):
    return factory.loads(f"factory: f\nsites: {sites}\n{rest}".encode())


def test_the_country_gives_price_and_carbon_where_the_file_does_not():
    terms = factory.energy_at(made(), "a")
    assert terms.carbon.value == catalog.carbon("NO").g_per_kwh
    assert terms.price.unit == "EUR/kWh"
    assert terms.currency == "EUR"
    assert terms.price.is_default
    assert "Eurostat" in terms.price.source


def test_a_site_overrides_the_factory_key_by_key():
    f = made(
        "{a: {engine: {kind: local}, energy: {price: 10 USD/MWh}}}",
        "energy: {price: 90 EUR/MWh, carbon: 200 g/kWh, carbon_source: our meter}",
    )
    terms = factory.energy_at(f, "a")
    assert (terms.price.value, terms.currency) == (pytest.approx(0.01), "USD")
    assert (terms.carbon.value, terms.carbon.source) == (200, "our meter")
    assert not terms.carbon.is_default


def test_nobody_guesses_for_a_country_that_is_not_listed():
    terms = factory.energy_at(made("{a: {country: XK, engine: {kind: local}}}"), "a")
    assert terms.price is None
    assert terms.currency is None
    assert terms.carbon is None


def test_defaults_come_from_the_catalogue_and_say_so():
    f = made()
    assert factory.time_limit_default(f).value == 86_400  # one day
    assert factory.restart_grace_at(f, "a").is_default
    assert factory.pue_at(f, "a").source.startswith("Start Campus")


def test_given_values_are_taken_as_given():
    f = made(
        "{a: {pue: 1.2, engine: {kind: local, restart_grace: 5 s}}}",
        "policy: {time_limit_default: 2 h}",
    )
    assert factory.time_limit_default(f).value == 7200
    assert factory.restart_grace_at(f, "a").value == 5
    assert factory.pue_at(f, "a").value == 1.2


SITES = """
  oslo: {country: NO, engine: {kind: local}}
  bergen: {country: NO, engine: {kind: local}}
  london: {country: GB, engine: {kind: local}}
"""


def test_residency_of_an_organisation_binds_its_projects_and_a_project_narrows_it():
    f = made(
        SITES,
        "organisations:\n"
        "  lab: {residency: [NO], projects: {p: {residency: [oslo, london]}, q: {}}}\n",
    )
    assert factory.allowed_sites(f, "lab") == ("oslo", "bergen")
    assert factory.allowed_sites(f, "lab/p") == ("oslo",)
    assert factory.allowed_sites(f, "lab/q") == ("oslo", "bergen")
    assert factory.allowed_sites(f, "lab/unknown") == ("oslo", "bergen")
    assert factory.allowed_sites(f, "else") == ("oslo", "bergen", "london")


def test_the_policy_hash_moves_with_decisions_and_with_nothing_else():
    base = made()
    assert factory.policy_hash(base) == factory.policy_hash(made())
    assert len(factory.policy_hash(base)) == 64
    for rest in (
        "policy: {backfill: none}",
        "policy: {time_limit_default: 1 h}",
        "organisations: {lab: {quota: {gpus: 1}}}",
        "organisations: {lab: {priority: 1}}",
    ):
        assert factory.policy_hash(made(rest=rest)) != factory.policy_hash(base)
    assert factory.policy_hash(made(rest="energy: {carbon: 1 g/kWh}")) == factory.policy_hash(base)
    assert factory.policy_hash(made(rest="policy: {backfill: easy}")) == factory.policy_hash(base)
