"""The scheduler's reason for a job that waits, in words, with numbers and what would help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.fleet.lowering import LEVELS, Names
from arkwright.fleet.quota_tree import FACTORY, GPU_MS_PER_HOUR
from arkwright.jobs.spec import JobSpec, parts_of
from arkwright.units import MILLI, render, render_instant


class WaitReason(Struct, frozen=True, kw_only=True):
    """Why a job does not run: the same object for `why`, for a refusal and for the API."""

    code: str
    """One word a program can compare, for example `quota`."""
    message: str
    """One sentence with the numbers in it."""
    change: str
    """The smallest change that would start the job; empty when it only has to wait."""
    numbers: dict[str, Any] = {}


def in_words(
    reason: sched.Reason, names: Names, spec: JobSpec | None, job_ids: Sequence[str]
) -> WaitReason:
    """Render `reason`. `spec` is the job's (None once it is over)."""
    code, sentence = _CODES[reason.code]
    of_group, group = "", reason.group
    if spec is not None and spec.groups:
        name = spec.groups[group].name if group >= 0 else ""
        of_group = f"group {name}: " if group >= 0 else ""
        spec = parts_of(spec)[max(group, 0)]
    context = _Context(reason, names, spec, job_ids)
    change = _CHANGES[reason.change](context)
    of_what = of_group if reason.change in _CHANGES_OF_GROUP else ""
    return WaitReason(
        code=code,
        message=of_group + sentence(context),
        change=of_what + change,
        numbers=_numbers(reason),
    )


class _Context:
    """A reason with what is needed to name its numbers."""

    def __init__(
        self, reason: sched.Reason, names: Names, spec: JobSpec | None, job_ids: Sequence[str]
    ) -> None:
        self.reason = reason
        self.names = names
        self.spec = spec
        self.job_ids = job_ids

    @property
    def per_node(self) -> str:
        """What the job asks of one node."""
        if self.spec is None:
            return ""
        resources = self.spec.resources
        kind = f" {resources.gpu_type}" if resources.gpu_type else ""
        return f"{resources.gpus_per_node:g}{kind} {_plural('GPU', resources.gpus_per_node)}"

    @property
    def level(self) -> str:
        """Name of the reason's topology level."""
        return LEVELS[self.reason.level].value if self.reason.level >= 0 else "factory"

    @property
    def project(self) -> str:
        """Path of the quota the reason is about."""
        return self.names.quotas.rows[self.reason.row].label

    @property
    def power_row(self) -> str:
        """Path of the place whose power the reason is about."""
        return self.names.power_limits[self.reason.row - len(self.names.quotas.rows)].path

    @property
    def other_job(self) -> str:
        """Id of the job the reason is about."""
        return self.job_ids[self.reason.job] if self.reason.job >= 0 else "another job"


def _not_enough_free(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('node', r.asked)} with {c.per_node} each; "
        f"{r.free} {'is' if r.free == 1 else 'are'} free now"
    )


def _topology(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('node', r.asked)} within one {c.level}; "
        f"the {c.level} with most room has {r.free} free now"
    )


def _quota(c: _Context) -> str:
    r = c.reason
    whole, _, gpu_type = c.project.partition("@")
    if whole == FACTORY:
        kind = f" of type {gpu_type}" if gpu_type else ""
        return (
            f"the factory has {_gpus(r.limit)}{kind}, of which {r.used / MILLI:g} are in use or "
            f"kept under guarantees now, and it would need {r.asked / MILLI:g} more"
        )
    return (
        f"{c.project} may use {_gpus(r.limit)}, uses {_gpus(r.used)} now "
        f"and would need {_gpus(r.asked)} more"
    )


def _budget(c: _Context) -> str:
    r = c.reason
    until = f"; a new period begins at {_utc(r.at_ms)}" if r.at_ms >= 0 else ""
    return (
        f"would use {_gpu_hours(r.asked)}; of {c.project}, {_gpu_hours(r.limit)}, "
        f"{_gpu_hours(r.used)} are used or promised{until}"
    )


def _never_budget(c: _Context) -> str:
    r = c.reason
    return f"would use {_gpu_hours(r.asked)}; {c.project} is {_gpu_hours(r.limit)} in all"


def _power(c: _Context) -> str:
    r = c.reason
    return (
        f"is expected to draw {_watts(r.asked)}; there is power for {r.free} "
        f"{_plural('node', r.free)} of it now: {c.power_row} draws {_watts(r.used)} of "
        f"{_watts(r.limit)}" + (", which was cut below what runs" if r.used > r.limit else "")
    )


def _never_power(c: _Context) -> str:
    r = c.reason
    return (
        f"is expected to draw {_watts(r.asked)}; there never is power for more than {r.free} "
        f"{_plural('node', r.free)} of it: {c.power_row} may draw {_watts(r.limit)}"
    )


def _limit_ahead(c: _Context) -> str:
    r = c.reason
    is_power = r.row >= len(c.names.quotas.rows)
    place, amount = (c.power_row, _watts) if is_power else (c.project, _gpus)
    return (
        f"would still run when the limit of {place} becomes {amount(r.limit)}; {amount(r.used)} of "
        f"it will be in use then and it asks for {amount(r.asked)}"
    )


def _contract_ahead(c: _Context) -> str:
    r = c.reason
    return (
        f"would still run when the contract of {c.project} begins at {render_instant(r.at_ms)} and "
        f"{_gpus(r.limit)} are kept for it; it asks for {_gpus(r.asked)}, {_gpus(r.free)} will be "
        f"left beside what is expected to run then: {_gpus(r.asked - r.free)} short"
    )


def _reserved(c: _Context) -> str:
    return (
        f"the nodes that are free are kept for {c.other_job}, which is ahead and starts in time "
        "only if this job is over by then"
    )


def _claim_stands(c: _Context) -> str:
    r = c.reason
    who = f"job {c.other_job}" if r.asked == 1 else f"{r.asked} jobs, {c.other_job} among them,"
    return f"has a claim on its nodes: waits for {who} to stop until {_instant(r.at_ms)}"


def _claimed(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('node', r.asked)}; {r.free} "
        f"{'is' if r.free == 1 else 'are'} free beside those kept for {c.other_job}, for which "
        "others stop"
    )


def _stops_for(c: _Context) -> str:
    whom = f" for {c.other_job}" if c.reason.job >= 0 else " for another job"
    return f"it was told to stop{whom} and has until {_instant(c.reason.at_ms)}"


def _window(c: _Context) -> str:
    r = c.reason
    whom = c.project if r.row >= 0 else "nobody (maintenance)"
    return (
        f"nodes that are free are reserved for {whom} from {render_instant(r.at_ms)} until "
        f"{render_instant(r.until_ms)} and it would not be over by then; it asks for {r.asked} "
        f"{_plural('node', r.asked)}, {r.free} could serve it beside them"
    )


def _nodes_down(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('node', r.asked)} with {c.per_node} each; "
        f"only {r.free} of the nodes that could serve it {'is' if r.free == 1 else 'are'} up"
    )


def _node_too_small(c: _Context) -> str:
    r = c.reason
    what = _RESOURCES[r.resource]
    return f"asks for {what(r.asked)} per node; the largest suitable node has {what(r.free)}"


def _too_many_nodes(c: _Context) -> str:
    r = c.reason
    return f"asks for {r.asked} nodes with {c.per_node} each; this factory has {r.free}"


def _never_topology(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('node', r.asked)} within one {c.level}; "
        f"no {c.level} of this factory has more than {r.free} such nodes"
    )


def _never_quota(c: _Context) -> str:
    r = c.reason
    kept = f", of which others keep {r.used / MILLI:g}" if r.used > 0 else ""
    return f"asks for {_gpus(r.asked)}; {c.project} may never use more than {_gpus(r.limit)}{kept}"


def _segments(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('segment', r.asked)} of {r.limit} "
        f"{_plural('node', r.limit)}, each within one {c.level}; {r.free} of {r.asked} "
        f"{'fits' if r.free == 1 else 'fit'} now"
    )


def _never_segments(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('segment', r.asked)} of {r.limit} "
        f"{_plural('node', r.limit)}, each within one {c.level}; this factory never holds more "
        f"than {r.free} of them together"
    )


def _rails(c: _Context) -> str:
    r = c.reason
    return (
        f"asks for {r.asked} {_plural('node', r.asked)} with the same {_gpus(r.limit)} free on "
        f"each; {r.free} together {'has' if r.free == 1 else 'have'} them now"
    )


_CODES: Mapping[int, tuple[str, Callable[[_Context], str]]] = {
    sched.STARTS_NOW: ("starts-now", lambda _: "nothing stands in its way: it starts now"),
    sched.IS_ACTIVE: ("active", lambda _: "it is not waiting: it holds its nodes"),
    sched.IS_DONE: ("done", lambda _: "it is over"),
    sched.IS_HELD: ("held", lambda _: "it is held: somebody has to release it"),
    sched.NOT_ENOUGH_FREE: ("not-enough-free", _not_enough_free),
    sched.TOPOLOGY: ("topology", _topology),
    sched.QUOTA: ("quota", _quota),
    sched.BUDGET: ("budget", _budget),
    sched.POWER: ("power", _power),
    sched.LIMIT_AHEAD: ("limit-ahead", _limit_ahead),
    sched.CONTRACT_AHEAD: ("contract-ahead", _contract_ahead),
    sched.RESERVED_WINDOW: ("reserved-window", _window),
    sched.RESERVED_FOR_HEAD: ("reserved-for-head", _reserved),
    sched.BEHIND_HIGHER_PRIORITY: (
        "behind",
        lambda c: f"{c.other_job} is ahead of it and must start first",
    ),
    sched.NODES_DOWN: ("nodes-down", _nodes_down),
    sched.CLAIM_STANDS: ("claim", _claim_stands),
    sched.CLAIMED: ("claimed", _claimed),
    sched.STOPS_FOR: ("stops-for", _stops_for),
    sched.NEVER_NO_SUCH_NODE: (
        "never-no-such-node",
        lambda c: f"no node it may use has what it asks for ({c.per_node} per node)",
    ),
    sched.NEVER_NODE_TOO_SMALL: ("never-node-too-small", _node_too_small),
    sched.NEVER_TOO_MANY_NODES: ("never-too-many-nodes", _too_many_nodes),
    sched.NEVER_TOPOLOGY: ("never-topology", _never_topology),
    sched.NEVER_QUOTA: ("never-quota", _never_quota),
    sched.NEVER_POWER: ("never-power", _never_power),
    sched.SEGMENTS: ("segments", _segments),
    sched.NEVER_SEGMENTS: ("never-segments", _never_segments),
    sched.RAILS: ("rails", _rails),
    sched.NEVER_BUDGET: ("never-budget", _never_budget),
}

_CHANGES: Mapping[int, Callable[[_Context], str]] = {
    sched.WAIT: lambda _: "",
    sched.FEWER_NODES: lambda c: f"nodes: {c.reason.to} would {_when(c)}",
    sched.WEAKER_LEVEL: lambda c: (
        f"topology level {LEVELS[c.reason.to].value if c.reason.to >= 0 else 'none'} "
        f"would {_when(c)}"
    ),
    sched.SHORTER: lambda c: f"time_limit: {c.reason.to // MILLI} s would {_when(c)}",
    sched.RELEASE_IT: lambda _: "release it",
    sched.LESS_PER_NODE: lambda c: (
        f"{_RESOURCES[c.reason.resource](c.reason.to)} per node would fit"
    ),
    sched.OTHER_NODES: lambda c: _other_nodes(c),
    sched.SMALLER_SEGMENT: lambda c: f"topology segment: {c.reason.to or 'none'} would start now",
    sched.ANY_RAILS: lambda _: "topology without aligned rails would start now",
    sched.NODES_RETURN: lambda _: "return nodes to service: arkwright nodes resume NODE",
}


_CHANGES_OF_GROUP = (sched.FEWER_NODES, sched.LESS_PER_NODE, sched.OTHER_NODES)
"""Those that, in a gang of groups, are about the one that the reason is about."""


def _instant(at_ms: int) -> str:
    """To the second, UTC, as the log shows times."""
    text = np.datetime_as_string(np.datetime64(at_ms, "ms"), unit="s")
    return f"{text.replace('T', ' ')} UTC"


def _other_nodes(c: _Context) -> str:
    kinds = ", ".join(c.names.gpu_types)
    return f"ask for what is here: GPU type {kinds} at {', '.join(c.names.sites)}"


def _when(c: _Context) -> str:
    return "fit" if _CODES[c.reason.code][0].startswith("never") else "start now"


def _gpus(milli: int) -> str:
    count = milli / MILLI
    return f"{count:g} {_plural('GPU', count)}"


def _gpu_hours(gpu_ms: int) -> str:
    hours = gpu_ms / GPU_MS_PER_HOUR
    return f"{hours:,.6g} GPU-hours" if hours < 1000 else f"{hours:,.0f} GPU-hours"


def _utc(at_ms: int) -> str:
    """An instant to the minute."""
    return f"{np.datetime64(at_ms, 'ms').astype('datetime64[m]')}Z"


def _watts(watts: int) -> str:
    return render(watts / MILLI, "kW")


_RESOURCES: tuple[Callable[[int], str], ...] = (
    _gpus,
    lambda milli: f"{milli / MILLI:g} CPUs",
    lambda mib: f"{mib} MiB of memory",
    lambda watts: _watts(watts),
)


def _plural(word: str, count: float) -> str:
    return word if count == 1 else f"{word}s"


def _numbers(reason: sched.Reason) -> dict[str, Any]:
    """The reason's integers that say something, as the API gives them."""
    unused = (-1,)
    return {
        name: int(value)
        for name, value in reason._asdict().items()
        if name not in ("code", "change") and value not in unused
    }
