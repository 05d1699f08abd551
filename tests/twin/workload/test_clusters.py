"""Job logs of Helios and Acme, and the pods of openb."""

from arkwright.twin.workload.read import read
from arkwright.twin.workload.table import NOT_TOLD, Outcome
from twin.workload.traces import gpus, ms, names, reasons, seconds, written

HELIOS = """job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue
11,u1,vc1,8,48,1,COMPLETED,2020-09-01 08:00:00,2020-09-01 08:00:10,2020-09-01 09:00:10,3600,10
12,u2,vc2,16,96,2,CANCELLED,2020-09-01 08:00:00,2020-09-01 08:30:00,2020-09-01 08:30:00,0,1800
13,u1,vc1,1,6,1,NODE_FAIL,2020-09-01 07:59:59,2020-09-01 08:00:00,,120,1
14,u3,vc9,0,4,1,FAILED,2020-09-01 08:01:00,,,,
15,u3,vc9,0,4,1,FAILED,2020-09-01 08:02:00,2020-09-01 08:02:00,2020-09-01 08:02:07,7,0
16,u3,vc9,many,4,1,FAILED,2020-09-01 08:02:00,2020-09-01 08:02:00,2020-09-01 08:02:07,7,0
17,u3,vc9,1,4,1,FAILED,tomorrow,2020-09-01 08:02:00,2020-09-01 08:02:07,7,0
"""


def test_helios_jobs(tmp_path):
    reading = read(written(tmp_path, HELIOS), utc_offset_s=8 * 3600)
    table = reading.table
    assert reading.format == "Helios"
    assert table.ids.tolist() == [13, 11, 12, 15]
    assert table.submit_ms[1] == ms("2020-09-01T00:00:00")
    assert seconds(table.run_ms) == [120, 3600, 0, 7]
    assert gpus(table) == [1, 8, 16, 0]
    assert table.nodes.tolist() == [1, 1, 2, 1]
    assert table.cpus_milli.tolist() == [6000, 48_000, 96_000, 4000]
    assert names(table.pool) == ["vc1", "vc1", "vc2", "vc9"]
    assert names(table.user) == ["u1", "u1", "u2", "u3"]
    assert table.outcome.tolist() == [
        Outcome.NODE_FAIL, Outcome.COMPLETED, Outcome.CANCELLED, Outcome.FAILED,
    ]  # fmt: skip
    assert table.end_ms[0] == NOT_TOLD
    assert reasons(reading.dropped) == {
        "the submit time cannot be read": (1, (8,)),
        "neither a run time nor a start": (1, (5,)),
        "the number of GPUs is not a number": (1, (7,)),
    }


ACME = """job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time,mem_per_pod_GB
dlc1,u1,128,1024,4096,Pretrain,CANCELLED,2023-06-01 08:00:00+08:00,2023-06-01 08:10:00+08:00,2023-06-02 08:10:00+08:00,87000,600,88473600,1000
dlc2,u2,1,1,8,Evaluation,FAILED,2023-06-01 09:00:00+08:00,2023-06-01 09:00:00+08:00,2023-06-01 09:02:00+08:00,120,0,120,
"""


def test_acme_jobs_have_zones_kinds_and_memory_per_pod(tmp_path):
    # Kalos counts `duration` from the submission: what start and end say, 86,400 s, is the run.
    reading = read(written(tmp_path, ACME))
    table = reading.table
    assert reading.format == "Acme"
    assert table.submit_ms[0] == ms("2023-06-01T00:00:00")
    assert seconds(table.run_ms) == [86_400, 120]
    assert gpus(table) == [1024, 1]
    assert names(table.workload) == ["Pretrain", "Evaluation"]
    # 128 pods of 1000 GB, 10^9 bytes each, in MiB.
    assert table.memory_mib.tolist() == [round(128e12 / 2**20), 0]
    assert table.gpu_hours == 1024 * 24 + 120 / 3600


OPENB = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
openb-pod-0001,6000,12288,1,460,,BE,Running,9437497,10769854,9437497.0
openb-pod-0002,8000,4096,4,1000,V100M16|V100M32,LS,Succeeded,9500000,9500060,9500010.0
openb-pod-0003,8000,4096,0,0,,LS,Failed,9500000,9500050,
openb-pod-0004,8000,4096,1,1000,,BE,Pending,9600000,,
"""


def test_openb_pods_share_gpus_by_the_thousandth(tmp_path):
    reading = read(written(tmp_path, OPENB))
    table = reading.table
    assert reading.format == "Alibaba openb"
    assert gpus(table) == [0.46, 4, 0]
    assert table.cpus_milli.tolist() == [6000, 8000, 8000]
    assert table.memory_mib.tolist() == [12_288, 4096, 4096]
    assert names(table.gpu_type) == [None, "V100M16|V100M32", None]
    assert table.preemptible.tolist() == [True, False, False]
    assert not table.is_dated


def test_a_pod_runs_from_its_scheduling_or_else_from_its_creation(tmp_path):
    reading = read(written(tmp_path, OPENB))
    assert seconds(reading.table.run_ms) == [10_769_854 - 9_437_497, 50, 50]
    assert reading.table.start_ms.tolist() == [9_437_497_000, 9_500_010_000, NOT_TOLD]
    assert reasons(reading.dropped) == {"no end, and no run time": (1, (5,))}
    assert "never scheduled: runs as long as it was there" in reading.noted
