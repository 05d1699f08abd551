"""A scenario run: hand-made cases to the minute, the same bytes for the same seed, outputs that
read back, a part where it is interrupted."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from arkwright.errors import InputError
from arkwright.twin.outcome import Simulated
from arkwright.twin.outputs.folder import check_folder, write_outputs
from arkwright.twin.outputs.summary import document
from arkwright.twin.outputs.tables import TABLES
from arkwright.twin.scenario.load import load
from arkwright.twin.scenario.simulate import chosen, simulate
from twin.scenario.written import PRICES, SCENARIO, write

HOUR_MS = 3_600_000
T0 = 1_767_225_600_000  # 1 January 2026, 00:00 UTC


def run(path, tmp_path, policies=(), seed=None, watcher=None):
    loaded = load(path)
    return simulate(loaded, chosen(loaded, policies), tmp_path / "kernels", seed, watcher)


def starts_min(outcome):
    """Minutes from the start of the horizon to every start, in the order of starting."""
    return [(int(at) - T0) // 60_000 for at in outcome.record.attempts.start_ms]


def jobs_min(outcome):
    """The same by job: of the first start of each, None where it never came."""
    first = {}
    attempts = outcome.record.attempts
    for job, at in zip(attempts.job.tolist(), attempts.start_ms.tolist(), strict=True):
        first.setdefault(outcome.jobs.ids.tolist()[job], (at - T0) // 60_000)
    return first


def test_policies_run_beside_each_other_on_the_same_jobs(tmp_path):
    # 4 nodes of 8. Job 1 holds 2 nodes until minute 60; job 2 wants all 4; job 3 wants one for 10
    # minutes at minute 2: behind job 2 under strict (60 + 30), beside job 1 under EASY.
    strict, easy = run(write(tmp_path), tmp_path).outcomes
    assert (strict.name, easy.name) == ("strict", "easy")
    assert jobs_min(strict) == {1: 0, 2: 60, 3: 90, 4: 120}
    assert jobs_min(easy) == {1: 0, 2: 60, 3: 2, 4: 120}
    assert strict.record.until_ms == T0 + 6 * HOUR_MS


def test_an_outage_stops_what_runs_and_it_runs_again(tmp_path):
    # All nodes are out from minute 30 to 40. Without checkpoints job 1 begins anew.
    more = """
    events: [{from: "2026-01-01T00:30:00Z", until: "2026-01-01T00:40:00Z", outage: [here/h1]}]
    """
    easy = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    assert jobs_min(easy) == {1: 0, 2: 100, 3: 2, 4: 130}
    assert starts_min(easy) == [0, 2, 40, 100, 130]
    assert easy.headline.attempts == 5
    assert easy.record.outages.causes == ["planned"]
    assert len(easy.record.outages.node) == 4


def test_a_checkpoint_saves_what_an_outage_would_cost(tmp_path):
    # Every 10 minutes of work, free of cost: 30 minutes are saved, a restart takes 5.
    more = """
    checkpoints: {interval: 10 min, cost: 0 s, restart: 5 min}
    events: [{from: "2026-01-01T00:30:00Z", until: "2026-01-01T00:40:00Z", outage: [here/h1]}]
    """
    easy = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    # 40 + 5 + 30: job 1 is over at 75, then job 2 has all nodes.
    assert jobs_min(easy)[2] == 75
    assert easy.checkpoints is not None


def test_writing_checkpoints_takes_time_of_its_own(tmp_path):
    # 60 minutes of work, every 20 a checkpoint of 3 minutes, none after the last: 66.
    more = "checkpoints: {interval: 20 min, cost: 3 min}\n"
    easy = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    assert jobs_min(easy)[2] == 66


def test_nobody_holds_a_node_in_its_maintenance(tmp_path):
    # Two nodes are reserved from minute 60 to 120: job 2, which wants four for 30, waits until 120.
    more = """
    events:
      - from: "2026-01-01T01:00:00Z"
        until: "2026-01-01T02:00:00Z"
        maintenance: [here/h1/r001]
    """
    path = write(tmp_path, more=more)
    nodes = run(path, tmp_path, ["easy"]).outcomes[0].record.places.path
    in_rack = [node for node in nodes if node.startswith("here/h1/r001/")]
    assert len(in_rack) > 0
    easy = run(path, tmp_path, ["easy"]).outcomes[0]
    assert jobs_min(easy)[2] == 120
    assert [one.kind for one in easy.happenings] == ["maintenance"]


def test_a_node_that_drains_ends_what_it_has_and_takes_no_more(tmp_path):
    more = """
    events: [{from: "2026-01-01T00:01:30Z", until: "2026-01-01T03:00:00Z", drain: [here]}]
    """
    easy = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    assert jobs_min(easy) == {1: 0, 2: 180, 3: 180 + 30, 4: 180 + 30}
    assert easy.headline.completed == 4


def test_a_limit_of_power_holds_back_what_it_does_not_carry(tmp_path):
    # No node of DGX H100 runs within 1 kW; a surprise, so job 1 is not held back by it.
    for announced, first in (("false", 0), ("true", 0)):
        more = f"""
        events:
          - {{from: "2026-01-01T01:30:00Z", until: "2026-01-01T03:00:00Z", limit: 1 kW,
             place: here, announced: {announced}}}
        """
        easy = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
        # Job 2 would run from 60 to 90 in either case; job 4 comes at 120 into the limit.
        assert jobs_min(easy) == {1: first, 2: 60, 3: 2, 4: 180}
    more = more.replace("01:30:00", "01:15:00")
    known = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    surprised = run(write(tmp_path, more=more.replace("true", "false")), tmp_path, ["easy"])
    # Announced for minute 75, job 2 cannot end before it and waits until it is over.
    assert jobs_min(known)[2] == 180
    assert jobs_min(surprised.outcomes[0])[2] == 60


def test_a_place_that_is_not_there_is_named_with_its_line(tmp_path):
    path = write(
        tmp_path, more="events:\n  - {from: 2026-01-01, until: 2026-01-02, drain: [here/h9]}\n"
    )
    with pytest.raises(InputError, match=r"week.yaml:12: events\[0\].drain: no node is at here/h9"):
        run(path, tmp_path)


def test_services_run_to_the_end_and_lose_nothing(tmp_path):
    more = """
    services: {chat: {gpus: 2, replicas: 3, project: shop}}
    events: [{from: "2026-01-01T04:00:00Z", until: "2026-01-01T05:00:00Z", outage: [here]}]
    """
    easy = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    ids = easy.jobs.ids
    rows = [row for row, name in enumerate(ids.tolist()) if str(name).startswith("chat-")]
    assert len(rows) == 3
    attempts = easy.record.attempts
    of_chat = np.isin(attempts.job, rows)
    assert of_chat.sum() == 6
    assert attempts.lost_ms[of_chat].sum() <= 6  # within the millisecond each of them saves in
    assert (attempts.end_ms[of_chat].reshape(2, 3)[1] == easy.record.until_ms).all()


def test_gangs_that_are_further_apart_take_longer(tmp_path):
    # Job 2 needs all four nodes of the hall; at 1.5 its 30 minutes become 45.
    easy = run(write(tmp_path, more="pace: {rack: 1.5}\n"), tmp_path, ["easy"]).outcomes[0]
    attempts = easy.record.attempts
    lasted = (attempts.end_ms - attempts.start_ms) // 60_000
    assert lasted[attempts.job == 1].tolist() == [45]
    assert "slow-down by distance" in easy.modelled


GENERATED = """
kind: scenario
name: made
factory: small.yaml
workloads:
  - {generate: {mix: {research: 1}, load: 0.8, gpus_max: 8}, project: lab}
failures: {mix: rsc1, factor: 100}
horizon: {from: 2026-01-01, for: 3 d}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, run(write(folder, GENERATED), folder)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(made):
    folder, first = made
    again = run(folder / "week.yaml", folder)
    other = run(folder / "week.yaml", folder, seed=1)
    for name, found in (("a", first), ("b", again), ("c", other)):
        write_outputs(folder / name, found)
    files = sorted(path.name for path in (folder / "a").iterdir())
    assert files == sorted([f"{name}.parquet" for name in TABLES] + ["report.html", "summary.json"])
    for file in files:
        assert (folder / "a" / file).read_bytes() == (folder / "b" / file).read_bytes(), file
    decisions = [each.outcomes[0].record.decisions for each in (first, again, other)]
    assert decisions[0] == decisions[1] != decisions[2]


def test_the_tables_read_back_as_the_run_was(made):
    folder, found = made
    write_outputs(folder / "read", found)
    outcome = found.outcomes[0]
    tables = {name: pq.read_table(folder / "read" / f"{name}.parquet") for name in TABLES}
    attempts = outcome.record.attempts
    assert tables["jobs"].num_rows == len(outcome.jobs)
    assert tables["attempts"]["start_ms"].to_pylist() == attempts.start_ms.tolist()
    assert tables["attempts"]["nodes"].to_pylist() == [
        attempts.node[a:b].tolist()
        for a, b in zip(attempts.node_first[:-1], attempts.node_first[1:], strict=True)
    ]
    assert tables["nodes"]["path"].to_pylist() == outcome.record.places.path
    assert set(tables["jobs"]["run"].to_pylist()) == {outcome.name}
    outages = tables["events"].filter(
        [kind == "outage" for kind in tables["events"]["kind"].to_pylist()]
    )
    assert outages.num_rows == len(outcome.record.outages.node) > 0


def test_the_tables_agree_with_the_summary(made):
    folder, found = made
    write_outputs(folder / "sum", found)
    summary = json.loads((folder / "sum" / "summary.json").read_text())
    only = summary["runs"][0]
    jobs = pq.read_table(folder / "sum" / "jobs.parquet")
    nodes = pq.read_table(folder / "sum" / "nodes.parquet")
    queue = pq.read_table(folder / "sum" / "queue.parquet")
    waits = [wait for wait in jobs["wait_ms"].to_pylist() if wait is not None]
    assert only["headline"]["started"] == len(waits)
    assert only["headline"]["wait_s_mean"] == pytest.approx(np.mean(waits) / 1000)
    assert sum(nodes["held_gpu_h"].to_pylist()) == pytest.approx(only["goodput"]["held_gpu_h"])
    assert sum(nodes["out_h"].to_pylist()) * 8 == pytest.approx(only["goodput"]["out_gpu_h"])
    # GPUs held, integrated over the steps of the queue's table.
    at_ms = np.append(queue["at_ms"].to_numpy(), outcome_end(found))
    held = (queue["held_gpus_milli"].to_numpy() * np.diff(at_ms)).sum() / 1000 / HOUR_MS
    assert held == pytest.approx(only["goodput"]["held_gpu_h"])
    assert only["energy"]["residual"] < 1e-9
    parts = ("jobs_kwh", "idle_kwh", "loss_kwh", "cooling_kwh")
    assert sum(only["energy"][part] for part in parts) == pytest.approx(only["energy"]["meter_kwh"])
    used = sum(kwh for kwh in jobs["it_kwh"].to_pylist() if kwh is not None)
    assert used == pytest.approx(only["energy"]["jobs_kwh"])


def outcome_end(found):
    return found.outcomes[0].record.until_ms


def test_a_folder_of_something_else_is_left_alone_and_an_own_one_is_replaced(made, tmp_path):
    _, found = made
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds files of something else"):
        check_folder(other)
    own = tmp_path / "own"
    write_outputs(own, found)
    (own / "left.txt").write_text("of the run before")
    write_outputs(own, found)
    assert not (own / "left.txt").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


class Stops:
    """Ends a run at its third word."""

    def __init__(self):
        self.said = 0

    def begin(self, label):
        pass

    def told(self, share):
        self.said += 1
        if self.said == 3:
            raise KeyboardInterrupt


def test_an_interrupted_run_keeps_what_was_done(tmp_path):
    folder = tmp_path
    found = run(write(folder, SCENARIO), folder, watcher=Stops())
    assert not found.is_complete
    assert [outcome.name for outcome in found.outcomes] == ["strict"]
    assert found.left_out == ("easy",)
    strict = found.outcomes[0]
    assert T0 < strict.record.until_ms < T0 + 6 * HOUR_MS
    # Job 4 comes after two hours, which the run never reached: nobody waits for it.
    assert strict.jobs.ids.tolist() == [1, 2, 3]
    assert any("stopped by Ctrl-C at 2026-01-01" in note for note in strict.notes)
    write_outputs(folder / "part", found)
    assert document(found)["is_complete"] is False
    assert json.loads((folder / "part" / "summary.json").read_text())["left_out"] == ["easy"]


def test_a_series_of_prices_is_paid_hour_by_hour(tmp_path):
    # 100 EUR/MWh in the first hour, 200 in the third, nothing else; 50 g in every hour.
    (tmp_path / "prices.csv").write_text(PRICES)
    more = "environment: {here: {price: {file: prices.csv}, carbon: 50 g/kWh}}\n"
    found = run(write(tmp_path, more=more), tmp_path, ["easy"])
    easy = found.outcomes[0]
    hourly_mwh = [power / 1e6 for power in easy_meter_w(easy)]
    energy = document(found)["runs"][0]["energy"]
    assert energy["cost"] == pytest.approx(100 * hourly_mwh[0] + 200 * hourly_mwh[2])
    assert energy["carbon_kg"] == pytest.approx(50 * sum(hourly_mwh))
    assert energy["currency"] == "EUR"
    assert {"carbon", "cost", "cooling"} <= set(easy.modelled)


def easy_meter_w(outcome):
    site = outcome.power.sites[0]
    return (site.it_w + site.loss_w + site.cooling_w).tolist()


def test_prices_without_a_currency_are_refused(tmp_path):
    (tmp_path / "prices.csv").write_text("time,price\n2026-01-01T00:00,100\n")
    more = "environment: {here: {price: {file: prices.csv}}}\n"
    with pytest.raises(InputError, match="does not say its currency"):
        run(write(tmp_path, more=more), tmp_path)


def test_a_horizon_without_a_beginning_begins_with_the_first_job(tmp_path):
    # Jobs come at 0, 1, 2 and 120 minutes of the trace's own clock; one hour and a half of it.
    text = SCENARIO.replace("{from: 2026-01-01, for: 6 h}", "{for: 90 min}")
    easy = run(write(tmp_path, text), tmp_path, ["easy"]).outcomes[0]
    assert easy.jobs.ids.tolist() == [1, 2, 3]
    assert (easy.record.from_ms, easy.record.until_ms) == (0, 90 * 60_000)
    assert easy.energy is None  # no date, so no weather and no price
    assert document_row(easy)["energy"] is None


def document_row(outcome):
    return document(Simulated(name="x", outcomes=(outcome,)))["runs"][0]


def test_without_an_end_a_run_lasts_until_its_jobs_are_over_under_a_lasting_limit(tmp_path):
    text = SCENARIO.replace(", for: 6 h", "")
    more = "events: [{from: 2026-01-01, limit: 60 kW, place: here}]\n"
    easy = run(write(tmp_path, text, more), tmp_path, ["easy"]).outcomes[0]
    assert easy.headline.completed == 4
    assert easy.record.until_ms == T0 + (120 + 10) * 60_000


def test_the_weather_of_the_scenario_is_what_the_cooling_sees(tmp_path):
    rows = "\n".join(f"2026-01-01T{hour:02}:00,{temp}" for hour, temp in enumerate((30,) * 6))
    (tmp_path / "hot.csv").write_text(f"time,dry_bulb_c\n{rows}\n")
    cold = run(write(tmp_path), tmp_path, ["easy"]).outcomes[0]
    more = "environment: {here: {weather: {file: hot.csv}}}\n"
    hot = run(write(tmp_path, more=more), tmp_path, ["easy"]).outcomes[0]
    assert hot.power.sites[0].outdoor_c.tolist() == [30.0] * 6
    assert cold.power.sites[0].outdoor_c.max() < 30
    assert hot.energy.sites[0].cooling_kwh > cold.energy.sites[0].cooling_kwh
    assert hot.energy.sites[0].jobs_kwh == cold.energy.sites[0].jobs_kwh
    assert hot.record.decisions == cold.record.decisions
