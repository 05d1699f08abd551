"""A published table's misprints are found, and nothing else is."""

import pytest

from arkwright.design.fabric import Defaults, Rule, audit, published_rows
from arkwright.errors import InputError

HEAD = (
    "id,su,nodes,gpus,leaf,spine,core,cables_node_leaf,cables_leaf_spine,cables_spine_core,fabric"
)
NDR = "NDR 400G QM9700 (64x400G)"
RIGHT = [
    f"4su,4,128,1024,32,16,-,1024,1024,-,{NDR}",
    f"8su,8,256,2048,64,32,-,2048,2048,-,{NDR}",
    f"64su,64,2048,16384,512,512,256,16384,16384,16384,{NDR}",
]


def findings(*rows, defaults=Defaults()):  # noqa: B008
    return audit(published_rows("\n".join([HEAD, *rows]), "table.csv"), defaults)


def found(*rows):
    return [(f.rule, f.row, f.column, f.printed, f.right) for f in findings(*rows)]


def test_a_table_that_adds_up_has_no_findings():
    assert found(*RIGHT) == []


def test_cables_to_core_switches_that_are_not_there_are_a_misprint():
    """As Table 3 of the H100 edition prints it for 4 and 8 SU."""
    wrong = f"4su,4,128,1024,32,16,-,1024,1024,1024,{NDR}"
    assert found(wrong, *RIGHT[1:]) == [(Rule.NO_SUCH_TIER, "4su", "spine_core", 1024, 0)]


def test_scalable_units_that_do_not_hold_the_nodes_are_a_misprint():
    """As the web edition prints 56 for 2,048 nodes: 2,048 / 32 = 64."""
    wrong = f"64su,56,2048,16384,512,512,256,16384,16384,16384,{NDR}"
    assert found(*RIGHT[:2], wrong) == [(Rule.SCALABLE_UNITS, "64su", "su", 56, 64)]


def test_gpus_are_nodes_times_gpus_per_node():
    wrong = f"8su,8,256,2084,64,32,-,2048,2048,-,{NDR}"
    assert found(RIGHT[0], wrong, RIGHT[2]) == [(Rule.GPUS, "8su", "gpus", 2084, 2048)]


def test_a_spine_without_the_ports_for_its_cables_is_a_misprint():
    """12 spines of 64 ports are 768, for 1,024 cables; the rule gives 16."""
    wrong = f"4su,4,128,1024,32,12,-,1024,1024,-,{NDR}"
    assert found(wrong, *RIGHT[1:]) == [(Rule.PORTS, "4su", "spine", 12, 16)]


def test_cables_that_do_not_go_evenly_to_the_spines_are_a_misprint():
    """20 spines have the ports, but 32 cables of a leaf do not go evenly to 20."""
    wrong = f"4su,4,128,1024,32,20,-,1024,1024,-,{NDR}"
    assert found(wrong, *RIGHT[1:]) == [(Rule.EVEN, "4su", "spine", 20, 16)]


def test_more_than_the_rule_needs_is_said_to_be_so():
    wrong = f"4su,4,128,1024,40,16,-,1024,1024,-,{NDR}"
    assert (Rule.WIRING, "4su", "leaf", 40, 32) in found(wrong, *RIGHT[1:])


def test_cables_of_fabric_managers_are_a_note():
    """127 x 8 + 4 = 1,020 compute and UFM cables."""
    (note,) = findings(f"4su,4,127,1016,32,16,-,1020,1024,-,{NDR}", *RIGHT[1:])
    assert (note.rule, note.severity.value, note.margin) == (Rule.NIC_CABLES, "note", 4)


def test_planes_and_ports_are_read_from_words():
    """Two planes of 128 ports at 400G; switches are printed for both planes together."""
    words = "SN5600 (64x800G = 128x400G) twin-planar"
    assert found(f"1su,1,64,512,16,8,-,512,512,-,{words}") == []


def test_a_table_that_does_not_say_its_switch_needs_to_be_told():
    row = "4su,4,128,1024,32,16,-,1024,1024,-,"
    with pytest.raises(InputError, match="a column radix or --radix"):
        findings(row)
    assert findings(row, defaults=Defaults(radix=64)) == []


def test_what_is_no_number_is_named_with_its_line_and_column():
    with pytest.raises(InputError) as caught:
        findings(f"4su,4,many,1024,32,x,-,1024,1024,-,{NDR}")
    assert [(p.where, p.key) for p in caught.value.problems] == [
        ("table.csv:2", "nodes"),
        ("table.csv:2", "spine"),
    ]


def test_a_table_without_the_columns_says_which_it_needs():
    with pytest.raises(InputError, match="no column leaf, spine"):
        published_rows("nodes,gpus\n1,8\n", "table.csv")
