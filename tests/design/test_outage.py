"""What a lost block costs, worked by hand and by a naive walk over the racks."""

import itertools

import pytest

from arkwright.design.outage import block_losses
from arkwright.design.power_chain import plan_power
from arkwright.design.power_layout import RackLoad
from arkwright.factory import Power, Redundancy, Ups


def racks(count: int, kw: float) -> list[RackLoad]:
    return [
        RackLoad(path=f"a/h/r{number:03d}", peak_kw=kw, typical_kw=kw, idle_kw=kw / 5)
        for number in range(count)
    ]


def chain(count: int, redundancy: Redundancy, kw: float = 142.0):
    section = Power(ups=Ups(redundancy=redundancy))
    return plan_power("a", racks(count, kw), section, None, 0.0).tree


def naive(tree, count: int) -> float:
    """Mean share lost over every choice of `count` blocks, rack by rack."""
    nodes = {node.path: node for node in tree.nodes}
    blocks: dict[str, float] = {}
    for node in tree.nodes:
        if node.kind in ("transformer", "ups") and "/mech" not in node.path:
            block = "/".join(node.path.split("/")[:4])
            rating = float("inf") if node.rating_kw is None else node.rating_kw
            blocks[block] = min(rating, blocks.get(block, float("inf")))
    all_racks = [node for node in tree.nodes if node.kind == "rack"]
    it_kw = sum(rack.own_kw[0] for rack in all_racks)
    shares = []
    for lost in itertools.combinations(blocks, count):
        missing, carried = 0.0, dict.fromkeys(blocks, 0.0)
        for rack in all_racks:
            sides = []
            for busway in rack.parents:
                fed = ["/".join(ups.split("/")[:4]) for ups in nodes[busway].parents]
                sides.append([block for block in fed if block not in lost])
            live = [side for side in sides if side]
            if not live:
                missing += rack.own_kw[0]
            for side in live:
                for block in side:
                    carried[block] += rack.own_kw[0] / len(live) / len(side)
        missing += sum(max(0.0, kw - blocks[block]) for block, kw in carried.items())
        shares.append(missing / it_kw)
    return sum(shares) / len(shares)


@pytest.mark.parametrize("redundancy", list(Redundancy))
@pytest.mark.parametrize("count", [2, 9, 40])
def test_it_is_the_mean_over_every_choice(redundancy, count):
    tree = chain(count, redundancy)
    found = block_losses(tree)
    assert found.one == pytest.approx(naive(tree, 1), abs=1e-9)
    blocks = sum(1 for n in tree.nodes if n.kind == "transformer" and "/mech" not in n.path)
    if blocks > 1:
        assert found.two == pytest.approx(naive(tree, 2), abs=1e-9)
    else:
        assert found.two == 1.0


def test_without_reserve_a_block_takes_its_share_along():
    # 40 racks of 142 kW are 5.68 MW on three blocks of 2.5 MW: one lost takes a third.
    assert block_losses(chain(40, Redundancy.N)).one == pytest.approx(1 / 3)


@pytest.mark.parametrize("redundancy", [r for r in Redundancy if r is not Redundancy.N])
def test_with_any_reserve_one_block_costs_nothing(redundancy):
    assert block_losses(chain(40, redundancy)).one == pytest.approx(0.0, abs=1e-9)


def test_two_whole_sides_lose_less_than_one_spare():
    assert (
        block_losses(chain(40, Redundancy.TWO_N)).two
        < block_losses(chain(40, Redundancy.N_PLUS_1)).two
    )
