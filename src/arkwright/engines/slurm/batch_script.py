"""The batch script that Slurm runs for an attempt, complete in itself: nothing must be there before
it but the user's own directory on the shared file system. Pure.

What it does beyond starting the ranks, and why:

- It takes `claim`, a symbolic link that can be made once: should one attempt ever reach Slurm
  twice, the second script ends before it has started anything.
- It ends the gang as the port says when it gets SIGURG, which nothing else heeds: SIGTERM to the
  ranks, then SIGKILL. `scancel` alone would kill `srun` first, and the ranks with it, at once.
- It leaves `exit.json`, for when Slurm has forgotten the job.
- Beside every task runs `watch.sh`, which kills the task when the attempt was given up (`lease`).
  Slurm gives a node up when its slurmd is silent, and cannot end what goes on running there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from arkwright.engines.port import Attempt
from arkwright.engines.rank_environment import attempt_index
from arkwright.engines.slurm.script_variables import BY_OPTIONS, script_variables
from arkwright.jobs.spec import OpenMode, SlurmOptions, Starts

STOP_SIGNAL = 23
"""SIGURG: ignored by default, by srun as well."""
OVER = "over"
"""Stands in `lease` when the attempt was given up."""
WATCH_S = 2
"""How often `watch.sh` reads it."""
FENCE_MS = 3_000 * WATCH_S
"""So long after an attempt was given up nothing of it is left on nodes that Slurm lost: whoever
watches over its tasks has read the word, late as a shared file system may show it."""
EXIT_CLAIMED = 75
"""The script found that another has the attempt."""
EXIT_STOPPED = 143


class Gang(NamedTuple):
    """What the script needs to know beyond the attempt."""

    unix_user: str
    folder: str
    """The attempt's directory on the shared file system."""
    names: Sequence[str]
    """Slurm's names of the nodes, in gang order."""
    master_address: str
    master_port: int
    cpus_per_task: int
    environment: Mapping[str, str]
    """The job's own variables."""


def ranks_of(attempt: Attempt) -> list[int]:
    """How many ranks each node has; one for a script that starts the others itself."""
    if attempt.starts is Starts.BATCH:
        return [1] + [0] * (len(attempt.placements) - 1)
    return [
        attempt.ranks_per_node if each.ranks is None else each.ranks for each in attempt.placements
    ]


def batch_script(attempt: Attempt, gang: Gang) -> str:
    """The whole script. Only /bin/sh, coreutils and Slurm's own commands are used."""
    is_batch = attempt.starts is Starts.BATCH
    parts = [
        "#!/bin/sh",
        f"# Arkwright: attempt {attempt.attempt_id} of job {attempt.job_name!r}".replace("\n", " "),
        _head(gang),
        f"unset {' '.join(BY_OPTIONS)}" if is_batch else "",
        _file("env.sh", _exports(_environment(attempt, gang)) + "\n") + '\n. "$D/env.sh"',
        _file("script", attempt.script) if attempt.script is not None else "",
        _watch(gang),
        _requeue_shim() if is_batch else _rank_file(attempt, gang),
        _functions(attempt, gang),
        _start_batch(attempt, gang) if is_batch else _start_ranks(attempt, gang),
        _TAIL,
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _head(gang: Gang) -> str:
    folder = shlex.quote(gang.folder)
    return f"""\
PATH=${{PATH:-/usr/local/bin:/usr/bin:/bin}}
umask 007
D={folder}
mkdir -p "$D" || exit 1
if ! ln -sn "$SLURM_JOB_ID" "$D/claim" 2>/dev/null; then
    echo "arkwright: $(readlink "$D/claim") has this attempt; nothing was started" >&2
    exit {EXIT_CLAIMED}
fi
echo on > "$D/lease"
umask 027
unset SLURM_EXPORT_ENV SLURM_GET_USER_ENV SBATCH_EXPORT
USER=$(id -un); LOGNAME=$USER
HOME=$(getent passwd "$USER" | cut -d: -f6)
[ -n "$HOME" ] || HOME=/tmp
export PATH HOME USER LOGNAME"""


def _environment(attempt: Attempt, gang: Gang) -> dict[str, str]:
    """The job's own variables win over defaults, ours over the job's; what differs from rank to
    rank is set in `rank.sh`."""
    ranks = ranks_of(attempt)
    index = int(attempt_index(attempt.attempt_id))
    words = {
        "OMP_NUM_THREADS": str(gang.cpus_per_task),
        **gang.environment,
        "WORLD_SIZE": str(sum(ranks)),
        "MASTER_ADDR": gang.master_address,
        "MASTER_PORT": str(gang.master_port),
        "ARKWRIGHT_JOB_ID": attempt.job_id,
        "ARKWRIGHT_JOB_NAME": attempt.job_name,
        "ARKWRIGHT_ATTEMPT": attempt.attempt_id,
        "ARKWRIGHT_ATTEMPT_INDEX": str(index),
        "ARKWRIGHT_PROJECT": attempt.project,
        "ARKWRIGHT_USER": attempt.user,
        "ARKWRIGHT_NODES": ",".join(each.node for each in attempt.placements),
        "ARKWRIGHT_GPUS_ARE_VIRTUAL": "0",
        "ARKWRIGHT_PART": gang.folder,
        "ARKWRIGHT_WORKDIR": attempt.workdir or f"{gang.folder}/work",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "SLURM_JOB_NAME": attempt.job_name,
        # srun reads this since Slurm 22.05, and no longer the one without the R.
        "SRUN_CPUS_PER_TASK": str(gang.cpus_per_task),
    }
    if attempt.starts is Starts.BATCH:
        # A script that starts its own ranks finds them by Slurm's words; a wrong one would mislead.
        for name in ("WORLD_SIZE", "OMP_NUM_THREADS", "SRUN_CPUS_PER_TASK"):
            if name not in gang.environment:
                del words[name]
        words |= script_variables(attempt, gang.names[0])
    if index > 1:
        words["SLURM_RESTART_COUNT"] = str(index - 1)
    if attempt.checkpoint_dir is not None:
        directory = attempt.checkpoint_dir
        is_whole = directory.startswith("/")
        base = attempt.workdir or f"{gang.folder}/work"
        words["ARKWRIGHT_CHECKPOINT_DIR"] = directory if is_whole else f"{base}/{directory}"
    if (task := attempt.array) is not None:
        words |= {
            "SLURM_ARRAY_JOB_ID": str(task.number),
            "SLURM_ARRAY_TASK_ID": str(task.index),
            "SLURM_ARRAY_TASK_MIN": str(task.first),
            "SLURM_ARRAY_TASK_MAX": str(task.last),
            "SLURM_ARRAY_TASK_STEP": str(task.step),
            "SLURM_ARRAY_TASK_COUNT": str(task.count),
        }
    return words


def _exports(words: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in words.items())


def _file(name: str, body: str) -> str:
    """Write a file of the attempt's directory, whatever is in it."""
    # printf keeps a body that does not end its last line; %s takes every byte as it is.
    return f'printf %s {shlex.quote(body)} > "$D/{name}" && chmod 750 "$D/{name}"'


def _watch(gang: Gang) -> str:
    """`watch.sh PID` watches over a task, `task.sh` starts that for the tasks of a user's srun. The
    file is read, not looked for: opening it makes NFS ask the server."""
    lease = shlex.quote(f"{gang.folder}/lease")
    watch = f"""\
#!/bin/sh
exec > /dev/null 2>&1 < /dev/null
while sleep {WATCH_S} && kill -0 "$1"; do
    read -r word < {lease} && [ "$word" = {OVER} ] || continue
    read -r told < "/proc/$1/stat" || exit 0
    # Past the name, which may hold anything: state, parent, group.
    group=${{told##*) }} group=${{group#* * }}
    kill -s KILL -- "-${{group%% *}}"
done
"""
    # Slurm kills the prolog's group when it returns: not before the watcher has left that.
    task = f"""\
#!/bin/sh
setsid {shlex.quote(f"{gang.folder}/watch.sh")} "$SLURM_TASK_PID" > /dev/null 2>&1 < /dev/null &
for _ in 1 2 3 4 5 6 7 8 9 10; do
    read -r told < "/proc/$!/stat" || exit 0
    group=${{told##*) }} group=${{group#* * }}
    [ "${{group%% *}}" = $! ] && exit 0
    sleep 0.1
done
"""
    return f"{_file('watch.sh', watch)}\n{_file('task.sh', task)}\n" + '"$D/watch.sh" $$ &'


def _requeue_shim() -> str:
    """Arkwright queues jobs again, not Slurm: what the script asks of `scontrol` is noted here."""
    body = """\
#!/bin/sh
D=$ARKWRIGHT_PART
if [ "$1" = requeue ]; then
    : > "$D/requeue"
    kill -URG "$(cat "$D/pid")"
    exit 0
fi
PATH=${PATH#"$D/bin:"}
exec scontrol "$@"
"""
    return "\n".join(
        [
            'mkdir -p "$D/bin" && echo $$ > "$D/pid"',
            _file("bin/scontrol", body),
            'PATH="$D/bin:$PATH"',
        ]
    )


def _rank_file(attempt: Attempt, gang: Gang) -> str:
    """`rank.sh`: who a rank is follows from its node and its place there, so that gang order holds
    whatever order Slurm keeps nodes in."""
    ranks = ranks_of(attempt)
    firsts = [0, *accumulate(ranks)]
    lines = ["#!/bin/sh", "D=$ARKWRIGHT_PART", 'case "$SLURMD_NODENAME" in']
    for index, (name, placement) in enumerate(zip(gang.names, attempt.placements, strict=True)):
        words = {
            "NODE_RANK": str(index),
            "first": str(firsts[index]),
            "LOCAL_WORLD_SIZE": str(ranks[index]),
            "ARKWRIGHT_NODE": placement.node,
            "ARKWRIGHT_GPUS": str(placement.gpus),
        } | ({"ARKWRIGHT_GROUP": placement.gang_group} if placement.gang_group else {})
        told = " ".join(f"{key}={shlex.quote(value)}" for key, value in words.items())
        lines.append(f"{shlex.quote(name)}) {told} ;;")
    program = (
        'exec "$D/script"'
        if attempt.script is not None and attempt.script.startswith("#!")
        else 'exec /bin/sh "$D/script"'
        if attempt.script is not None
        else f"exec {shlex.join(attempt.command or ())}"
    )
    lines += [
        '*) echo "arkwright: $SLURMD_NODENAME is no node of this gang" >&2; exit 1 ;;',
        "esac",
        "LOCAL_RANK=$SLURM_LOCALID RANK=$((first + SLURM_LOCALID)) GROUP_RANK=$NODE_RANK",
        "export NODE_RANK GROUP_RANK LOCAL_WORLD_SIZE LOCAL_RANK RANK",
        "export ARKWRIGHT_NODE ARKWRIGHT_GPUS ARKWRIGHT_GROUP",
        '[ -n "$ARKWRIGHT_GROUP" ] || unset ARKWRIGHT_GROUP',
        'exec >> "$D/rank-$RANK.log" 2>&1 < /dev/null',
        '"$D/watch.sh" $$ &',
        'cd "$ARKWRIGHT_WORKDIR" || exit 1',
        program,
    ]
    return _file("rank.sh", "\n".join(lines) + "\n")


def _functions(attempt: Attempt, gang: Gang) -> str:
    """How the gang is ended: by order (SIGURG), or at its limit."""
    grace_s = max(0.0, attempt.grace_s)
    saving_s = grace_s / 2 if attempt.checkpoint_signal else 0.0
    name = (attempt.checkpoint_signal or "").removeprefix("SIG")
    save = f'scancel --signal={name} "$SLURM_JOB_ID"; sleep {saving_s:g}\n    ' if name else ""
    is_batch = attempt.starts is Starts.BATCH
    # Steps only: scancel leaves the script out unless it is told otherwise.
    term = 'scancel --signal=TERM "$SLURM_JOB_ID"'
    if is_batch:
        save = save and f'{save}kill -{name} "$main"\n    '
        term += '; kill -TERM "$main" 2>/dev/null'
    kill = (
        'scancel --signal=KILL "$SLURM_JOB_ID"'
        if is_batch
        else 'scancel --signal=KILL "$SLURM_JOB_ID.0"; sleep 2; kill -KILL "$main"'
    )
    limit = attempt.time_limit_s
    timer = (
        "" if limit is None else f"(sleep {limit:g}; kill -ALRM $$) >/dev/null 2>&1 &\ntimer=$!\n"
    )
    return f"""\
record() {{ printf '%s\\n' "$2" > "$D/.$1" && mv -f "$D/.$1" "$D/$1"; }}
end_gang() {{
    {save}{term}
    sleep {grace_s - saving_s:g}
    {kill}
}}
order() {{
    [ "$why" = exited ] || return
    why=$1
    end_gang >/dev/null 2>&1 &
    ender=$!
}}
why=exited ender= timer= early=
trap 'order stopped' URG
trap 'order "time limit"' ALRM
trap 'why=${{why#exited}}; why=${{why:-terminated}}' TERM
{timer}{"" if attempt.workdir else 'mkdir -p "$ARKWRIGHT_WORKDIR"' + chr(10)}\
record started.json "{{\\"job\\": $SLURM_JOB_ID, \\"at_s\\": $(date +%s)}}\""""


def _start_ranks(attempt: Attempt, gang: Gang) -> str:
    ranks = ranks_of(attempt)
    words = [
        "srun",
        "--export=ALL",
        "--kill-on-bad-exit=1",
        "--wait=0",
        "--unbuffered",
        f"--nodes={len(ranks)}",
        f"--ntasks={sum(ranks)}",
        f"--cpus-per-task={gang.cpus_per_task}",
    ]
    hosts = ""
    if len(set(ranks)) == 1:
        words.append(f"--ntasks-per-node={ranks[0]}")
    else:
        names = [name for name, many in zip(gang.names, ranks, strict=True) for _ in range(many)]
        hosts = _file("hosts", "\n".join(names) + "\n") + '\nexport SLURM_HOSTFILE="$D/hosts"\n'
        words.append("--distribution=arbitrary")
    words += _step_options(attempt.slurm)
    return (
        f'{hosts}{shlex.join(words)} /bin/sh "$D/rank.sh" > "$D/srun.log" 2>&1 < /dev/null &\n'
        "main=$!"
    )


def _step_options(options: SlurmOptions | None) -> list[str]:
    """What `srun` is told beside what Arkwright decided: plugins look for their options here."""
    if options is None:
        return []
    containers = {
        "container-image": options.container_image,
        "container-mounts": options.container_mounts,
        "container-workdir": options.container_workdir,
        "container-name": options.container_name,
    }
    named = [f"--{name}={value}" for name, value in containers.items() if value is not None]
    return [*named, *options.passthrough]


def _start_batch(attempt: Attempt, gang: Gang) -> str:
    """The user's script, once, here; its output where it wants it, and always known as rank 0's."""
    options = attempt.slurm or SlurmOptions()
    arguments = shlex.join(options.arguments)
    script = attempt.script or ""
    program = '"$D/script"' if script.startswith("#!") else '/bin/sh "$D/script"'
    if attempt.script is None:
        program = shlex.join(attempt.command or ())
    arrow = ">>" if options.open_mode is OpenMode.APPEND else ">"
    lines = [
        'cd "$ARKWRIGHT_WORKDIR" || exit 1',
        f"export SLURM_SUBMIT_DIR={_submit_dir(options)}",
        'export SLURM_TASK_PROLOG="$D/task.sh"',
    ]
    if options.output is not None:
        lines += [
            f"out={_pattern(options.output, attempt)}",
            'ln -sfn "$(realpath -m "$out")" "$D/rank-0.log"',
        ]
    else:
        lines.append('out="$D/rank-0.log"')
    error = "2>&1" if options.error is None else f"2{arrow} {_pattern(options.error, attempt)}"
    source = _pattern(options.input, attempt) if options.input else "/dev/null"
    lines += [f'{program} {arguments} {arrow} "$out" {error} < {source} &', "main=$!"]
    lines += _early(options, attempt)
    return "\n".join(lines)


def _submit_dir(options: SlurmOptions) -> str:
    return shlex.quote(options.submit_dir) if options.submit_dir else '"$ARKWRIGHT_WORKDIR"'


def _early(options: SlurmOptions, attempt: Attempt) -> list[str]:
    """The signal before the limit, from here: Slurm's own would come by its clock of minutes."""
    early, limit_s = options.signal, attempt.time_limit_s
    if early is None or limit_s is None:
        return []
    name = early.name.removeprefix("SIG")
    told = (
        f'kill -{name} "$main"' if early.batch_only else f'scancel --signal={name} "$SLURM_JOB_ID"'
    )
    return [f"(sleep {max(0.0, limit_s - early.before):g}; {told}) >/dev/null 2>&1 &", "early=$!"]


def _pattern(pattern: str, attempt: Attempt) -> str:
    """Slurm's patterns of file names as words of the shell."""
    task = attempt.array
    # The number that its submitter was told, the same in every attempt; Slurm's own is neither.
    number = str(attempt.number) if attempt.number else "${SLURM_JOB_ID}"
    known = {
        "%": "%",
        "j": number,
        "A": str(task.number) if task else number,
        "a": str(task.index) if task else "4294967294",
        "x": "${SLURM_JOB_NAME}",
        "u": "${USER}",
        "N": "${SLURMD_NODENAME}",
        "n": "0",
        "t": "0",
        "s": "batch",
    }
    made, rest = "", pattern
    while rest:
        head, mark, tail = rest.partition("%")
        made += "".join(f"\\{char}" if char in '"$`\\' else char for char in head)
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        letter = tail[len(digits) : len(digits) + 1]
        rest = tail[len(digits) + 1 :]
        if mark:
            word = known.get(letter, f"%{letter}")
            made += word.rjust(int(digits), "0") if digits and word.isdigit() else word
    return f'"{made}"'


_TAIL = """\
code=
while :; do
    wait "$main"; code=$?
    kill -0 "$main" 2>/dev/null || break
done
# A signal may have cut the wait short just as the gang ended: ask once more for its code.
wait "$main" 2>/dev/null; again=$?
[ "$again" = 127 ] || code=$again
for each in "$ender" "$timer" "$early"; do
    [ -n "$each" ] && kill "$each" 2>/dev/null
done
asked=false
[ -e "$D/requeue" ] && asked=true
record exit.json "{\\"job\\": $SLURM_JOB_ID, \\"code\\": $code, \\"why\\": \\"$why\\", \
\\"asked\\": $asked, \\"at_s\\": $(date +%s)}"
exit "$code"
"""
