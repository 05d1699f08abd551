"""Fitting: the model gets back what it was drawn with, and what the one public trace shows."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from arkwright.catalog.failures import failure_patterns
from arkwright.errors import InputError
from arkwright.twin.failures import (
    Bursts,
    Cause,
    FaultTrace,
    Lemons,
    Part,
    Repair,
    Topology,
    drawn_trace,
    failed,
    failure_spec,
    fit,
    read_fault_trace,
    statistics,
)
from twin.fleets import DAY_MS, START_MS, cause, fleet, model

TRACE = Path(__file__).parents[4] / "shared" / "data" / "infinitehbd_faults" / "faults.csv.gz"


@pytest.fixture(scope="module")
def measured():
    if not TRACE.exists():
        pytest.skip("the fault trace ../shared/data/infinitehbd_faults is not here")
    return read_fault_trace(TRACE, nodes=400, days=348.98)


def traces_of(spec, nodes, days, seeds):
    places, end = fleet(nodes), START_MS + round(days * DAY_MS)
    names = [c.name for c in spec.causes]
    for seed in seeds:
        found = failed(spec, places, Topology(), START_MS, end, seed)
        yield drawn_trace(found, names, nodes, START_MS, end)


def flat(told):
    return np.concatenate([np.atleast_1d(value) for value in told])


def test_the_trace_is_the_one_that_was_read(measured):
    # Counts as in its README; the rest as an independent reading of it has them.
    told = statistics(measured)
    assert len(measured.node) == 584
    assert len(np.unique(measured.node)) == 231
    assert told.per_1000_node_days == pytest.approx(4.18, abs=0.005)
    assert told.out_h_quantiles == pytest.approx((2.1, 20.4, 75.9, 311, 1966), rel=0.03)
    assert told.out_h_mean == pytest.approx(133, abs=0.5)
    assert told.nodes_out_mean == pytest.approx(9.26, abs=0.01)


def test_what_is_drawn_from_the_fitted_model_is_like_the_trace(measured):
    """Rate, quantiles of repair, bursts, seasons, lemons: 14 figures, 40 fleets of 400 nodes.

    Tolerances: the mean of the fleets is within 5 % (rate), 10 % (repair, 15 % its p99) and 40 %
    (dispersion: variances of 11 months and of heavy tails) of the trace; and the trace lies between
    the 2nd and the 98th percentile of the fleets in every figure.
    """
    runs = [flat(statistics(t)) for t in traces_of(fit(measured), 400, 348.98, range(40))]
    mean, trace = np.mean(runs, axis=0), flat(statistics(measured))
    names = [
        "rate", "p25", "p50", "p75", "p90", "p99", "mean", "0.1 d", "1 d", "7 d", "30 d",
        "never failed", "of the worst", "out",
    ]  # fmt: skip
    within = [0.05, *[0.1] * 4, 0.15, 0.1, *[0.4] * 4, 0.1, 0.1, 0.1]
    for name, drawn, told, tolerance in zip(names, mean, trace, within, strict=True):
        assert drawn == pytest.approx(told, rel=tolerance), name
    low, high = np.quantile(runs, [0.02, 0.98], axis=0)
    outside = [n for n, a, t, b in zip(names, low, trace, high, strict=True) if not a <= t <= b]
    assert outside == []


def test_an_even_model_would_not_be_like_the_trace(measured):
    # So that the test above says something: Poisson disperses 1, the trace 3.4 a day, 16 a month.
    spec = fit(measured)
    even = model(*spec.causes)
    runs = np.array([flat(statistics(t)) for t in traces_of(even, 400, 348.98, range(10))])
    assert runs[:, 8].max() < 1.5
    assert runs[:, 10].max() < 4
    assert runs[:, 11].max() < 0.35  # 42 % of the nodes of the trace never failed


def test_the_catalogues_pattern_is_the_fit(measured):
    spec, row = fit(measured), failure_patterns()["stepfun"]
    assert spec.lemons.share == pytest.approx(row.lemon_share, abs=5e-4)
    assert spec.lemons.factor == pytest.approx(row.lemon_factor, abs=0.05)
    assert spec.bursts.share == pytest.approx(row.burst_share, abs=5e-3)
    assert spec.bursts.hit_mean == pytest.approx(row.burst_hit_mean, abs=5e-6)
    assert spec.bursts.hit_cv == row.burst_hit_cv
    assert spec.bursts.spread / 3600 == pytest.approx(row.burst_spread_h, abs=5e-3)
    assert spec.seasons.cv == pytest.approx(row.season_cv, abs=5e-3)


def test_the_catalogues_repair_times_are_the_traces(measured):
    spec = failure_spec("stepfun")
    rate = np.array([spec.rate_of(c, gpus=8) for c in spec.causes])
    assert rate.sum() == pytest.approx(statistics(measured).per_1000_node_days, rel=1e-3)
    mean = sum(r * c.repair.mean_h for r, c in zip(rate, spec.causes, strict=True)) / rate.sum()
    assert mean == pytest.approx(statistics(measured).out_h_mean, rel=0.06)


def test_the_fitted_repair_keeps_the_mean_with_its_few_very_long_ones(measured):
    causes = fit(measured).causes
    rate = sum(c.per_1000_days for c in causes)
    mean = sum(c.per_1000_days * c.repair.mean_h for c in causes) / rate
    assert mean == pytest.approx(statistics(measured).out_h_mean, rel=0.04)


HEAVY = Repair(shares=(0.0, 0.5, 0.9, 1.0), within=(60.0, 7200.0, 86_400.0, 864_000.0))


def test_a_fit_gives_back_the_model_that_a_trace_was_drawn_from():
    lemons = Lemons(share=0.2, factor=8.0)
    bursts = Bursts(share=0.4, hit_mean=0.01, hit_cv=0.5, spread=3600.0)
    spec = model(cause(per_1000_days=10.0), lemons=lemons, bursts=bursts)
    found = fit(next(traces_of(spec, 300, 1000, [3])))
    assert sum(c.per_1000_days for c in found.causes) == pytest.approx(10, rel=0.1)
    assert found.lemons.share == pytest.approx(0.2, abs=0.06)
    assert found.lemons.factor == pytest.approx(8, rel=0.25)
    assert found.bursts.share == pytest.approx(0.4, abs=0.15)
    assert found.bursts.share * found.bursts.hit_mean * (1 + found.bursts.hit_cv**2) == (
        pytest.approx(0.4 * 0.01 * 1.25, rel=0.4)
    )
    assert found.bursts.spread == pytest.approx(3600, rel=0.6)
    assert found.seasons is None or found.seasons.cv < 0.3


def test_a_fit_finds_the_repair_times_of_each_kind():
    heavy = Cause(name="b", part=Part.NODE, per_1000_days=8.0, repair=HEAVY)
    rare = cause("c", per_1000_days=0.1)
    spec = model(cause("a", per_1000_days=8.0, hours=5.0), heavy, rare)
    found = {c.name: c for c in fit(next(traces_of(spec, 100, 500, [1]))).causes}
    assert set(found) == {"a", "b", "other"}
    assert found["a"].repair.mean_h == pytest.approx(5.0, rel=1e-6)
    assert found["b"].repair.mean_h == pytest.approx(HEAVY.mean_h, rel=0.3)
    # 400 samples know a share to 0.025, which is e^0.24 in a time that grows 120-fold by half.
    log_s = np.log(found["b"].repair.quantile_s(np.array([0.5, 0.9])))
    assert log_s == pytest.approx(np.log([7200, 86_400]), abs=0.75)


def test_an_even_trace_fits_to_an_even_model():
    found = fit(next(traces_of(model(cause(per_1000_days=10.0)), 300, 1000, [2])))
    assert found.bursts is None or found.bursts.share <= 0.1
    assert found.seasons is None or found.seasons.cv < 0.15
    weights = found.lemons.weights if found.lemons else (1.0, 1.0)
    share = found.lemons.share if found.lemons else 0.0
    spread = share * (weights[1] - 1) ** 2 + (1 - share) * (weights[0] - 1) ** 2
    assert spread < 0.05  # variance of the rates of the nodes


def test_a_trace_of_a_handful_of_faults_is_refused():
    few = FaultTrace(10, 100.0, np.arange(5), np.arange(5.0), np.ones(5), np.zeros(5, int), ["a"])
    with pytest.raises(InputError, match="5 faults in 100 days are too few"):
        fit(few)


HEAD = "node,start_day,end_day,level,class,desc,repair_h\n"
ROWS = "a,1.5,2,x,GPU,,12.5\nb,0.5,1,x,Fan,,3\na,0.25,1,x,,,0\n"


@pytest.mark.parametrize("name", ["faults.csv", "faults.csv.gz"])
def test_a_trace_is_read_in_the_order_of_time(tmp_path, name):
    path = tmp_path / name
    text = ("\ufeff" + HEAD + ROWS).encode()
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    found = read_fault_trace(path, nodes=5, days=10)
    assert found.start_day.tolist() == [0.25, 0.5, 1.5]
    assert [found.kinds[k] for k in found.kind] == ["unknown", "Fan", "GPU"]
    assert found.node.tolist() == [0, 1, 0]
    told = statistics(found)
    assert told.per_1000_node_days == pytest.approx(60)  # 3 in 50 node-days
    assert told.never_failed == pytest.approx(0.6)
    assert told.nodes_out_mean == pytest.approx(15.5 / 24 / 10)


def test_every_line_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "faults.csv"
    path.write_text(HEAD + ROWS + "c,x,,,,,1\nd,1,,,,,-2\ne,1\n,1,,,,,1\n")
    with pytest.raises(InputError) as caught:
        read_fault_trace(path, nodes=9)
    assert [problem.where.rpartition(":")[2] for problem in caught.value.problems] == list("5678")


def test_a_file_that_is_no_trace_says_what_it_lacks(tmp_path):
    path = tmp_path / "faults.csv"
    path.write_text("node,when\n1,2\n")
    with pytest.raises(InputError, match="no column start_day, repair_h, class"):
        read_fault_trace(path, nodes=9)
    path.write_text(HEAD + ROWS)
    with pytest.raises(InputError, match="faults of 2 nodes"):
        read_fault_trace(path, nodes=1)
