"""The `engine` section of a Slurm cluster: what belongs in it, and what is said of mistakes."""

from __future__ import annotations

import pytest

from arkwright import factory
from arkwright.errors import InputError

REST = "url: 'http://slurm:6820', token_command: 'scontrol token username={user}', output_dir: /o"


def text_of(keys: str) -> str:
    return (
        "factory: f\nsites:\n  a:\n    engine: {kind: slurm, " + keys + "}\n"
        "organisations: {lab: {}}\n"
    )


def problems(keys: str) -> list[tuple[str, str, str]]:
    with pytest.raises(InputError) as caught:
        factory.loads(text_of(keys).encode(), name="f.yaml")
    found = caught.value.problems
    assert all(problem.where == "f.yaml:4" for problem in found)
    return [
        (problem.key.removeprefix("sites.a."), problem.found, problem.right) for problem in found
    ]


@pytest.mark.parametrize(
    "keys",
    [
        REST,
        "output_dir: /home/arkwright",
        "socket: /run/slurmrestd, token_file: '/etc/arkwright/{user}.jwt', output_dir: /o",
        "cli: true, command_prefix: [sudo, -n, -u, '{user}'], output_dir: /o, partition: gpu",
        REST + ", cli: true, ownership: shared, users: {ada: ada_l}, poll: 500 ms, operator: ops",
    ],
)
def test_a_cluster_can_be_run(keys):
    found = factory.loads(text_of(keys).encode(), name="f.yaml", runnable=True)
    assert found.sites["a"].engine.kind.value == "slurm"


@pytest.mark.parametrize(
    ("keys", "key", "found"),
    [
        ("poll: 2 s", "engine.output_dir", "nobody knows where output of jobs goes"),
        ("output_dir: o", "engine.output_dir", "o is not absolute"),
        (REST + ", socket: /s", "engine.socket", "slurmrestd is given twice"),
        ("url: slurm, token_file: /t, output_dir: /o", "engine.url", "'slurm' is no http address"),
        ("url: 'http://s', output_dir: /o", "engine", "asks for a token, and none is given"),
        ("cli: false, output_dir: /o", "engine.cli", "there is no way to Slurm"),
        ("token_file: /t, output_dir: /o", "engine.token_file", "only slurmrestd asks"),
        (REST + ", token_file: /t", "engine.token_command", "tokens come from a file as well"),
        (
            "url: 'http://s', token_command: scontrol token, output_dir: /o",
            "engine.token_command",
            "every user would get the same token",
        ),
        ("users: {ada: root}, output_dir: /o", "engine.users.ada", "jobs would run as root"),
        ('command_prefix: "sudo \'", output_dir: /o', "engine.command_prefix", "cannot be split"),
        ("nodes: 4, output_dir: /o", "engine.nodes", "finds its nodes itself"),
    ],
)
def test_each_mistake_has_its_key_and_its_remedy(keys, key, found):
    ((at, said, right),) = problems(keys)
    assert at == key
    assert found in said
    assert right


def test_all_mistakes_are_told_at_once():
    keys = [key for key, _, _ in problems("cli: false, users: {ada: root}, gpus_per_node: 2")]
    assert keys == ["engine.gpus_per_node", "engine.cli", "engine.output_dir", "engine.users.ada"]


def test_a_local_engine_has_no_cluster():
    text = "factory: f\nsites:\n  a:\n    engine: {kind: local, url: 'http://s', poll: 2 s}\n"
    with pytest.raises(InputError) as caught:
        factory.loads(text.encode(), name="f.yaml")
    assert [problem.key for problem in caught.value.problems] == [
        "sites.a.engine.url",
        "sites.a.engine.poll",
    ]
