"""Graphviz draws what `export dot` writes, every box and every line of it."""

import re
import subprocess
from pathlib import Path

import pytest

from arkwright import design, factory
from arkwright.design.network import network
from arkwright.export import Design, export
from debian.roots import root_of
from export import readers

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", ["fjord", "h100-superpod-127"])
def test_every_fabric_becomes_a_picture(name):
    root = root_of("bookworm", "graphviz", "graphviz")
    found = factory.load(EXAMPLES / f"{name}.yaml")
    plan = design.blueprint(found)
    made = export("dot", Design(factory=found, plan=plan, network=network(found, plan)))
    for pieces in made.values():
        text = "".join(pieces)
        cables, boxes = readers.dot(text)
        done = subprocess.run(
            ["chroot", str(root), "dot", "-Tsvg"], input=text, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        drawn = re.findall(r'class="(node|edge)"', done.stdout)
        assert (drawn.count("node"), drawn.count("edge")) == (len(boxes), len(cables))
