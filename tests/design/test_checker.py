"""The checker: it passes what is built, and names the one thing that was broken."""

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arkwright import factory
from arkwright.catalog import systems
from arkwright.catalog.plant import power_part
from arkwright.design.blueprint import Severity
from arkwright.design.checker import check, passes
from arkwright.design.document import document
from arkwright.design.power_tree import tree_of
from arkwright.design.whole import shortfalls, whole
from arkwright.errors import InputError

replace = msgspec.structs.replace

TEXT = """
factory: f
sites:
  a:
    country: NO
    grid: {connection: 8 MW}
    halls:
      h1: {system: gb300-nvl72, racks: 24}
      h2: {system: dgx-h100, nodes: 62}
"""
ASKED = factory.loads(TEXT.encode())
BUILT = whole(ASKED)


def broken(**parts):
    """The design with other parts in its one site."""
    return replace(BUILT, sites=(replace(BUILT.sites[0], **parts),))


def found(design, asked=ASKED):
    return {fault.rule for fault in check(asked, design) if fault.severity is not Severity.NOTE}


def with_net(**parts):
    return broken(network=replace(BUILT.sites[0].network, **parts))


def with_cables(**columns):
    return with_net(schedule=replace(BUILT.sites[0].network.schedule, **columns))


def changed(column, at, value):
    copy = getattr(BUILT.sites[0].network.schedule, column).copy()
    copy[at] = value
    return {column: copy}


def with_plant(**parts):
    return broken(plant=replace(BUILT.sites[0].plant, **parts))


def with_tree(change):
    chain = BUILT.sites[0].plant.power
    nodes = [change(node) for node in chain.tree.nodes]
    nodes = [node for node in nodes if node is not None]
    return with_plant(power=replace(chain, tree=replace(chain.tree, nodes=tuple(nodes))))


def with_power(**figures):
    return broken(power=replace(BUILT.sites[0].power, **figures))


def machines(kind, **change):
    """One kind of machine of every loop changed."""
    plans = []
    for plan in BUILT.sites[0].plant.halls:
        loops = []
        for loop in plan.loops:
            kept = tuple(replace(m, **change) if m.kind == kind else m for m in loop.machines)
            loops.append(replace(loop, machines=kept))
        plans.append(replace(plan, loops=tuple(loops)))
    return with_plant(halls=tuple(plans))


def test_a_design_as_built_passes():
    assert passes(check(ASKED, BUILT)), check(ASKED, BUILT)


def test_a_fault_says_rule_place_margin_and_remedy():
    design = machines("cdu", installed=1)
    fault = next(f for f in check(ASKED, design) if f.rule == "H2")
    assert fault.where == "a/h1 liquid"
    assert fault.margin.startswith("-")
    assert fault.fix.startswith("install")


SCHEDULE = BUILT.sites[0].network.schedule
UP = np.flatnonzero((SCHEDULE.tier == 1) & (SCHEDULE.fabric == 0))
FLOOR = BUILT.sites[0].network.floor


def _first_busway(node):
    return node.kind == "busway" and node.path.endswith("busway-01a")


MUTATIONS = {
    "a rack is left out": (
        lambda: replace(BUILT, blueprint=replace(BUILT.blueprint, racks=BUILT.blueprint.racks[1:])),
        "K2",
    ),
    "a rack is there twice": (
        lambda: replace(
            BUILT,
            blueprint=replace(
                BUILT.blueprint, racks=(*BUILT.blueprint.racks, BUILT.blueprint.racks[0])
            ),
        ),
        "K1",
    ),
    "a hall counts more GPUs": (
        lambda: broken(
            plan=replace(
                BUILT.sites[0].plan,
                halls=tuple(replace(h, gpus=h.gpus + 8) for h in BUILT.sites[0].plan.halls),
            )
        ),
        "K2",
    ),
    "a rack stands in another": (
        lambda: with_net(
            floor=replace(
                FLOOR,
                x_m=np.r_[FLOOR.x_m[1], FLOOR.x_m[1:]],
                y_m=np.r_[FLOOR.y_m[1], FLOOR.y_m[1:]],
            )
        ),
        "K4",
    ),
    "a rack stands outside": (
        lambda: with_net(floor=replace(FLOOR, x_m=FLOOR.x_m * 3)),
        "K4",
    ),
    "the bill lacks switches": (
        lambda: replace(
            BUILT, bill=tuple(ln for ln in BUILT.bill if not ln.item.endswith("switches"))
        ),
        "K5",
    ),
    "the bill lacks coolers": (
        lambda: replace(BUILT, bill=tuple(ln for ln in BUILT.bill if ln.group != "cooling")),
        "K5",
    ),
    "the bill lacks the power chain": (
        lambda: replace(BUILT, bill=tuple(ln for ln in BUILT.bill if ln.group != "power chain")),
        "K5",
    ),
    "a cable ends on nothing": (lambda: with_cables(**changed("b", 0, 10**6)), "C1"),
    "a cable ends where it begins": (
        lambda: with_cables(**changed("b", 0, SCHEDULE.a[0])),
        "C1",
    ),
    "a cable ends on a node": (lambda: with_cables(**changed("b", 0, 5)), "C1"),
    "two cables in one port": (
        lambda: with_cables(
            **changed("b_port", 0, SCHEDULE.b_port[1]) | changed("b", 0, SCHEDULE.b[1])
        ),
        "C2",
    ),
    "a port that the switch lacks": (lambda: with_cables(**changed("b_port", 0, 999)), "C3"),
    "a cable that is too short": (lambda: with_cables(**changed("length_m", 0, 0.1)), "C4"),
    "a cable that is too long": (lambda: with_cables(**changed("length_m", 0, 9_000)), "C4"),
    "a cable of another tier": (lambda: with_cables(**changed("tier", 0, 1)), "C5"),
    "a switch fewer is counted": (
        lambda: with_net(
            fabrics=tuple(
                replace(f, switches=f.switches - 1) for f in BUILT.sites[0].network.fabrics
            )
        ),
        "C6",
    ),
    "uneven cables to the spines": (
        lambda: with_cables(
            **changed("b", UP[0], SCHEDULE.b[UP[-1]]) | changed("b_port", UP[0], 63)
        ),
        "C8",
    ),
    "a node without management": (
        lambda: with_cables(
            **changed("a", np.flatnonzero((SCHEDULE.tier == 4) & (SCHEDULE.a == 3)), 4)
        ),
        "C7",
    ),
    "a rack is not fed": (
        lambda: with_tree(lambda n: None if n.path == "a/h1/r001" else n),
        "P2",
    ),
    "a rack hangs on nothing": (
        lambda: with_tree(lambda n: replace(n, parents=()) if n.path == "a/h1/r001" else n),
        "P1",
    ),
    "losses are left out": (
        lambda: with_plant(power=replace(BUILT.sites[0].plant.power, losses_kw={})),
        "P3",
    ),
    "IT power leaves the network out": (
        lambda: with_power(it_kw_max=BUILT.sites[0].power.rack_kw_max),
        "P4",
    ),
    "typical above maximum": (lambda: with_power(it_kw_typical=99_999.0), "P5"),
    "switches that draw nothing": (
        lambda: with_net(
            power=tuple(replace(p, switch_kw_typical=0.0) for p in BUILT.sites[0].network.power)
        ),
        "P6",
    ),
    "heat that goes nowhere": (
        lambda: with_plant(halls=BUILT.sites[0].plant.halls[:1]),
        "H1",
    ),
    "too few CDUs": (lambda: machines("cdu", installed=1), "H2"),
    "a PUE that its parts do not give": (
        lambda: with_plant(year=replace(BUILT.sites[0].plant.year, pue_mean=1.01)),
        "H3",
    ),
    "a busway rated too high": (
        lambda: with_tree(
            lambda n: (
                replace(n, rating_kw=power_part("busway-1600").rating_kw) if _first_busway(n) else n
            )
        ),
        "L3",
    ),
    "a busway rated too low": (
        lambda: with_tree(lambda n: replace(n, rating_kw=10.0) if _first_busway(n) else n),
        "L2",
    ),
    "storage that is too slow": (
        lambda: with_net(
            storage=tuple(replace(s, read_gb_s_asked=1e6) for s in BUILT.sites[0].network.storage)
        ),
        "L7",
    ),
    "a dry cooler less": (lambda: machines("dry-cooler", installed=3), "R1"),
    "one feed to a busway's block": (
        lambda: with_tree(lambda n: replace(n, parents=n.parents[:1]) if n.kind == "rack" else n),
        "R2",
    ),
    "one storage node": (
        lambda: with_net(
            storage=tuple(replace(s, nodes=1) for s in BUILT.sites[0].network.storage)
        ),
        "R4",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_thing_broken_is_named(name):
    design, rule = MUTATIONS[name]
    assert rule in found(design())


def test_every_cable_moved_at_random_is_noticed():
    compute = (SCHEDULE.tier <= 2) & (SCHEDULE.fabric == 0)
    rng = np.random.default_rng(4)
    for at in rng.choice(np.flatnonzero(compute), 40, replace=False):
        # To the same port of the next device: taken, missing, no switch, of another fabric, or
        # free on a leaf whose spines then get uneven shares.
        assert found(with_cables(**changed("b", at, SCHEDULE.b[at] + 1)))


def limits(site, halls="{h1: {system: gb300-nvl72, racks: 8}}"):
    asked = factory.loads(
        f"factory: f\nsites: {{a: {{country: NO, {site} halls: {halls}}}}}".encode()
    )
    return {f.rule: f for f in check(asked, whole(asked))}


def test_a_connection_and_a_hall_s_power_that_are_too_small_are_limits():
    found = limits("grid: {connection: 1 MW},")
    assert found["L1"].severity is Severity.WARNING
    assert "1 MW" in found["L1"].text
    halls = "{h1: {system: gb300-nvl72, racks: 8, power: 1 MW, rack_power: 100 kW}}"
    assert "L4" in limits("", halls)


def test_published_bands_are_notes():
    found = limits("pue: 1.9,")
    assert found["B2"].severity is Severity.NOTE
    assert found["B1"].margin.startswith("+")


def test_a_site_behind_one_leaf_says_so():
    found = limits("", "{h1: {system: dgx-h100, nodes: 2}}")
    assert found["R3"].severity is Severity.NOTE


def test_a_design_as_json_has_everything_but_the_cables():
    body = document(BUILT, check(ASKED, BUILT))
    assert {"racks", "nodes", "network", "plant", "power", "bill", "faults"} <= body.keys()
    (net,) = body["network"]
    assert net["cables"] == len(SCHEDULE)
    assert len(net["racks"]) == len(FLOOR.racks)
    msgspec.json.encode(body)


halls = st.fixed_dictionaries(
    {"system": st.sampled_from(sorted(systems()))},
    optional={"rack_power": st.sampled_from(["50 kW", "150 kW"])},
).flatmap(
    lambda hall: st.one_of(
        st.integers(1, 3000).map(lambda n: {"gpus": n}),
        st.integers(1, 40).map(lambda n: {"racks": n}),
        st.integers(1, 300).map(lambda n: {"nodes": n}),
        st.integers(300, 5000).map(lambda n: {"power": f"{n} kW"}),
    ).map(lambda size: hall | size)
)
redundancy = st.sampled_from(["N", "N+1", "2N", "4N3R"])
sites = st.fixed_dictionaries(
    {"halls": st.lists(halls, min_size=1, max_size=3)},
    optional={
        "country": st.sampled_from(["NO", "GB", "US", "PT", "JP"]),
        "grid": st.integers(1, 20).map(lambda n: {"connection": f"{n} MW"}),
        "cooling": st.fixed_dictionaries(
            {"redundancy": redundancy, "supply": st.sampled_from(["W17", "W32", "W45", "25 °C"])},
            optional={"adiabatic": st.booleans(), "kind": st.sampled_from(["air", "rear-door"])},
        ),
        "power": st.fixed_dictionaries(
            {
                "feeds": st.integers(1, 3),
                "ups": st.fixed_dictionaries(
                    {"redundancy": redundancy, "kind": st.sampled_from(["online", "eco", "bbu"])}
                ),
            }
        ),
        "storage": st.fixed_dictionaries({"level": st.sampled_from(["good", "better", "best"])}),
        "fabric": st.fixed_dictionaries(
            {"oversubscription": st.sampled_from([1, 2, 3])},
            optional={"planes": st.integers(1, 2), "scalable_unit_nodes": st.integers(8, 72)},
        ),
    },
)
REASONS = {"L1", "L4", "L6"}
"""Limits that an intent may pass by itself: its connection, its halls' power, heat to the air."""


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sites)
def test_any_intent_gives_a_design_that_passes_or_a_list_of_reasons(site):
    site["halls"] = {f"h{number}": hall for number, hall in enumerate(site["halls"])}
    text = msgspec.yaml.encode({"factory": "f", "sites": {"a": site}})
    try:
        asked = factory.loads(text)
        built = whole(asked)
    except InputError:
        return  # The list of reasons: every InputError has at least one.
    faults = [fault for fault in check(asked, built) if fault.severity is not Severity.NOTE]
    assert {fault.rule for fault in faults} <= REASONS, faults
    assert all(fault.text and fault.fix and fault.margin for fault in faults)
    assert bool(shortfalls(asked, built)) is any(fault.rule == "L1" for fault in faults)


def test_a_tree_of_the_design_is_a_tree():
    chain = BUILT.sites[0].plant.power
    assert tree_of("a", chain.tree.nodes).nodes
