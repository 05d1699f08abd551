"""A site's inventory: what is there already, checked."""

import pytest

from arkwright import design, factory
from arkwright.errors import InputError

GOOD = """
factory: hill
sites:
  hill:
    inventory:
      nodes:
        - {names: "g[1-4]", cpus: 64, memory: 512 GB, gpus: {h100: 8}, features: [ib]}
        - {names: "c[1-2]", cpus: 128, memory: 256 GB}
      pools:
        gpu: {nodes: "g[1-4]", is_default: true}
        all: {nodes: "g[1-4],c[1-2]", time_limit_max: 4 h}
      switches:
        leaf1: {nodes: "g[1-2]"}
        leaf2: {nodes: "g[3-4],c[1-2]"}
        top: {switches: "leaf[1-2]"}
      blocks: {b1: "g[1-2]"}
"""


def loaded(text):
    return factory.loads(text.encode())


def test_an_inventory_is_enough_for_a_site_and_survives_being_written():
    found = loaded(GOOD)
    assert factory.loads(factory.dump(found).encode()) == found


def test_paths_name_the_switch_above_the_block_or_leaf_and_the_node():
    nodes = {node.tray: node for node in design.inventory_nodes(loaded(GOOD))}
    assert nodes["g1"].path == "hill/top/b1/g1"
    assert nodes["g3"].path == "hill/top/leaf2/g3"
    assert nodes["g3"].pools == ("gpu", "all")
    assert (nodes["c1"].gpus, nodes["c1"].pools) == (0, ("all",))
    # 512e9 B are 488,281.25 MiB.
    assert nodes["g1"].memory_mib == 488_281


def test_levels_nest_where_a_block_reaches_over_two_leaves():
    text = GOOD.replace('b1: "g[1-2]"', 'b1: "g[1-3]"')
    nodes = {node.tray: node for node in design.inventory_nodes(loaded(text))}
    leaf = design.LEVELS.index(design.LEVELS[2])
    assert nodes["g1"].domains[leaf] == nodes["g3"].domains[leaf] == nodes["c1"].domains[leaf]


BROKEN = [
    ('names: "c[1-2]"', 'names: "g[4-5]"', "g4 is there twice"),
    ('all: {nodes: "g[1-4],c[1-2]"', 'all: {nodes: "g[1-9]"', "no node is called g5 and 4 more"),
    ('top: {switches: "leaf[1-2]"}', 'top: {switches: "leaf[1-3]"}', "no switch is called leaf3"),
    ('top: {switches: "leaf[1-2]"}', 'top: {switches: "leaf1,top"}', "it is below itself"),
    ('leaf1: {nodes: "g[1-2]"}', "leaf1: {}", "neither nodes nor switches"),
    ("features: [ib]", "system: dgx", "unknown system 'dgx'"),
    ('b1: "g[1-2]"', 'b1: "g[1-2"', "brackets do not match"),
]


@pytest.mark.parametrize(("good", "bad", "said"), BROKEN)
def test_what_cannot_be_is_refused_with_its_key(good, bad, said):
    with pytest.raises(InputError, match=r"sites\.hill\.inventory") as error:
        loaded(GOOD.replace(good, bad))
    assert said in str(error.value)
