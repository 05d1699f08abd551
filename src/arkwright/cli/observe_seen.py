"""A cluster as a verb of `arkwright observe` sees it: read once, asked by the names people use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from arkwright.fleet import Scene
    from arkwright.twin.observed.present import Present

VISITS = 2_000_000
"""What a question may cost, in visits to a node: about a CPU second."""


class Seen:
    """The cluster, read once: options after the verb before those of the group."""

    def __init__(self, context: click.Context, source: dict[str, Any]) -> None:
        from arkwright.cli.observe_source import observed_of, outputs_of
        from arkwright.engines.slurm.description_reading import saved
        from arkwright.twin.observed.past import lessons_of, past_of
        from arkwright.twin.observed.present import present

        above = context.obj if isinstance(context.obj, dict) else {}
        options = {
            name: above.get(name, value)
            if context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT
            else value
            for name, value in source.items()
        }
        self.is_json = bool(options["is_json"])
        if options["folder"] is not None and options["prefix"] is not None:
            raise click.UsageError("give --from or --prefix: a folder is not asked")
        outputs = outputs_of(options["folder"], options["prefix"], options["days"])
        if options["save"] is not None:
            saved(outputs, options["save"])
            click.echo(
                f"kept the outputs in {options['save']}; they name users, accounts and jobs",
                err=True,
            )
        self.found = observed_of(outputs)
        self.past = past_of(self.found)
        self.now: Present = present(self.found, lessons_of(self.past))

    def scene(self, *asked: str) -> Scene:
        """The instant, for a question about these jobs."""
        from arkwright.twin.observed.present import scene_of

        return scene_of(self.found, self.now, VISITS, asked)

    def released(self, job: str) -> Scene:
        """The instant as if Slurm did not keep the job from starting."""
        import msgspec

        from arkwright import sched

        scene = self.scene(job)
        if job not in self.now.held:
            return scene
        event = sched.release(scene.now_ms, scene.job_index[job])
        return msgspec.structs.replace(scene, state=sched.apply(scene.state, event))

    def job(self, name: str) -> Any:
        """The job people call so: its id, or its name where one job has it."""
        from arkwright.errors import InputError

        jobs = self.now.jobs
        if name in jobs:
            return jobs[name]
        mine = [job for job in jobs.values() if name in (job.name, str(job.number))]
        if len(mine) == 1:
            return mine[0]
        if mine:
            ids = ", ".join(job.id for job in mine[:5])
            raise InputError(f"{name} are {len(mine)} jobs ({ids}, …); name one by its id")
        raise InputError(
            f"job {name}: not in the queue; `arkwright observe slurm cost {name}` knows finished "
            "ones"
        )

    def node(self, name: str) -> str:
        """Its path."""
        from arkwright.errors import InputError

        for node in self.now.nodes:
            if name in (node.tray, node.path):
                return node.path
        raise InputError(f"node {name}: the cluster has none of that name")

    def rank(self, job_id: str, priority: int) -> int:
        """What stands for that priority of Slurm's here, in the job's own partition tier."""
        jobs, rank = self.now.jobs, self.now.rank
        below = [rank[name] for name in rank if name != job_id and jobs[name].priority < priority]
        return max(below, default=0) + 1

    def needed_past(self) -> Any:
        """The history. InputError where there is none."""
        from arkwright.errors import InputError

        if self.past is None:
            why = next((note for note in self.found.notes if note.startswith("no history")), "")
            raise InputError(
                f"there is no history to look at{': ' + why if why else ''}; it takes accounting "
                "(slurmdbd), and --days of it in which jobs ran"
            )
        return self.past
