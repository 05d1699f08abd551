"""Asking a running cluster, and nothing but asking: the one table of commands that observing runs.

Each only reads. Outputs are kept as they came, in a folder, so that they can be looked at, sent,
and read again elsewhere: what was observed there is then observed here, to the byte.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from arkwright.engines.slurm.description import Description, ReservationLine, Topology
from arkwright.engines.slurm.description_queue import FORMAT, QueuedJob, queue
from arkwright.engines.slurm.description_scontrol import (
    reservations,
    running_cluster,
    topology_lines,
)
from arkwright.engines.slurm.description_yaml import topology_yaml
from arkwright.errors import EngineError, InputError
from arkwright.home import write_whole
from arkwright.units import render_instant

SACCT_FIELDS = (
    "JobIDRaw", "JobID", "Submit", "Eligible", "Start", "End", "State", "ElapsedRaw",
    "TimelimitRaw", "User", "Account", "Partition", "QOS", "Priority", "NNodes", "ReqTRES",
    "AllocTRES", "NodeList", "JobName",
)  # fmt: skip
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "+%s"),
    "config": ("scontrol", "show", "config"),
    "nodes": ("scontrol", "show", "node", "-o"),
    "partitions": ("scontrol", "show", "partition", "-o"),
    "topology": ("scontrol", "show", "topology"),
    "topoconf": ("scontrol", "show", "topoconf"),
    "reservations": ("scontrol", "show", "reservation", "-o"),
    "queue": ("squeue", "-a", "-r", "-h", "--noconvert", "-O", FORMAT),
    "history": ("sacct", "-a", "-P", "-X", "-D", "--noconvert", "-o", ",".join(SACCT_FIELDS), "-S"),
}
"""By the name of the file that keeps the output. `history` takes the first instant behind it."""

SINCE = "since"
"""The output that is none: the first instant of the history, in seconds since 1970."""
OPTIONAL = ("topology", "topoconf", "reservations", "history", "config")
"""What a cluster may not have, or a version not know; the reason is kept in a note."""
ZONE = ("env", "TZ=UTC0")
"""Before every command, so that instants are UTC."""
_LIMIT_S = 300.0
_MISSING = ".missing.txt"
_S_PER_DAY = 86_400


class Outputs(Struct, frozen=True, kw_only=True):
    """What the commands printed, by name."""

    texts: dict[str, str]
    missing: dict[str, str] = field(default_factory=dict)
    """Why there is no output of an optional command."""


class Observed(Struct, frozen=True, kw_only=True):
    """A cluster at one instant."""

    now_ms: int
    cluster: Description
    queue: tuple[QueuedJob, ...]
    reservations: tuple[ReservationLine, ...]
    history: str
    """What sacct printed; empty without accounting."""
    since_ms: int | None
    """From when on; None where nobody kept it."""
    notes: tuple[str, ...]


def ask(prefix: Sequence[str], days: float, names: Sequence[str] = tuple(COMMANDS)) -> Outputs:
    """Run the commands, each behind `prefix` (for example `ssh login1`); `days` of history, none
    for 0. EngineError where the cluster cannot be asked."""
    texts: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in names:
        words = [*prefix, *ZONE, *COMMANDS[name]]
        if name == "history":
            if days <= 0:
                continue
            texts[SINCE] = f"{int(texts['date']) - round(days * _S_PER_DAY)}\n"
            words.append(_instant(int(texts[SINCE])))
        done = _run(words)
        said = (done.stderr.strip() or done.stdout.strip()).partition("\n")[0]
        if done.returncode == 0:
            texts[name] = done.stdout
        elif name in OPTIONAL:
            missing[name] = said or f"exit code {done.returncode}"
        else:
            raise EngineError(
                f"cannot observe the cluster: `{' '.join(words)}` failed: {said}; see --prefix"
            )
    return Outputs(texts=texts, missing=missing)


def saved(outputs: Outputs, folder: Path) -> None:
    """Keep every output in `folder`, as NAME.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in outputs.texts.items():
        write_whole(folder / f"{name}.txt", text)
    for name, why in outputs.missing.items():
        write_whole(folder / f"{name}{_MISSING}", why + "\n")


def kept(folder: Path) -> Outputs:
    """What `saved` kept, or somebody wrote there by hand. InputError where too little is there."""
    texts = {
        name: path.read_text(encoding="utf-8", errors="replace")
        for name in (*COMMANDS, SINCE)
        if (path := folder / f"{name}.txt").is_file()
    }
    lost = [name for name in COMMANDS if name not in texts and name not in OPTIONAL]
    if lost:
        wanted = "; ".join(f"{name}.txt: {' '.join(COMMANDS[name])}" for name in lost)
        raise InputError(f"{folder} has not what observing needs: {wanted}")
    missing = {name: _why_missing(folder, name) for name in OPTIONAL if name not in texts}
    return Outputs(texts=texts, missing=missing)


def observed(outputs: Outputs) -> Observed:
    """What the outputs say. InputError for what cannot be read."""
    texts = outputs.texts
    date = texts["date"].strip()
    if not date.isdigit():
        raise InputError(f"date.txt has {date[:40]!r}; it wants the seconds of `date +%s`")
    found = running_cluster(
        texts.get("config", ""), texts["nodes"], texts["partitions"], topology_of(texts)
    )
    known = ("reservations", "history", "config")
    notes = [f"no {name}: {why}" for name, why in outputs.missing.items() if name in known]
    return Observed(
        now_ms=int(date) * 1000,
        cluster=found,
        queue=queue(texts["queue"]),
        reservations=reservations(texts.get("reservations", "")),
        history=texts.get("history", ""),
        since_ms=int(texts[SINCE]) * 1000 if texts.get(SINCE, "").strip().isdigit() else None,
        notes=(*found.notes, *notes),
    )


def topology_of(texts: Mapping[str, str]) -> Topology:
    """The topology as configured in YAML, where the version tells it; else as it is shown."""
    text = texts.get("topoconf", "")
    if "- topology:" in text:
        # A cluster that is configured otherwise answers with a form that has nothing filled in.
        found = topology_yaml(text, "scontrol show topoconf")
        if found.switches or found.blocks:
            return found
    return topology_lines(texts.get("topology", ""))


def _why_missing(folder: Path, name: str) -> str:
    path = folder / f"{name}{_MISSING}"
    return path.read_text("utf-8").strip() if path.is_file() else "it is not in the folder"


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words, capture_output=True, text=True, timeout=_LIMIT_S, check=False, errors="replace"
        )
    except FileNotFoundError as error:
        raise EngineError(
            f"cannot observe the cluster: there is no program {error.filename} here; "
            "--prefix 'ssh LOGIN-NODE' runs the commands elsewhere, --from DIR reads their outputs"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"cannot observe the cluster: {' '.join(words[:4])}: {error}") from None


def _instant(seconds: int) -> str:
    """As `sacct -S` takes it, UTC."""
    return render_instant(seconds * 1000).removesuffix("Z")
