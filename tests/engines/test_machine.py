"""This machine as nodes, its control groups, its counters, its processes: read and shared out."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.engines import procfs
from arkwright.engines.attempt_files import read_record, take_lock, write_record
from arkwright.engines.control_groups import PartGroup, own_groups
from arkwright.engines.energy_meter import EnergyMeter, GpuCounters
from arkwright.engines.local import LocalEngine
from arkwright.engines.machine import MachineFacts, Wanted, local_nodes, total_memory_mib
from arkwright.engines.master_port import FIRST, LAST, choose_port
from arkwright.engines.nvml import GpuFacts, Nvml, catalogue_name, visible
from arkwright.engines.port import Attempt, Placement, PowerCap
from arkwright.engines.rank_environment import rank_environment
from arkwright.engines.rank_process import script_argv
from arkwright.errors import EngineError

PLAIN = MachineFacts(cpus=8, memory_mib=64_000, gpus=())
WITH_GPUS = MachineFacts(
    cpus=8, memory_mib=64_000, gpus=tuple(GpuFacts(n, "NVIDIA H100 80GB HBM3") for n in range(4))
)


def test_without_gpus_every_cpu_stands_in_for_one_and_is_called_virtual():
    (node,) = local_nodes("oslo", Wanted(), PLAIN).nodes
    assert (node.path, node.gpus, node.gpu_type) == ("oslo/local/r01/n01", 8, "virtual")
    assert (node.is_virtual, node.cpus, node.memory_mib) == (True, 8, 64_000)


def test_virtual_nodes_share_the_machine_out():
    # 8 CPUs and 64,000 MiB over 4 nodes: 2 CPUs, 2 GPUs and 16,000 MiB each.
    found = local_nodes("oslo", Wanted(nodes=4), PLAIN)
    assert [node.path for node in found.nodes][-1] == "oslo/local/r01/n04"
    assert {(node.cpus, node.gpus, node.memory_mib) for node in found.nodes} == {(2, 2, 16_000)}
    assert found.cpu_quota


def test_nodes_that_promise_more_cpus_than_there_are_get_weights_not_ceilings():
    assert not local_nodes("oslo", Wanted(nodes=16), PLAIN).cpu_quota  # 0.5 CPUs each
    assert not local_nodes("oslo", Wanted(nodes=4, cpus_per_node=4), PLAIN).cpu_quota  # 16 > 8


def test_real_gpus_make_one_real_node():
    found = local_nodes("oslo", Wanted(), WITH_GPUS)
    (node,) = found.nodes
    assert (node.gpus, node.gpu_type, node.is_virtual) == (4, "h100", False)
    assert found.gpu_indices == (0, 1, 2, 3)


def test_asking_for_nodes_makes_them_virtual_even_beside_real_gpus():
    found = local_nodes("oslo", Wanted(nodes=2, gpus_per_node=4), WITH_GPUS)
    assert all(node.is_virtual and node.gpu_type == "virtual" for node in found.nodes)
    assert found.gpu_indices == ()


def test_of_mixed_gpus_the_commonest_type_makes_the_node():
    gpus = (GpuFacts(0, "Tesla T4"), GpuFacts(1, "NVIDIA L40S"), GpuFacts(2, "NVIDIA L40S"))
    found = local_nodes("oslo", Wanted(), PLAIN._replace(gpus=gpus))
    assert (found.nodes[0].gpu_type, found.gpu_indices) == ("l40s", (1, 2))


@pytest.mark.parametrize("wanted", [Wanted(nodes=0), Wanted(nodes=100_000), Wanted(nodes=-1)])
def test_a_machine_is_not_shared_out_to_nothing(wanted):
    with pytest.raises(EngineError, match="nodes"):
        local_nodes("oslo", wanted, PLAIN)


@pytest.mark.parametrize(
    ("driver", "catalogue"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA H200 NVL", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA B200", "b200"),
        ("NVIDIA B300 SXM6 AC", "b300"),
        ("NVIDIA GB200", "gb200"),
        ("NVIDIA GH200 480GB", "gh200"),
        ("Tesla T4", "t4"),
        ("NVIDIA GeForce RTX 4090", "geforce-rtx-4090"),
        ("", "unknown"),
    ],
)
def test_drivers_names_become_the_catalogues(driver, catalogue):
    assert catalogue_name(driver) == catalogue


def test_the_servers_own_restriction_of_gpus_holds_for_its_jobs():
    assert [gpu.number for gpu in visible(list(WITH_GPUS.gpus), "1,3")] == [1, 3]
    assert visible(list(WITH_GPUS.gpus), "") == []
    assert len(visible(list(WITH_GPUS.gpus), None)) == 4


class FakeNvmlLibrary:
    """NVML's functions over two GPUs with energy counters, the second without a name."""

    def __init__(self) -> None:
        self.energy_mj = [1_000, 5_000]
        self.limit_mw = [700_000, 700_000]

    def nvmlDeviceGetCount_v2(self, count):
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        handle._obj.value = index.value + 1
        return 0 if index.value < 2 else 2

    def nvmlDeviceGetName(self, handle, name, size):
        assert size == 96
        name.value = b"NVIDIA H200"
        return 0 if handle.value == 1 else 999

    def nvmlDeviceGetPowerManagementDefaultLimit(self, _handle, limit):
        limit._obj.value = 700_000
        return 0

    def nvmlDeviceGetPowerManagementLimitConstraints(self, _handle, least, most):
        least._obj.value, most._obj.value = 200_000, 700_000
        return 0

    def nvmlDeviceSetPowerManagementLimit(self, handle, limit):
        if handle.value != 1:
            return 4  # no permission
        self.limit_mw[0] = limit.value
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, counter):
        counter._obj.value = self.energy_mj[handle.value - 1]
        return 0


def test_a_gpu_is_limited_below_its_default_and_not_below_what_the_driver_allows():
    library = FakeNvmlLibrary()
    nvml = Nvml(library)
    assert nvml.limit_power(0, 300)
    assert library.limit_mw[0] == 400_000
    assert nvml.limit_power(0, 650)
    assert library.limit_mw[0] == 200_000
    assert nvml.limit_power(0, 0)
    assert library.limit_mw[0] == 700_000
    assert not nvml.limit_power(1, 100)  # the driver refuses
    assert not nvml.limit_power(7, 100)  # there is no such GPU


def test_nvml_names_gpus_and_leaves_out_one_that_does_not_answer():
    assert Nvml(FakeNvmlLibrary()).gpus() == [GpuFacts(0, "NVIDIA H200")]


def test_energy_of_real_gpus_is_the_difference_of_their_counters():
    # GPU 0 goes from 1,000 to 4,000 mJ, GPU 1 from 5,000 to 6,500 mJ: 4.5 J together.
    library = FakeNvmlLibrary()
    counters = GpuCounters(Nvml(library), (0, 1))
    library.energy_mj = [4_000, 6_500]
    assert counters.sample() == (4.5, "nvml")


def test_energy_of_gpus_without_counters_is_not_measured():
    assert GpuCounters(None, (0,)).sample() == (None, "none")
    assert GpuCounters(Nvml(FakeNvmlLibrary()), (7,)).sample() == (None, "none")


@dataclass
class Package:
    """One CPU package's RAPL counter as files."""

    zone: Path

    def set(self, microjoules: int) -> None:
        self.zone.mkdir(parents=True, exist_ok=True)
        (self.zone / "name").write_text("package-0\n")
        (self.zone / "max_energy_range_uj").write_text("10000000\n")
        (self.zone / "energy_uj").write_text(f"{microjoules}\n")


def test_rapl_energy_is_shared_by_cpu_time_and_survives_a_wrap_of_the_counter(tmp_path):
    package = Package(tmp_path / "intel-rapl:0")
    package.set(8_000_000)
    hertz = os.sysconf("SC_CLK_TCK")
    busy = [0]
    meter = EnergyMeter((), tmp_path, lambda: busy[0])
    # 1 J goes while the machine works 4 s, 1 s of them for this part: 0.25 J.
    package.set(9_000_000)
    busy[0] += 4 * hertz
    assert meter.sample(1.0) == (0.25, "rapl")
    # From 9 J over the top at 10 J to 1 J: 2 J, all of it for this part's 2 s of 2 s.
    package.set(1_000_000)
    busy[0] += 2 * hertz
    assert meter.sample(3.0) == (2.25, "rapl")


def test_without_counters_only_cpu_time_is_known(tmp_path):
    assert EnergyMeter((), tmp_path, lambda: 0).sample(5.0) == (None, "cpu-model")


def test_a_process_name_may_hold_spaces_and_brackets():
    tail = " ".join(["S", "1", *["0"] * 9, "3", "4", "5", "6", *["0"] * 4, "777", "0"])
    stat = procfs.parse_stat(f"42 (a) b (c)) {tail}")
    assert (stat.pid, stat.state, stat.parent) == (42, "S", 1)
    assert (stat.cpu_ticks, stat.start_ticks) == (3 + 4 + 5 + 6, 777)


def test_a_process_is_told_from_a_later_one_of_its_number_by_its_start():
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    assert procfs.is_alive(os.getpid(), stat.start_ticks)
    assert not procfs.is_alive(os.getpid(), stat.start_ticks - 1)
    assert procfs.read_stat(2**22 + 1) is None


def test_memory_of_the_machine_is_read_in_mib():
    assert total_memory_mib("MemFree: 1 kB\nMemTotal:       2097152 kB\n") == 2048


def test_own_groups_are_found_in_both_versions_and_below_a_bind_mount():
    own = "4:memory:/box/a\n1:cpu,cpuacct:/\n0::/box/a\n"
    mounts = (
        "30 25 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "31 25 0:27 /box /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 25 0:28 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"
    )
    assert own_groups(own, mounts) == {
        "memory": "/sys/fs/cgroup/memory/a",
        "cpu": "/sys/fs/cgroup/cpu",
        "cpuacct": "/sys/fs/cgroup/cpu",
        "": "/sys/fs/cgroup/unified/box/a",
    }


def test_a_part_without_control_groups_can_be_handled_as_if_it_had_some():
    group = PartGroup({"unified": "", "memory": "", "cpu": "", "pids": ""}, "x")
    group.join()
    group.kill()
    group.remove()
    assert (group.pids(), group.memory_kills(), group.limits_memory) == ([], 0, False)


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("echo hi", ["/bin/sh", "s"]),
        ("#!/bin/bash\n", ["/bin/bash", "s"]),
        ("#! /usr/bin/env -S python3 -I\n", ["/usr/bin/env", "-S python3 -I", "s"]),
        ("#!\n", ["/bin/sh", "s"]),
        ("", ["/bin/sh", "s"]),
    ],
)
def test_a_scripts_first_line_names_its_interpreter_and_one_argument(text, argv):
    assert script_argv(Path("s"), text) == argv


def test_a_port_in_use_or_already_given_is_not_chosen():
    first = choose_port("7.1", ())
    assert FIRST <= first <= LAST
    assert choose_port("7.1", {first}) != first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        assert choose_port("7.1", ()) != first
    with pytest.raises(EngineError, match="no free port"):
        choose_port("7.1", range(FIRST, LAST + 1))


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_record_reads_back_as_it_was_written(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("records") / "record.json"
    write_record(path, {"value": value}, is_durable=True)
    assert read_record(path) == {"value": value}
    assert [each.name for each in path.parent.iterdir()] == ["record.json"]


def test_a_torn_record_counts_as_none(tmp_path):
    (tmp_path / "torn.json").write_text('{"pid": 1')
    assert read_record(tmp_path / "torn.json") is None
    assert read_record(tmp_path / "absent.json") is None


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    held = take_lock(tmp_path / "lock", patience_s=0)
    assert held is not None
    assert take_lock(tmp_path / "lock", patience_s=0) is None
    os.close(held)
    again = take_lock(tmp_path / "lock", patience_s=0)
    assert again is not None
    os.close(again)


class TestRealGpus:
    """Four real GPUs are given to attempts as whole devices, never twice."""

    @pytest.fixture
    def engine(self, tmp_path, monkeypatch):
        monkeypatch.setattr(LocalEngine, "_start_supervisors", lambda *_: None)
        return LocalEngine(tmp_path, machine=WITH_GPUS)

    def launch(
        self, engine: LocalEngine, attempt_id: str, gpus: int, shared: int | None = None
    ) -> list[int]:
        node = engine.capabilities().nodes[0].path
        engine.launch(
            Attempt(
                attempt_id=attempt_id,
                job_id=attempt_id.partition(".")[0],
                job_name="train",
                project="lab",
                user="ada",
                placements=(
                    Placement(
                        node=node,
                        gpus=gpus,
                        cpus=1,
                        memory_mib=0,
                        shared_gpu=shared,
                        gpu_fraction=None if shared is None else 0.25,
                    ),
                ),
                ranks_per_node=1,
                command=("true",),
                script=None,
                workdir=None,
                env={},
                checkpoint_dir=None,
                checkpoint_signal=None,
                grace_s=1,
                time_limit_s=None,
            )
        )
        plan = read_record(engine._root / "attempts" / attempt_id / "plan.json")
        return plan["parts"][0]["gpu_indices"]

    def test_live_attempts_never_share_a_gpu(self, engine):
        assert self.launch(engine, "7.1", 2) == [0, 1]
        assert self.launch(engine, "8.1", 1) == [2]
        with pytest.raises(EngineError, match=r"2 GPUs are asked of .* where 1 are free"):
            self.launch(engine, "9.1", 2)

    def test_attempts_of_one_number_share_a_gpu_that_nobody_else_gets(self, engine):
        assert self.launch(engine, "6.1", 1) == [0]
        assert self.launch(engine, "7.1", 1, shared=3) == [1]
        assert self.launch(engine, "8.1", 1, shared=0) == [2]
        assert self.launch(engine, "9.1", 1, shared=3) == [1]
        assert self.launch(engine, "10.1", 1) == [3]

    def test_an_attempt_with_a_fraction_is_told_how_much_it_may_use(self, engine):
        self.launch(engine, "7.1", 1, shared=0)
        plan = read_record(engine._root / "attempts" / "7.1" / "plan.json")
        environment = rank_environment(plan, 0, 0, "part")
        assert environment["ARKWRIGHT_GPU_FRACTION"] == "0.25"
        assert environment["CUDA_VISIBLE_DEVICES"] == "0"
        self.launch(engine, "8.1", 1)
        plan = read_record(engine._root / "attempts" / "8.1" / "plan.json")
        assert "ARKWRIGHT_GPU_FRACTION" not in rank_environment(plan, 0, 0, "part")

    def test_a_cap_is_told_to_the_job_and_to_the_driver_and_lifted_at_the_end(
        self, engine, monkeypatch
    ):
        library = FakeNvmlLibrary()
        monkeypatch.setattr("arkwright.engines.local.open_nvml", lambda: Nvml(library))
        self.launch(engine, "7.1", 1)
        plan = read_record(engine._root / "attempts" / "7.1" / "plan.json")
        part = str(engine._root / "attempts" / "7.1" / "node-0")
        told = Path(rank_environment(plan, 0, 0, part)["ARKWRIGHT_POWER_CAP_FILE"])
        engine.adjust("7.1", PowerCap(1000, 1275))
        assert read_record(told) == {"watts_per_gpu": 1000, "watts_per_gpu_full": 1275}
        assert library.limit_mw[0] == 425_000
        engine.adjust("7.1", None)
        assert (read_record(told), library.limit_mw[0]) == (None, 700_000)
        self.launch(engine, "8.1", 1)  # on the GPU whose driver refuses
        with pytest.raises(EngineError, match="did not limit GPU 1; run the server as root"):
            engine.adjust("8.1", PowerCap(1000, 1275))

    def test_the_gpus_of_an_ended_attempt_are_free_again(self, engine):
        self.launch(engine, "7.1", 4)
        engine.stop("7.1", grace_s=0, reason="")
        engine.observe(("7.1",))
        assert self.launch(engine, "8.1", 4) == [0, 1, 2, 3]

    def test_an_engine_made_after_a_crash_knows_which_gpus_are_taken(self, engine, tmp_path):
        self.launch(engine, "7.1", 3)
        assert self.launch(LocalEngine(tmp_path, machine=WITH_GPUS), "8.1", 1) == [3]

    def test_more_gpus_than_the_node_has_are_refused(self, engine):
        with pytest.raises(EngineError, match=r"5 GPUs are asked of .*, which has 4"):
            self.launch(engine, "7.1", 5)
