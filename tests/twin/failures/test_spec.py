"""The failure model as it is written, and as the catalogue gives it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import documents
from arkwright.catalog.failures import failure_mix, failure_patterns, failure_rates, repair_times
from arkwright.errors import InputError
from arkwright.physics.reliability import mttf_h
from arkwright.twin.failures import Failures, FailureSpec, Part, Repair, failure_spec
from twin.fleets import cause

ROOT = Path(__file__).resolve().parents[3]


def asked(text):
    return documents.decode(documents.parse(text.encode(), "year.yaml"), Failures)


def test_the_mix_of_llama_3_has_its_18_causes_and_419_interruptions():
    assert len(failure_mix("llama3")) == 18
    assert sum(row.count for row in failure_mix("llama3")) == 419
    # 419 in 54 days on 2,048 nodes: 3.79 per 1,000 node-days, MTTF 3.09 h
    rate = failure_spec("llama3").node_per_1000_days(gpus=8)
    assert rate == pytest.approx(3.789, abs=1e-3)
    assert mttf_h(2048, rate) == pytest.approx(3.09, abs=0.005)


def test_the_default_mix_fails_as_often_as_llama_3_beside_its_facility():
    rates = {c.name: c.part for c in failure_spec().causes}
    assert failure_spec().node_per_1000_days(gpus=8) == pytest.approx(3.789, abs=1e-3)
    assert {Part.LEAF, Part.PDU, Part.CDU, Part.HALL} <= set(rates.values())


@pytest.mark.parametrize(("mix", "rate"), [("rsc1", 6.5), ("rsc2", 2.34), ("stepfun", 4.184)])
def test_a_mix_has_its_published_rate_per_node(mix, rate):
    assert failure_spec(mix).node_per_1000_days(gpus=8) == pytest.approx(rate, abs=1e-3)


def test_every_cause_of_the_catalogue_has_a_part_and_a_time_to_repair():
    for row in failure_rates().values():
        assert row.part in {part.value for part in Part}
        assert row.repair in repair_times()
    assert set(failure_patterns()) - {"*"} <= {row.mix for row in failure_rates().values()}


def test_a_hall_is_down_1_6_hours_a_year_as_tier_iii_says():
    hall = next(c for c in failure_spec().causes if c.part is Part.HALL)
    assert hall.per_1000_days * 0.365 * hall.repair.mean_h == pytest.approx(1.6, abs=0.05)


def test_what_is_written_changes_the_mix():
    spec = failure_spec(
        asked(
            """
            mix: llama3
            factor: 2
            repair_factor: 0.5
            causes:
              software: {per_1000_days: 0}
              nic: {per_1000_days: 1}
              pump: {part: cdu, per_1000_days: 3, repair: {shares: [0, 1], within: [1 h, 9 h]}}
            lemons: {share: 0.012, factor: 10}
            warm_up: 30 d
            """
        )
    )
    by_name = {c.name: c for c in spec.causes}
    assert "software" not in by_name
    assert by_name["nic"].per_1000_days == 2
    assert by_name["pump"].repair.within == (1800, 16_200)
    assert spec.lemons.factor == 10
    assert spec.bursts is None
    assert spec.warm_up == 30 * 86_400


def test_a_share_of_0_takes_the_pattern_of_the_mix_away():
    off = asked("{mix: stepfun, seasons: {cv: 0, length: 1 d}, lemons: {share: 0, factor: 1}}")
    spec = failure_spec(off)
    assert spec.seasons is None
    assert spec.lemons is None
    assert spec.bursts is not None


def test_the_example_of_the_page_is_read():
    page = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    spec = failure_spec(asked(page.split("```yaml\n")[1].split("```")[0]))
    assert len(spec.causes) == 18  # the pump for the software
    assert spec.seasons.length == 30 * 86_400


def test_an_unknown_mix_lists_the_known_ones():
    with pytest.raises(InputError, match="default, llama3, rsc1"):
        failure_spec("llama4")


def test_every_new_cause_that_lacks_something_is_named_at_once():
    with pytest.raises(InputError) as caught:
        failure_spec(asked("causes: {pump: {part: cdu}, fan: {per_1000_days: 1}}"))
    assert [problem.key for problem in caught.value.problems] == ["causes.pump", "causes.fan"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{shares: [0, 1], within: [1 h]}", "2 shares need as many times, not 1"),
        ("{shares: [0, 0.5], within: [1 h, 2 h]}", "from 0 through 1"),
        ("{shares: [0, 0.7, 0.5, 1], within: [1 h, 2 h, 3 h, 4 h]}", "ascend"),
        ("{shares: [0, 1], within: [2 h, 1 h]}", "do not descend"),
        ("{shares: [0, 1], within: [0 s, 1 h]}", "above 0"),
        ("{shares: [0, 1], within: [1, 2]}", "bare number"),
    ],
)
def test_a_repair_that_is_no_distribution_is_refused(written, said):
    with pytest.raises(InputError, match=said):
        asked(f"causes: {{gpu: {{repair: {written}}}}}")


def test_two_causes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="named twice: node"):
        FailureSpec(causes=(cause(), cause()))


def test_lemons_leave_the_mean_as_it_was():
    # A tenth at 11 times: ordinary 1 / (0.9 + 1.1) = 0.5, lemon 5.5; 0.9 x 0.5 + 0.1 x 5.5 = 1
    spec = failure_spec(asked("lemons: {share: 0.1, factor: 11}"))
    assert spec.lemons.weights == pytest.approx((0.5, 5.5))


def test_half_of_the_repairs_of_gpus_take_no_longer_than_the_trace_says():
    gpu = next(c for c in failure_spec("stepfun").causes if c.name == "gpu")
    assert gpu.repair.quantile_s(np.array([0.5, 0.9])) / 3600 == pytest.approx([16.79, 430.8])


KNOTS = st.lists(st.floats(1.0, 1e6), min_size=2, max_size=8).map(sorted)


@given(KNOTS)
def test_the_mean_is_the_mean_of_the_quantiles(within):
    shares = np.linspace(0, 1, len(within))
    repair = Repair(shares=tuple(shares), within=tuple(within))
    share = (np.arange(20_000) + 0.5) / 20_000
    assert repair.mean_h == pytest.approx(repair.quantile_s(share).mean() / 3600, rel=1e-3)
    assert repair.quantile_s(np.array([0.0, 1.0])) == pytest.approx([within[0], within[-1]])
