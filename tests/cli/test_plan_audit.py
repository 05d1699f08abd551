"""`arkwright plan audit`: what it prints, its exit codes, what it refuses."""

import json
from pathlib import Path

import pytest

EXAMPLE = str(Path(__file__).resolve().parents[2] / "examples" / "nscale-programme.yaml")


def test_findings_come_worst_first_and_what_agrees_is_listed(ark):
    code, out, err = ark("plan", "audit", EXAMPLE)
    assert (code, err) == (0, "")
    order = [
        out.index(f"\n{head} (") for head in ("Contradictions", "Doubts", "Notes", "Consistent")
    ]
    assert order == sorted(order)
    assert "1.0 B USD buys about 9 %" in " ".join(out.split())
    assert "What they would take" in out
    assert "From words to use" in out


def test_text_keeps_within_a_hundred_columns(ark, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = ark("plan", "audit", EXAMPLE)
    tables = out.index("\nPromises in force")
    assert max(len(line) for line in out[:tables].splitlines()) <= 100


def test_json_is_a_document_with_every_finding_and_its_sources(ark):
    code, out, _ = ark("plan", "audit", EXAMPLE, "--json")
    body = json.loads(out)
    assert (code, body["api_version"], body["kind"]) == (0, "v1", "plan_audit")
    assert body["as_of"] == "2026-05-12"
    assert {"rule", "severity", "statements", "text", "figures", "sources"} == set(
        body["findings"][0]
    )
    assert all(finding["sources"] for finding in body["findings"])
    (promise,) = [p for p in body["promises"] if p["statement"] == "loughton"]
    assert 0 <= promise["probability_in_time"] <= 1
    assert promise["bands"]["all"]["p10"] < promise["bands"]["all"]["p90"]
    assert promise["needs"]["power_kw"] == 50_000


def test_findings_are_no_failure_unless_asked(ark):
    assert ark("plan", "audit", EXAMPLE)[0] == 0
    assert ark("plan", "audit", EXAMPLE, "--strict")[0] == 1
    assert ark("plan", "audit", EXAMPLE, "--strict", "--as-of", "2025-02-01")[0] == 0


def test_as_of_knows_only_what_had_been_stated(ark):
    _, out, _ = ark("plan", "audit", EXAMPLE, "--as-of", "2025-07-31")
    assert "2 statements" in out
    assert "microsoft" not in out


def test_sources_are_named_when_asked(ark):
    _, out, _ = ark("plan", "audit", EXAMPLE, "--sources")
    assert "held against:" in out
    assert "globenewswire 3151415" in out


def test_the_record_needs_no_file(ark):
    code, out, _ = ark("plan", "audit", "--record")
    assert code == 0
    assert "dates inside the band" in out
    _, body, _ = ark("plan", "audit", "--record", "--json")
    assert json.loads(body)["kind"] == "plan_audit_record"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a factory file"),
        ((EXAMPLE, "--as-of", "2025-13-01"), "2025-13-01"),
        ((EXAMPLE, "--as-of", "yesterday"), "yesterday"),
        ((EXAMPLE, "--as-of", "2020-01-01"), "nothing was declared"),
        ((EXAMPLE, "--record"), "no file"),
    ],
)
def test_wrong_input_exits_with_two_and_says_what_would_be_right(ark, words, said):
    code, out, err = ark("plan", "audit", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_factory_without_statements_is_told_how_to_write_them(ark, tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("factory: f\nsites: {a: {halls: {h: {system: gb300-nvl72, racks: 1}}}}\n")
    code, _, err = ark("plan", "audit", str(path))
    assert code == 2
    assert "programme: {declared: {…}}" in err
