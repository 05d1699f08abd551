"""Options of `srun`, and what this `srun` does with each.

Names, letters and arguments: srun(1) of Slurm 22.05 to 25.05, and pyxis's. Standard library only.
"""

from __future__ import annotations

from typing import Final

from arkwright.jobs.sbatch.options import Table, options_of

_OPTIONS: Final = {
    option.name: option
    for option in (
        *options_of(
            """account/A accel-bind acctg-freq bb bbf begin cluster-constraint comment compress
            constraint/C container container-env container-id container-image container-mounts
            container-name container-save container-workdir core-spec/S cores-per-socket cpu-bind
            cpu-freq cpus-per-gpu cpus-per-task/c chdir/D deadline delay-boot dependency/d
            distribution/m epilog error/e exclude/x export export-file extra extra-node-info/B
            gid gpu-bind gpu-freq gpus/G gpus-per-node gpus-per-socket gpus-per-task gres
            gres-flags het-group hint immediate/I input/i job-name/J jobid licenses/L mail-type
            mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus mpi msg-timeout network
            nodelist/w nodes/N ntasks/n ntasks-per-core ntasks-per-gpu ntasks-per-node
            ntasks-per-socket open-mode output/o partition/p power prefer priority profile prolog
            qos/q relative/r reservation segment signal slurmd-debug sockets-per-node switches
            task-epilog task-prolog thread-spec threads/T threads-per-core time/t time-min tmp
            tres-bind tres-per-task uid wait/W wckey""",
            "required",
        ),
        *options_of(
            """contiguous container-mount-home container-readonly container-remap-root
            container-writable disable-status/X exact external-launcher help/h hold/H interactive
            label/l multi-prog no-allocate/Z no-container-mount-home no-container-remap-root
            overcommit/O overlap preserve-env/E quiet/Q quit-on-interrupt/q reboot spread-job
            stepmgr test-only treewidth unbuffered/u usage use-min-nodes verbose/v version/V
            whole""",
            "none",
        ),
        *options_of(
            "bcast exclusive get-user-env kill-on-bad-exit/K nice no-kill/k oversubscribe/s "
            "propagate pty resv-ports send-libs",
            "optional",
        ),
    )
}

SRUN: Final = Table(
    "srun",
    _OPTIONS,
    {option.letter: option for option in _OPTIONS.values() if option.letter},
    {"tasks": "ntasks", "tasks-per-node": "ntasks-per-node", "cpu_bind": "cpu-bind"},
)

REFUSED: Final = {
    "multi-prog": "start each program with its own srun in the background, and wait",
    "het-group": "heterogeneous jobs are not run",
    "container": "OCI bundles are run by Slurm only",
    "bcast": "every node sees the same files here; leave it out",
}
"""Options whose effect a script needs and that this `srun` does not have, with what to do."""
