"""Power from the factory file to a decision: places become rows, jobs become watts."""

from __future__ import annotations

import msgspec
import pytest

from arkwright import design, factory
from arkwright.design import PowerLimit
from arkwright.errors import InputError
from arkwright.fleet import Changes, Fleet, assemble, whatif
from arkwright.fleet.power_tree import listed
from arkwright.fleet.whatif import PowerChange
from arkwright.jobs.spec import JobSpec, Power
from fleet.world import NODES, PROJECTS, Log, fleet, spec

FILE = """
factory: f
sites:
  a:
    pue: 1.25
    grid: {{connection: {connection}, basis: {basis}}}
    halls:
      h1: {{system: dgx-h100, racks: 2, {hall}}}
organisations: {{lab: {{}}}}
"""
RACKS = [f"a/h1/r00{rack}" for rack in (1, 2)]
CHAIN = {"a/h1/p01": 133_448, "a/h1/p01/busway-01": 209_274}
"""The system of blocks and the pair of busways that both racks hang on."""


def written(connection: str = "1 MW", basis: str = "grid", hall: str = "") -> factory.Factory:
    text = FILE.format(connection=connection, basis=basis, hall=hall)
    return factory.loads(text.encode(), "f.yaml")


def built(connection: str = "1 MW", basis: str = "grid", hall: str = "") -> Fleet:
    loaded = written(connection, basis, hall)
    return assemble(loaded, design.blueprint(loaded).nodes)


def limits(follower: Fleet) -> dict[str, int | None]:
    return {row.path: row.limit_w for row in follower.power()}


@pytest.mark.parametrize(
    ("basis", "watts"),
    [
        ("grid", 783_674),  # 1 MW / 1.25 = 800 kW of IT, less 16.326 kW beside the racks
        ("facility", 783_674),  # no HV transformers stand between the two
        ("it", 983_674),
        ("ai-capacity", None),  # nobody knows what it is
    ],
)
def test_a_connection_bounds_what_reaches_the_racks(basis: str, watts: int | None) -> None:
    """Beside two racks: a storage appliance, switches and servers, as `design` lists them."""
    found = limits(built(basis=basis))
    assert (found["a"], found["a/h1"]) == (watts, None)


def test_the_chain_bounds_its_racks_with_any_one_part_lost_and_derated() -> None:
    """Two racks of 40.8 kW on one pair of busways, fed by two blocks of which one may be lost.

    The smallest busway that carries all racks may carry 282 kW x 0.8 = 225.6 kW. The racks of
    network and storage, 11.926 kW and 4.4 kW, hang on the same pair: 209.274 kW are left. Of what
    the blocks deliver with one lost, losses of the busway off, 133.4 kW.
    """
    follower = built()
    found = {row.path: row for row in follower.power()}
    assert list(found) == ["a", "a/h1", "a/h1/p01", "a/h1/p01/busway-01"]
    run, system = found["a/h1/p01/busway-01"], found["a/h1/p01"]
    assert (run.limit_w, run.basis) == (209_274, "one of 2 busways, derated")
    assert (system.limit_w, system.basis) == (133_448, "2 blocks, with any one lost")
    assert [row.is_designed for row in found.values()] == [False, False, True, True]


def test_halls_and_racks_have_the_limits_that_the_file_gives_them() -> None:
    found = limits(built(hall="power: 60 kW, rack_power: 35 kW"))
    assert found == {"a": 783_674, "a/h1": 60_000, **CHAIN} | dict.fromkeys(RACKS, 35_000)


def started(follower: Fleet, job: JobSpec) -> int:
    log = Log(follower)
    log.submit("j", job)
    return sum(len(start.placement.nodes) for start in follower.decide(log.now_ms))


def test_a_rack_at_its_maker_s_maximum_fits_a_limit_of_just_that() -> None:
    """A DGX H100 is 10.2 kW, four are a rack of 40.8 kW."""
    assert started(built(hall="rack_power: 40.8 kW"), spec(nodes=8)) == 8


def test_a_rack_that_may_draw_less_holds_fewer_nodes_and_the_gang_goes_where_there_is_power() -> (
    None
):
    """35 kW carry three of 10.2 kW: six nodes in two racks; eight are refused, not kept waiting."""
    follower = built(hall="rack_power: 35 kW")
    assert started(follower, spec(nodes=6)) == 6
    refusal = follower.refusal(spec(nodes=8), "lab")
    assert refusal is not None
    assert (refusal.code, refusal.change) == ("never-power", "nodes: 6 would fit")
    assert refusal.message == (
        "is expected to draw 81.6 kW; there never is power for more than 6 nodes of it: "
        "a/h1/r001 may draw 35 kW"
    )


def test_a_job_that_says_what_it_draws_is_believed_and_rounded_up() -> None:
    """1000.1 W x 8 GPUs = 8000.8 W: 8001 W a node; four are 32,004 W and fit 35 kW."""
    follower = built(hall="rack_power: 35 kW")
    log = Log(follower)
    log.submit("j", spec(nodes=8, power=Power(watts_per_gpu=1000.1)))
    (start,) = follower.decide(0)
    log.start("j", *start.placement.nodes)
    used = {row.path: row.used_w for row in follower.power()}
    assert used == dict.fromkeys(["a", "a/h1", *CHAIN], 64_008) | dict.fromkeys(RACKS, 32_004)


def test_a_limit_that_is_cut_live_stops_new_work_and_says_why() -> None:
    follower = built()
    follower.set_power_limit("a/h1", 25_000)
    log = Log(follower)
    log.submit("j", spec(nodes=3))
    assert follower.decide(0) == []
    follower.set_power_limit("a/h1", 40_000)
    follower.set_power_limit("a", None)
    assert len(follower.decide(0)) == 1
    with pytest.raises(
        InputError, match="limit power at b: the places of this factory are a, a/h1"
    ):
        follower.set_power_limit("b", 1)


def test_a_limit_that_is_announced_is_kept_free_for_and_says_how_long_a_job_may_last() -> None:
    """25 kW from 100 s on carry two nodes of 10.2 kW, not three."""
    follower = built()
    follower.announce_power_limit("a/h1", 100_000, 25_000)
    log = Log(follower)
    log.submit("long", spec(nodes=3, time_limit=1000))
    log.submit("short", spec(nodes=3, time_limit=50))
    assert [start.job_id for start in follower.decide(1_000)] == ["short"]
    reason = follower.explain("long", 1_000)
    assert reason.code == "limit-ahead"
    assert "when the limit of a/h1 becomes 25 kW; 0 kW of it" in reason.message
    assert reason.change == "time_limit: 99 s would start now"


def test_what_a_cut_would_do_is_told_before_it_is_made() -> None:
    """Three nodes of 10.2 kW under 25 kW never fit; under 40 kW they start at once."""
    follower = built()
    follower.set_power_limit("a/h1", 25_000)
    log = Log(follower)
    log.submit("j", spec(nodes=3, time_limit=100))
    scene = follower.scene(log.now_ms, 2_000_000)
    place = PowerChange(place="a/h1", limit_w=40_000)
    (move,) = whatif(scene, Changes(power=(place,))).moves
    assert (move.before_ms, move.after_ms) == (None, log.now_ms)
    follower.set_power_limit("a/h1", None)
    scene = follower.scene(log.now_ms, 2_000_000)
    cut = PowerChange(place="a/h1", limit_w=1)
    (move,) = whatif(scene, Changes(power=(cut,))).moves
    assert (move.before_ms, move.after_ms) == (log.now_ms, None)
    with pytest.raises(InputError, match="no place with a limit; this factory has a, a/h1"):
        whatif(scene, Changes(power=(PowerChange(place="b"),)))


def test_a_message_names_the_first_of_many_places() -> None:
    paths = [f"a/h{number:02d}" for number in range(30)]
    assert listed(paths) == ", ".join(paths[:12]) + ", … (30 in all)"
    assert (listed(paths[:2]), listed([])) == ("a/h00, a/h01", "none")


def test_nodes_an_engine_found_have_no_watts() -> None:
    """The nodes of this world carry no power figure: not even no power at all stops a job there."""
    follower = Fleet(NODES, PROJECTS, fleet()._policy, [PowerLimit(path="narvik", limit_w=0)])
    assert started(follower, spec(power=Power(watts_per_gpu=1000))) == 1


def test_the_policy_s_hash_moves_with_a_power_limit() -> None:
    one, other = written(), written(hall="power: 60 kW")
    assert factory.policy_hash(one) != factory.policy_hash(other)
    assert msgspec.json.encode(one) != msgspec.json.encode(other)
