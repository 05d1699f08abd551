"""What nodes are taken to draw, and where it comes from."""

import numpy as np
import pytest

from arkwright import factory
from arkwright.errors import InputError, InternalError
from arkwright.twin.draw import draws, node_draw, systems_of
from twin.energy_cases import places


def test_a_measured_node_draws_less_than_its_nameplate():
    found = node_draw("dgx-h100")
    # MLPerf power logs: 7,116 W in training where the maker says 10,200 at most
    assert (found.idle_w, found.training_w) == (2615, 7116)
    assert found.inference_w == pytest.approx(2615 + 0.75 * (7116 - 2615))
    assert "mlcommons" in found.source
    assert "measured" in found.source


def test_what_nobody_measured_draws_what_its_maker_calls_typical():
    found = node_draw("gb300-nvl72")
    assert found.training_w == pytest.approx(135_000 / 18)  # 135 kW a rack of 18 trays
    assert found.idle_w == pytest.approx(0.15 * 142_000 / 18)
    assert "not measured" in found.source
    assert node_draw("dgx-b200").training_w == pytest.approx(0.8 * 14_300)
    with pytest.raises(InputError, match="unknown system h100"):
        node_draw("h100")


def test_a_node_with_half_the_gpus_draws_half():
    at = places(2, gpus=4)
    found = draws(at, ("dgx-h100",), ("inference", "training"), np.array([1, 0, -1]))
    assert found.node_idle_w.tolist() == [2615 / 2] * 2
    assert found.node_out_w.tolist() == [0, 0]
    per_gpu = found.busy_w_per_gpu[0][found.job_kind]
    # told training, inference, and nothing, which is training
    assert per_gpu.tolist() == [7116 / 8, node_draw("dgx-h100").inference_w / 8, 7116 / 8]
    assert len(found.notes) == 1


def test_other_kinds_of_work_are_taken_for_training_and_said():
    found = draws(places(1), ("dgx-h100",), ("Evaluation", "SFT", "Serving"), np.array([0]))
    assert found.busy_w_per_gpu[0, :2].tolist() == [7116 / 8] * 2
    assert found.busy_w_per_gpu[0, 2] < 7116 / 8
    assert found.notes[-1] == "What training draws stands for work of other kinds: Evaluation."


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(InternalError, match="2 systems for 1 halls"):
        draws(places(1), ("dgx-h100", None), (), np.array([0]))
    with pytest.raises(InternalError, match="1 watts for 2 jobs"):
        draws(places(1), (None,), (), np.array([0, 0]), np.array([5.0]))


def test_a_hall_says_its_system_and_found_nodes_take_the_least():
    read = factory.loads(b"factory: f\nsites: {s0: {halls: {h1: {system: dgx-h200, racks: 1}}}}")
    assert systems_of(places(1), read) == ("dgx-h200",)
    # of the systems with eight H100 only the DGX is in the catalogue
    assert systems_of(places(1, sites=2)) == ("dgx-h100", "dgx-h100")
    assert systems_of(places(1, gpu_type="virtual")) == (None,)
