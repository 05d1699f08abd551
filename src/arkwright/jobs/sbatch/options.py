"""Every option of sbatch: its long name, its letter, and whether it takes a value.

Names, letters and arguments: sbatch(1) of Slurm 22.05 to 25.05, and pyxis's options. Knowing all of
them, also those that mean nothing here, is what tells `--hint compute_bound` (a value) from
`--hold script.sh` (none), and a typing error from an option that is only Slurm's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Option(NamedTuple):
    """One option; `value` is `required`, `none`, or `optional` (then only as `--name=value`)."""

    name: str
    letter: str
    value: str


class Table(NamedTuple):
    """Every option of one program, by name and by letter, and names it had before."""

    program: str
    options: Mapping[str, Option]
    letters: Mapping[str, Option]
    synonyms: Mapping[str, str]


def options_of(text: str, value: str) -> list[Option]:
    """Options from `name/letter` words, all of one kind."""
    return [
        Option(name, letter, value)
        for name, _, letter in (word.partition("/") for word in text.split())
    ]


OPTIONS: Final[dict[str, Option]] = {
    option.name: option
    for option in (
        *options_of(
            """account/A acctg-freq array/a batch bb bbf begin/b chdir/D cluster-constraint
            clusters/M comment constraint/C container container-env container-id container-image
            container-mounts container-name container-save container-workdir core-spec/S
            cores-per-socket cpu-freq cpus-per-gpu cpus-per-task/c deadline delay-boot dependency/d
            distribution/m error/e exclude/x export export-file extra extra-node-info/B gid gpu-bind
            gpu-freq gpus/G gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input/i
            job-name/J kill-on-invalid-dep licenses/L mail-type mail-user mcs-label mem mem-bind
            mem-per-cpu mem-per-gpu mincpus network nodefile/F nodelist/w nodes/N ntasks/n
            ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output/o
            partition/p power prefer priority profile qos/q reservation segment signal
            sockets-per-node switches thread-spec threads-per-core time/t time-min tmp tres-bind
            tres-per-task uid wait-all-nodes wckey wrap""",
            "required",
        ),
        *options_of(
            """contiguous container-mount-home container-readonly container-remap-root
            container-writable help/h hold/H ignore-pbs no-container-mount-home
            no-container-remap-root no-requeue overcommit/O parsable quiet/Q reboot requeue
            spread-job stepmgr test-only usage use-min-nodes verbose/v version/V wait/W""",
            "none",
        ),
        *options_of(
            "exclusive get-user-env nice no-kill/k oom-kill-step oversubscribe/s propagate "
            "resv-ports",
            "optional",
        ),
    )
}
"""By long name."""

BY_LETTER: Final = {option.letter: option for option in OPTIONS.values() if option.letter}

ENVIRONMENT: Final = {
    "SBATCH_ACCOUNT": "account",
    "SBATCH_ARRAY_INX": "array",
    "SBATCH_CONSTRAINT": "constraint",
    "SBATCH_CPUS_PER_GPU": "cpus-per-gpu",
    "SBATCH_ERROR": "error",
    "SBATCH_EXCLUSIVE": "exclusive",
    "SBATCH_EXPORT": "export",
    "SBATCH_GPUS": "gpus",
    "SBATCH_GPUS_PER_NODE": "gpus-per-node",
    "SBATCH_GPUS_PER_TASK": "gpus-per-task",
    "SBATCH_GRES": "gres",
    "SBATCH_INPUT": "input",
    "SBATCH_JOB_NAME": "job-name",
    "SBATCH_MEM_PER_CPU": "mem-per-cpu",
    "SBATCH_MEM_PER_GPU": "mem-per-gpu",
    "SBATCH_MEM_PER_NODE": "mem",
    "SBATCH_NO_REQUEUE": "no-requeue",
    "SBATCH_OPEN_MODE": "open-mode",
    "SBATCH_OUTPUT": "output",
    "SBATCH_PARTITION": "partition",
    "SBATCH_QOS": "qos",
    "SBATCH_REQUEUE": "requeue",
    "SBATCH_REQ_SWITCH": "switches",
    "SBATCH_RESERVATION": "reservation",
    "SBATCH_SIGNAL": "signal",
    "SBATCH_TIMELIMIT": "time",
    "SBATCH_WAIT": "wait",
}
"""sbatch's input environment variables, by the option each stands for."""

SYNONYMS: Final = {"tasks": "ntasks", "tasks-per-node": "ntasks-per-node", "workdir": "chdir"}
"""Names of earlier releases that scripts still have."""

SBATCH: Final = Table("sbatch", OPTIONS, BY_LETTER, SYNONYMS)
