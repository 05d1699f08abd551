"""The configuration files of a test cluster: which settings, and why they are not Slurm's own."""

from __future__ import annotations

SLURM = """\
ClusterName=lab
SlurmctldHost=lab(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
# Loopback only, at every listening port.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
# A credential lives 120 s by default, which is how long a job of a crashed node is held back.
AuthInfo=cred_expire=5
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=/etc/slurm/jwt.key
CryptoType=crypto/munge
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd/%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd-%n.pid
SlurmdLogFile=/var/log/slurm/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
PropagateResourceLimits=NONE
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=50000,bf_interval=1
TopologyPlugin=topology/tree
GresTypes=gpu
# What a node claims to have is not there: 8 nodes of 16 CPUs on a machine of 2.
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout={node_timeout_s}
TCPTimeout=2
MessageTimeout=5
InactiveLimit=0
KillWait=2
UnkillableStepTimeout=60
CompleteWait=0
MinJobAge={job_age_s}
BatchStartTimeout=10
JobRequeue=1
JobCompType=jobcomp/filetxt
JobCompLoc=/var/log/slurm/jobcomp.log
SlurmctldDebug={debug}
SlurmdDebug={debug}
{accounting}
NodeName=DEFAULT CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
RealMemory={memory_mib} Gres=gpu:{gpu}:{gpus} State=UNKNOWN
{nodes}
{partitions}
{extra}
"""
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={port}
AccountingStorageTRES=gres/gpu
JobAcctGatherFrequency=0
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none\n"
PARTITIONS = "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
DATABASE = """\
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile=/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CommitDelay=1
"""


def slurm_conf(names, ports, values, partitions, accounting, extra):
    """`slurm.conf` for `names`: the controller at the first port, then one for each node."""
    lines = [
        f"NodeName={name} NodeAddr=127.0.0.1 Port={port}"
        for name, port in zip(names, ports[1:], strict=False)
    ]
    return SLURM.format(
        controller_port=ports[0],
        nodes="\n".join(lines),
        partitions=partitions,
        accounting=ACCOUNTING.format(port=accounting) if accounting else NO_ACCOUNTING,
        extra=extra,
        **values,
    )


def gres_conf(names, gpu, gpus):
    """Device files: a mere count is refused by slurmd ("count reported lower than configured")."""
    files = "/dev/nvidia0" if gpus == 1 else f"/dev/nvidia[0-{gpus - 1}]"
    return f"AutoDetect=off\nNodeName={','.join(names)} Name=gpu Type={gpu} File={files}\n"


def topology_conf(names, leaf):
    """A tree of two levels with `leaf` nodes per switch."""
    leaves = [names[first : first + leaf] for first in range(0, len(names), leaf)]
    lines = [f"SwitchName=leaf{n} Nodes={','.join(part)}" for n, part in enumerate(leaves, 1)]
    switches = ",".join(f"leaf{n}" for n in range(1, len(leaves) + 1))
    return "\n".join([*lines, f"SwitchName=spine Switches={switches}", ""])
